import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parse } from "yaml";
import { parseConfiguration } from "../../config.ts";
import type { EmailServerProfile, ServerSideSync, SyncMailbox, SyncOwner, SyncServer } from "../../model/server-side-sync.ts";
import { takeOver } from "./take-over.ts";
import { addedTo } from "./yaml.ts";

const BEFORE = `# ours
organizations: [{ name: Contoso, kind: dataverse, url: "https://contoso.crm4.dynamics.com", application: { tenant: contoso.com, clientId: app, clientSecret: { file: secrets/crm } } }]
serverProfiles: [{ name: old, incoming: { host: imap.old.example } }]
mailboxes: [{ address: old@contoso.com, user: old@contoso.com, password: { env: OLD } }]
`;

/** Text of people and programs, and what somebody would write to become configuration. */
const NASTY = [
  "a\nmailboxes: []",
  "x: { y: z }",
  "- name: evil",
  "# comment",
  "}] , ]: &a *a !!js/function",
  "\u2028serverProfiles:",
  "\ufeff",
  "\r\norganizations: []",
  "yes",
  "null",
  "1e3",
  "'\"",
  "../../etc/passwd",
  "CON",
  "\u0000",
  "\ud800",
  "<<",
  "--- \n...",
  "%YAML 1.1",
  "__proto__",
];
const text = fc.oneof(fc.string({ unit: "binary", maxLength: 30 }), fc.string({ maxLength: 300 }), fc.constantFrom(...NASTY));
const nullableText = fc.option(text);
const address = fc.oneof(
  nullableText,
  fc.tuple(text, text).map(([local, domain]) => `${local}@${domain}`),
  fc.constantFrom(
    "ann@contoso.com",
    "Ann@Contoso.com",
    "bob@contoso.com",
    "old@contoso.com",
    "*x@y",
    "&x@y",
    "#x@y",
    "con@x",
    "a'b@x",
    "'@'",
  ),
);
const location = fc.oneof(
  nullableText,
  fc.constantFrom(
    "imap.contoso.com",
    "https://mail.contoso.com/EWS/Exchange.asmx",
    "outlook.office365.com",
    "mail.contoso.com:993",
    "[2001:db8::1]",
    "192.0.2.7",
    "https://",
  ),
);
const number = fc.oneof(fc.constantFrom(null, 0, 25, 110, 143, 465, 587, 993, 995, 65_536, -1, 1.5, Number.NaN, Infinity), fc.integer());
const date = fc.option(fc.date());
const server: fc.Arbitrary<SyncServer> = fc.record({
  location,
  port: number,
  tls: fc.boolean(),
  credentials: fc.constantFrom(
    null,
    "user or queue",
    "profile",
    "server to server",
    "windows integrated",
    "none",
    "gmail oauth",
    "exchange hybrid modern authentication",
    "entra oauth",
  ),
  authentication: fc.constantFrom(null, "auto", "negotiate", "ntlm", "basic", "oauth"),
  impersonation: fc.boolean(),
  username: nullableText,
});
const id = fc.constantFrom("1", "2", "3");
const profile: fc.Arbitrary<EmailServerProfile> = fc.record({
  id,
  name: fc.oneof(text, fc.constantFrom("old", "Company mail")),
  active: fc.boolean(),
  serverType: fc.constantFrom(null, "exchange", "pop3", "exchange hybrid", "exchange online hybrid", "imap"),
  usesAutodiscover: fc.boolean(),
  defaultLocation: location,
  incoming: server,
  outgoing: server,
  outgoingAsIncoming: fc.boolean(),
  readFrom: date,
  maximumConnections: number,
  timeoutMilliseconds: number,
  minimumPollingMinutes: fc.integer(),
  movesUndelivered: fc.boolean(),
  sendsAlertMail: fc.boolean(),
  codePage: nullableText,
  tenant: nullableText,
  clientId: nullableText,
});
const mailbox: fc.Arbitrary<SyncMailbox> = fc.record({
  id: text,
  name: text,
  address,
  active: fc.boolean(),
  owner: fc.option(fc.record({ type: fc.constantFrom("user", "queue"), id }), { freq: 8 }),
  forward: fc.boolean(),
  profileId: fc.option(id, { freq: 8 }),
  incoming: fc.constantFrom(null, "none", "outlook", "server", "server", "forward mailbox"),
  outgoing: fc.constantFrom(null, "none", "outlook", "server", "server"),
  enabledForIncoming: fc.boolean(),
  enabledForOutgoing: fc.boolean(),
  synchronizesItems: fc.boolean(),
  approval: fc.constantFrom(null, "empty", "approved", "pending", "rejected"),
  deletesProcessed: fc.boolean(),
  readFrom: date,
  lastSync: date,
  username: nullableText,
  ewsUrl: location,
});
const owner: fc.Arbitrary<SyncOwner> = fc.record({
  id,
  name: text,
  address,
  active: fc.boolean(),
  filter: fc.constantFrom(null, "all email messages"),
});
const sync: fc.Arbitrary<ServerSideSync> = fc.record({
  organization: fc.record({
    name: text,
    channel: fc.constantFrom(null, "server-side synchronization", "email router"),
    approvalForUsers: fc.boolean(),
    approvalForQueues: fc.boolean(),
  }),
  profiles: fc.array(profile, { maxLength: 3 }),
  mailboxes: fc.array(mailbox, { maxLength: 6 }),
  users: fc.array(owner, { maxLength: 2 }),
  queues: fc.array(owner, { maxLength: 2 }),
});

