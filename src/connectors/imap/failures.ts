/** The failures of reading over IMAP: which cause (causes.ts) an error or an answer of the server has. Those of sockets and TLS stand in wire/. */
import { z } from "zod";
import { Failure } from "../../model/failure.ts";
import type { Endpoint } from "../../model/mailbox.ts";
import { accountTrouble } from "../../wire/account-words.ts";
import type { ConnectStep } from "../../wire/connect-steps.ts";
import { connectingFailure, connectionFailure } from "../../wire/connection-failure.ts";
import { CAUSES, type Cause } from "./causes.ts";

export type ImapTrouble = keyof typeof CAUSES;

/** Which trouble belongs to which step of "test & enable"; what is not named belongs to `sign in`. */
const STEPS: Readonly<Record<string, ConnectStep>> = {
  "host unknown": "find the server",
  "name service not available": "find the server",
  "connection refused": "connect",
  "connection timed out": "connect",
  "host unreachable": "connect",
  "connection forbidden": "connect",
  "too many open files": "connect",
  "connecting failed": "connect",
  "no greeting": "connect",
  "server closing": "connect",
  "certificate authorities not readable": "encrypt",
  "certificate expired": "encrypt",
  "certificate for another name": "encrypt",
  "certificate not yet valid": "encrypt",
  "certificate self-signed": "encrypt",
  "certificate too weak": "encrypt",
  "certificate not usable": "encrypt",
  "certificate not trusted": "encrypt",
  "TLS version too old": "encrypt",
  "client certificate required": "encrypt",
  "wrong security for the port": "encrypt",
  "TLS not possible": "encrypt",
  "securing failed": "encrypt",
  "STARTTLS not offered": "encrypt",
};

/** The step at which connecting failed. */
export function stepOf(failure: Failure): ConnectStep {
  return STEPS[failure.code] ?? "sign in";
}

/** What an operation was about, for the words of a failure. */
export interface Circumstances {
  readonly endpoint: Endpoint;
  /** Address of the mailbox. */
  readonly mailbox: string;
  /** Path of the folder, where the operation was about one. */
  readonly folder?: string;
  /** Whether an access token was signed in with. */
  readonly withToken?: boolean;
  /** Whether the connection was still being opened and secured. */
  readonly connecting?: boolean;
  /** What the connection itself ended with, if it did. */
  readonly connectionError?: unknown;
}

/** The failure for a trouble that was recognized where it happened. */
export function imapFailure(
  trouble: ImapTrouble,
  about: Circumstances,
  facts: { readonly serverSaid?: string | undefined; readonly cause?: unknown; readonly what?: string; readonly notBefore?: Date } = {},
): Failure {
  const { what, ...rest } = facts;
  const { scope, waitingHelps, message, remedy, ofFolder }: Cause = CAUSES[trouble];
  const where = `${about.endpoint.host}:${about.endpoint.port}`;
  const folder = about.folder === undefined ? undefined : `the folder ${about.folder} of ${about.mailbox}`;
  const subject = what ?? (scope === "folder" && folder !== undefined ? folder : about.mailbox);
  const common = { ...rest, code: trouble, waitingHelps };
  return new Failure({
    ...common,
    scope,
    message: message(where, subject),
    remedy: remedy(where, subject),
    ...(ofFolder !== undefined &&
      folder !== undefined && {
        ofFolder: new Failure({
          ...common,
          scope: "folder",
          message: ofFolder.message(where, folder),
          remedy: ofFolder.remedy(where, folder),
        }),
      }),
  });
}

/** An answer as imapflow parsed it: where a refused FETCH has its code. A response code comes first, as a section (RFC 3501 7.1). */
const AnswerLine = z.object({
  attributes: z.tuple([z.object({ section: z.tuple([z.object({ value: z.string() })]).rest(z.unknown()) })]).rest(z.unknown()),
});

