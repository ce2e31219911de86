import { ONLINE, type ServiceLimits } from "../../src/connectors/dataverse/client/limits.ts";
import { openDatabase } from "../../src/database/open.ts";
import { ONLINE_LIMITS, type ProtectionLimits } from "../../src/server/service-protection.ts";
import { testDatabase } from "../../test/databases.ts";
import { verify } from "../ingest/verify.ts";
import type { Measured } from "../run.ts";
import type { Counts } from "./count-requests.ts";
import { expectedOf, type MadeMailbox } from "./mailboxes.ts";
import { route } from "./route.ts";
import { startCrm } from "./start-crm.ts";

/** Mailboxes in which mail arrives by and by, beside one that holds much. */
const OTHERS = 20;
/** Messages that the large one holds for each second of the window. */
const LARGE_PER_SECOND = 20;
/** Milliseconds between two messages of a mailbox: with that many mailboxes, rounds ask for more than twice what is allowed. */
const EVERY = 2_000;
/** How long mail arrives, in windows. */
const WINDOWS = 1.5;

export interface LimitOptions {
  /** Requests that the CRM allows in five minutes. */
  readonly limit: number;
  /** Seconds of a shorter window, in which it allows so many fewer; left out: five minutes. */
  readonly window?: number | undefined;
}

/**
 * The service works for many mailboxes against a CRM that protects itself as Dynamics online does, and meets its limit. All mail must become emails once; how long each
 * mailbox waited is told.
 */
export async function benchLimit({ limit, window = ONLINE_LIMITS.seconds }: LimitOptions): Promise<Measured> {
  const part = window / ONLINE_LIMITS.seconds;
  const requests = Math.round(limit * part);
  const server: ProtectionLimits = {
    ...ONLINE_LIMITS,
    requests,
    seconds: window,
    executionSeconds: Math.round(ONLINE_LIMITS.executionSeconds * part),
  };
  const known: ServiceLimits = { ...ONLINE, budget: { window: window * 1000, requests, execution: server.executionSeconds * 1000 } };
  const mailboxes = mailboxesOf(window);
  await using crmDatabase = await testDatabase("pglite");
  await using ledger = await testDatabase("pglite");
  // The folder of PGlite is for one process at a time.
  await Promise.all([crmDatabase.close(), ledger.close()]);
  await using crm = await startCrm({ place: crmDatabase.place, users: mailboxes.map(({ address }) => address), limits: server });
  const result = await route({ place: ledger.place, crm: crm.served, mailboxes, way: "service", limits: known });
  const counts = await crm.counts();
  await crm.stop();
  const expected = mailboxes.flatMap(expectedOf);
  await using filled = await openDatabase(crmDatabase.place);
  await verify(filled, expected);
  const medians = result.delays.map(({ median }) => median);
  const figures: Figures = {
    limit: { requests, seconds: window },
    messages: result.received,
    emails: result.tracked,
    seconds: result.seconds,
    requests: counts.requests,
    operations: counts.operations,
    mostInWindow: counts.mostInWindow,
    refused: counts.refused,
    pauses: counts.pauses,
    busyRounds: result.busyRounds,
    delay: {
      leastMedian: Math.min(...medians),
      mostMedian: Math.max(...medians),
      worst: Math.max(...result.delays.map(({ worst }) => worst)),
    },
  };
  return { table: lines(figures).join("\n"), figures };
}

interface Figures {
  readonly limit: { readonly requests: number; readonly seconds: number };
  readonly messages: number;
  readonly emails: number;
  readonly seconds: number;
  readonly requests: number;
  readonly operations: number;
  readonly mostInWindow: number;
  readonly refused: number;
  readonly pauses: Counts["pauses"];
  readonly busyRounds: number;
  /** Seconds from arrival to decision: medians of the mailboxes, and the worst message. */
  readonly delay: { readonly leastMedian: number; readonly mostMedian: number; readonly worst: number };
}

function lines({
  limit,
  messages,
  emails,
  seconds,
  requests,
  operations,
  mostInWindow,
  refused,
  pauses,
  busyRounds,
  delay,
}: Figures): string[] {
  const shown = (value: number) => value.toFixed(1);
  return [
    `dataverse: ${OTHERS} mailboxes with a message each every ${EVERY / 1000} s beside a large one, ${limit.requests} requests allowed in ${limit.seconds} s`,
    `${messages} messages read in ${shown(seconds)} s, ${emails} emails, none lost or double`,
    `${requests} requests (${operations} operations), ${mostInWindow} at most in one window; ${refused} refused with 429`,
    `${pauses.number} pauses, the longest ${shown(pauses.longest)} s, together ${shown(pauses.together)} s; ${busyRounds} rounds put off`,
    `arrival to decision: medians of the mailboxes ${shown(delay.leastMedian)} to ${shown(delay.mostMedian)} s, the worst ${shown(delay.worst)} s`,
  ];
}

function mailboxesOf(window: number): MadeMailbox[] {
  const large = Math.round(LARGE_PER_SECOND * window);
  const messages = Math.max(1, Math.round((WINDOWS * window * 1000) / EVERY));
  return [
    { address: "large@example.test", first: 0, messages: large, share: 25, every: null },
    ...Array.from({ length: OTHERS }, (_, index): MadeMailbox => {
      return { address: `other${index}@example.test`, first: large + index * messages, messages, share: 100, every: EVERY };
    }),
  ];
}
