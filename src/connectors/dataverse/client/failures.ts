/** What goes wrong with an organization: one word, reach and remedy for each cause. */
import { Failure, type Scope } from "../../../model/failure.ts";
import { connectingFailure } from "../../../wire/connection-failure.ts";
import { NoAnswer } from "./exchange.ts";

interface Cause {
  readonly scope: Extract<Scope, "item" | "organization">;
  readonly waitingHelps: boolean;
  readonly message: (host: string) => string;
  readonly remedy: (host: string) => string;
}

const BY_ITSELF = () => "Nothing: Waypost tries again by itself.";
const ADDRESS =
  "Check the organization's address: that of the Web API, with its version, as in https://contoso.crm4.dynamics.com/api/data/v9.2/.";

const CAUSES = {
  "organization busy": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `${host} takes no more requests at the moment.`,
    remedy: BY_ITSELF,
  },
  "organization in trouble": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `${host} cannot answer at the moment.`,
    remedy: () => "Nothing, if it passes. Else look at the service's health page, or ask who runs the server.",
  },
  "organization silent": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `${host} did not answer in time.`,
    remedy: () => "Nothing, if it passes. Else check that a firewall lets this machine reach it, and how much the server has to do.",
  },
  "organization disabled": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `The organization at ${host} is switched off.`,
    remedy: () => "Have its administrator enable the organization; everything goes on by itself then.",
  },
  "connection lost": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `The connection with ${host} ended before its answer was there.`,
    remedy: () => "Nothing, if it passes. Else look for a proxy or a firewall between here and the server that ends connections.",
  },
  "sign-in refused": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `${host} does not accept who Waypost signs in as.`,
    remedy: () =>
      "Compare tenant, application and secret with the application's registration, and the organization's address with its own; secrets expire and are made anew there. On premises: check user name and password, and that the account is not locked.",
  },
  "application user missing": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `Whoever Waypost signs in as is no user of the organization at ${host}.`,
    remedy: () =>
      "Add the application as an application user of this organization in the Power Platform admin center, and give it its security role. On premises: add the account as a user.",
  },
  "user disabled": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `The user that Waypost signs in as is disabled at ${host}.`,
    remedy: () => "Enable the user in the organization, or sign in as another one.",
  },
  "sign-in method not offered": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `${host} does not offer the way in which Waypost is to sign in.`,
    remedy: () => "Choose another way to sign in for this organization; the server's own words say which it knows.",
  },
  "sign-in not safe": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `Waypost does not sign in at ${host}, because others could read it, or sign in with what they read.`,
    remedy: () => "Reach the server by https:// and let it speak NTLMv2, or allow the weaker way for this organization.",
  },
  "access refused": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `${host} refuses requests that come from here.`,
    remedy: () => "Check the organization's IP firewall, its conditional access, and proxies between here and there.",
  },
  "no Web API": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `There is no Web API at the address of ${host} that is entered.`,
    remedy: () => ADDRESS,
  },
  redirected: {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `${host} sends requests on to another address, and Waypost follows to none with what it signs in with.`,
    remedy: () => ADDRESS,
  },
  "answer not understood": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `${host} gave an answer that is none of a Web API.`,
    remedy: () => `Look for a proxy or a sign-in page between here and the server. ${ADDRESS}`,
  },
  "metadata not understood": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `What ${host} says of its tables cannot be read.`,
    remedy: () => "Open the organization's $metadata in a browser; if it is whole there, report it to Waypost's authors.",
  },
  "certificate authorities not readable": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `The certificate authorities entered for ${host} are no PEM certificates.`,
    remedy: () => "Enter certificates that begin with -----BEGIN CERTIFICATE-----.",
  },
  "foreign link": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `${host} names another place for what follows, and Waypost sends nothing there.`,
    remedy: () => "Enter the organization's address as it calls itself; a proxy before it must keep its name.",
  },
  "answer too large": {
    scope: "item",
    waitingHelps: false,
    message: (host) => `An answer of ${host} is larger than Waypost takes.`,
    remedy: () => "Ask for less at a time.",
  },
  "request too large": {
    scope: "item",
    waitingHelps: false,
    message: (host) => `A request is larger than ${host} takes.`,
    remedy: () => "Make it smaller, or raise the server's limit for attachments and requests.",
  },
  "privilege missing": {
    scope: "organization",
    waitingHelps: false,
    message: (host) => `The user that Waypost signs in as lacks a privilege at ${host}, for all rows of that kind.`,
    remedy: () => "Give its security role the privilege that the server's words name, for the whole organization.",
  },
  "row access refused": {
    scope: "item",
    waitingHelps: false,
    message: (host) => `The user that Waypost signs in as may not do that with this row at ${host}.`,
    remedy: () => "Give its security role the privilege for the whole organization, or share the row with it.",
  },
  "not there": {
    scope: "item",
    waitingHelps: false,
    message: (host) => `${host} has no such row.`,
    remedy: () => "Nothing: it was deleted, or never was there.",
  },
  "other version": {
    scope: "item",
    waitingHelps: false,
    message: (host) => `A row at ${host} is not what it was when it was read, or is there already.`,
    remedy: BY_ITSELF,
  },
  "request refused": {
    scope: "item",
    waitingHelps: false,
    message: (host) => `${host} refuses a request.`,
    remedy: () => "See the server's own words.",
  },
  "request failed": {
    scope: "organization",
    waitingHelps: true,
    message: (host) => `${host} failed at a request.`,
    remedy: () => "Nothing, if it passes. Else see the server's own words; a plug-in or a workflow of the organization may be the cause.",
  },
} as const satisfies Record<string, Cause>;

export type OrganizationTrouble = keyof typeof CAUSES;

export interface TroubleFacts {
  readonly serverSaid?: string | undefined;
  /** What it is about, for the message, e.g. a privilege in Dynamics' words. */
  readonly about?: string | undefined;
  readonly notBefore?: Date | undefined;
  readonly cause?: unknown;
}

/** The failure for a trouble that was recognized where it happened. @param host the organization's, for people */
export function organizationFailure(trouble: OrganizationTrouble, host: string, { about, ...facts }: TroubleFacts = {}): Failure {
  const { scope, waitingHelps, message, remedy }: Cause = CAUSES[trouble];
  const told = about === undefined ? message(host) : `${message(host).replace(/\.$/, "")}: ${about}.`;
  return new Failure({ ...facts, code: trouble, scope, waitingHelps, message: told, remedy: remedy(host) });
}

const BY_REASON = {
  cut: "connection lost",
  "too late": "organization silent",
  "too large": "answer too large",
  "not HTTP": "answer not understood",
  aborted: "connection lost",
} as const satisfies Record<NoAnswer["reason"], OrganizationTrouble>;

/** The failure for an exchange without an answer; a fault of ours is thrown on. */
export function exchangeFailure(error: unknown, origin: string): Failure {
  if (error instanceof Failure) return error;
  if (!(error instanceof NoAnswer)) throw error;
  const { hostname, host, port, protocol } = new URL(origin);
  const target = {
    host: hostname,
    port: Number(port === "" ? (protocol === "https:" ? 443 : 80) : port),
    purpose: "Dynamics 365",
    named: { service: "the web server", settings: "the organization" },
  };
  const connecting = error.sent ? null : connectingFailure(error.cause, target);
  if (connecting !== null) return new Failure({ ...connecting, scope: "organization", cause: error.cause });
  return organizationFailure(BY_REASON[error.reason], host, {
    serverSaid: error.reason === "not HTTP" ? error.message : undefined,
    cause: error,
  });
}
