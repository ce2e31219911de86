import { leaseKey, withLease } from "../../jobs/lease.ts";
import type { AuditReport } from "../../model/audit-report.ts";
import type { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";
import type { AuditRequest } from "../receive/audit-mailbox.ts";
import { addCounts, type Counts, NO_COUNTS } from "../receive/reading.ts";
import { receiveMailbox } from "../receive/receive-mailbox.ts";
import type { LeftAlone } from "../why-not.ts";
import { forEach, type Progress, type RunResult } from "./run-now.ts";

/** What one mailbox holds, compared with what became of it. */
export interface MailboxReport extends AuditReport {
  readonly mailbox: string;
}

/** `counts`: of what was read on the way, new mail too. */
export interface AuditResult extends RunResult<Counts> {
  /** Of the mailboxes that were gone through. */
  readonly reports: readonly MailboxReport[];
}

/** Goes through mailboxes now, one after the other, each after a reading of what is new: all that receive, or those addresses. */
export async function auditNow(
  context: EngineContext,
  addresses: readonly string[],
  audit: AuditRequest,
  signal: AbortSignal,
  progress: Progress,
): Promise<AuditResult> {
  let counts: Counts = NO_COUNTS;
  const reports: MailboxReport[] = [];
  const run = await forEach(context, addresses, signal, progress, async ({ id, address }, say) => {
    let failure: Failure | null = null;
    let left: LeftAlone | null = null;
    let report: AuditReport | null = null;
    let messages = 0;
    const onPage = (read: number) => {
      messages += read;
      say(`${messages} messages`);
    };
    const outcome = await withLease(context.database, leaseKey("receive", id), context.database.presence.instanceId, async (lease) => {
      // Somebody wants the mailbox read once more: it is gone through only once.
      const request = report === null ? audit : undefined;
      const result = await receiveMailbox(context, id, lease, signal, { onPage, inPerson: true, audit: request });
      counts = addCounts(counts, result);
      report ??= result.report;
      ({ failure, left } = result);
    });
    if (report !== null) reports.push({ mailbox: address, ...(report as AuditReport) });
    return { busy: outcome === "busy", failure, left };
  });
  return { ...run, counts, reports };
}
