import type { ClaimRow } from "../../ledger/claims.ts";
import type { Facts } from "../../model/facts.ts";
import type { CrmVerdict } from "../../model/verdict.ts";
import { isStranger } from "../../tracking/stranger.ts";
import type { Candidate, Reading } from "./reading.ts";

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
  const isOpen = (one: Candidate) =>
    one.head.isSentCopy !== true && one.head.received >= mailbox.startDate && !claimOf(one)?.delivered && !isStranger(one.head, facts);
  const asked = [...candidates.entries()].filter(([, one]) => isOpen(one));
  if (asked.length === 0) return new Map();
  const answers = await crm.verdicts({ mailbox, heads: asked.map(([, { head }]) => head) });
  if (answers === null) return new Map();
  return new Map(
    asked.flatMap(([index], at) => {
      const verdict = answers[at];
      return verdict ? [[index, verdict] as const] : [];
    }),
  );
}
