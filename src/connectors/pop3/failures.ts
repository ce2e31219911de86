/** The failures of reading over POP3: one word, scope and remedy for each cause. Those of sockets and TLS stand in wire/. */
import { Failure, type Scope } from "../../model/failure.ts";
import type { Endpoint } from "../../model/mailbox.ts";
import { connectingFailure, connectionFailure } from "../../wire/connection-failure.ts";

interface Cause {
  readonly scope: Scope;
  readonly waitingHelps: boolean;
  /** Failures in a row after which a person should know; 1 where it is left out. */
  readonly alertAfter?: number;
  readonly message: (where: string, what: string) => string;
  readonly remedy: (where: string, what: string) => string;
}

/** With the engine's waits of 15 seconds, doubling: some eight minutes. */
const LASTING = 6;

const WAIT = () => "Nothing: Waypost tries again by itself. Look into the server's log if it lasts.";

/** `where` is host:port, `what` the mailbox or the message. */
const CAUSES = {
  "connection timed out": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} gives no sign of life (incoming mail).`,
    remedy: (where) => `Check that a firewall lets this machine reach ${where}, and that host and port are right.`,
  },
  "no greeting": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} takes the connection but does not greet as a POP3 server.`,
    remedy: () => "Check the port (995 with TLS, 110 with STARTTLS), and choose TLS where the server waits for it.",
  },
  "not a POP3 server": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not speak POP3.`,
    remedy: () => "Check the port: 995 with TLS, 110 with STARTTLS. For IMAP enter `protocol: imap`.",
  },
  "protocol error": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} gave an answer that does not fit the question while ${who} was being read.`,
    remedy: (where) => `If it lasts, ask who runs ${where}; a security gateway in between may be the cause.`,
  },
  "server busy": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} takes no connections at the moment (incoming mail).`,
    remedy: () => "Nothing, if it passes. If it comes often, lower the connections at a time in the server profile.",
  },
  "certificate authorities not readable": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `The certificate authorities entered for ${where} (POP3) are no PEM certificates.`,
    remedy: () =>
      "Run `waypost config check`, which says what the file holds, and enter certificates that begin with -----BEGIN CERTIFICATE-----.",
  },
  "STARTTLS not offered": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not offer STARTTLS (STLS), and Waypost does not go on in clear.`,
    remedy: () => "Choose TLS with its port (995), or have STARTTLS switched on at the server.",
  },
  "encryption required": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} takes passwords of POP3 only over an encrypted connection.`,
    remedy: () => "Choose STARTTLS (port 110) or TLS (port 995) in the server profile.",
  },
  "no common sign-in method": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} offers no sign-in method that the server profile allows.`,
    remedy: () => "Choose a sign-in method that the server offers; many offer one only over TLS.",
  },
  "APOP not possible": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} greets without the time stamp that signing in with APOP needs, or with a malformed one.`,
    remedy: () => "Choose TLS or STARTTLS with the sign-in method `auto`: that protects more than APOP.",
  },
  "password not sendable": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `User name or password of ${who} holds a character that cannot be sent to ${where}.`,
    remedy: () => "Enter user name and password again: neither may hold a line break, nor the user name a blank where APOP is used.",
  },
  "sign-in refused": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} refuses the user name or password of ${who}.`,
    remedy: () => "Enter the password of the mailbox again; where two-step sign-in is on, an application password.",
  },
  "service account refused": {
    scope: "profile",
    waitingHelps: false,
    message: (where, who) => `${where} refuses the user name or password of the service account ${who}.`,
    remedy: () =>
      "Enter its password again in the server profile. It must be a master user or an administrator there, and let in by POP3 too.",
  },
  "service account not allowed": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, what) => `${where} does not let the service account ${what}.`,
    remedy: () => 'Check the "username" of the mailbox, and at the server that the service account may act for this user by POP3.',
  },
  "no authorization identity": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not offer SASL PLAIN, the sign-in method that can name another user (RFC 4616).`,
    remedy: () => "Many servers offer it only over TLS: choose TLS or STARTTLS. Else use masterUser.",
  },
  "token refused": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} refuses the access token of ${who}, also a new one.`,
    remedy: (_where, who) =>
      `Check that the mailbox allows POP3 and that the application has its rights (docs/oauth.md); if somebody else's account was used, run \`waypost authorize\` for ${who}.`,
  },
  "POP3 not enabled": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} does not let ${who} be read by POP3.`,
    remedy: () => "Have POP3 switched on for this mailbox by the mail administrator, or read it by IMAP.",
  },
  "account disabled": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} does not let ${who} in by POP3: the account is disabled or locked.`,
    remedy: () => "Have the account enabled for POP3, or its lock lifted, by the mail administrator; the password may be right.",
  },
  "password expired": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `The password of ${who} has expired on ${where} (POP3).`,
    remedy: () => "Have the mailbox's password changed at the mail system, then enter the new one here, for POP3 too.",
  },
  "sign-in not available": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} cannot sign ${who} in at the moment.`,
    remedy: WAIT,
  },
  "too many connections": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} has too many connections of ${who} open.`,
    remedy: () => "Lower the connections at a time in the server profile, or raise the server's limit per user.",
  },
  "mailbox in use": {
    scope: "mailbox",
    waitingHelps: true,
    alertAfter: LASTING,
    message: (where, who) => `Another program is reading ${who} on ${where} by POP3, which lets in one at a time.`,
    remedy: () => "Have the other program (a mail client, a second Waypost) read the mailbox less often, by IMAP, or not at all.",
  },
  "sign-in too soon": {
    scope: "mailbox",
    waitingHelps: true,
    alertAfter: LASTING,
    message: (where, who) => `${where} does not let ${who} sign in again so soon.`,
    remedy: () => "Nothing: Waypost waits as long as the server asks. To save the attempts, raise pullSeconds.",
  },
  "mailbox unavailable": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} cannot open ${who} at the moment.`,
    remedy: WAIT,
  },
  "mailbox damaged": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} cannot open ${who}, and will not before somebody mends it.`,
    remedy: (where) => `Show the server's words to who runs ${where}.`,
  },
  "no message ids": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `${where} gives the messages of ${who} no lasting ids (UIDL), so nobody could tell new ones from old ones.`,
    remedy: () => "Have UIDL switched on at the server, or read the mailbox by IMAP.",
  },
  "listing damaged": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `The list of messages that ${where} gives of ${who} is damaged or without end.`,
    remedy: (where) => `If it lasts, ask who runs ${where}; a security gateway in between may be the cause.`,
  },
  "connection lost": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `The connection with ${where} broke while ${who} was being read.`,
    remedy: WAIT,
  },
  "message unreadable": {
    scope: "item",
    waitingHelps: true,
    message: (where, what) => `${where} does not hand out ${what}.`,
    remedy: () => "Look whether another mail program can open the message; if not, it is damaged on the server.",
  },
  "message not deleted": {
    scope: "item",
    waitingHelps: true,
    message: (where, what) => `${where} does not delete ${what}.`,
    remedy: (where) => `If it lasts, ask who runs ${where} whether the account may delete by POP3.`,
  },
  "messages not looked at": {
    scope: "item",
    waitingHelps: true,
    message: (where, what) => `${where} was signed in to anew since ${what} were looked at: they may be others now, and are not deleted.`,
    remedy: () => "Nothing: Waypost looks at them again and deletes them in the same session. Read the mailbox by IMAP if it lasts.",
  },
  "messages not told apart": {
    scope: "item",
    waitingHelps: true,
    message: (where, what) => `${where} gives several messages one id (UIDL) and was signed in to anew meanwhile: ${what} are not deleted.`,
    remedy: () =>
      "Nothing: Waypost compares their content again and deletes them in the same session. Read the mailbox by IMAP if it lasts.",
  },
  "change not possible": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) => `Messages of ${who} on ${where} can be neither marked nor moved: POP3 knows neither.`,
    remedy: () => "Switch marking and moving off for this mailbox, or read it by IMAP.",
  },
} as const satisfies Record<string, Cause>;