/** What imapflow puts on its errors (its `errors.ts` and the answers of the server). */
const ErrorFacts = z.object({
  message: z.string().catch(""),
  code: z.string().optional().catch(undefined),
  responseStatus: z.string().optional().catch(undefined),
  responseText: z.string().optional().catch(undefined),
  serverResponseCode: z.string().optional().catch(undefined),
  authenticationFailed: z.boolean().optional().catch(undefined),
  tlsFailed: z.boolean().optional().catch(undefined),
  mailboxMissing: z.boolean().optional().catch(undefined),
  throttleReset: z.number().optional().catch(undefined),
  reason: z.string().optional().catch(undefined),
  response: AnswerLine.optional().catch(undefined),
});
type ErrorFacts = z.infer<typeof ErrorFacts>;

/** Errors by which imapflow says that the connection is gone. */
const CONNECTION_GONE = new Set(["NoConnection", "EConnectionClosed", "StateLogout", "ClosedAfterConnectText", "ClosedAfterConnectTLS"]);

/** A line, or an answer of many pieces, passed one of imapflow's limits. */
const WITHOUT_END = new Set(["LineTooLarge", "ResponseTooLarge", "TooManyTokens", "TooManyResponses"]);

/** The server's answer passed one of imapflow's limits. */
const TOO_LARGE = new Set(["LiteralTooLarge", ...WITHOUT_END]);

/** Exchange Online, when the access token of an open session expires (`BYE Session invalidated - AccessTokenExpired`); others in like words. */
const TOKEN_EXPIRED = /access ?token ?(has )?expired|token is expired/i;

/** Exchange: the token is good, and the mailbox is not to be opened with it (or not any more). */
const NOT_CONNECTED = /authenticated but not connected/i;

const TOO_MANY_CONNECTIONS =
  /too many .*(connection|session)s|maximum number of (concurrent )?(connection|session)s|(connection|session)s? limit/i;

/** Dovecot says it only when the client signs in ("Client didn't present valid SSL certificate"). */
const CLIENT_CERTIFICATE = /client.*certificate|certificate.*client/i;

/** Thrown where imapflow answers `false` for a command that the server refused; the server's words are lost then. */
export class Refused extends Error {
  readonly responseStatus = "NO";
}

/** Thrown where imapflow answers as if nothing were there because the connection is gone. `reason` as imapflow's own errors have it. */
export class ConnectionGone extends Error {
  readonly code = "NoConnection";
  readonly reason: string | undefined;

  constructor(reason: string | undefined, cause?: unknown) {
    super("the connection is gone", { cause });
    this.reason = reason;
  }
}

/** Thrown where the server sends far more than it was asked for, or comes to no end. What is still on its way is not waited for: the connection is given up. */
export class Flooded extends Error {}

/** Whether a sign-in was refused though user name and password are right: they may not act for the user who was named (RFC 5530). */
export function isNotAuthorized({ code }: Failure): boolean {
  return code === ("access not granted" satisfies ImapTrouble);
}

/** The failure for whatever an operation of imapflow ended with. A Failure stays what it is; a fault of ours is thrown on. */
export function classify(error: unknown, about: Circumstances): Failure {
  if (error instanceof Failure) return error;
  // A command that was under way only knows that the connection went; why, the connection knows.
  const root = CONNECTION_GONE.has(codeOf(error) ?? "") && about.connectionError !== undefined ? about.connectionError : error;
  if (hasNoEnd(root)) return imapFailure(about.folder === undefined ? "answer too large" : "answer without end", about, { cause: error });
  const facts = ErrorFacts.parse(root instanceof Error ? root : { message: String(root) });
  const told = troubleOf(facts);
  const trouble = told === "sign-in refused" && about.withToken === true ? "token refused" : told;
  if (trouble !== null) {
    const serverSaid = facts.responseText ?? facts.reason;
    return imapFailure(trouble, about, { serverSaid, cause: error, ...notBefore(facts) });
  }
  const target = { host: about.endpoint.host, port: about.endpoint.port, purpose: "incoming mail" };
  const known = connectionFailure(root, target);
  if (known !== null) return new Failure({ ...known, scope: "profile", cause: error });
  if (isConnectionGone(root)) return imapFailure("connection lost", about, { cause: error });
  const unknown = about.connecting === true ? connectingFailure(root, target) : null;
  if (unknown !== null) return new Failure({ ...unknown, scope: "profile", cause: error });
  // A fault of ours is no trouble of the server's, and must not look like one.
  throw error;
}

