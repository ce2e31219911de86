/** What goes wrong with a sign-in service: one word, scope and remedy for each cause. */
import { AuthorizationResponseError, OperationProcessingError, ResponseBodyError, UnsupportedOperationError } from "oauth4webapi";
import { Failure, type Scope } from "../../model/failure.ts";
import { connectingFailure } from "../connection-failure.ts";
import { withoutSecrets } from "../without-secrets.ts";
import { AnswerRefused, NoAnswer, ServiceBusy } from "./exchange.ts";
import type { OauthSettings } from "./settings.ts";

/** Who the token is for, in the words of failures. */
export interface Holder {
  /** The mailbox's address, or the profile's name. */
  readonly name: string;
  readonly scope: "mailbox" | "profile";
  /** Nobody signs in: only the application's registration can be wrong. */
  readonly unattended: boolean;
}

interface Cause {
  /** `holder`: the mailbox or the profile that the token belongs to. */
  readonly scope: "holder" | "profile";
  readonly waitingHelps: boolean;
  readonly message: (service: string, holder: Holder) => string;
  readonly remedy: (holder: Holder) => string;
}

const AUTHORIZE = ({ name }: Holder) => `Run \`waypost authorize ${name}\` and sign in; everything goes on by itself then.`;
const REGISTRATION = () => "Compare the section oauth of the server profile with the application's registration (docs/oauth.md).";

const CAUSES = {
  "authorization missing": {
    scope: "holder",
    waitingHelps: false,
    message: (service, { name }) => `Nobody has authorized Waypost for ${name} at ${service} yet.`,
    remedy: AUTHORIZE,
  },
  "authorization ended": {
    scope: "holder",
    waitingHelps: false,
    message: (service, { name }) => `${service} does not renew the access to ${name} any more: it was revoked, or has expired.`,
    remedy: AUTHORIZE,
  },
  "renewal interrupted": {
    scope: "holder",
    waitingHelps: false,
    message: (service, { name }) =>
      `${service} does not renew the access to ${name} any more, most likely because a renewal was interrupted: Waypost asked for new tokens, and ended or lost the connection before they were stored. A service that gets the ones before them a second time takes them for stolen.`,
    remedy: AUTHORIZE,
  },
  "authorization needs a person": {
    scope: "holder",
    waitingHelps: false,
    message: (service, { name }) => `${service} wants somebody to sign in again before it gives access to ${name}.`,
    remedy: AUTHORIZE,
  },
  "authorization declined": {
    scope: "holder",
    waitingHelps: false,
    message: (service, { name }) => `${service} was told not to give access to ${name}, or may not give it.`,
    remedy: ({ name }) =>
      `Run \`waypost authorize ${name}\` again and agree; where only administrators may agree, have one do it (docs/oauth.md).`,
  },
  "authorization timed out": {
    scope: "holder",
    waitingHelps: false,
    message: (service, { name }) => `Nobody signed in at ${service} for ${name} in time.`,
    remedy: ({ name }) => `Run \`waypost authorize ${name}\` again.`,
  },
  "account refused": {
    scope: "profile",
    waitingHelps: false,
    message: (service) => `${service} does not accept the account that Waypost signs in with.`,
    remedy: () => "Check its user name and password, and that it is not locked, expired or to change its password first.",
  },
  "application refused": {
    scope: "profile",
    waitingHelps: false,
    message: (service) => `${service} does not accept the application that Waypost is registered as.`,
    remedy: () =>
      "Compare clientId and the secret or certificate with the application's registration; secrets expire and are made anew there (docs/oauth.md).",
  },
  "rights refused": {
    scope: "profile",
    waitingHelps: false,
    message: (service) => `${service} does not give the application the rights that it asks for.`,
    remedy: () => "Give the application the rights for mail and an administrator's consent (docs/oauth.md), or correct scopes.",
  },
  "sign-in service refused": {
    scope: "profile",
    waitingHelps: false,
    message: (service) => `${service} does not understand what it is asked for.`,
    remedy: REGISTRATION,
  },
  "sign-in service busy": {
    scope: "profile",
    waitingHelps: true,
    message: (service) => `${service} gives no tokens at the moment.`,
    remedy: () => "Nothing: Waypost tries again by itself.",
  },
  "sign-in service not understood": {
    scope: "profile",
    waitingHelps: true,
    message: (service) => `${service} gave an answer that is none of a sign-in service.`,
    remedy: REGISTRATION,
  },
  "sign-in service silent": {
    scope: "profile",
    waitingHelps: true,
    message: (service) => `${service} did not answer in time.`,
    remedy: () => "Nothing, if it passes. Else check that a firewall lets this machine reach it.",
  },
  "certificate authorities not readable": {
    scope: "profile",
    waitingHelps: false,
    message: (service) => `The certificate authorities entered for ${service} are no PEM certificates.`,
    remedy: () =>
      "Run `waypost config check`, which says what the file holds, and enter certificates that begin with -----BEGIN CERTIFICATE----- in the section oauth.",
  },
  "private key not usable": {
    scope: "profile",
    waitingHelps: false,
    message: (service) => `The private key or the certificate for ${service} cannot be read.`,
    remedy: () =>
      "Enter an RSA key in PKCS #8 that begins with -----BEGIN PRIVATE KEY-----, without a password, and its certificate as PEM.",
  },
} as const satisfies Record<string, Cause>;

export type OauthTrouble = keyof typeof CAUSES;