export type Pop3Trouble = keyof typeof CAUSES;

/** What an operation was about, for the words of a failure. */
export interface Circumstances {
  readonly endpoint: Endpoint;
  /** Address of the mailbox. */
  readonly mailbox: string;
}

export interface TroubleFacts {
  readonly serverSaid?: string | undefined;
  readonly cause?: unknown;
  /** What it is about, instead of the mailbox. */
  readonly what?: string;
  readonly notBefore?: Date;
}

/** The failure for a trouble that was recognized where it happened. */
export function pop3Failure(trouble: Pop3Trouble, { endpoint, mailbox }: Circumstances, facts: TroubleFacts = {}): Failure {
  const { what = mailbox, ...rest } = facts;
  const { scope, waitingHelps, alertAfter, message, remedy }: Cause = CAUSES[trouble];
  const where = `${endpoint.host}:${endpoint.port}`;
  return new Failure({
    ...rest,
    code: trouble,
    scope,
    waitingHelps,
    alertAfter,
    message: message(where, what),
    remedy: remedy(where, what),
  });
}

/** The failure for an error that a socket or a TLS handshake ended with. @param stands whether the connection, secure where it is to be, stood before */
export function socketFailure(error: unknown, about: Circumstances, stands: boolean): Failure {
  const { host, port } = about.endpoint;
  const explain = stands ? connectionFailure : connectingFailure;
  const known = explain(error, { host, port, purpose: "incoming mail" });
  return known ? new Failure({ ...known, scope: "profile", cause: error }) : pop3Failure("connection lost", about, { cause: error });
}
