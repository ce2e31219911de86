import type { SyncServer } from "../../model/server-side-sync.ts";
import type { DraftServer, DraftServiceAccount, MailboxSignIn } from "./draft.ts";
import { hostOf, usableUsername } from "./foreign-text.ts";
import type { ConvertedProfile, ProfileQuestion } from "./profile-question.ts";

/** Ports on which the connection begins in clear and is protected by a command. */
const PORTS_IN_CLEAR: readonly number[] = [25, 110, 143, 587];

/** A profile of POP3 or IMAP servers and SMTP: the same servers, with the same sign-in where Waypost has it. */
export function convertMailServers(question: ProfileQuestion): ConvertedProfile | null {
  const { name, note } = question;
  const incoming = incomingServer(question);
  const outgoing = outgoingServer(question);
  if (incoming === null && outgoing === null) {
    note(
      "left out",
      "It names no server that could be connected to.",
      `Find the servers with \`waypost discover\`, write a server profile named ${name}, and import again.`,
    );
    return null;
  }
  const signIn = signInOf(question);
  const servers = { ...(incoming !== null && { incoming }), ...(outgoing !== null && { outgoing }) };
  const account = outgoing === null || outgoing.authentication === "none" ? null : accountFor(question, signIn);
  const isShared = signIn.kind === "shared" && question.mailboxes.length > 1;
  if (isShared)
    note(
      "to do",
      `Dynamics opens its ${question.mailboxes.length} mailboxes with the one user name ${signIn.username}: a mail server shows that user's own mailbox to whoever signs in so. They are inactive here.`,
      "Say how one account reads all of them (docs/service-account.md), or enter the user name and password of each; then remove `active: false`.",
    );
  return {
    draft: { name, ...servers, ...(account !== null && { serviceAccount: account }) },
    signIn,
    ...(isShared && { uncertain: "one user name for several mailboxes" }),
  };
}

function incomingServer({ profile, note }: ProfileQuestion): DraftServer | null {
  const { incoming } = profile;
  const host = hostOf(incoming.location) ?? hostOf(profile.defaultLocation);
  if (host === null) return null;
  if (!incoming.tls) warnClear(note, "incoming", host);
  const protocol = profile.serverType === "pop3" ? "pop3" : "imap";
  return { protocol, host, ...portAndSecurity(incoming, "tls"), ...timeout(profile.timeoutMilliseconds) };
}

function outgoingServer({ profile, note }: ProfileQuestion): DraftServer | null {
  const { outgoing, incoming } = profile;
  const same = profile.outgoingAsIncoming ? hostOf(incoming.location) : null;
  const host = hostOf(outgoing.location) ?? same ?? hostOf(profile.defaultLocation);
  if (host === null) return null;
  if (!outgoing.tls) warnClear(note, "outgoing", host);
  return {
    host,
    ...portAndSecurity(outgoing, "starttls"),
    ...(outgoing.credentials === "none" && { authentication: "none" as const }),
    ...timeout(profile.timeoutMilliseconds),
  };
}

/** Dynamics says only whether TLS is used; whether from the first byte, the port tells. `usual`: where it names no port. */
function portAndSecurity({ port, tls }: SyncServer, usual: "tls" | "starttls"): Pick<DraftServer, "port" | "security"> {
  const known = port !== null && Number.isInteger(port) && port >= 1 && port <= 65_535 ? { port } : {};
  if (!tls) return { ...known, security: "none" };
  if (known.port === undefined) return { security: usual };
  return { ...known, security: PORTS_IN_CLEAR.includes(known.port) ? "starttls" : "tls" };
}

function timeout(milliseconds: number | null): Pick<DraftServer, "timeoutSeconds"> {
  if (milliseconds === null || !(milliseconds > 0)) return {};
  return { timeoutSeconds: Math.min(Math.max(Math.ceil(milliseconds / 1000), 1), 3600) };
}

function warnClear(note: ProfileQuestion["note"], direction: string, host: string): void {
  note(
    "to do",
    `Dynamics reaches ${host} for ${direction} mail without TLS: passwords and mail cross the network in clear text.`,
    `Set ${direction}.security to tls or starttls if the server has it, and correct the port.`,
  );
}

function signInOf({ profile, name, secrets, note }: ProfileQuestion): MailboxSignIn {
  const { credentials, username } = profile.incoming;
  if (credentials === "user or queue") return { kind: "own", alias: false };
  const shared = credentials === "profile" ? usableUsername(username) : null;
  if (shared !== null)
    return { kind: "shared", username: shared, password: secrets.need(name, `the password of ${shared}, of the server profile ${name}`) };
  note(
    "otherwise",
    `How Dynamics signs in for incoming mail (${credentials ?? "unknown"}) is not possible by POP3 or IMAP here; each mailbox signs in with a password of its own.`,
  );
  return { kind: "own", alias: false };
}

/** Who sends for all mailboxes, where Dynamics has a user name in the profile for that and it is not the one that reads. */
function accountFor({ profile, name, secrets, note }: ProfileQuestion, signIn: MailboxSignIn): DraftServiceAccount | null {
  const { credentials, username } = profile.outgoing;
  if (profile.outgoingAsIncoming || credentials === "user or queue" || credentials === "none") return null;
  const account = credentials === "profile" ? usableUsername(username) : null;
  if (account === null) {
    note(
      "otherwise",
      `How Dynamics signs in for outgoing mail (${credentials ?? "unknown"}) is not possible by SMTP here; each mailbox sends with its own password.`,
    );
    return null;
  }
  if (signIn.kind === "shared" && signIn.username === account) return null;
  const password = secrets.need(`${name} outgoing`, `the password of ${account}, which sends for the server profile ${name}`);
  return { username: account, password, outgoing: "itself" };
}
