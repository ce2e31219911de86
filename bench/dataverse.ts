import { openDatabase } from "../src/database/open.ts";
import { testDatabase } from "../test/databases.ts";
import { benchLimit } from "./dataverse/limit.ts";
import { expectedInProcess, expectedOf, type MadeMailbox, type Share } from "./dataverse/mailboxes.ts";
import { route } from "./dataverse/route.ts";
import type { RouterResult } from "./dataverse/router-child.ts";
import { startCrm } from "./dataverse/start-crm.ts";
import { verify } from "./ingest/verify.ts";
import type { BenchOptions, Measured } from "./run.ts";
import { table } from "./table.ts";

/** What is asked once for a start weighs on few messages: how many requests untracked mail costs shows where there is much of it. */
const MESSAGES: Readonly<Record<Share, number>> = { 0: 10_000, 25: 2_000, 100: 2_000 };
const RUNS = 3;
const SHARES: readonly Share[] = [0, 25, 100];

/** One reading of a mailbox into the CRM over HTTP. */
interface Reading {
  readonly share: Share;
  readonly messages: number;
  readonly tracked: number;
  readonly perSecond: number;
  /** Of Waypost's own process. */
  readonly processorMilliseconds: number;
  readonly requestsPer1000: number;
  readonly operationsPer1000: number;
}

/**
 * A mailbox of made messages is read into the embedded CRM over its Web API, which another process serves from a database of its own; for comparison, into the CRM in the same
 * process. Before a figure is given, the emails in the CRM are compared with the list, their bodies and attachments by SHA-256. With `limit`: see benchLimit.
 */
export async function benchDataverse({ messages, runs = RUNS, limit, window }: BenchOptions): Promise<Measured> {
  if (limit !== undefined) return await benchLimit({ limit, window });
  return await benchReading((share) => messages ?? MESSAGES[share], runs);
}

async function benchReading(messages: (share: Share) => number, runs: number): Promise<Measured> {
  const all: Reading[] = [];
  const ratios: number[] = [];
  const inProcess: number[] = [];
  for (let run = 0; run < runs; run += 1) {
    for (const share of SHARES) all.push(await overHttp(messages(share), share));
    const alone = await readInProcess(messages(100));
    inProcess.push(alone);
    ratios.push((all.at(-1)?.perSecond ?? Number.NaN) / alone);
    console.error(
      `run ${run + 1} of ${runs}: ${SHARES.map((_, index) => all.at(index - SHARES.length)?.perSecond.toFixed(0)).join(", ")} messages/s over HTTP, ${alone.toFixed(0)} in process`,
    );
  }
  const rows = SHARES.map((share) => medianOf(all.filter((one) => one.share === share)));
  const throughputToInProcess = median(ratios);
  const per1000 = Object.fromEntries(
    rows.flatMap((row) => [
      [`requestsPer1000At${row.share}`, row.requestsPer1000],
      [`operationsPer1000At${row.share}`, row.operationsPer1000],
    ]),
  );
  return {
    table: [
      `dataverse: messages of one mailbox, median of ${runs} runs; an email router without batches needs 1,000 requests and more for 1,000 of them`,
      ...table(COLUMNS, rows),
      `in process, 100 % tracked: ${median(inProcess).toFixed(0)} messages/s; over HTTP ${throughputToInProcess.toFixed(2)} of that`,
    ].join("\n"),
    figures: { runs, ...per1000, throughputToInProcess, messagesPerSecondInProcess: median(inProcess), readings: rows },
  };
}

async function overHttp(messages: number, share: Share): Promise<Reading> {
  const mailbox = mailboxOf(messages, share);
  await using crmDatabase = await testDatabase("pglite");
  await using ledger = await testDatabase("pglite");
  // The folder of PGlite is for one process at a time.
  await Promise.all([crmDatabase.close(), ledger.close()]);
  await using crm = await startCrm({ place: crmDatabase.place, users: [mailbox.address], limits: null });
  const result = await route({ place: ledger.place, crm: crm.served, mailboxes: [mailbox], way: "once", limits: null });
  const counts = await crm.counts();
  await crm.stop();
  const expected = expectedOf(mailbox);
  await using filled = await openDatabase(crmDatabase.place);
  await verify(filled, expected);
  refuseOther(result, messages, expected.length);
  return {
    share,
    messages,
    tracked: result.tracked,
    perSecond: messages / result.seconds,
    processorMilliseconds: (result.processorSeconds * 1000) / messages,
    requestsPer1000: (counts.requests * 1000) / messages,
    operationsPer1000: (counts.operations * 1000) / messages,
  };
}

/** Messages a second with all tracked. */
async function readInProcess(messages: number): Promise<number> {
  const mailbox = mailboxOf(messages, 100);
  await using database = await testDatabase("pglite");
  await database.close();
  const result = await route({ place: database.place, crm: null, mailboxes: [mailbox], way: "once", limits: null });
  const expected = expectedInProcess(mailbox);
  await using filled = await openDatabase(database.place);
  await verify(filled, expected);
  refuseOther(result, messages, expected.length);
  return messages / result.seconds;
}

function mailboxOf(messages: number, share: Share): MadeMailbox {
  return { address: "reader@example.test", first: 0, messages, share, every: null };
}

function refuseOther({ received, tracked }: RouterResult, messages: number, expected: number): void {
  if (received !== messages || tracked !== expected)
    throw new Error(`${received} of ${messages} messages were read, ${tracked} of ${expected} tracked`);
}

function medianOf(readings: readonly Reading[]): Reading {
  const of = (pick: (one: Reading) => number) => median(readings.map(pick));
  return {
    share: readings[0]?.share ?? 0,
    messages: of((one) => one.messages),
    tracked: of((one) => one.tracked),
    perSecond: of((one) => one.perSecond),
    processorMilliseconds: of((one) => one.processorMilliseconds),
    requestsPer1000: of((one) => one.requestsPer1000),
    operationsPer1000: of((one) => one.operationsPer1000),
  };
}

function median(values: readonly number[]): number {
  const sorted = values.toSorted((one, other) => one - other);
  const middle = sorted.length / 2;
  return sorted.length % 2 === 1 ? (sorted[Math.floor(middle)] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

const COLUMNS: readonly (readonly [title: string, of: (row: Reading) => string])[] = [
  ["tracked %", (row) => String(row.share)],
  ["messages", (row) => String(row.messages)],
  ["emails", (row) => String(row.tracked)],
  ["requests/1000", (row) => row.requestsPer1000.toFixed(1)],
  ["operations/1000", (row) => row.operationsPer1000.toFixed(1)],
  ["messages/s", (row) => row.perSecond.toFixed(0)],
  ["CPU ms a message", (row) => row.processorMilliseconds.toFixed(2)],
];
