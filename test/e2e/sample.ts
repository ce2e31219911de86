import { mkdtemp, rm, writeFile } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type App, openApp } from "../../src/app.ts";
import { configurationSchema } from "../../src/config.ts";
import { type DemoMailServer, startMailServer } from "../../src/demo/mail-server/mail-server.ts";
import type { Log } from "../../src/engine/log.ts";
import { findDecisions } from "../../src/ledger/decision-rows.ts";
import { intend, markTransmitting } from "../../src/ledger/outbox.ts";
import { incoming, party } from "../contract/crm-fixtures.ts";
import { type TestDatabase, testDatabase } from "../databases.ts";
import { freePort } from "../servers/ports.ts";
import { messages } from "./messages.ts";

/** An application on PGlite with mail that came and went through a real mail server, and with everything that can go wrong in it. */
export interface Sample extends AsyncDisposable {
  readonly app: App;
  readonly database: TestDatabase;
  readonly accountId: string;
  readonly queueId: string;
  /** The email whose HTML tries to run, to fetch and to break out. */
  readonly attackId: string;
  readonly unknownId: string;
  /** Decisions about messages that became no email: an advertisement, a private one, and one in quarantine for its size. */
  readonly decisions: { readonly advertisement: number; readonly private: number; readonly large: number };
}

export const SILENT: Log = { debug() {}, info() {}, warn() {}, error() {} };

/** Emails of long ago, so that lists have more than one page. */
const OLD_EMAILS = 60;

/** `elsewhere` is the address that hostile mail tries to reach. Nothing runs by itself: all work of the sample is done when it returns. */
export async function makeSample(elsewhere: string): Promise<Sample> {
  const folder = await mkdtemp(path.join(os.tmpdir(), "waypost-sample-"));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const database = stack.use(await testDatabase("pglite"));
  const server = await startMailServer({
    accounts: [ALICE, SUPPORT].map((one) => ({ address: one.email, name: one.name, password: PASSWORD })),
    domains: ["contoso.example"],
  });
  stack.defer(() => server.close());
  await writeFile(path.join(folder, "password"), PASSWORD);
  const app = stack.use(await openApp(await configuration(folder, server), { log: SILENT, database }));
  const made = await fill(app, server, elsewhere);
  const whole = stack.move();
  return { app, database, ...made, [Symbol.asyncDispose]: () => whole.disposeAsync() };
}

const PASSWORD = "only-for-the-test";
const ALICE = { name: "Alice Adams", email: "alice@contoso.example", filter: "replies" };
const BOB = { name: "Bob Brown", email: "bob@contoso.example", filter: "contacts" };
const SUPPORT = { name: "Support", email: "support@contoso.example", filter: "all", owner: ALICE.email };

async function configuration(folder: string, server: DemoMailServer) {
  const plain = { host: "127.0.0.1", security: "none" };
  const nobody = { ...plain, port: await freePort() };
  return configurationSchema.parse({
    organizations: [{ name: "contoso", kind: "embedded" }],
    serverProfiles: [
      {
        name: "Main office",
        incoming: { ...plain, port: server.imapPort },
        outgoing: { ...plain, port: server.smtpPort },
        maximumMessageMegabytes: 1,
      },
      { name: "Branch", incoming: nobody, outgoing: nobody },
    ],
    users: [ALICE, BOB],
    queues: [SUPPORT],
    mailboxes: [
      { address: ALICE.email, user: ALICE.email },
      { address: BOB.email, user: BOB.email, profile: "Branch" },
      { address: SUPPORT.email, queue: SUPPORT.email, outgoing: false },
    ].map((one) => ({ ...one, password: { file: path.join(folder, "password") } })),
  });
}

