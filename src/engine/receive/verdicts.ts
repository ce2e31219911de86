import type { ClaimRow } from "../../ledger/claims.ts";
import { REASON } from "../../model/decision.ts";
import type { Facts } from "../../model/facts.ts";
import type { CrmVerdict } from "../../model/verdict.ts";
import { isStranger } from "../../tracking/stranger.ts";
import type { Candidate, Reading } from "./reading.ts";

/**
 * Of a message that was claimed and whose delivery did not come to its end: the CRM has taken it before, and may have its email already, whole or not, so that it would
 * call the message a duplicate of itself now. It is delivered to its end.
 */
const TAKEN_BEFORE: CrmVerdict = { delivers: true, reason: REASON.unknown };

/**
 * The word of a CRM that decides about messages itself, by the number of the candidate. It is asked about those alone that its word can change: not about what is an
 * email already, sent mail, or what came before the start date, and not about mail of strangers, which no filter could take.
 */
export async function verdictsOn(
  { context, work: { mailbox } }: Pick<Reading, "context" | "work">,
  candidates: readonly Candidate[],
  facts: Facts,
  claimOf: (candidate: Candidate) => ClaimRow | undefined,
): Promise<ReadonlyMap<number, CrmVerdict>> {
  const crm = context.crm(mailbox.organization);
  if (crm.verdicts === undefined) return new Map();
  const open = [...candidates.entries()].filter(([, { head }]) => head.isSentCopy !== true && head.received >= mailbox.startDate);
  const unfinished = open.filter(([, one]) => claimOf(one)?.delivered === false);
  const asked = open.filter(([, one]) => claimOf(one) === undefined && !isStranger(one.head, facts));
  if (asked.length + unfinished.length === 0) return new Map();
  const answers = await crm.verdicts({ mailbox, heads: asked.map(([, { head }]) => head) });
  if (answers === null) return new Map();
  return new Map([
    ...unfinished.map(([index]) => [index, TAKEN_BEFORE] as const),
    ...asked.flatMap(([index], at) => {
      const verdict = answers[at];
      return verdict ? [[index, verdict] as const] : [];
    }),
  ]);
}
