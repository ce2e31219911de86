import { once } from "node:events";
import { connect } from "node:net";
import type { z } from "zod";
import type { configurationSchema } from "../../../src/config.ts";
import { type BrokenServers, HOSTS } from "./servers.ts";

type ConfigurationInput = z.input<typeof configurationSchema>;
type ProfileInput = NonNullable<ConfigurationInput["serverProfiles"]>[number];
type MailboxInput = NonNullable<ConfigurationInput["mailboxes"]>[number];

/** One thing wrong in a set-up, and what a person reads about it. */
export interface Fault {
  readonly fault: string;
  /** The fault that it is by another protocol, and whose sentences it therefore has. */
  readonly sameAs?: string;
  /** The direction of the step that tells it. */
  readonly direction: "receive" | "send";
  /** The account; by default one of its own that is sound. */
  readonly account?: string;
  /** What is entered in the server profile instead of what is right. */
  readonly incoming?: Partial<NonNullable<ProfileInput["incoming"]>>;
  readonly outgoing?: Partial<NonNullable<ProfileInput["outgoing"]>>;
  readonly profile?: Partial<Omit<ProfileInput, "name" | "incoming" | "outgoing">>;
  readonly mailbox?: Partial<MailboxInput>;
  /** Done before the test, and undone by disposing of what it gives. */
  readonly prepare?: (account: string) => Promise<AsyncDisposable | undefined>;
  readonly code: string;
  readonly result?: "warning";
  readonly message: RegExp;
  readonly remedy: RegExp;
  readonly serverSaid?: RegExp;
}

