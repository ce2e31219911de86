/** The failures of reading over IMAP: one word, scope and remedy for each cause. Those of sockets and TLS stand in wire/. */
import { z } from "zod";
import { Failure, type Scope } from "../../model/failure.ts";
import type { Endpoint } from "../../model/mailbox.ts";
import { connectionFailure } from "../../wire/connection-failure.ts";

interface Cause {
  readonly scope: Scope;
  readonly waitingHelps: boolean;
  readonly message: (where: string, what: string) => string;
  readonly remedy: (where: string, what: string) => string;
}

const WAIT = () => "Nothing: Waypost tries again by itself. Look into the server's log if it lasts.";

/** `where` is host:port, `what` the mailbox, the folder or the message. */
const CAUSES = {
  "connection timed out": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} gives no sign of life (incoming mail).`,
    remedy: (where) => `Check that a firewall lets this machine reach ${where} (incoming mail), and that host and port are right.`,
  },
  "no greeting": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} takes the connection but does not greet as an IMAP server.`,
    remedy: () => "Check the port (993 with TLS, 143 with STARTTLS), and choose TLS where the server waits for it.",
  },
  "server closing": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} ended the connection (incoming mail).`,
    remedy: () => "Nothing, if it passes. If it comes often, lower the connections at a time in the server profile.",
  },
  "STARTTLS not offered": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not offer STARTTLS for incoming mail, and Waypost does not go on in clear.`,
    remedy: () => "Choose TLS with its port (993), or have STARTTLS switched on at the server.",
  },
  "TLS not possible": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `No TLS connection with ${where} comes about after STARTTLS.`,
    remedy: () => "Choose TLS with its port (993), or look into the server's log.",
  },
  "encryption required": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} takes passwords for incoming mail only over an encrypted connection.`,
    remedy: () => "Choose STARTTLS (port 143) or TLS (port 993) in the server profile.",
  },
  "no common sign-in method": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} offers no sign-in method for incoming mail that the server profile allows.`,
    remedy: () => 'Set "authentication" of the incoming server to a method that it offers; many offer one only over TLS.',
  },
  "sign-in refused": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} refuses the user name or password of ${who} for incoming mail.`,
    remedy: () => "Enter user name and password of the mailbox again; where two-step sign-in is on, an application password.",
  },
  "service account refused": {
    scope: "profile",
    waitingHelps: false,
    message: (where, who) => `${where} refuses the user name or password of the service account ${who}.`,
    remedy: () =>
      "Enter its password again in the server profile. Where it signs in for others it must be a master user or an administrator there.",
  },
  "service account not allowed": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, what) => `${where} does not let the service account ${what}.`,
    remedy: () => 'Check the "username" of the mailbox, and at the server that the service account may act for this user.',
  },
  "no authorization identity": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not offer AUTH=PLAIN, the sign-in method that can name another user (RFC 4616).`,
    remedy: () => "Many servers offer it only over TLS: choose TLS or STARTTLS. Else use masterUser or sharedFolders.",
  },
  "no folders of other users": {
    scope: "profile",
    waitingHelps: false,
    message: (where, who) => `${where} has no place where ${who} could see folders of other users (NAMESPACE).`,
    remedy: () => "Have shared folders (ACL) switched on at the server, or use masterUser or authorizationIdentity.",
  },
  "nothing shared": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, what) => `${where} shows no folder of ${what}.`,
    remedy: () =>
      'Have the rights l (see) and r (read) granted to the service account on the inbox and on every folder to be read (SETACL, RFC 4314), and check the "username" of the mailbox.',
  },
  "inbox missing": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} lets ${who} in and has no inbox for it.`,
    remedy: () => "Have the mailbox itself set up by the mail administrator: there is an account, and no mailbox behind it.",
  },
  "folder not shown": {
    scope: "folder",
    waitingHelps: false,
    message: (where, what) => `${where} does not show ${what} any more.`,
    remedy: () =>
      "Nothing, if it was deleted or renamed on purpose. Else have the rights l (see) and r (read) on it granted to the service account again.",
  },
  "token refused": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} refuses the access token of ${who}, also a new one.`,
    remedy: (_where, who) =>
      `Check that the mailbox allows the protocol and that the application has its rights (docs/oauth.md); if somebody else's account was used, run \`waypost authorize\` for ${who}.`,
  },
  "mailbox not opened": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} accepts the access token, but does not open ${who} with it.`,
    remedy: () =>
      "Give the application, or the account that signed in, full access to the mailbox (Add-MailboxPermission, docs/oauth.md). After an hour-long session it passes by itself.",
  },
  "session expired": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} ended the session of ${who}, whose access token has expired.`,
    remedy: () => "Nothing: Waypost signs in again with a new one.",
  },
  "sign-in not available": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} cannot sign ${who} in at the moment (incoming mail).`,
    remedy: (where) =>
      `Nothing: Waypost tries again by itself. If it lasts, ${where} cannot reach its list of users, or locked the account for a while; its log says.`,
  },
  "only access tokens": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} takes no passwords for incoming mail, only access tokens (OAuth 2.0).`,
    remedy: () => 'Add "oauth" to the server profile and run `waypost authorize`.',
  },
  "password expired": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `The password of ${who} has expired on ${where}.`,
    remedy: () => "Have the mailbox's password changed at the mail system, then enter the new one.",
  },
  "account disabled": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} does not let ${who} in: the account is disabled or needs the mail administrator.`,
    remedy: () => "Have the account enabled for IMAP by the mail administrator.",
  },
  "access not granted": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} knows the user that signs in, who may not open the mailbox of ${who}.`,
    remedy: () => "Give that account the right to open the mailbox, or sign in with the mailbox's own user name.",
  },
  "too many connections": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} has too many connections of ${who} open.`,
    remedy: () => "Lower the connections at a time in the server profile, or raise the server's limit per user.",
  },
  throttled: {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} wants ${who} to be read more slowly.`,
    remedy: () => "Nothing: Waypost goes on later. If it comes often, have the server's limit raised.",
  },
  "mailbox unavailable": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} cannot open ${who} at the moment.`,
    remedy: WAIT,
  },
  "mailbox full": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${who} on ${where} is full.`,
    remedy: () => "Make room in the mailbox or raise its quota.",
  },
  "connection lost": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `The connection with ${where} broke while ${who} was being read.`,
    remedy: WAIT,
  },
  "answer too large": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} sent more than it was asked for while ${who} was being read.`,
    remedy: (where) => `Ask who runs ${where}; a security gateway in between may be the cause.`,
  },
  "folder gone": {
    scope: "folder",
    waitingHelps: false,
    message: (where, what) => `${what} on ${where} does not exist any more.`,
    remedy: () => "Nothing, if it was deleted or renamed on purpose: the folders are listed again each time.",
  },
  "no right": {
    scope: "folder",
    waitingHelps: false,
    message: (where, what) => `${where} does not allow access to ${what}.`,
    remedy: () => "Have the right to read the folder granted (and to change it, where Waypost is to mark or delete), or exclude it.",
  },
  "folder unreadable": {
    scope: "folder",
    waitingHelps: true,
    message: (where, what) => `${where} refuses a request about ${what}.`,
    remedy: (where) => `If it lasts, look into the log of ${where} at this time.`,
  },
  "message unreadable": {
    scope: "item",
    waitingHelps: true,
    message: (where, what) => `${where} does not hand out ${what}.`,
    remedy: () => "Look whether another mail program can open the message; if not, it is damaged on the server.",
  },
  "message gone": {
    scope: "item",
    waitingHelps: false,
    message: (where, what) => `${what} on ${where} cannot be changed: its number was given under another UIDVALIDITY.`,
    remedy: () => "Nothing: the folder is read again and its messages are recognized.",
  },
  "expunge not possible": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} cannot delete a single message (no UIDPLUS), so Waypost does not delete there.`,
    remedy: () => "Switch deleting or moving off for this mailbox.",
  },
} as const satisfies Record<string, Cause>;