test("whatever an organization's rows hold becomes configuration that is taken, or a note, and never anything else in the file", () => {
  fc.assert(
    fc.property(sync, (rows) => {
      const before = parseConfiguration(BEFORE, "waypost.yaml");
      const { yaml, profiles, mailboxes, notes, secrets } = takeOver(rows, { organization: "Contoso", configuration: before });
      const text = yaml === "" ? BEFORE : addedTo(BEFORE, yaml);
      const after = parseConfiguration(text, "waypost.yaml");
      assert.deepEqual(Object.keys(parse(text)), ["organizations", "serverProfiles", "mailboxes"]);
      assert.deepEqual(after.organizations, before.organizations);
      assert.deepEqual(
        after.serverProfiles.map(({ name }) => name),
        ["old", ...profiles.map(({ name }) => name)],
      );
      assert.deepEqual(
        after.mailboxes.map((one) => one.address),
        ["old@contoso.com", ...mailboxes.map((one) => one.address)],
      );
      const told = new Set(notes.filter(({ kind, about }) => kind === "left out" && about === "mailbox").map(({ name }) => name));
      for (const row of rows.mailboxes) {
        const isTaken = mailboxes.some((one) => one.address === row.address?.trim());
        assert.ok(isTaken || told.size > 0, "a mailbox that is not taken over has a note");
      }
      for (const { file } of secrets) assert.match(file, /^secrets\/[a-z0-9@_-][a-z0-9@._-]*$/);
      assert.equal(new Set(secrets.map(({ file }) => file)).size, secrets.length);
      for (const { name, because } of notes) assert.ok(["\n", "\r", "\u0000"].every((one) => !`${name}${because}`.includes(one)));
    }),
    { numRuns: 1500 },
  );
});

test("a piece to paste stands by itself beside organizations", () => {
  fc.assert(
    fc.property(sync, (rows) => {
      const alone = BEFORE.split("\n").slice(0, 2).join("\n");
      const { yaml } = takeOver(rows, { organization: "Contoso", configuration: { serverProfiles: [], mailboxes: [] } });
      assert.doesNotThrow(() => parseConfiguration(`${alone}\n${yaml}`, "waypost.yaml"));
    }),
    { numRuns: 500 },
  );
});
