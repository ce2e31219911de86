import type { Scope } from "../../model/failure.ts";

/** What a trouble means: for whom, whether waiting helps, and what a person is told. */
export interface Cause {
  readonly scope: Scope;
  readonly waitingHelps: boolean;
  readonly message: (where: string, what: string) => string;
  readonly remedy: (where: string, what: string) => string;
  /** Where one folder may have it alone: what is told then, while others are read. */
  readonly ofFolder?: Pick<Cause, "message" | "remedy">;
}

const WAIT = () => "Nothing: Waypost tries again by itself. Look into the server's log if it lasts.";

const FOLDER_WAITS = (where: string) =>
  `Nothing, if it passes: Waypost tries again by itself, and reads the other folders meanwhile. If it lasts, the log of ${where} says what is wrong with this one.`;

/** `where` is host:port, `what` the mailbox, the folder or the message. */
export const CAUSES = {
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
    ofFolder: {
      message: (where, what) => `${where} ends the connection when it is asked for ${what}.`,
      remedy: FOLDER_WAITS,
    },
  },
  "certificate authorities not readable": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `The certificate authorities entered for ${where} (incoming mail) are no PEM certificates.`,
    remedy: () =>
      "Run `waypost config check`, which says what the file holds, and enter certificates that begin with -----BEGIN CERTIFICATE-----.",
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
  "client certificate required": {
    scope: "profile",
    waitingHelps: false,
    message: (where) =>
      `${where} lets in only machines that show a certificate of their own, and Waypost has none to show (incoming mail).`,
    remedy: () =>
      "Ask who runs it for a port or a rule without client certificates for incoming mail; the password is asked for all the same.",
  },
  "limit reached": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} has a limit that ${who} has reached; its words say which.`,
    remedy: () => "Have that limit raised by the mail administrator, or wait until it counts anew: Waypost tries again by itself.",
    ofFolder: {
      message: (where, what) => `${where} has a limit that ${what} has reached; its words say which.`,
      remedy: () =>
        "Have that limit raised by the mail administrator: Waypost tries again by itself, and reads the other folders meanwhile.",
    },
  },
  "mailbox in use": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `Something else holds ${who} on ${where} locked: another program, a backup, or a rebuild of its index.`,
    remedy: () => "Nothing, if it passes. If it lasts, have the mail administrator look for who holds the lock.",
    ofFolder: {
      message: (where, what) => `Something else holds ${what} on ${where} locked: another program, a backup, or a rebuild of its index.`,
      remedy: () =>
        "Nothing, if it passes: the other folders are read meanwhile. If it lasts, have the mail administrator look for who holds the lock.",
    },
  },
  "mailbox unavailable": {
    scope: "mailbox",
    waitingHelps: true,
    message: (where, who) => `${where} cannot open ${who} at the moment.`,
    remedy: WAIT,
    ofFolder: { message: (where, what) => `${where} cannot open ${what} at the moment.`, remedy: FOLDER_WAITS },
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
    ofFolder: { message: (where, what) => `${where} hangs up when it is asked for ${what}.`, remedy: FOLDER_WAITS },
  },
  "answer too large": {
    scope: "mailbox",
    waitingHelps: false,
    message: (where, who) =>
      `${where} sends far more than it was asked for, or comes to no end, while ${who} is being read; the connection was given up.`,
    remedy: (where) => `Ask who runs ${where}; a security gateway in between may be the cause.`,
  },
  "answer without end": {
    scope: "folder",
    waitingHelps: false,
    message: (where, what) =>
      `${where} sends far more than it was asked for about ${what}, or comes to no end; the connection was given up.`,
    remedy: (where) =>
      `Ask who runs ${where} to look at this folder: its index may be damaged, or a security gateway in between the cause. The other folders are read meanwhile.`,
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
  "server fault": {
    scope: "folder",
    waitingHelps: true,
    message: (where, what) => `${where} reports a fault of its own at a request about ${what}.`,
    remedy: (where) => `Nothing, if it passes: Waypost tries again by itself. If it lasts, the log of ${where} says what is broken.`,
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
  "message not deleted": {
    scope: "folder",
    waitingHelps: true,
    message: (where, what) => `${where} does not refuse to delete messages of ${what}, and leaves them there.`,
    remedy: (where) => `If it lasts, ask who runs ${where} whether the account may delete in this folder.`,
  },
  "expunge not possible": {
    scope: "profile",
    waitingHelps: false,
    message: (where) => `${where} cannot delete a single message (no UIDPLUS), so Waypost does not delete there.`,
    remedy: () => "Switch deleting or moving off for this mailbox.",
  },
} as const satisfies Record<string, Cause>;
