import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import pino from "pino";
import { asJson } from "./command-line/json.ts";
import { explanationLines, printable } from "./command-line/print.ts";
import { type Configuration, configurationSchema } from "./config.ts";
import { startMailServer } from "./demo/mail-server/mail-server.ts";
import { COMPANY_DOMAIN, QUEUE, RECORDS, USERS } from "./demo/people.ts";
import { arrive, type Expected, sendOffers } from "./demo/traffic.ts";
import { addressKey } from "./model/address.ts";
import { type Service, startService } from "./serve.ts";

export interface DemoOptions {
  /** End after the sample traffic instead of going on. */
  readonly once: boolean;
  readonly port: number;
  /** Print nothing but the summary. */
  readonly json: boolean;
}

/** How long the sample traffic may take on a slow machine. */
const PATIENCE = 60_000;
const PASSWORD = "only-for-the-demo";

/** Summary of the sample traffic: the last line of `waypost demo --once`. */
export interface DemoSummary {
  readonly received: number;
  readonly tracked: number;
  readonly skipped: number;
  readonly sent: number;
  readonly quarantined: number;
  readonly seconds: number;
}

/**
 * Everything in one process: a mail server in memory, sample people, the service on an embedded database in a temporary folder, and mail both ways.
 * Returns whether everything that should have arrived did.
 */
export async function demo({ once, port, json }: DemoOptions): Promise<boolean> {
  const say = (line: string) => {
    if (!json) process.stdout.write(`${printable(line)}\n`);
  };
  const started = performance.now();
  const folder = mkdtempSync(path.join(os.tmpdir(), "waypost-demo-"));
  const addresses = [...USERS.map((one) => one.email), QUEUE.email];
  const server = await startMailServer({
    accounts: [...USERS.map((one) => ({ address: one.email, name: one.name })), { address: QUEUE.email, name: QUEUE.name }].map((one) => ({
      ...one,
      password: PASSWORD,
    })),
    domains: [COMPANY_DOMAIN],
  });
  say(
    `A mail server for ${COMPANY_DOMAIN} is up: IMAP on 127.0.0.1:${server.imapPort}, SMTP on 127.0.0.1:${server.smtpPort}. Accounts: ${addresses.join(", ")}; password: ${PASSWORD}`,
  );
  say("Making the embedded database (a few seconds at the first time) ...");
  const service = await startService(demoConfiguration(folder, server, once ? 0 : port), {
    roles: new Set(["web", "worker", "watcher"]),
    log: pino({ level: "silent" }),
  });
  try {
    await service.app.crm.createRecords(RECORDS);
    say(`The service is up at ${service.url}. Alice sends an offer to a contact, the support queue answers a lead ...`);
    const sent = await sendOffers(service.app.crm, await userId(service));
    const expected = await arrive(server);
    say("Mail arrives: a reply, the same reply for a colleague, a question to the queue, a note in a sub-folder, and an advertisement ...");
    const summary = await untilDone(service, { ...expected, sent }, started);
    await tell(service, say);
    const complete = isComplete(summary, { ...expected, sent });
    say(
      complete
        ? `Everything arrived, ${summary.seconds} s after the start.`
        : "NOT everything arrived: `received`, `tracked`, `skipped` and `sent` below are not what they should be.",
    );
    if (!once) await goOn(service, folder, say);
    process.stdout.write(`${JSON.stringify(summary)}\n`);
    return complete;
  } finally {
    await service.stop();
    await server.close();
    rmSync(folder, { recursive: true, force: true });
  }
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

async function untilDone(service: Service, expected: Expected, started: number): Promise<DemoSummary> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const summary = await summarize(service, started);
    if (isComplete(summary, expected) || Date.now() > deadline) return summary;
    await sleep(100);
  }
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
    sent: rows[0]?.sent ?? 0,
    quarantined,
    seconds: Math.round((performance.now() - started) / 100) / 10,
  };
}

function isComplete(summary: DemoSummary, expected: Expected): boolean {
  return (
    summary.received === expected.received &&
    summary.tracked === expected.tracked &&
    summary.skipped === expected.skipped &&
    summary.sent === expected.sent &&
    summary.quarantined === 0
  );
}

/** The two decisions worth reading: why the reply found its record, and why the advertisement was left alone. */
async function tell(service: Service, say: (line: string) => void): Promise<void> {
  for (const messageId of ["reply-1@fabrikam.example", "today@bargains.example"]) {
    say("");
    for (const line of explanationLines(asJson(await service.app.operations.explain(messageId)))) say(line);
  }
  say("");
}

async function goOn(service: Service, folder: string, say: (line: string) => void): Promise<void> {
  say(`To read the embedded CRM in a browser, open this link once: ${service.oneTimeLink()}`);
  say(`The database is in ${path.join(folder, "data")} and goes away at the end. Press Ctrl+C to end.`);
  await new Promise<void>((resolve) => {
    process.once("SIGINT", resolve);
    process.once("SIGTERM", resolve);
  });
}
