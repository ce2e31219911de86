import events from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { asJson } from "./command-line/json.ts";
import { explanationLines, printable } from "./command-line/print.ts";
import { type Configuration, configurationSchema } from "./config.ts";
import { type DemoMailServer, startMailServer } from "./demo/mail-server/mail-server.ts";
import { COMPANY_DOMAIN, QUEUE, RECORDS, USERS } from "./demo/people.ts";
import { portOrAny } from "./demo/port.ts";
import { type DemoSummary, EXPECTED, isComplete } from "./demo/summary.ts";
import { arrive, sendOffers } from "./demo/traffic.ts";
import { addressKey } from "./model/address.ts";
import { type Service, startService } from "./serve.ts";

export interface DemoOptions {
  /** End after the sample traffic instead of going on. */
  readonly once: boolean;
  /** For the web pages; when it is taken, they take a free one. */
  readonly port: number;
  /** Print nothing but the summary. */
  readonly json: boolean;
  /** Ends the demo, whatever it is at. */
  readonly stop: AbortSignal;
  /** How long the sample traffic may take, in milliseconds. */
  readonly patience?: number;
}

/** How long the sample traffic may take on a slow machine. */
const PATIENCE = 60_000;
const PASSWORD = "only-for-the-demo";
const ACCOUNTS = [...USERS, QUEUE].map(({ name, email }) => ({ name, address: email }));

/**
 * Everything in one process: a mail server in memory, sample people, the service on an embedded database in a temporary folder, and mail both ways.
 * Its last line is the summary as JSON. Returns whether everything that should have arrived did, or somebody ended
 * what was to go on. Nothing of it is left at the end.
 */
export async function demo({ once, port, json, stop, patience = PATIENCE }: DemoOptions): Promise<boolean> {
  const say = (line: string) => {
    if (!json) process.stdout.write(`${printable(line)}\n`);
  };
  const started = performance.now();
  await using running = new AsyncDisposableStack();
  const folder = mkdtempSync(path.join(os.tmpdir(), "waypost-demo-"));
  running.defer(() => rmSync(folder, { recursive: true, force: true }));
  const server = await startMailServer({ accounts: ACCOUNTS.map((one) => ({ ...one, password: PASSWORD })), domains: [COMPANY_DOMAIN] });
  running.defer(() => server.close());
  say(`A mail server for ${COMPANY_DOMAIN} is up: IMAP on 127.0.0.1:${server.imapPort}, SMTP on 127.0.0.1:${server.smtpPort}.`);
  say(`Accounts: ${ACCOUNTS.map((one) => one.address).join(", ")}; password: ${PASSWORD}`);
  const pagesPort = once ? 0 : await portOrAny(port);
  if (!once && pagesPort !== port) say(`Port ${port} is not free on this machine; the web pages take a free one instead.`);
  say("Making the embedded database, which takes a few seconds ...");
  const service = await startService(demoConfiguration(folder, server, pagesPort), {
    roles: new Set(["web", "worker", "watcher"]),
    log: pino({ level: "silent" }),
  });
  running.defer(() => service.stop());
  await service.app.crm.createRecords(RECORDS);
  const patient = AbortSignal.any([stop, AbortSignal.timeout(patience)]);
  const { summary, complete } = await runTraffic(service, server, patient, started, say);
  if (!stop.aborted) await tell(service, say);
  say(complete ? `Everything arrived, ${summary.seconds} s after the start.` : notComplete(stop.aborted));
  if (!once && !stop.aborted) await goOn(service, stop, say);
  process.stdout.write(`${JSON.stringify(summary)}\n`);
  return complete || (stop.aborted && !once);
}

async function runTraffic(
  service: Service,
  server: DemoMailServer,
  patient: AbortSignal,
  started: number,
  say: (line: string) => void,
): Promise<{ summary: DemoSummary; complete: boolean }> {
  say(`The service is up at ${service.url}. Alice sends an offer to a contact, the support queue answers a lead ...`);
  await sendOffers(service.app.crm, await userId(service));
  if (await arrive(server, patient))
    say("Mail arrives: a reply, the same reply for a colleague, a question to the queue, a note in a sub-folder, and an advertisement ...");
  for (;;) {
    const summary = await summarize(service, started);
    const complete = isComplete(summary);
    if (complete || patient.aborted) return { summary, complete };
    await sleep(100, undefined, { signal: patient }).catch(() => undefined);
  }
}

function notComplete(stopped: boolean): string {
  const { received, tracked, skipped, duplicate, sent } = EXPECTED;
  return stopped
    ? "Ended before everything had arrived."
    : `NOT everything arrived: there should be ${received} received, ${tracked} tracked, ${skipped} skipped, ${duplicate} duplicate and ${sent} sent.`;
}

function demoConfiguration(folder: string, server: { imapPort: number; smtpPort: number }, port: number): Configuration {
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  // Plain text by choice: nothing leaves the loopback interface.
  const plain = { host: "127.0.0.1", security: "none" } as const;
  return configurationSchema.parse({
    database: { folder: path.join(folder, "data") },
    listen: { port },
    pullSeconds: 30,
    organizations: [{ name: "contoso", kind: "embedded" }],
    serverProfiles: [
      { name: "demo mail server", incoming: { ...plain, port: server.imapPort }, outgoing: { ...plain, port: server.smtpPort } },
    ],
    users: USERS,
    queues: [QUEUE],
    mailboxes: [...USERS.map((one) => ({ address: one.email, user: one.email })), { address: QUEUE.email, queue: QUEUE.email }].map(
      (one) => ({ ...one, password: { file: passwordFile } }),
    ),
  });
}

async function userId(service: Service): Promise<string> {
  const alice = USERS[0]?.email ?? "";
  const { rows } = await service.app.database.query<{ id: string }>(
    "select systemuserid as id from crm.systemuser where lower(internalemailaddress) = $1",
    [addressKey(alice)],
  );
  return rows[0]?.id ?? "";
}

async function summarize(service: Service, started: number): Promise<DemoSummary> {
  const { mailboxes } = await service.app.operations.status();
  const sum = (name: "tracked" | "skipped" | "duplicate" | "quarantined") =>
    mailboxes.reduce((total, one) => total + one.messages[name], 0);
  const { rows } = await service.app.database.query<{ sent: number }>(
    "select count(*) as sent from crm.email where directioncode and statuscode = 3",
  );
  const [tracked, skipped, duplicate, quarantined] = [sum("tracked"), sum("skipped"), sum("duplicate"), sum("quarantined")];
  return {
    received: tracked + skipped + duplicate + quarantined,
    tracked,
    skipped,
    duplicate,
    sent: rows[0]?.sent ?? 0,
    quarantined,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

/** The two decisions worth reading: why the reply found its record, and why the advertisement was left alone. */
async function tell(service: Service, say: (line: string) => void): Promise<void> {
  for (const messageId of ["reply-1@fabrikam.example", "today@bargains.example"]) {
    say("");
    for (const line of explanationLines(asJson(await service.app.operations.explain(messageId)))) say(line);
  }
  say("");
}

async function goOn(service: Service, stop: AbortSignal, say: (line: string) => void): Promise<void> {
  say(`To read the embedded CRM in a browser, open this link once: ${service.oneTimeLink()}`);
  say("The mail server and the database go away at the end. Press Ctrl+C to end.");
  if (!stop.aborted) await events.once(stop, "abort");
}
