import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { CuttingProxy } from "../servers/cutting-proxy.ts";
import { missingServers } from "../servers/needs.ts";
import type { Facts, SeededEmail } from "./facts.ts";
import type { LogLine, Service } from "./service.ts";
import { printTable } from "./table.ts";
import { addressOf, makeWorld, type World } from "./world.ts";

type Side = Parameters<CuttingProxy["cutNext"]>[0];

/** A place in a conversation: as a share of the bytes of one side in a whole one, or as bytes from its beginning or from words of that side. */
interface Cut {
  readonly where: string;
  readonly side: Side;
  readonly share?: number;
  readonly bytes?: number;
  readonly after?: string;
}

/** Where the server is cut off while a mailbox is read; each row is one round over all mailboxes, in which each has its own cut. */
const FETCH_CUTS: readonly (readonly Cut[])[] = [
  [700, 900, 1_100, 1_400, 1_800, 2_300, 3_000, 4_500].map((bytes) => ({ where: `byte ${bytes}`, side: "fromServer", bytes })),
  [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.85].map((share) => ({ where: `at ${share}`, side: "fromServer", share })),
];

/** Postfix's invitation: `354 End data with <CR><LF>.<CR><LF>`. */
const INVITATION = "\r\n354 ";
/** Its answer to the content: `250 2.0.0 Ok: queued as ...`. */
const ANSWER = "\r\n250 2.0.0 Ok: queued as ";

/** Where the connection is cut while one email of each mailbox is sent, and whether anybody can know what became of it. */
const DATA_CUTS: readonly (Cut & { readonly unknown: boolean; readonly delivered: boolean })[] = [
  { where: "in the greeting", side: "fromServer", bytes: 10, unknown: false, delivered: true },
  { where: "in MAIL or RCPT", side: "fromClient", bytes: 100, unknown: false, delivered: true },
  {
    where: "before the invitation to send content",
    side: "fromServer",
    after: INVITATION,
    bytes: 2,
    unknown: false,
    delivered: true,
  },
  { where: "in the invitation to send content", side: "fromServer", after: INVITATION, bytes: 20, unknown: false, delivered: true },
  { where: "in the content, at its beginning", side: "fromClient", share: 0.05, unknown: true, delivered: false },
  { where: "in the middle of the content", side: "fromClient", share: 0.5, unknown: true, delivered: false },
  { where: "in the content, near its end", side: "fromClient", share: 0.95, unknown: true, delivered: false },
  { where: "after the final dot, in the answer", side: "fromServer", after: ANSWER, bytes: 10, unknown: true, delivered: true },
];

const CONTROL = "control";
const NAMES = DATA_CUTS.map((_, index) => `user${index}`);
const RECIPIENT = "carol";
const ATTACHMENT = Buffer.alloc(150_000, "attachment ");