export type ImapTrouble = keyof typeof CAUSES;

/** Which trouble belongs to which step of "test & enable"; what is not named belongs to `sign in`. */
export type ConnectStep = "find the server" | "connect" | "encrypt" | "sign in";

const STEPS: Readonly<Record<string, ConnectStep>> = {
  "host unknown": "find the server",
  "name service not available": "find the server",
  "connection refused": "connect",
  "connection timed out": "connect",
  "host unreachable": "connect",
  "no greeting": "connect",
  "server closing": "connect",
  "certificate expired": "encrypt",
  "certificate for another name": "encrypt",
  "certificate not yet valid": "encrypt",
  "certificate self-signed": "encrypt",
  "certificate not trusted": "encrypt",
  "TLS version too old": "encrypt",
  "client certificate required": "encrypt",
  "wrong security for the port": "encrypt",
  "TLS not possible": "encrypt",
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
  const { scope, waitingHelps, message, remedy }: Cause = CAUSES[trouble];
  const where = `${about.endpoint.host}:${about.endpoint.port}`;
  const subject =
    what ?? (scope === "folder" && about.folder !== undefined ? `the folder ${about.folder} of ${about.mailbox}` : about.mailbox);
  return new Failure({ ...rest, code: trouble, scope, waitingHelps, message: message(where, subject), remedy: remedy(where, subject) });
}

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
});
type ErrorFacts = z.infer<typeof ErrorFacts>;