/** Whether the error says that the connection ended, so that a new one could do better. */
export function isConnectionGone(error: unknown): boolean {
  const code = codeOf(error);
  return (
    code !== undefined &&
    (CONNECTION_GONE.has(code) || TOO_LARGE.has(code) || code === "ETIMEOUT" || /^ParserError|^ResponseProcessing/.test(code))
  );
}

/** Whether the server understood and said no (or BAD), so that the connection is as good as before. */
export function isRefusal(error: unknown): boolean {
  const { responseStatus, code } = ErrorFacts.parse(error instanceof Error ? error : { message: "" });
  return (responseStatus === "NO" || responseStatus === "BAD") && code !== "ETHROTTLE";
}

/** Codes of a refusal that is about the mailbox or the server as they are at the moment, whatever was asked for (RFC 5530 3). */
const OF_THE_MOMENT: ReadonlySet<string> = new Set(["UNAVAILABLE", "INUSE", "LIMIT"]);

/** Whether the server refused for a reason that has nothing to do with what it was asked for, if it is right, and that passes. */
export function isOfTheMoment(error: unknown): boolean {
  return isRefusal(error) && OF_THE_MOMENT.has(refusalCode(error) ?? "");
}

/** Whether the server refused because of a fault of its own (SERVERBUG): one that a message brings out, or another one. */
export function isServerFault(error: unknown): boolean {
  return isRefusal(error) && refusalCode(error) === "SERVERBUG";
}

/** The server's words in a refusal; undefined where there are none. */
export function saidIn(error: unknown): string | undefined {
  const { responseText = "" } = ErrorFacts.parse(error instanceof Error ? error : { message: "" });
  return responseText === "" ? undefined : responseText;
}

function refusalCode(error: unknown): string | undefined {
  const facts = ErrorFacts.parse(error instanceof Error ? error : { message: "" });
  return responseCode(facts, facts.responseText ?? "");
}

/** Whether the server sends far more than it was asked for: about the folder, where there is one, else whatever it is asked. */
export function hasNoEnd(error: unknown): boolean {
  return error instanceof Flooded || WITHOUT_END.has(codeOf(error) ?? "");
}

/** Whether the server ended the connection, with a goodbye or without a word, as it may do at a damaged message. */
export function isHangUp(error: unknown): error is Failure {
  return error instanceof Failure && HANG_UPS.has(error.code);
}

const HANG_UPS: ReadonlySet<string> = new Set(["server closing", "connection lost"] satisfies ImapTrouble[]);

/** Of one message asked for with others, these may be the answer to all. */
const MAYBE_OF_ONE: ReadonlySet<string> = new Set([
  ...HANG_UPS,
  "limit reached",
  "mailbox in use",
  "mailbox unavailable",
  "mailbox full",
] satisfies (ImapTrouble | string)[]);

/** Whether the trouble of deleting several messages may be that of one of them, though it speaks of the mailbox or the server. */
export function mayBeOfOne({ code }: Failure): boolean {
  return MAYBE_OF_ONE.has(code);
}

/** The failure where the server lets in, opens the folder, and ends the connection at each of its messages: others may be read meanwhile. */
export function hungUpAtAll({ code, message, serverSaid, cause }: Failure): Failure {
  return new Failure({
    scope: "folder",
    code,
    message: `${message} So it goes with each message that is asked for in this folder.`,
    serverSaid,
    remedy: "Nothing, if it passes: Waypost tries again by itself. If it lasts, the server's log at this time says what is broken.",
    waitingHelps: true,
    cause,
  });
}

