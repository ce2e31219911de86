/** The failures of sending over SMTP: one word, scope and remedy for each cause. */
import { Failure, type Scope } from "../../model/failure.ts";
import type { Endpoint } from "../../model/mailbox.ts";
import { connectingFailure, connectionFailure } from "../../wire/connection-failure.ts";
import type { ReplyTrouble } from "./replies.ts";

/** Causes that only the client sees. Those of sockets and TLS are in wire/connection-failure.ts. */
type OwnTrouble =
  | "no answer"
  | "no greeting"
  | "sign-in not offered"
  | "not a mail server"
  | "shutting down"
  | "service account refused"
  | "service account not allowed"
  | "no authorization identity"
  | "connection lost"
  | "token refused"
  | "certificate authorities not readable";

export type Trouble = ReplyTrouble | OwnTrouble;

interface Cause {
  /** `account`: the mailbox that signed in, or the whole profile where nobody signs in. */
  readonly scope: "profile" | "account" | "process";
  readonly waitingHelps: boolean;
  readonly message: (where: string, user: string) => string;
  readonly remedy: (where: string, user: string) => string;
}

const WAIT = () => "Nothing: Waypost tries again by itself. Look into the server's log if it lasts.";

const CAUSES: Readonly<Record<Trouble, Cause>> = {
  "account disabled": {
    scope: "account",
    waitingHelps: false,
    message: (where, user) => `${where} does not let ${user} sign in to send: the account is disabled or locked.`,
    remedy: () => "Have the account that sends enabled, or its lock lifted, by the mail administrator.",
  },
  "certificate authorities not readable": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `The certificate authorities entered for ${where} (outgoing mail) are no PEM certificates.`,
    remedy: () =>
      "Run `waypost config check`, which says what the file holds, and enter certificates that begin with -----BEGIN CERTIFICATE-----.",
  },
  "client certificate required": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} wants a certificate of this machine, and Waypost has none to show (outgoing mail).`,
    remedy: (where) => `Ask who runs ${where} for a port or a rule without client certificates.`,
  },
  "connection lost": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} closed the connection before the message went out.`,
    remedy: WAIT,
  },
  "encryption required": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} takes mail or passwords only over an encrypted connection.`,
    remedy: () => "Choose STARTTLS or TLS in the server profile.",
  },
  "no answer": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} stopped answering before the message went out.`,
    remedy: WAIT,
  },
  "no greeting": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} takes the connection but does not greet as a mail server.`,
    remedy: () => "Check the port (465 with TLS, 587 with STARTTLS), and choose TLS where the server waits for it.",
  },
  "no common sign-in method": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} offers no sign-in method for outgoing mail that the server profile allows.`,
    remedy: () =>
      'Set "authentication" of the outgoing server to a method that it offers; many offer one only over TLS, and a relay may need "none".',
  },
  "not a mail server": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not speak SMTP.`,
    remedy: () => "Check the port: 587 with STARTTLS, 465 with TLS, 25 for a relay.",
  },
  "password expired": {
    scope: "account",
    waitingHelps: false,
    message: (where, user) => `The password of ${user} has expired on ${where} (outgoing mail).`,
    remedy: () => "Have the password of the account that sends changed at the mail system, then enter the new one.",
  },
  "protocol error": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} gave an answer that does not fit the question.`,
    remedy: (where) => `If it lasts, ask who runs ${where}; a security gateway in between may be the cause.`,
  },
  "server busy": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} takes no mail at the moment.`,
    remedy: WAIT,
  },
  "server closing": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} is ending its sessions.`,
    remedy: WAIT,
  },
  "service refused": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not serve this machine.`,
    remedy: (where) => `Ask who runs ${where} to let this machine's address send, or use the port for signed-in users (587).`,
  },
  "shutting down": {
    scope: "process",
    waitingHelps: true,
    message: (where) => `Waypost is closing its connections to ${where}.`,
    remedy: () => "Nothing: the message is sent after the restart.",
  },
  "no authorization identity": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not offer AUTH PLAIN, the sign-in method that can name another user (RFC 4616).`,
    remedy: () => "Many servers offer it only over TLS: choose TLS or STARTTLS. Else use masterUser, or itself.",
  },
  "sender not permitted": {
    scope: "account",
    waitingHelps: false,
    message: (where, what) => `${where} does not let ${what}.`,
    remedy: () =>
      "Give whoever sends the right to send as this address (Postfix: smtpd_sender_login_maps; Exchange: the permission SendAs), or enter the user name to which the address belongs. The emails wait meanwhile.",
  },
  "service account not allowed": {
    scope: "account",
    waitingHelps: false,
    message: (where, what) => `${where} does not let the service account ${what}.`,
    remedy: () => 'Check the "username" of the mailbox, and at the server that the service account may act for this user.',
  },
  "service account refused": {
    scope: "profile",
    waitingHelps: false,
    message: (where, user) => `${where} refuses the user name or password of the service account ${user} to send.`,
    remedy: () =>
      "Enter its password again in the server profile. Where it signs in for others it must be a master user or an administrator there.",
  },
  "sign-in disabled": {
    scope: "account",
    waitingHelps: false,
    message: (where, user) => `${where} does not let ${user} sign in to send by SMTP.`,
    remedy: () => "Have SMTP sign-in (SMTP AUTH) enabled for this mailbox by the mail administrator.",
  },
  "sign-in not offered": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} offers no sign-in at all, and the server profile wants to sign in for outgoing mail.`,
    remedy: () =>
      'Enter the port for signed-in users (587 with STARTTLS, 465 with TLS); some offer it only over TLS. For a relay that wants none, set "authentication: none".',
  },
  "sign-in not available": {
    scope: "account",
    waitingHelps: true,
    message: (where, user) => `${where} cannot sign ${user} in at the moment (outgoing mail).`,
    remedy: (where) =>
      `Nothing: Waypost tries again by itself. If it lasts, ${where} cannot ask whether passwords are right; its log says.`,
  },
  "sign-in refused": {
    scope: "account",
    waitingHelps: false,
    message: (where, user) => `${where} refuses the user name or password of ${user} for outgoing mail.`,
    remedy: () => "Enter the password again that sends mail; where two-step sign-in is on, an application password.",
  },
  "sign-in required": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} sends only for users who signed in.`,
    remedy: () => "Choose a sign-in method in the server profile and enter user name and password in the mailbox.",
  },
  "STARTTLS not offered": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} does not offer STARTTLS for outgoing mail, and Waypost does not go on in clear.`,
    remedy: () => "Choose TLS with its port (465), or have STARTTLS switched on at the server.",
  },
  throttled: {
    scope: "account",
    waitingHelps: true,
    message: (where, user) => `${where} wants ${user} to send less or more slowly.`,
    remedy: () => "Nothing: Waypost goes on later. If it comes often, have the sending limit raised.",
  },
  "token refused": {
    scope: "account",
    waitingHelps: false,
    message: (where, user) => `${where} refuses the access token of ${user}, also a new one.`,
    remedy: (_where, user) =>
      `Check that the mailbox may send by SMTP and that the application has its rights (docs/oauth.md); if somebody else's account was used, run \`waypost authorize\` for ${user}.`,
  },
  "TLS not available": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} cannot encrypt at the moment, and Waypost does not go on in clear.`,
    remedy: WAIT,
  },
  "too many connections": {
    scope: "profile",
    waitingHelps: true,
    message: (where) => `${where} has too many connections open.`,
    remedy: () => "Lower the connections at a time in the server profile if it comes often.",
  },
};

export interface Circumstances {
  /** Who signed in; null = nobody. */
  readonly user?: string | null | undefined;
  readonly serverSaid?: string | undefined;
  readonly cause?: unknown;
}

/** The failure for a cause. Thrown only while nothing of the message has been transmitted. */
export function smtpFailure(trouble: Trouble, endpoint: Endpoint, circumstances: Circumstances = {}): Failure {
  const { user = null, ...facts } = circumstances;
  const where = `${endpoint.host}:${endpoint.port}`;
  const { scope, waitingHelps, message, remedy } = CAUSES[trouble];
  return new Failure({
    ...facts,
    code: trouble,
    scope: scopeOf(scope, user),
    waitingHelps,
    message: message(where, user ?? "this machine"),
    remedy: remedy(where, user ?? "this machine"),
  });
}

function scopeOf(scope: Cause["scope"], user: string | null): Scope {
  return scope !== "account" ? scope : user === null ? "profile" : "mailbox";
}

/** The failure for an error that a socket or a TLS handshake ended with. @param stands whether the connection, secure where it is to be, stood before */
export function socketFailure(error: unknown, endpoint: Endpoint, stands: boolean): Failure {
  const explain = stands ? connectionFailure : connectingFailure;
  const known = explain(error, { host: endpoint.host, port: endpoint.port, purpose: "outgoing mail" });
  return known ? new Failure({ ...known, scope: "profile", cause: error }) : smtpFailure("connection lost", endpoint, { cause: error });
}