async function fill(
  app: App,
  server: DemoMailServer,
  elsewhere: string,
): Promise<Omit<Sample, "app" | "database" | keyof AsyncDisposable>> {
  const [account] = await app.crm.createRecords([
    { type: "account", name: "Fabrikam & Söhne <Ltd>", addresses: ["info@fabrikam.example"] },
  ]);
  if (!account) throw new Error("no account");
  await app.crm.createRecords([
    { type: "contact", firstname: "Carol", lastname: "Chen", addresses: ["carol.chen@fabrikam.example"], parentId: account.id },
    { type: "lead", firstname: "Erin", lastname: "Ek", name: "Tailspin Toys", addresses: ["erin@tailspin.example"] },
  ]);
  await oldEmails(app);
  const unknownId = await outgoing(app, account);
  for (const { to, mime } of messages(elsewhere, offerId(server))) server.deliver(to, mime);
  await app.operations.receive([], new AbortController().signal, () => {});
  const { rows } = await app.database.query<{ attack: string; queue: string }>(
    "select (select activityid from crm.email where subject like '%<script>%') as attack, (select queueid from crm.queue) as queue",
  );
  const decided = async (messageId: string) => (await findDecisions(app.database, messageId))[0]?.id ?? 0;
  return {
    accountId: account.id,
    queueId: rows[0]?.queue ?? "",
    attackId: rows[0]?.attack ?? "",
    unknownId,
    decisions: {
      advertisement: await decided("today@bargains.example"),
      private: await decided("results@clinic.example"),
      large: await decided("large@large.example"),
    },
  };
}

async function oldEmails(app: App): Promise<void> {
  await app.context.crm("contoso").deliver(
    Array.from({ length: OLD_EMAILS }, (_, index) =>
      incoming({
        subject: `Weekly report ${index + 1}`,
        received: new Date(Date.UTC(2025, 0, 1 + 7 * index, 8, 30)),
        text: "Everything is in order.",
        submittedBy: SUPPORT.email,
        placement: { parties: [party(1, "reports@northwind.example"), party(2, SUPPORT.email)] },
      }),
    ),
  );
}

/** A sent offer, a draft, one for later, one that is refused, and one of which nobody knows whether it left. Returns the last one's id. */
async function outgoing(app: App, account: { type: string; id: string; name: string }): Promise<string> {
  const from = { address: { name: ALICE.name, address: ALICE.email } };
  const to = (name: string, address: string) => [{ address: { name, address } }];
  const carol = to("Carol Chen", "carol.chen@fabrikam.example");
  const text = "Dear Carol,\n\nhere is what you asked for.\n\nAlice";
  const [offer, , later, refused, unknown] = await app.crm.createEmails([
    {
      subject: "Our offer for the spring order",
      html: "<p>Dear Carol,</p><p>here is our <b>offer</b>.</p>",
      from,
      to: carol,
      regarding: account,
    },
    { subject: "Notes for the visit", text, from, to: carol },
    { subject: "Reminder: the offer ends on Friday", text, from, to: carol, delayedSendTime: new Date("2090-01-01T08:00:00Z") },
    { subject: "Invoice 2025-118", text, from, to: to("Nobody", "nobody@contoso.example") },
    { subject: "The signed contract", text, from, to: carol, regarding: account },
  ]);
  for (const id of [offer, later, refused]) await app.crm.sendEmail(id ?? "", null);
  await app.operations.send([ALICE.email], new AbortController().signal, () => {});
  await app.crm.sendEmail(unknown ?? "", null);
  await dieWhileSending(app, unknown ?? "");
  return unknown ?? "";
}

/** What remains when the process dies while content is on its way: the next sending finds it and cannot tell whether it left. */
async function dieWhileSending({ context, database, operations }: App, emailId: string): Promise<void> {
  const mailboxes = await database.query<{ id: string }>("select id from waypost.mailbox where address = $1", [ALICE.email]);
  const mailboxId = mailboxes.rows[0]?.id ?? "";
  const [now, holder] = [new Date(), database.presence.instanceId];
  await context.crm("contoso").claim(emailId, 1);
  const intent = { organization: "contoso", emailId, generation: 1, mailboxId, messageId: `${emailId}.1@contoso.example` };
  const row = await intend(database, intent, holder, now);
  if (!row) throw new Error("no intent");
  await markTransmitting(database, row, holder, now);
  await operations.send([ALICE.email], new AbortController().signal, () => {});
}

function offerId(server: DemoMailServer): string {
  const head = server.outside[0]?.submission.mime.toString("latin1") ?? "";
  return /^message-id:\s*<(.*)>/im.exec(head)?.[1] ?? "";
}
