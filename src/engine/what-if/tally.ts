import { type DecisionCounts, NO_DECISIONS } from "../../ledger/decision-counts.ts";
import type { StoredHead } from "../../ledger/stored-heads.ts";
import type { Outcome } from "../../model/decision.ts";

/** The two sides that are compared: the settings as they are, and the others. */
export const SIDES = ["before", "after"] as const;
export type Side = (typeof SIDES)[number];

/** Outcomes of one mailbox under both. */
export interface MailboxTally {
  readonly before: DecisionCounts;
  readonly after: DecisionCounts;
  /** Messages whose outcome is another one under the other settings. */
  readonly changed: number;
  /** Messages that would be decided otherwise today under the settings as they are: a contact was added since, say. */
  readonly otherwiseToday: number;
}

interface Counting {
  readonly before: Record<Outcome, number>;
  readonly after: Record<Outcome, number>;
  changed: number;
  otherwiseToday: number;
}

type Pair = Readonly<Record<Side, Outcome | null>>;

/** Counts as outcomes come and change. */
export class Tally {
  readonly #mailboxes = new Map<string, Counting>();

  /** The outcome of a message on one side is another one now; `pair`: both as they were until then. */
  set(row: Pick<StoredHead, "mailboxId" | "outcome">, side: Side, outcome: Outcome, pair: Pair): void {
    const counting = this.#of(row.mailboxId);
    const earlier = pair[side];
    if (earlier !== null) counting[side][earlier]--;
    counting[side][outcome]++;
    const now = { ...pair, [side]: outcome };
    counting.changed += Number(isChanged(now)) - Number(isChanged(pair));
    if (side === "before") {
      counting.otherwiseToday += Number(!isAlike(outcome, row.outcome)) - Number(earlier !== null && !isAlike(earlier, row.outcome));
    }
  }

  /** Null: the mailbox has no message in the stretch. */
  of(mailboxId: string): MailboxTally | null {
    return this.#mailboxes.get(mailboxId) ?? null;
  }

  #of(mailboxId: string): Counting {
    const known = this.#mailboxes.get(mailboxId);
    if (known !== undefined) return known;
    const counting: Counting = { before: { ...NO_DECISIONS }, after: { ...NO_DECISIONS }, changed: 0, otherwiseToday: 0 };
    this.#mailboxes.set(mailboxId, counting);
    return counting;
  }
}

function isChanged({ before, after }: Pair): boolean {
  return before !== null && after !== null && before !== after;
}

/** Which of several mailboxes came first is no difference: the message is an email either way. */
export function isAlike(one: Outcome, other: Outcome): boolean {
  return isEmail(one) ? isEmail(other) : one === other;
}

function isEmail(outcome: Outcome): boolean {
  return outcome === "tracked" || outcome === "duplicate";
}
