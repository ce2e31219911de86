import { toldBefore } from "../../ledger/told-before.ts";
import type { RuleAnswer } from "../../model/decision.ts";
import type { Candidate, Reading } from "./reading.ts";
import { type Likely, lyingThere } from "./same-place.ts";

/** What a decision says of a message that looks otherwise each time. */
export const WRITTEN_ANEW: RuleAnswer = {
  rule: "content",
  answer: "yes",
  because:
    "The server writes the header of this message anew from time to time (Message-ID, date or sender). It is known by its place, its moment of receipt, its size and its content.",
};

/** What came of looking at where messages lie that are not known otherwise; each by the candidate's key. */
export interface KnownByPlace {
  /** Ids of the decisions about what is the same message. */
  readonly same: ReadonlyMap<string, number>;
  readonly lookAlikes: ReadonlySet<string>;
}

/**
 * Messages that nothing but their place tells from new ones: each lies where another look of it lay before the position was lost.
 * @param candidates of one page, none of them known otherwise, at whose places something was seen before
 */
export async function knownByPlace(reading: Reading, candidates: readonly Candidate[]): Promise<KnownByPlace> {
  const { context, work } = reading;
  const [first] = candidates;
  if (first === undefined) return { same: new Map(), lookAlikes: new Set() };
  const ids = candidates.map(({ head }) => head.ref.id);
  const told = await toldBefore(context.database, work.mailbox.id, first.head.ref.stream, ids);
  const changed = candidates.flatMap(({ key, head }) => {
    const its = told.get(head.ref.id);
    return its === undefined ? [] : [{ key, head, told: its }];
  });
  const likely = await lyingThere(reading, changed);
  const those = (wanted: Likely) => changed.filter(({ head }) => likely.get(head.ref.id) === wanted);
  return {
    same: new Map(those("same").map(({ key, told: its }) => [key, its.decisionId])),
    lookAlikes: new Set(those("look-alike").map(({ key }) => key)),
  };
}