/** Errors by which imapflow says that the connection is gone. */
const CONNECTION_GONE = new Set(["NoConnection", "EConnectionClosed", "StateLogout", "ClosedAfterConnectText", "ClosedAfterConnectTLS"]);

/** The server's answer passed one of imapflow's limits. */
const TOO_LARGE = new Set(["LiteralTooLarge", "LineTooLarge", "ResponseTooLarge", "TooManyTokens", "TooManyResponses"]);

/** Exchange Online, when the access token of an open session expires (`BYE Session invalidated - AccessTokenExpired`); others in like words. */
const TOKEN_EXPIRED = /access ?token ?(has )?expired|token is expired/i;

/** Exchange: the token is good, and the mailbox is not to be opened with it (or not any more). */
const NOT_CONNECTED = /authenticated but not connected/i;

const TOO_MANY_CONNECTIONS = /too many .*connections|maximum number of connections|connection limit/i;

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

/** Whether a sign-in was refused though user name and password are right: they may not act for the user who was named (RFC 5530). */
export function isNotAuthorized({ code }: Failure): boolean {
  return code === ("access not granted" satisfies ImapTrouble);
}

/** The failure for whatever an operation of imapflow ended with. A Failure stays what it is; a fault of ours is thrown on. */
export function classify(error: unknown, about: Circumstances): Failure {
  if (error instanceof Failure) return error;
  // A command that was under way only knows that the connection went; why, the connection knows.
  const root = CONNECTION_GONE.has(codeOf(error) ?? "") && about.connectionError !== undefined ? about.connectionError : error;
  const facts = ErrorFacts.parse(root instanceof Error ? root : { message: String(root) });
  const told = troubleOf(facts);
  const trouble = told === "sign-in refused" && about.withToken === true ? "token refused" : told;
  if (trouble !== null) {
    const serverSaid = facts.responseText ?? facts.reason;
    return imapFailure(trouble, about, { serverSaid, cause: error, ...notBefore(facts) });
  }
  const known = connectionFailure(root, { host: about.endpoint.host, port: about.endpoint.port, purpose: "incoming mail" });
  if (known !== null) return new Failure({ ...known, scope: "profile", cause: error });
  if (isConnectionGone(root)) return imapFailure("connection lost", about, { cause: error });
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

/** Whether the connection was given up because of one literal larger than allowed. */
export function isTooLarge(error: unknown): boolean {
  return codeOf(error) === "LiteralTooLarge";
}

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

function troubleOf(facts: ErrorFacts): ImapTrouble | null {
  const text = facts.responseText ?? facts.reason ?? "";
  const code = facts.serverResponseCode ?? /\[([A-Z-]+)[\] ]/.exec(text)?.[1];
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
  if (code === "UNAVAILABLE" || code === "INUSE" || code === "LIMIT") return "mailbox unavailable";
  if (facts.responseStatus === "NO" || facts.responseStatus === "BAD") return "folder unreadable";
  return null;
}

/** RFC 5530 names the reasons of a refused sign-in; without a code the text is all there is. */
function signInTrouble(facts: ErrorFacts, code: string | undefined, text: string): ImapTrouble {
  if (TOO_MANY_CONNECTIONS.test(text)) return "too many connections";
  if (code === "PRIVACYREQUIRED" || /^Login is disabled/.test(facts.message)) return "encryption required";
  if (code === "UNAVAILABLE" || code === "INUSE" || code === "LIMIT" || code === "SERVERBUG") return "sign-in not available";
  if (/temporar|try again/i.test(text)) return "sign-in not available";
  if (code === "EXPIRED") return "password expired";
  if (code === "CONTACTADMIN" || /disabled|deactivated|locked out/i.test(text)) return "account disabled";
  if (code === "AUTHORIZATIONFAILED") return "access not granted";
  if (facts.responseStatus === undefined) return "no common sign-in method";
  return "sign-in refused";
}

function notBefore(facts: ErrorFacts): { notBefore: Date } | Record<string, never> {
  return facts.throttleReset === undefined ? {} : { notBefore: new Date(Date.now() + facts.throttleReset) };
}
