import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Configuration, parseConfiguration } from "../../config.ts";
import type { ServerSideSync, Takeover } from "../../model/server-side-sync.ts";
import { takeOver } from "./take-over.ts";
import { ANN, mailboxRow, organizationRows, profileRow, SERVER, SUPPORT } from "./test-data.ts";
import { addedTo } from "./yaml.ts";

const ORGANIZATION =
  'organizations: [{ name: Contoso, kind: dataverse, url: "https://contoso.crm4.dynamics.com", windows: { username: waypost, password: { env: CRM } } }]\n';

interface Taken extends Takeover {
  readonly configuration: Configuration;
}

function taken(given: Partial<ServerSideSync> = {}, before = ORGANIZATION): Taken {
  const takeover = takeOver(organizationRows(given), {
    organization: "Contoso",
    configuration: parseConfiguration(before, "waypost.yaml"),
  });
  const text = takeover.yaml === "" ? before : addedTo(before, takeover.yaml);
  return { ...takeover, configuration: parseConfiguration(text, "/etc/waypost/waypost.yaml") };
}

function told({ notes }: Takeover): string[] {
  return notes.map(({ kind, name, because }) => `${kind}: ${name}: ${because}`);
}

describe("what server-side synchronization does becomes configuration", () => {
  test("a mailbox of IMAP and SMTP servers, read from where Dynamics stands", () => {
    const { yaml, secrets } = taken();
    assert.equal(
      yaml,
      `serverProfiles:
  - name: Company mail
    incoming: { protocol: imap, host: imap.contoso.com, port: 993, security: tls }
    outgoing: { host: smtp.contoso.com, port: 587, security: starttls }
    maxConcurrentConnections: 10
mailboxes:
  - address: ann@contoso.com
    organization: Contoso
    profile: Company mail
    user: ann@contoso.com
    password: { file: secrets/ann@contoso.com }
    readFrom: 2026-11-20T08:00:00.000Z
`,
    );
    assert.deepEqual(secrets, [{ file: "secrets/ann@contoso.com", what: "the password of ann@contoso.com" }]);
  });

  test("of two moments the later one counts, as in Dynamics", () => {
    const later = new Date("2026-11-25T00:00:00Z");
    const { configuration } = taken({ profiles: [profileRow({ readFrom: later })] });
    assert.equal(configuration.mailboxes[0]?.readFrom, later.toISOString());
  });

  test("a mailbox that says nothing goes on from an hour before its last synchronization, where Dynamics read it at all", () => {
    const readFrom = (given: Parameters<typeof mailboxRow>[0], profile: Parameters<typeof profileRow>[0] = {}) =>
      taken({ mailboxes: [mailboxRow({ readFrom: null, ...given })], profiles: [profileRow(profile)] }).configuration.mailboxes[0]
        ?.readFrom;
    const [old, later] = [new Date("2019-01-01T00:00:00Z"), new Date("2026-11-25T00:00:00Z")];
    assert.equal(readFrom({}), "2026-11-20T07:00:00.000Z");
    assert.equal(readFrom({}, { readFrom: old }), "2026-11-20T07:00:00.000Z", "what Dynamics did not want since then is no news");
    assert.equal(readFrom({}, { readFrom: later }), later.toISOString());
    assert.equal(readFrom({ readFrom: later }), later.toISOString());
    assert.equal(readFrom({ enabledForIncoming: false }), undefined);
    assert.equal(readFrom({ lastSync: null }), undefined);
  });

  test("users and queues stay in Dynamics: their filters are told, and what keeps a mailbox from being known as theirs", () => {
    const twin = { ...ANN, id: "u2", name: "Ann Lee (old)", address: "ANN@contoso.com", filter: null };
    const gone = { ...twin, id: "u3", active: false };
    const told = ({ notes, mailboxes }: Takeover) => [
      mailboxes.map(({ filter }) => filter),
      notes.filter(({ about }) => about === "user" || about === "queue").map(({ kind, name }) => `${kind}: ${name}`),
    ];
    assert.deepEqual(told(taken({ queues: [] })), [["answers to CRM email"], []]);
    assert.deepEqual(told(taken({ users: [ANN, gone], queues: [] })), [["answers to CRM email"], []]);
    assert.deepEqual(told(taken({ users: [ANN, twin] })), [
      ["answers to CRM email"],
      ["to do: Ann Lee", "left out: Ann Lee (old)", "to do: Ann Lee (old)", "left out: Support"],
    ]);
  });

  test("a queue's mailbox with its user name, deleting what is processed; a user's never does", () => {
    const queue = {
      owner: { type: "queue", id: SUPPORT.id },
      address: SUPPORT.address,
      deletesProcessed: true,
      username: "CONTOSO\\support",
    } as const;
    const result = taken({ mailboxes: [mailboxRow({ deletesProcessed: true }), mailboxRow({ ...queue, id: "m2", name: "Support" })] });
    const [ann, support] = result.configuration.mailboxes;
    assert.equal(ann?.deleteAfterProcessing, false);
    assert.deepEqual(
      [support?.queue, support?.username, support?.deleteAfterProcessing, support?.outgoing],
      ["support@contoso.com", "CONTOSO\\support", true, undefined],
    );
    assert.match(told(result).join("\n"), /otherwise: Ann Lee: .*8005E233/);
  });

  test("a forward mailbox stays inactive until somebody says what proves a forwarder, and users' mail is read there", () => {
    const sink = mailboxRow({ id: "m2", name: "Sink", address: "crm@contoso.com", owner: null, forward: true, outgoing: "none" });
    const result = taken({ mailboxes: [mailboxRow({ incoming: "forward mailbox" }), sink] });
    const [ann, forward] = result.configuration.mailboxes;
    assert.equal(ann?.incoming, "forward mailbox");
    assert.deepEqual([forward?.forward, forward?.active, forward?.trust?.authenticationResults], [true, false, "enter-the-name.invalid"]);
    assert.match(result.yaml, /# Dynamics takes from a forward mailbox .* remove `active: false`\.\n +- address: crm@contoso\.com/);
    const without = taken({ mailboxes: [mailboxRow({ incoming: "forward mailbox" })] });
    assert.equal(without.configuration.mailboxes[0]?.incoming, false);
    assert.match(told(without).join("\n"), /Ann Lee: Its mail comes by a forward mailbox, and none could be taken over/);
  });

  test("of several mailboxes with one address the one that Dynamics works on is taken over", () => {
    const resting = mailboxRow({ id: "m0", name: "Ann", enabledForIncoming: false, enabledForOutgoing: false, readFrom: null });
    const inactive = mailboxRow({ id: "m2", name: "Ann, left", active: false });
    const result = taken({ mailboxes: [resting, inactive, mailboxRow()] });
    assert.deepEqual(
      result.mailboxes.map(({ inDynamics }) => inDynamics),
      ["Ann Lee"],
    );
    assert.equal(told(result).filter((one) => one.includes("Another mailbox with the same address")).length, 2);
  });

  test("what is inactive or not approved in Dynamics is so here", () => {
    const inactive = taken({ mailboxes: [mailboxRow({ active: false })] }).configuration.mailboxes[0];
    const rejected = taken({ mailboxes: [mailboxRow({ approval: "rejected" })] }).configuration.mailboxes[0];
    const ofProfile = taken({ profiles: [profileRow({ active: false })] }).configuration.mailboxes[0];
    assert.deepEqual([inactive?.active, rejected?.approved, ofProfile?.active], [false, false, false]);
    const free = { name: "", channel: null, approvalForUsers: false, approvalForQueues: true };
    assert.equal(
      taken({ organization: free, mailboxes: [mailboxRow({ approval: "rejected" })] }).configuration.mailboxes[0]?.approved,
      true,
    );
  });

  test("what no server processes is left out, with Dynamics' names for its methods", () => {
    const result = taken({ mailboxes: [mailboxRow({ incoming: "none", outgoing: "outlook" })] });
    assert.equal(result.yaml, "");
    assert.match(told(result)[0] ?? "", /^left out: Ann Lee: .*incoming mail None, outgoing mail Microsoft Dynamics 365 for Outlook\.$/);
  });

  test("mailboxes that Dynamics still works on are told, and what keeps it from working on them counts", () => {
    const still = (given: Parameters<typeof mailboxRow>[0], rest: Partial<ServerSideSync> = {}) =>
      taken({ mailboxes: [mailboxRow(given)], ...rest }).mailboxes[0]?.stillSynchronized;
    assert.deepEqual(still({}), ["incoming", "outgoing"]);
    assert.deepEqual(still({ enabledForIncoming: false }), ["outgoing"]);
    assert.deepEqual(still({ active: false }), []);
    assert.deepEqual(still({ approval: "pending" }), []);
    assert.deepEqual(still({}, { profiles: [profileRow({ active: false })] }), []);
    const router = { name: "", channel: "email router", approvalForUsers: true, approvalForQueues: true } as const;
    assert.deepEqual(still({}, { organization: router }), []);
    assert.match(told(taken()).join("\n"), /to do: contoso: Dynamics itself still synchronizes 1 of these mailboxes/);
  });
});

describe("ways to sign in", () => {
  test("POP3 without TLS stays as it is, with a warning, and TLS on a port in clear is STARTTLS", () => {
    const incoming = { ...SERVER, location: "pop.contoso.com", port: 110, tls: false };
    const result = taken({ profiles: [profileRow({ serverType: "pop3", incoming })] });
    const server = result.configuration.serverProfiles[0]?.incoming;
    assert.deepEqual([server?.protocol, server?.port, server?.security], ["pop3", 110, "none"]);
    assert.match(told(result).join("\n"), /to do: Company mail: .*clear text/);
    const withTls = taken({ profiles: [profileRow({ serverType: "pop3", incoming: { ...incoming, tls: true } })] });
    assert.equal(withTls.configuration.serverProfiles[0]?.incoming?.security, "starttls");
  });

  test("an account of the profile that sends for all is a service account", () => {
    const outgoing = { ...SERVER, location: "smtp.contoso.com", credentials: "profile", username: "relay" } as const;
    const { configuration, secrets } = taken({ profiles: [profileRow({ outgoing })] });
    const account = configuration.serverProfiles[0]?.serviceAccount;
    assert.deepEqual([account?.username, account?.incoming, account?.outgoing], ["relay", undefined, "itself"]);
    assert.deepEqual(
      secrets.map(({ what }) => what),
      ["the password of relay, which sends for the server profile Company mail", "the password of ann@contoso.com"],
    );
  });

  test("sending without sign-in stays so", () => {
    const outgoing = { ...SERVER, location: "relay.contoso.com", port: 25, tls: false, credentials: "none" } as const;
    const server = taken({ profiles: [profileRow({ outgoing })] }).configuration.serverProfiles[0]?.outgoing;
    assert.deepEqual([server?.authentication, server?.security, server?.port], ["none", "none", 25]);
  });

  test("one user name for one mailbox is its own; for several they are inactive until somebody has looked", () => {
    const incoming = { ...SERVER, location: "imap.contoso.com", credentials: "profile", username: "office" } as const;
    const outgoing = { ...SERVER, location: "smtp.contoso.com", credentials: "profile", username: "office" } as const;
    const profiles = [profileRow({ incoming, outgoing })];
    const [one] = taken({ profiles }).configuration.mailboxes;
    assert.deepEqual([one?.username, one?.active], ["office", true]);
    const second = mailboxRow({ id: "m2", name: "Bob", address: "bob@contoso.com" });
    const two = taken({ profiles, mailboxes: [mailboxRow(), second] });
    assert.deepEqual(
      two.configuration.mailboxes.map(({ username, active }) => [username, active]),
      [
        ["office", false],
        ["office", false],
      ],
    );
    assert.equal(two.secrets.length, 1);
  });

  test("Exchange Server with an account that impersonates becomes IMAP of the same host with a service account", () => {
    const incoming = { ...SERVER, credentials: "profile", impersonation: true, username: "CONTOSO\\sync" } as const;
    const profile = profileRow({
      serverType: "exchange",
      outgoingAsIncoming: true,
      incoming,
      outgoing: SERVER,
      defaultLocation: "https://mail.contoso.com/EWS/Exchange.asmx",
    });
    const result = taken({ profiles: [profile] });
    const [made] = result.configuration.serverProfiles;
    assert.deepEqual(
      [made?.preset, made?.incoming?.host, made?.incoming?.port, made?.outgoing?.port],
      ["exchange", "mail.contoso.com", 993, 587],
    );
    assert.deepEqual(
      [made?.serviceAccount?.username, made?.serviceAccount?.incoming, made?.serviceAccount?.outgoing, made?.serviceAccount?.loginName],
      ["CONTOSO\\sync", "masterUser", "itself", "{serviceAccount}\\{username}"],
    );
    assert.deepEqual([result.configuration.mailboxes[0]?.username, result.configuration.mailboxes[0]?.password], ["ann", undefined]);
    assert.match(told(result).join("\n"), /by EWS; Waypost .* by IMAP and SMTP of the same host/);
    assert.match(told(result).join("\n"), /ApplicationImpersonation, .* does not count for IMAP/);
  });

  test("Exchange by autodiscover goes where it led the mailboxes; where nobody knows, it is left out with the next step", () => {
    const profile = profileRow({ serverType: "exchange", usesAutodiscover: true, incoming: SERVER, outgoing: SERVER });
    const led = taken({ profiles: [profile], mailboxes: [mailboxRow({ ewsUrl: "https://ex1.contoso.com/ews/exchange.asmx" })] });
    assert.equal(led.configuration.serverProfiles[0]?.incoming?.host, "ex1.contoso.com");
    const unknown = taken({ profiles: [profile] });
    assert.equal(unknown.yaml, "");
    assert.deepEqual(
      unknown.notes.map(({ kind, about }) => `${kind} ${about}`),
      ["left out email server profile", "left out mailbox", "left out queue"],
    );
    const before = `${ORGANIZATION}serverProfiles: [{ name: company MAIL, preset: exchange, incoming: { host: ex.contoso.com }, outgoing: { host: ex.contoso.com } }]\n`;
    const again = taken({ profiles: [profile] }, before);
    assert.deepEqual([again.configuration.serverProfiles.length, again.configuration.mailboxes[0]?.profile], [1, "company MAIL"]);
  });

  test("Exchange Online becomes an application of the directory, and no mailbox has a password", () => {
    const incoming = { ...SERVER, location: "https://outlook.office365.com/EWS/Exchange.asmx", credentials: "server to server" } as const;
    const result = taken({ profiles: [profileRow({ serverType: "exchange", incoming, outgoingAsIncoming: true })] });
    const [made] = result.configuration.serverProfiles;
    assert.deepEqual([made?.preset, made?.oauth?.tenant, made?.oauth?.grant], ["microsoft365", "contoso.com", "clientCredentials"]);
    assert.equal(result.configuration.mailboxes[0]?.password, undefined);
    assert.match(result.yaml, /# .*Register the application/);
    const other = profileRow({
      serverType: "exchange",
      incoming: { ...incoming, credentials: "entra oauth" },
      tenant: "11111111-2222-3333-4444-555555555555",
      clientId: "app-id",
    });
    const oauth = taken({ profiles: [other] }).configuration.serverProfiles[0]?.oauth;
    assert.deepEqual([oauth?.tenant, oauth?.clientId], ["11111111-2222-3333-4444-555555555555", "app-id"]);
  });

  test("Gmail keeps its application, and each mailbox is to be authorized anew", () => {
    const server = { ...SERVER, location: "pop.gmail.com", credentials: "gmail oauth" } as const;
    const result = taken({
      profiles: [profileRow({ serverType: "pop3", incoming: server, outgoing: server, clientId: "123.apps.googleusercontent.com" })],
    });
    const [made] = result.configuration.serverProfiles;
    assert.deepEqual([made?.preset, made?.oauth?.provider, made?.oauth?.clientId], ["gmail", "google", "123.apps.googleusercontent.com"]);
    assert.match(told(result).join("\n"), /to be authorized for Waypost/);
  });
});

describe("what is there already", () => {
  const before = `# keep me
${ORGANIZATION}serverProfiles:
  - name: old # and me
    incoming: { host: imap.old.example }
mailboxes:
  - { address: Ann@contoso.com, user: ann@contoso.com, password: { env: ANN } }
`;

  test("stays as it is, with its comments, and is told to be there", () => {
    const second = mailboxRow({ id: "m2", name: "Bob", address: "bob@contoso.com" });
    const rows = organizationRows({ mailboxes: [mailboxRow(), second] });
    const configuration = parseConfiguration(before, "waypost.yaml");
    const { yaml, notes } = takeOver(rows, { organization: "Contoso", configuration });
    const text = addedTo(before, yaml);
    assert.match(text, /^# keep me\n/);
    assert.match(text, /name: old # and me\n/);
    const after = parseConfiguration(text, "waypost.yaml");
    assert.deepEqual(
      after.mailboxes.map(({ address, profile }) => [address, profile]),
      [
        ["Ann@contoso.com", "old"],
        ["bob@contoso.com", "Company mail"],
      ],
    );
    assert.deepEqual(
      notes.filter(({ kind }) => kind === "left out").map(({ name, because }) => `${name}: ${because}`),
      ["Ann Lee: It is in the configuration already, and stays there as it is.", "Support: It has an address, but no mailbox in Dynamics."],
    );
  });

  test("a second import finds nothing new", () => {
    const configuration = parseConfiguration(addedTo(ORGANIZATION, taken().yaml), "waypost.yaml");
    assert.equal(takeOver(organizationRows(), { organization: "Contoso", configuration }).yaml, "");
  });
});