/** The codes of all failures that are about tokens. */
export const OAUTH_TROUBLES: readonly string[] = Object.keys(CAUSES);

/** The failure for a trouble that was recognized where it happened. */
export function oauthFailure(
  trouble: OauthTrouble,
  settings: OauthSettings,
  holder: Holder,
  facts: { readonly serverSaid?: string | undefined; readonly notBefore?: Date | undefined; readonly cause?: unknown } = {},
): Failure {
  const { scope, waitingHelps, message, remedy }: Cause = CAUSES[trouble];
  const reach: Scope = scope === "holder" ? holder.scope : scope;
  return new Failure({
    ...facts,
    code: trouble,
    scope: reach,
    waitingHelps,
    message: message(settings.service, holder),
    remedy: remedy(holder),
  });
}

/**
 * The failure for whatever a request ended with. Words of the service are passed on without `secrets`. A Failure stays what it is; a fault of
 * ours is thrown on.
 */
export function failureOf(error: unknown, settings: OauthSettings, holder: Holder, secrets: readonly string[]): Failure {
  if (error instanceof Failure) return error;
  const said = (text: string | undefined) => (text === undefined || text === "" ? undefined : withoutSecrets(text, secrets).slice(0, 1000));
  if (error instanceof ServiceBusy) {
    return oauthFailure("sign-in service busy", settings, holder, {
      serverSaid: said(`status ${error.status}${error.said === "" ? "" : `: ${error.said}`}`),
      notBefore: error.notBefore,
    });
  }
  if (error instanceof NoAnswer) return oauthFailure("sign-in service silent", settings, holder, { serverSaid: error.message });
  if (error instanceof AnswerRefused)
    return oauthFailure("sign-in service not understood", settings, holder, { serverSaid: error.message });
  // The library hangs whole answers on its errors, tokens included: none of them goes on as a cause.
  if (error instanceof ResponseBodyError || error instanceof AuthorizationResponseError) {
    const { error: code, error_description: description } = error;
    return oauthFailure(troubleOf(code, description ?? "", holder, settings), settings, holder, {
      serverSaid: said(description === undefined ? code : `${code}: ${description}`),
    });
  }
  if (error instanceof OperationProcessingError || error instanceof UnsupportedOperationError)
    return oauthFailure("sign-in service not understood", settings, holder, { serverSaid: said(error.message) });
  if (isNotHttp(error)) return oauthFailure("sign-in service not understood", settings, holder, { serverSaid: said(error.message) });
  const url = new URL(settings.tokenEndpoint);
  const port = Number(url.port === "" ? (url.protocol === "https:" ? 443 : 80) : url.port);
  const known = connectingFailure(error, { host: url.hostname, port, purpose: "sign-in service" });
  if (known !== null) return new Failure({ ...known, scope: "profile", cause: error });
  throw error;
}

/** Node's parser of HTTP puts such codes on its errors. */
function isNotHttp(error: unknown): error is Error {
  return error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("HPE_");
}

/** After these nobody knows whether the service has handed out new tokens: its answer got lost, or was none that could be read. */
const UNANSWERED: readonly string[] = [
  "sign-in service silent",
  "sign-in service not understood",
  "connection lost",
  "connecting failed",
  "securing failed",
];

/** Whether it is known that the service has handed nothing out. */
export function isAnswered({ code }: Failure): boolean {
  return !UNANSWERED.includes(code);
}

/**
 * Microsoft's numbers tell causes apart that share one word of RFC 6749: 50076, 50078, 50079 a second factor is wanted, 50173 the password was
 * changed, 65001 consent is missing, 700016 and 7000215, 7000222 the application or its secret, 70011 a right that does not exist.
 */
const BY_NUMBER: readonly (readonly [RegExp, OauthTrouble])[] = [
  [/AADSTS(50076|50078|50079|50158|53003|16000|65001)\b/, "authorization needs a person"],
  [/AADSTS(50173|700082|700084|70043|70008)\b/, "authorization ended"],
  [/AADSTS(700016|7000215|7000222|7000112|700027|90002)\b/, "application refused"],
  [/AADSTS(70011|28000|500011)\b/, "rights refused"],
];

const BY_WORD: Readonly<Record<string, OauthTrouble>> = {
  invalid_grant: "authorization ended",
  interaction_required: "authorization needs a person",
  login_required: "authorization needs a person",
  consent_required: "authorization needs a person",
  account_selection_required: "authorization needs a person",
  access_denied: "authorization declined",
  authorization_declined: "authorization declined",
  expired_token: "authorization timed out",
  invalid_client: "application refused",
  unauthorized_client: "application refused",
  invalid_scope: "rights refused",
  insufficient_scope: "rights refused",
  temporarily_unavailable: "sign-in service busy",
  server_error: "sign-in service busy",
  slow_down: "sign-in service busy",
};

function troubleOf(word: string, description: string, { unattended }: Holder, { grant }: OauthSettings): OauthTrouble {
  if (grant === "password" && word === "invalid_grant") return "account refused";
  const numbered = BY_NUMBER.find(([number]) => number.test(description))?.[1];
  const trouble = numbered ?? BY_WORD[word] ?? "sign-in service refused";
  // Where nobody signs in, nobody can sign in again: the application lacks a right or its consent.
  return unattended && (trouble === "authorization ended" || trouble === "authorization needs a person") ? "rights refused" : trouble;
}
