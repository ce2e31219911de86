import type { OutboxRow } from "../../ledger/outbox.ts";
import type { ReportKind, Returned } from "../../model/delivery-report.ts";
import { quote, when } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";

/**
 * What came back of these sendings. A report that names none of their Message-IDs, because a server wrote another one, counts for the latest sending of
 * its email. One question for each organization.
 */
export async function returnedOf(
  context: EngineContext,
  sendings: readonly OutboxRow[],
): Promise<ReadonlyMap<OutboxRow, readonly Returned[]>> {
  const found = new Map<OutboxRow, Returned[]>();
  for (const [organization, rows] of Map.groupBy(sendings, (row) => row.organization)) {
    const returned = await context.crm(organization).returned([...new Set(rows.map(({ emailId }) => emailId))]);
    for (const one of returned) {
      const ofEmail = rows.filter(({ emailId }) => emailId === one.emailId);
      const latest = ofEmail.reduce<OutboxRow | undefined>(
        (last, row) => (last && last.generation > row.generation ? last : row),
        undefined,
      );
      const row = ofEmail.find(({ messageId }) => messageId === one.messageId) ?? latest;
      if (row !== undefined) found.set(row, [...(found.get(row) ?? []), one]);
    }
  }
  return found;
}

const WHAT: Readonly<Record<ReportKind, string>> = {
  failed: "could not be delivered to",
  complaint: "was complained about by",
  delayed: "is delayed on its way to",
  expanded: "was passed on to several addresses for",
  relayed: "was passed on, to a server that reports nothing, for",
  delivered: "was delivered to",
  displayed: "was displayed by",
  deleted: "was deleted unread by",
  processed: "was processed for",
};

/** One row of a delivery report in a sentence. It is what the report says, and proves nothing. */
export function returnedSentence({ recipient, kind, status, diagnosis, at, reportId }: Returned): string {
  const who = recipient === "" ? "a recipient that is not named" : quote(recipient);
  const details = [...(status === null ? [] : [`status ${status}`]), ...(diagnosis === null ? [] : [quote(diagnosis, { longest: 500 })])];
  const said = details.length === 0 ? "" : `: ${details.join(", ").replace(/\.$/, "")}`;
  return `A delivery report of ${when(at)} says that it ${WHAT[kind]} ${who}${said}. The report is the email ${reportId}.`;
}