/** Faults on the way to the outgoing server, and what it refuses. */
export function outgoingFaults({ postfix, dovecot, withoutUsers, ports, authorities }: BrokenServers): Fault[] {
  const { services } = postfix;
  const { smtp, smtps } = postfix.ports;
  const trusting = { certificateAuthorities: authorities } as const;
  const fault = (name: string, one: Omit<Fault, "fault" | "direction">): Fault => ({ ...one, fault: name, direction: "send" });
  return [
    fault("outgoing host misspelt", {
      outgoing: { host: "no-such-host.invalid" },
      code: "host unknown|name service not available",
      message: /No host called no-such-host\.invalid is known \(outgoing|gave no answer about no-such-host\.invalid \(outgoing/,
      remedy: /spelling of no-such-host|name servers/,
    }),
    fault("nobody listens for outgoing mail", {
      outgoing: { port: ports.closed },
      code: "connection refused",
      message: /refuses connections \(outgoing/,
      remedy: /is its port/,
    }),
    fault("outgoing port filtered", {
      outgoing: { port: ports.blackhole, timeoutSeconds: 1 },
      code: "connection timed out|no answer",
      message: /no sign of life \(outgoing/,
      remedy: /firewall/,
    }),
    fault("TLS to an outgoing port in clear", {
      outgoing: { security: "tls", port: smtp },
      code: "wrong security for the port",
      message: /speaks SMTP in clear at first/,
      remedy: /where SMTP begins with TLS/,
    }),
    fault("clear to an outgoing port of TLS", {
      outgoing: { security: "starttls", port: smtps },
      code: "TLS expected",
      message: /waits for TLS from the first byte.*SMTP/,
      remedy: /where SMTP begins in clear/,
    }),
    fault("outgoing port of IMAP", {
      outgoing: { port: dovecot.ports.imap },
      code: "another service",
      message: /speaks IMAP, and .* wants SMTP/,
      remedy: /reads IMAP and sends nothing.*587/,
    }),
    fault("outgoing port of a web server", {
      outgoing: { port: ports.web },
      code: "another service",
      message: /speaks HTTP, and .* wants SMTP/,
      remedy: /web server.*587/,
    }),
    fault("outgoing STARTTLS where there is none", {
      outgoing: { security: "starttls", port: services.noTls ?? 0 },
      code: "STARTTLS not offered",
      message: /does not offer STARTTLS for outgoing mail/,
      remedy: /465/,
    }),
    fault("outgoing authority unknown", {
      outgoing: { security: "tls", port: smtps },
      code: "certificate not trusted",
      message: /not signed by an authority .*outgoing/,
      remedy: /certificateAuthorities/,
    }),
    fault("outgoing certificate expired", {
      outgoing: { ...trusting, security: "tls", port: services.expired ?? 0 },
      code: "certificate expired",
      message: /has expired \(outgoing/,
      remedy: /renew its certificate \(outgoing/,
    }),
    fault("outgoing certificate for another host", {
      outgoing: { ...trusting, security: "tls", port: services.wrongName ?? 0 },
      code: "certificate for another name",
      message: /another name \(outgoing/,
      remedy: /host for outgoing mail by the name in its certificate/,
    }),
    fault("outgoing certificate self-signed", {
      outgoing: { ...trusting, security: "tls", port: services.selfSigned ?? 0 },
      code: "certificate self-signed",
      message: /nobody but itself \(outgoing/,
      remedy: /that very certificate.*outgoing/,
    }),
    fault("outgoing certificate not yet valid", {
      outgoing: { ...trusting, security: "tls", port: services.notYetValid ?? 0 },
      code: "certificate not yet valid",
      message: /later time on \(outgoing/,
      remedy: /clock of this machine first.*outgoing/,
    }),
    fault("outgoing certificate too weak", {
      outgoing: { ...trusting, security: "tls", port: services.tooWeak ?? 0 },
      code: "certificate too weak",
      message: /too weak to be trusted \(outgoing/,
      remedy: /\(outgoing mail\) with an RSA key of at least 2048 bits/,
    }),
    fault("certificate of the client wanted to send", {
      outgoing: { ...trusting, security: "tls", port: services.wantsCertificate ?? 0 },
      code: "client certificate required",
      message: /wants a certificate of this machine.*\(outgoing/,
      remedy: /without client certificates/,
    }),
    fault("no greeting of the outgoing server", {
      outgoing: { port: ports.silent, timeoutSeconds: 1 },
      code: "no greeting",
      message: /does not greet as a mail server/,
      remedy: /465 with TLS/,
    }),
    fault("TLS version too old", {
      outgoing: { ...trusting, security: "starttls", port: services.oldTls ?? 0 },
      code: "TLS version too old",
      message: /before 1\.2/,
      remedy: /switch TLS 1\.2 or 1\.3 on/,
    }),
    fault("outgoing password wrong", {
      outgoing: { authentication: "plain" },
      mailbox: { username: "somebody-unknown", incoming: false },
      code: "sign-in refused",
      message: /refuses the user name or password .* for outgoing mail/,
      remedy: /password again that sends mail/,
      serverSaid: /^535 5\.7\.8/,
    }),
    fault("outgoing list of users away", {
      outgoing: { authentication: "plain", port: withoutUsers.port },
      mailbox: { incoming: false },
      code: "sign-in not available",
      message: /cannot sign .* in at the moment \(outgoing/,
      remedy: /ask whether passwords are right/,
      serverSaid: /^4/,
    }),
    fault("sign-in not offered", {
      outgoing: { authentication: "plain", port: services.noTls ?? 0 },
      code: "sign-in not offered",
      message: /offers no sign-in at all/,
      remedy: /587.*"authentication: none"/,
    }),
    fault("outgoing mechanism not offered", {
      outgoing: { authentication: "login", port: services.plainOnly ?? 0 },
      code: "no common sign-in method",
      message: /no sign-in method for outgoing mail that the server profile allows/,
      remedy: /"authentication" of the outgoing server/,
      serverSaid: /^AUTH PLAIN$/,
    }),
    fault("encryption required", {
      outgoing: { port: services.tlsOnly ?? 0 },
      code: "encryption required",
      message: /takes mail or passwords only over an encrypted/,
      remedy: /STARTTLS or TLS/,
      serverSaid: /^530 5\.7\.0/,
    }),
    fault("sign-in required", {
      outgoing: { port: services.signedInOnly ?? 0 },
      code: "sign-in may be required",
      message: /does not say which; it may be that it sends only for users who signed in/,
      remedy: /Try a sign-in method/,
      serverSaid: /^554 5\.7\.1 .*Access denied/,
    }),
    fault("address of those who sign in", {
      outgoing: { port: services.ownSenders ?? 0 },
      code: "sign-in required",
      message: /takes mail from .* only of a user who signed in/,
      remedy: /Choose a sign-in method/,
      serverSaid: /^553 5\.7\.1 .*not logged in/,
    }),
    fault("machine in a blocklist", {
      outgoing: { port: services.blocklisted ?? 0 },
      code: "listed in a blocklist",
      message: /a blocklist names it/,
      remedy: /taken off the list/,
      serverSaid: /blocked using zen/,
    }),
    fault("machine not in SPF", {
      outgoing: { port: services.withoutSpf ?? 0 },
      code: "SPF failed",
      message: /does not name this machine .*SPF/,
      remedy: /SPF record/,
      serverSaid: /^550 5\.7\.23/,
    }),
    fault("mail that DMARC does not bear out", {
      outgoing: { port: services.withoutDmarc ?? 0 },
      code: "DMARC failed",
      message: /DMARC/,
      remedy: /SPF and sign with DKIM/,
      serverSaid: /^550 5\.7\.26/,
    }),
    fault("machine without a reverse name", {
      outgoing: { port: services.withoutReverseName ?? 0 },
      code: "reverse name missing",
      message: /no name for the network address of this machine/,
      remedy: /PTR record/,
      serverSaid: /^450 4\.7\.25 .*Client host rejected/,
    }),
    fault("name of the machine not taken", {
      outgoing: { port: services.badHelo ?? 0 },
      code: "HELO refused",
      message: /name by which this machine greets it/,
      remedy: /full host name/,
      serverSaid: /^504 5\.5\.2 .*Helo command rejected/,
    }),
    fault("machine not allowed to send", {
      outgoing: { port: services.noClients ?? 0 },
      code: "client refused",
      message: /rule against mail from this machine/,
      remedy: /address allowed at the server/,
      serverSaid: /^554 5\.7\.1 .*Client host rejected/,
    }),
    fault("sender refused by a rule", {
      outgoing: { port: services.refusedSender ?? 0 },
      code: "sender refused",
      message: /has a rule against mail from [^ ]+\.$/,
      remedy: /check_sender_access/,
      serverSaid: /^554 5\.7\.1 .*Sender address rejected: Access denied/,
    }),
    fault("content refused before it is sent", {
      outgoing: { port: services.badContent ?? 0 },
      ...{ sameAs: "content refused", code: "content refused" },
      message: /by its policy or spam filter/,
      remedy: /which rule refused it/,
      serverSaid: /^550 5\.7\.1 .*content rejected/,
    }),
    fault("machine not served", {
      outgoing: { port: services.strangers ?? 0 },
      code: "service refused",
      message: /does not serve this machine/,
      remedy: /this machine's address/,
      serverSaid: /Client host rejected/,
    }),
    fault("too many connections to the outgoing server", {
      outgoing: { port: services.oneAtATime ?? 0 },
      prepare: async () => await heldOpen(services.oneAtATime ?? 0),
      code: "too many connections",
      message: /has too many connections open/,
      remedy: /[Ll]ower the connections/,
      serverSaid: /^421 4\.7\.0/,
    }),
    fault("address of somebody else", {
      outgoing: { authentication: "plain", port: services.ownSenders ?? 0 },
      code: "sender not permitted",
      message: /does not let \S+ send as/,
      remedy: /[Gg]ive whoever sends the right to send as/,
      serverSaid: /^553 5\.7\.1 .*not owned by user/,
    }),
    fault("relaying denied", {
      outgoing: { port: services.noRelay ?? 0 },
      mailbox: { address: "abroad@foreign.test" },
      code: "relaying denied",
      message: /neither holds the mailbox nor passes mail on/,
      remedy: /allowed to relay/,
      serverSaid: /^[45]54 .*Relay access denied/,
    }),
    fault("address unknown to the server", {
      outgoing: { port: services.unknown ?? 0 },
      code: "address unknown",
      message: /knows no mailbox/,
      remedy: /spelling of/,
      serverSaid: /^550 5\.1\.1/,
    }),
    fault("address of the sender unknown to the server", {
      outgoing: { port: services.unlistedSender ?? 0 },
      ...{ sameAs: "address unknown to the server", code: "address unknown" },
      message: /knows no mailbox/,
      remedy: /spelling of/,
      serverSaid: /^550 5\.1\.0 .*Sender address rejected: User unknown/,
    }),
    fault("detail address not taken", {
      outgoing: { port: services.noDetails ?? 0 },
      mailbox: { address: "sound+crm@example.test" },
      code: "detail address unknown",
      message: /does not take mail to .*detail behind the "\+"/,
      remedy: /recipient delimiter.*or enter the address as sound@example\.test/,
      serverSaid: /^550 5\.1\.1 .*User unknown/,
    }),
    fault("domain of the sender unknown", {
      outgoing: { port: services.unknownDomain ?? 0 },
      code: "sender domain unknown",
      message: /finds no domain example\.test/,
      remedy: /name servers know it/,
      serverSaid: /^550 5\.1\.8/,
    }),
    fault("greylisting", {
      outgoing: { port: services.greylisting ?? 0 },
      code: "put off",
      message: /puts the message .* off/,
      remedy: /again in some minutes.*greylisting/,
      serverSaid: /^450 4\.7\.1/,
    }),
    fault("mailbox full", {
      outgoing: { port: services.overQuota ?? 0 },
      code: "mailbox full",
      message: /it is full/,
      remedy: /raise its quota/,
      serverSaid: /^552 5\.2\.2/,
    }),
  ];
}

/** Faults that only a message shows, which leaves and does not come back as it should. */
export function faultsBothWays({ postfix, bareDovecot }: BrokenServers): Fault[] {
  const { services } = postfix;
  const through = (name: string) => ({ outgoing: { port: services[name] ?? 0 } });
  return [
    {
      ...{ fault: "size limit too small", direction: "send", ...through("small"), code: "message too large" },
      ...{ message: /even a message of some hundred bytes/, remedy: /Raise the largest message/ },
    },
    {
      ...{ fault: "content refused", direction: "send", ...through("spam"), code: "content refused" },
      ...{ message: /by its policy or spam filter/, remedy: /which rule refused it/, serverSaid: /^550 5\.7\.1 .*looks like spam/ },
    },
    {
      ...{ fault: "no folder for sent mail", direction: "send", code: "no folder for sent mail", result: "warning" },
      incoming: { host: HOSTS.good, port: bareDovecot.ports.imap },
      ...{ message: /no folder that the server marks/, remedy: /special use \\Sent/ },
    },
    {
      ...{ fault: "no right to file the sent copy", direction: "send", code: "sent copy: no right", result: "warning" },
      account: "uncopied",
      ...{ message: /no copy can be filed in Sent: .* does not allow/, remedy: /right to add messages/ },
    },
    {
      ...{ fault: "mailbox too full for the sent copy", direction: "send", code: "sent copy: mailbox full", result: "warning" },
      account: "packed",
      ...{ message: /no copy can be filed in Sent: .* is full/, remedy: /[Mm]ake room/ },
    },
    {
      ...{ fault: "mailbox too full to be delivered to", direction: "receive", account: "brimful", code: "test message without room" },
      ...{ message: /did not arrive in .*, which is full/, remedy: /raise its quota, then run the check again/ },
    },
    {
      ...{ fault: "server that only queues", direction: "receive", ...through("hold"), code: "test message not arrived" },
      ...{ message: /took the test message, and it did not arrive in .* within 2 s/, remedy: /log and queue for the Message-ID.*--wait/ },
    },
    {
      ...{ fault: "alias of another mailbox", direction: "receive", account: "redirected", ...through("redirected") },
      ...{ code: "test message in another mailbox", message: /arrived in the mailbox innocent@/, remedy: /further address/ },
    },
    {
      ...{
        fault: "taken for junk",
        direction: "receive",
        account: "junked",
        ...through("junked"),
        code: "test message in Junk",
        result: "warning",
      },
      ...{ message: /folder "Junk"/, remedy: /spam filter/ },
    },
    {
      ...{ fault: "sent back as undeliverable", direction: "send", account: "lost", ...through("lost"), code: "test message bounced" },
      ...{
        message: /sent it back to/,
        remedy: /alias, a forwarding or a routing rule/,
        serverSaid: /550 5\.1\.1 <nobody-here@example\.test>/,
      },
    },
    {
      ...{ fault: "Message-ID rewritten", direction: "receive", ...through("rewriting"), code: "Message-ID rewritten", result: "warning" },
      ...{ message: /left as <.*> and arrived as <rewritten@gateway\.test>/, remedy: /keep the Message-ID/ },
    },
  ];
}

/** A connection that stays open. */
async function heldOpen(port: number): Promise<AsyncDisposable> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "data");
  return {
    async [Symbol.asyncDispose]() {
      const closed = once(socket, "close");
      socket.destroy();
      await closed;
    },
  };
}
