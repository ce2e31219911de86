import { toldBefore } from "../../ledger/told-before.ts";
import type { RuleAnswer } from "../../model/decision.ts";
import type { Candidate, Reading } from "./reading.ts";
import { type Changed, lyingThere } from "./same-place.ts";

/** What a decision says of a message that looks otherwise each time. */
export const WRITTEN_ANEW: RuleAnswer = {
  rule: "content",
  answer: "yes",
  because:
    "The server writes the header of this message anew from time to time (Message-ID, date or sender). It is known by its place, its moment of receipt, its size and its content.",
};

/** What came of looking for the earlier decisions about messages whose headers were written anew. */
export interface KnownByPlace {
  /** Ids of the decisions about what is the same message, by the candidates' keys. */
  readonly same: ReadonlyMap<string, number>;
  /** Keys of the decisions that are to be made again, by the candidates' keys. */
  readonly again: ReadonlyMap<string, string>;
}

/**
 * Messages that nothing but their place tells from new ones: each lies where another look of it lay before the position was lost, or before it left.
 * @param candidates of one page, none of them known otherwise
 */
export async function knownByPlace(reading: Reading, candidates: readonly Candidate[]): Promise<KnownByPlace> {
  const { context, work } = reading;
  const [first] = candidates;
  if (first === undefined) return { same: new Map(), again: new Map() };
  const ids = candidates.map(({ head }) => head.ref.id);
  const told = await toldBefore(context.database, work.mailbox.id, first.head.ref.stream, ids);
  const changed = candidates.flatMap(({ key, head }) => {
    const its = told.get(head.ref.id);
    return its === undefined ? [] : [{ key, head, told: its }];
  });
  return assigned(changed, await lyingThere(reading, changed));
}

/** A decision without an email is that of one message: a second one that lies where a copy lay is decided for itself. */
function assigned(changed: readonly (Changed & { readonly key: string })[], likely: Awaited<ReturnType<typeof lyingThere>>): KnownByPlace {
  const same = new Map<string, number>();
  const again = new Map<string, string>();
  const taken = new Set<string>();
  for (const { key, head, told } of changed) {
    const answer = likely.get(head.ref.id);
    if (answer === "same") same.set(key, told.decisionId);
    if (answer !== "no email" || taken.has(told.identity)) continue;
    taken.add(told.identity);
    again.set(key, told.identity);
  }
  return { same, again };
}