/** Whether the connection was given up because far more came than was asked for, or than there was room for: about a folder, or about the mailbox. */
export function isFlooded(error: unknown, trouble: "answer without end" | "answer too large" = "answer without end"): boolean {
  return error instanceof Failure && error.code === (trouble satisfies ImapTrouble);
}

/** Whether the connection was given up because of one literal larger than allowed. */
export function isTooLarge(error: unknown): boolean {
  return codeOf(error) === "LiteralTooLarge";
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function responseCode({ serverResponseCode, response }: ErrorFacts, text: string): string | undefined {
  return serverResponseCode ?? response?.attributes[0].section[0].value.toUpperCase() ?? /\[([A-Z-]+)[\] ]/.exec(text)?.[1];
}

function troubleOf(facts: ErrorFacts): ImapTrouble | null {
  const text = facts.responseText ?? facts.reason ?? "";
  const code = responseCode(facts, text);
  if (facts.code === "ETHROTTLE") return "throttled";
  if (facts.code === "CONNECT_TIMEOUT" || facts.code === "UPGRADE_TIMEOUT" || facts.code === "ETIMEOUT") return "connection timed out";
  if (facts.code === "GREETING_TIMEOUT") return "no greeting";
  if (facts.code !== undefined && TOO_LARGE.has(facts.code)) return "answer too large";
  if (facts.tlsFailed === true && facts.code === undefined) return "STARTTLS not offered";
  if (facts.code === "STARTTLS_INJECTION") return "TLS not possible";
  // OpenSSL puts a `reason` on its errors too.
  if (facts.code !== undefined && CONNECTION_GONE.has(facts.code)) {
    if (facts.reason !== undefined)
      return TOKEN_EXPIRED.test(facts.reason)
        ? "session expired"
        : TOO_MANY_CONNECTIONS.test(facts.reason)
          ? "too many connections"
          : "server closing";
    return facts.code.startsWith("ClosedAfterConnect") ? "server closing" : null;
  }
  if (NOT_CONNECTED.test(text)) return "mailbox not opened";
  if (facts.authenticationFailed === true) return signInTrouble(facts, code, text);
  if (facts.mailboxMissing === true || code === "NONEXISTENT" || code === "TRYCREATE" || facts.code === "NotFound") return "folder gone";
  if (code === "NOPERM") return "no right";
  if (code === "OVERQUOTA") return "mailbox full";
  if (code === "INUSE") return "mailbox in use";
  if (code === "LIMIT") return "limit reached";
  if (code === "UNAVAILABLE") return "mailbox unavailable";
  if (code === "SERVERBUG") return "server fault";
  if (facts.responseStatus === "NO" || facts.responseStatus === "BAD") return "folder unreadable";
  return null;
}

/** RFC 5530 names the reasons of a refused sign-in; without a code the text is all there is. */
function signInTrouble(facts: ErrorFacts, code: string | undefined, text: string): ImapTrouble {
  if (TOO_MANY_CONNECTIONS.test(text)) return "too many connections";
  if (code === "PRIVACYREQUIRED" || /^Login is disabled/.test(facts.message)) return "encryption required";
  if (code === "INUSE") return "mailbox in use";
  if (code === "LIMIT") return "limit reached";
  if (code === "UNAVAILABLE" || code === "SERVERBUG") return "sign-in not available";
  if (CLIENT_CERTIFICATE.test(text)) return "client certificate required";
  if (/temporar|try again/i.test(text)) return "sign-in not available";
  const said = accountTrouble(text);
  if (code === "EXPIRED" || said === "password expired") return "password expired";
  if (code === "CONTACTADMIN" || said !== null || /disabled|deactivated|locked out/i.test(text)) return "account disabled";
  if (code === "AUTHORIZATIONFAILED") return "access not granted";
  if (facts.responseStatus === undefined) return "no common sign-in method";
  return "sign-in refused";
}

function notBefore(facts: ErrorFacts): { notBefore: Date } | Record<string, never> {
  return facts.throttleReset === undefined ? {} : { notBefore: new Date(Date.now() + facts.throttleReset) };
}