describe("connections that break", { skip: missingServers(["dovecot", "postfix"]) }, () => {
  let world: World | undefined;
  let facts: Facts;
  const put: string[] = [];
  const seeded = new Map<string, SeededEmail>();
  const cutRounds: (readonly string[])[] = [];

  before(async () => {
    const mailboxes = [CONTROL, ...NAMES].map((name) => ({ name, kind: "user" as const, filter: "all" as const, profile: name }));
    const made = await makeWorld("pglite", { mailboxes, outsiders: [RECIPIENT], proxied: true });
    world = made;
    await made.prepare();
    const whole = await wholeConversations(made);

    for (const [round, cuts] of FETCH_CUTS.entries()) {
      for (const name of NAMES) for (const large of [false, true, false]) await deliver(made, name, large);
      for (const [index, name] of NAMES.entries()) cut(made.proxies.get(name)?.imap, cuts[index], whole.imap);
      const service = start(made);
      // Whether the mailbox was in trouble then, or read to its end on another connection, is all the same.
      const broken = () => NAMES.filter((name) => made.proxies.get(name)?.imap.cuts() === round + 1);
      await service.until("every mailbox's connection broke", () => broken().length === NAMES.length);
      cutRounds.push(broken());
      await service.stop();
    }

    await made.seed(NAMES.map(writeEmail));
    for (const [index, name] of NAMES.entries()) cut(made.proxies.get(name)?.smtp, DATA_CUTS[index], whole.smtp);
    const service = start(made);
    await service.until("all is read, sent or known to be unknown", (one) => {
      return NAMES.every((name) => isRead(one, name)) && seeded.size === settled(one).length + 1;
    });
    // Postfix hands on what it took.
    await service.until("Postfix has delivered", () => made.postfix.queue().length === 0);
    await service.stop();
    facts = await made.count();
    printTable("Connections that break", {
      "cut during FETCH": cutRounds.flat().length,
      "messages arrived": put.length,
      "emails made once": put.filter((messageId) => emailsOf(messageId).length === 1).length,
      "cut around DATA": DATA_CUTS.length,
      "delivered once": NAMES.filter((name) => copiesOf(name) === 1).length,
      unknown: NAMES.filter((name) => rowOf(name)?.stage === "unknown").length,
      doubled: put.filter((messageId) => emailsOf(messageId).length > 1).length + NAMES.filter((name) => copiesOf(name) > 1).length,
    });
  });
  after(async () => world?.[Symbol.asyncDispose]());

  /** The control mailbox reads and sends without a cut: how many bytes each side says in a whole conversation. */
  async function wholeConversations(made: World): Promise<Record<"imap" | "smtp", ReturnType<CuttingProxy["passed"]>>> {
    await deliver(made, CONTROL, true);
    await made.seed([writeEmail(CONTROL)]);
    const service = start(made);
    const proxies = made.proxies.get(CONTROL);
    await service.until("the control mailbox is read", (one) => isRead(one, CONTROL));
    const imap = proxies?.imap.passed();
    await service.until("the control email is sent", (one) => settled(one).length === 1);
    const smtp = proxies?.smtp.passed();
    await service.stop();
    assert.ok(imap && smtp);
    return { imap, smtp };
  }

  async function deliver(made: World, name: string, large: boolean): Promise<void> {
    const messageId = `${put.length}.${name}@outside.test`;
    await made.dovecot.deliver(name, message(messageId, name, large));
    put.push(messageId);
  }

  function writeEmail(name: string): SeededEmail {
    const id = `00000000-0000-4000-8000-${String(seeded.size).padStart(12, "0")}`;
    const marker = `marker-${id}`;
    const email = {
      id,
      from: addressOf(name),
      to: [addressOf(RECIPIENT)],
      subject: "Email",
      marker,
      attachmentBytes: 300_000,
      dueInSeconds: 0,
    };
    seeded.set(name, email);
    return email;
  }

  const emailsOf = (messageId: string) => facts.emails.filter((email) => email.messageId === messageId);
  const rowOf = (name: string) => facts.outbox.find((row) => row.emailId === seeded.get(name)?.id);
  const copiesOf = (name: string) => {
    const inbox = facts.mailboxes.find((one) => one.user === RECIPIENT && one.folder === "INBOX")?.messages ?? [];
    return inbox.filter((one) => one.marker === seeded.get(name)?.marker || one.messageId === rowOf(name)?.messageId).length;
  };

  test("during FETCH lose no message and double none, wherever they break", () => {
    assert.deepEqual(
      cutRounds.map((names) => [...names].sort()),
      FETCH_CUTS.map(() => [...NAMES].sort()),
    );
    assert.deepEqual(
      put.filter((messageId) => emailsOf(messageId).length !== 1),
      [],
    );
    assert.equal(facts.emails.filter((email) => !email.outgoing).length, put.length);
    const hash = createHash("sha256").update(ATTACHMENT).digest("hex");
    assert.equal(
      facts.emails.filter((email) => !email.outgoing && email.attachments[0] === hash).length,
      NAMES.length * FETCH_CUTS.length + 1,
    );
    assert.deepEqual([facts.quarantine, facts.openClaims], [[], []]);
  });

  for (const [index, { where, unknown, delivered }] of DATA_CUTS.entries()) {
    const name = `user${index}`;
    const outcome = unknown
      ? `leaves the outcome unknown, with an alert, ${delivered ? "delivered once" : "not delivered"}`
      : "is tried again and delivered once";
    test(`${where}: the email ${outcome}`, () => {
      const row = rowOf(name);
      assert.deepEqual([row?.stage, row?.settledAt !== null, copiesOf(name)], [unknown ? "unknown" : "accepted", true, delivered ? 1 : 0]);
      const alerts = facts.alerts.filter((alert) => alert.subject === row?.emailId);
      assert.deepEqual(
        alerts.map((alert) => alert.code),
        unknown ? ["sending: outcome unknown"] : [],
      );
    });
  }

  test("leave no alert behind when they work again", () => {
    const unknown = DATA_CUTS.filter((one) => one.unknown).length;
    assert.equal(facts.alerts.length, unknown, JSON.stringify(facts.alerts));
  });
});

/** Without the watcher, whose connections would take the cuts meant for reading. */
function start(world: World): Service {
  return world.start({ roles: "web,worker" });
}

function cut(proxy: CuttingProxy | undefined, place: Cut | undefined, whole: ReturnType<CuttingProxy["passed"]>): void {
  assert.ok(proxy && place);
  const { side, share, bytes = 0, after } = place;
  proxy.cutNext(side, share === undefined ? bytes : Math.round(whole[side] * share), after);
}

function nameOf(line: LogLine): string {
  return String(line.mailbox).split("@")[0] ?? "";
}

function isRead(service: Service, name: string): boolean {
  return service.log.some((line) => line.msg === "mailbox read" && nameOf(line) === name);
}

/** Outcomes of emails that are final. */
function settled(service: Service): readonly LogLine[] {
  return service.log.filter((line) => line.msg === "email settled" && line.outcome !== "retry");
}

function message(messageId: string, name: string, large: boolean): string {
  const head = [
    "From: Customer <customer@outside.test>",
    `To: ${addressOf(name)}`,
    `Subject: About ${messageId}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${messageId}>`,
    "MIME-Version: 1.0",
  ];
  if (!large) return [...head, "Content-Type: text/plain", "", "Hello.", ""].join("\r\n");
  const disposition = 'Content-Disposition: attachment; filename="data.bin"';
  const base64 = ATTACHMENT.toString("base64").match(/.{1,76}/g) ?? [];
  return [...head, "Content-Type: application/octet-stream", disposition, "Content-Transfer-Encoding: base64", "", ...base64, ""].join(
    "\r\n",
  );
}
