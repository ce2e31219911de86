import type { Dovecot } from "../../servers/dovecot.ts";
import type { Fault } from "./faults.ts";
import { type BrokenServers, FEW, HOSTS, UNKNOWABLE } from "./servers.ts";

/** Faults on the way to the incoming server and inside it. */
export function incomingFaults({
  dovecot,
  bareDovecot,
  tokenDovecot,
  certificateDovecot,
  troubled,
  pop3: oddPop3,
  withoutInbox,
  withoutUidplus,
  postfix,
  ports,
  authorities,
  passwordFile,
  masterPasswordFile,
}: BrokenServers): Fault[] {
  const { imap, imaps, pop3 } = dovecot.ports;
  const trusting = { security: "tls", port: imaps, certificateAuthorities: authorities } as const;
  const fault = (name: string, one: Omit<Fault, "fault" | "direction">): Fault => ({ ...one, fault: name, direction: "receive" });
  return [
    fault("host misspelt", {
      incoming: { host: "no-such-host.invalid" },
      code: "host unknown|name service not available",
      message: /No host called no-such-host\.invalid is known|gave no answer about no-such-host/,
      remedy: /spelling of no-such-host|name servers/,
    }),
    fault("nobody listens", {
      incoming: { port: ports.closed },
      code: "connection refused",
      message: /refuses connections \(incoming/,
      remedy: /is its port/,
    }),
    fault("port filtered", {
      incoming: { port: ports.blackhole, timeoutSeconds: 1 },
      code: "connection timed out",
      message: /no sign of life \(incoming/,
      remedy: /firewall/,
    }),
    fault("TLS to a port in clear", {
      incoming: { security: "tls", port: imap },
      code: "wrong security for the port",
      message: /speaks IMAP in clear at first/,
      remedy: /security: starttls/,
    }),
    fault("clear to a port of TLS", {
      incoming: { security: "starttls", port: imaps },
      code: "TLS expected",
      message: /waits for TLS from the first byte.*IMAP/,
      remedy: /security: tls/,
    }),
    fault("port of SMTP", {
      incoming: { port: postfix.ports.smtp },
      code: "another service",
      message: /speaks SMTP, and the server profile wants IMAP/,
      remedy: /sends and hands out nothing/,
      serverSaid: /^220 .*ESMTP/,
    }),
    fault("port of POP3", {
      incoming: { port: pop3 },
      code: "another service",
      message: /speaks POP3, and .* wants IMAP/,
      remedy: /protocol: pop3/,
    }),
    fault("port of a web server", {
      incoming: { port: ports.web },
      code: "another service",
      message: /speaks HTTP, and .* wants IMAP/,
      remedy: /web server/,
    }),
    fault("STARTTLS where there is none", {
      incoming: { security: "starttls", port: bareDovecot.ports.imap },
      code: "STARTTLS not offered",
      message: /does not offer STARTTLS for incoming mail/,
      remedy: /993/,
    }),
    fault("authority unknown", {
      incoming: { security: "tls", port: imaps },
      code: "certificate not trusted",
      message: /not signed by an authority .*incoming/,
      remedy: /certificateAuthorities/,
    }),
    fault("certificate self-signed", {
      incoming: { ...trusting, host: HOSTS.selfSigned },
      code: "certificate self-signed",
      message: /signed by nobody but itself \(incoming/,
      remedy: /that very certificate/,
    }),
    fault("certificate expired", {
      incoming: { ...trusting, host: HOSTS.expired },
      code: "certificate expired",
      message: /has expired \(incoming/,
      remedy: /renew/,
    }),
    fault("certificate not yet valid", {
      incoming: { ...trusting, host: HOSTS.notYetValid },
      code: "certificate not yet valid",
      message: /valid only from a later time on \(incoming/,
      remedy: /clock of this machine first/,
    }),
    fault("certificate too weak", {
      incoming: { ...trusting, host: HOSTS.tooWeak },
      code: "certificate too weak",
      message: /too weak to be trusted \(incoming/,
      remedy: /\(incoming mail\) with an RSA key of at least 2048 bits/,
    }),
    fault("certificate too weak after STARTTLS", {
      incoming: { ...trusting, host: HOSTS.tooWeak, security: "starttls", port: imap },
      ...{ sameAs: "certificate too weak", code: "certificate too weak" },
      message: /too weak to be trusted \(incoming/,
      remedy: /\(incoming mail\) with an RSA key of at least 2048 bits/,
    }),
    fault("POP3 certificate too weak", {
      incoming: { ...trusting, protocol: "pop3", host: HOSTS.tooWeak, port: dovecot.ports.pop3s },
      ...{ sameAs: "certificate too weak", code: "certificate too weak" },
      message: /too weak to be trusted \(incoming/,
      remedy: /\(incoming mail\) with an RSA key of at least 2048 bits/,
    }),
    fault("certificate of the client wanted", {
      incoming: { ...trusting, port: certificateDovecot.ports.imaps },
      code: "client certificate required",
      message: /certificate of their own.*\(incoming/,
      remedy: /without client certificates for incoming mail/,
      serverSaid: /certificate/,
    }),
    fault("no greeting ever comes", {
      incoming: { port: ports.silent, timeoutSeconds: 1 },
      code: "no greeting",
      message: /does not greet as an IMAP server/,
      remedy: /993 with TLS/,
    }),
    fault("certificate for another host", {
      incoming: { ...trusting, host: HOSTS.wrongName },
      code: "certificate for another name",
      message: /made out to another name \(incoming/,
      remedy: /name in its certificate/,
    }),
    fault("password wrong", {
      incoming: trusting,
      mailbox: { username: "somebody-unknown" },
      code: "sign-in refused",
      message: /refuses the user name or password .* for incoming mail/,
      remedy: /application password/,
      serverSaid: /Authentication failed/,
    }),
    fault("account disabled", {
      account: "disabled",
      code: "account disabled",
      message: /account is disabled or needs the mail administrator/,
      remedy: /enabled for IMAP/,
    }),
    fault("list of users away", {
      mailbox: { username: UNKNOWABLE },
      code: "sign-in not available",
      message: /cannot sign .* in at the moment \(incoming/,
      remedy: /list of users/,
      serverSaid: /[Tt]emporary/,
    }),
    fault("too many connections of the user", {
      incoming: { port: bareDovecot.ports.imap },
      prepare: (account) => signedInHeld(bareDovecot, account),
      code: "too many connections",
      message: /too many connections of .* open/,
      remedy: /limit per user/,
    }),
    fault("password in clear not taken", {
      incoming: { host: HOSTS.expired, port: bareDovecot.ports.imap },
      code: "encryption required",
      message: /takes passwords for incoming mail only over an encrypted/,
      remedy: /993/,
    }),
    fault("only access tokens", {
      incoming: { ...trusting, port: tokenDovecot.ports.imaps },
      code: "only access tokens",
      message: /takes no passwords for incoming mail/,
      remedy: /waypost authorize/,
    }),
    fault("variable of the password not set", {
      mailbox: { password: { env: "WAYPOST_TEST_NEVER_SET" } },
      code: "secret missing",
      message: /environment variable WAYPOST_TEST_NEVER_SET is not set/,
      remedy: /Set WAYPOST_TEST_NEVER_SET/,
    }),
    fault("file of the password missing", {
      mailbox: { password: { file: "/nonexistent/password" } },
      code: "secret missing",
      message: /file \/nonexistent\/password cannot be read/,
      remedy: /Create the file/,
    }),
    fault("password of the service account wrong", {
      profile: { serviceAccount: { username: "router", password: { file: authorities }, incoming: "masterUser" } },
      code: "service account refused",
      message: /refuses the user name or password of the service account router/,
      remedy: /master user or an administrator/,
    }),
    fault("service account for a user whom the server does not know", {
      profile: { serviceAccount: { username: "router", password: { file: masterPasswordFile }, incoming: "masterUser" } },
      mailbox: { username: "nobody-here" },
      code: "service account not allowed",
      message: /does not let the service account/,
      remedy: /may act for this user/,
    }),
    fault("nothing shared with the service account", {
      profile: { serviceAccount: { username: "innocent", password: { file: passwordFile }, incoming: "sharedFolders" } },
      code: "no folders of other users|nothing shared|mailbox not shared",
      message: /./,
      remedy: /granted to the service account/,
    }),
    fault("no inbox behind the account", {
      incoming: { port: withoutInbox.port },
      code: "inbox missing",
      message: /has no inbox/,
      remedy: /no mailbox behind it/,
      serverSaid: /doesn't exist/,
    }),
    fault("limit of the account reached", {
      incoming: { port: troubled.limited.port },
      code: "limit reached",
      message: /has a limit that .* has reached/,
      remedy: /limit raised/,
      serverSaid: /Daily limit/,
    }),
    fault("mailbox locked", {
      incoming: { port: troubled.locked.port },
      code: "mailbox in use",
      message: /holds .* locked/,
      remedy: /who holds the lock/,
      serverSaid: /waiting for lock/,
    }),
    fault("message store away", {
      incoming: { port: troubled.away.port },
      code: "mailbox unavailable",
      message: /cannot open .* at the moment/,
      remedy: /tries again by itself/,
      serverSaid: /store is down/,
    }),
    fault("quota used up", {
      account: "tight",
      prepare: async (account) => void (await dovecot.append(account, "INBOX", `Subject: much\r\n\r\n${"x".repeat(99 * 1024)}\r\n`)),
      code: "mailbox full",
      result: "warning",
      message: /has used .* MB of its quota/,
      remedy: /archive messages there, or have the quota raised/,
    }),
    fault("POP3 by the port of IMAP", {
      incoming: { protocol: "pop3", port: imap },
      code: "another service",
      message: /speaks IMAP, and .* wants POP3/,
      remedy: /protocol: imap/,
    }),
    fault("POP3 password wrong", {
      incoming: { ...trusting, protocol: "pop3", port: dovecot.ports.pop3s },
      mailbox: { username: "somebody-unknown" },
      code: "sign-in refused",
      message: /refuses the user name or password of [^ ]+\.$/,
      remedy: /password of the mailbox again/,
      serverSaid: /Authentication failed/,
    }),
    fault("POP3 without STARTTLS", {
      incoming: { protocol: "pop3", security: "starttls", port: bareDovecot.ports.pop3 },
      code: "STARTTLS not offered",
      message: /does not offer STARTTLS \(STLS\)/,
      remedy: /995/,
    }),
    fault("POP3 password in clear not taken", {
      incoming: { protocol: "pop3", host: HOSTS.expired, port: bareDovecot.ports.pop3 },
      code: "no common sign-in method",
      message: /offers no sign-in method that the server profile allows/,
      remedy: /many offer one only over TLS/,
    }),
    fault("POP3 mailbox read by another program", {
      incoming: { protocol: "pop3", port: oddPop3.inUse.port },
      code: "mailbox in use",
      message: /Another program is reading/,
      remedy: /less often, by IMAP/,
      serverSaid: /locked by another session/,
    }),
    fault("POP3 asked too soon", {
      incoming: { protocol: "pop3", port: oddPop3.tooSoon.port },
      code: "sign-in too soon",
      message: /sign in again so soon/,
      remedy: /raise pullSeconds/,
    }),
    fault("POP3 not enabled for the account", {
      incoming: { protocol: "pop3", port: oddPop3.disabled.port },
      code: "POP3 not enabled",
      message: /be read by POP3/,
      remedy: /POP3 switched on for this mailbox/,
      serverSaid: /not enabled for POP/,
    }),
    fault("POP3 account disabled", {
      account: "stopped",
      incoming: { protocol: "pop3", port: pop3 },
      code: "account disabled",
      message: /in by POP3: the account is disabled or locked/,
      remedy: /enabled for POP3, or its lock lifted/,
      serverSaid: /Account_disabled/,
    }),
    fault("POP3 account locked after wrong passwords", {
      incoming: { protocol: "pop3", port: oddPop3.lockedOut.port },
      ...{ sameAs: "POP3 account disabled", code: "account disabled" },
      message: /in by POP3: the account is disabled or locked/,
      remedy: /enabled for POP3, or its lock lifted/,
      serverSaid: /too many failed logins/,
    }),
    fault("POP3 password expired", {
      incoming: { protocol: "pop3", port: oddPop3.expired.port },
      code: "password expired",
      message: /password of .* has expired .*POP3/,
      remedy: /changed at the mail system/,
      serverSaid: /Password expired/,
    }),
    fault("password expired", {
      incoming: { port: troubled.expired.port },
      code: "password expired",
      message: /password of .* has expired on [^ ]+\.$/,
      remedy: /changed at the mail system, then enter the new one\.$/,
      serverSaid: /Password expired/,
    }),
    fault("no right to read the inbox", {
      account: "unreadable",
      code: "no right",
      message: /does not allow access to the folder INBOX/,
      remedy: /right to read the folder/,
    }),
    fault("no right to delete what is processed", {
      account: "undeletable",
      mailbox: { deleteAfterProcessing: true },
      ...{ code: "deleting: no right", result: "warning" },
      message:
        /cannot be deleted from the mailbox then: .*only the rights "[^"]*t[^"]*" there.* INBOX\/Later .*only the rights "[^"]*e[^"]*" there/,
      remedy:
        /the right e \(expunge\) for .* granted on the folder INBOX .*the right t \(mark as deleted\) for .* granted on the folder INBOX\/Later /,
    }),
    fault("single messages cannot be deleted", {
      incoming: { port: withoutUidplus.port },
      mailbox: { deleteAfterProcessing: true },
      ...{ code: "deleting: expunge not possible", result: "warning" },
      message: /cannot be deleted from the mailbox then: .*no UIDPLUS/,
      remedy: /Switch deleting or moving off/,
    }),
  ];
}

/** As many connections of the user as the server takes stay open. */
async function signedInHeld(dovecot: Dovecot, account: string): Promise<AsyncDisposable> {
  const done = Promise.withResolvers<void>();
  const holding = Array.from({ length: FEW }, () => {
    const signedIn = Promise.withResolvers<void>();
    const ended = dovecot.withImap(account, async () => {
      signedIn.resolve();
      await done.promise;
    });
    return { signedIn: signedIn.promise, ended };
  });
  await Promise.all(holding.map((one) => one.signedIn));
  return {
    async [Symbol.asyncDispose]() {
      done.resolve();
      await Promise.all(holding.map((one) => one.ended));
    },
  };
}
