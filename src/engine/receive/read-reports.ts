import { type SentUnder, sentUnder } from "../../ledger/outbox.ts";
import { readDeliveryReport } from "../../mime/delivery-report.ts";
import { originOf } from "../../mime/head.ts";
import { type DeliveryReport, looksLikeReport, type ReportEvidence } from "../../model/delivery-report.ts";
import type { FactsQuery } from "../../model/facts.ts";
import { Failure } from "../../model/failure.ts";
import type { Content, MessageHead } from "../../model/message.ts";
import type { Sql } from "../../model/sql.ts";
import type { Candidate, Reading } from "./reading.ts";
import { contradictions } from "./verify-content.ts";

/** Bytes of a report that are read, and of all reports of a page: a bounce that gives a large message back is decided by its head. */
export const REPORT_BYTES = 4 * 1024 * 1024;
const PAGE_BYTES = 64 * 1024 * 1024;

const MEGABYTE = 1024 * 1024;
const TOO_LARGE = `The content was not read: it is larger than the ${REPORT_BYTES / MEGABYTE} MB of a delivery report that are.`;
const TOO_MANY = `The content was not read: all that look like delivery reports among the messages read together have more than ${PAGE_BYTES / MEGABYTE} MB.`;
const GONE = "The content was not read: the message had left.";
const WITHHELD = "The content was not read: the server does not hand it out.";
const ANOTHER = "The content says nothing: its header is that of another message.";

/** What is known of the content of one message that looks like a report, and all that it says. */
interface ReadReport extends ReportEvidence {
  readonly report: DeliveryReport | null;
}

/** What is known of the content of delivery reports, by their place among the candidates, and under which Message-IDs emails went out that they name. */
export interface Reports {
  readonly evidence: ReadonlyMap<number, ReadReport>;
  readonly sent: readonly SentUnder[];
}

const NO_REPORTS: Reports = { evidence: new Map(), sent: [] };

/**
 * Reads the content of those messages that look like delivery reports: which message one is about stands in its content as a rule (RFC 3464), and on that
 * depends whether it is an answer to an email of the CRM. What cannot be read is decided by its head. One statement, or none.
 * @param isWanted whether anything hangs on the content of that message
 */
export async function readReports(
  reading: Reading,
  candidates: readonly Candidate[],
  isWanted: (candidate: Candidate) => boolean,
): Promise<Reports> {
  const suspects = new Map(
    candidates.flatMap((one, index) => (looksLikeReport(one.head) && isWanted(one) ? [[index, one.head] as const] : [])),
  );
  if (suspects.size === 0) return NO_REPORTS;
  const read = await readAll(reading, suspects);
  const reports = [...read.values()].filter((one) => typeof one !== "string");
  const ids = [...new Set(reports.flatMap(({ messageIds }) => messageIds))];
  const marks = [...new Set(reports.flatMap(({ emailMark }) => emailMark ?? []))];
  const { context, work } = reading;
  const sent = ids.length + marks.length === 0 ? [] : await sentUnder(context.database, work.mailbox.organization, ids, marks);
  const evidence = new Map([...suspects.keys()].map((index) => [index, evidenceOf(read.get(index) ?? null, sent)]));
  return { evidence, sent };
}

/** Message-IDs for which the CRM is to be asked on account of reports, each with the email that went out under it, if any is known. */
export function reportedEmails({ evidence, sent }: Reports): Reported {
  return reportedOf(
    [...evidence.values()].flatMap(({ about }) => about),
    sent,
  );
}

/** The same for what earlier reports named. One statement, or none. */
export async function reportedUnder(sql: Sql, organization: string, about: readonly string[]): Promise<Reported> {
  return about.length === 0 ? [] : reportedOf(about, await sentUnder(sql, organization, about, []));
}

type Reported = NonNullable<FactsQuery["reported"]>;

function reportedOf(ids: readonly string[], sent: readonly SentUnder[]): Reported {
  const emailIds = new Map(sent.map(({ messageId, emailId }) => [messageId, emailId]));
  return [...new Set(ids)].map((messageId) => ({ messageId, emailId: emailIds.get(messageId) ?? null }));
}

/** The Message-IDs that each report names, by its place. */
export function messageIdsIn({ evidence }: Reports): ReadonlyMap<number, readonly string[]> {
  return new Map([...evidence].flatMap(([index, { report }]) => (report === null ? [] : [[index, report.messageIds] as const])));
}

function evidenceOf(read: DeliveryReport | string | null, sent: readonly SentUnder[]): ReadReport {
  if (read === null || typeof read === "string") return { report: null, about: [], unread: read };
  const { messageIds, emailMark } = read;
  const marked = emailMark === null ? [] : sent.filter(({ emailId }) => emailId === emailMark).map(({ messageId }) => messageId);
  return { report: read, about: [...new Set([...messageIds, ...marked])], unread: null };
}

/** The reports by their place; a sentence where the content was not read. What is no report is left out. */
async function readAll(reading: Reading, suspects: ReadonlyMap<number, MessageHead>): Promise<Map<number, DeliveryReport | string>> {
  const read = new Map<number, DeliveryReport | string>();
  const open = new Map<string, number>();
  let bytes = 0;
  for (const [index, { ref, size }] of suspects) {
    bytes += Math.min(size, REPORT_BYTES);
    if (bytes > PAGE_BYTES) read.set(index, TOO_MANY);
    else open.set(ref.id, index);
  }
  const refs = [...open.values()].flatMap((index) => suspects.get(index)?.ref ?? []);
  try {
    for await (const content of reading.source.content(refs, { maximumSize: REPORT_BYTES })) {
      const index = open.get(content.ref.id);
      const head = index === undefined ? undefined : suspects.get(index);
      open.delete(content.ref.id);
      if (index === undefined || head === undefined) continue;
      const told = toldBy(content, head);
      if (told !== null) read.set(index, told);
    }
  } catch (error) {
    // If one of them is wanted in the CRM, it is asked for again, and told of then.
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    for (const index of open.values()) read.set(index, WITHHELD);
  }
  return read;
}

function toldBy(content: Content, head: MessageHead): DeliveryReport | string | null {
  if (content.kind === "gone") return GONE;
  if (content.kind === "too large") return TOO_LARGE;
  return contradictions(head, originOf(content.mime)).length > 0 ? ANOTHER : readDeliveryReport(content.mime);
}
