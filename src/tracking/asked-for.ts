import { REASON, type RuleAnswer } from "../model/decision.ts";
import type { RecordRef } from "../model/record.ts";
import type { Wish } from "../model/wish.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";
import { quote, when } from "./sentence.ts";

/** A person's word about this very message stands above the rules of the organization (product-behaviour 4.4). */
export const askedFor: Gate = ({ context: { wish } }) => {
  if (wish === undefined) return null;
  return wish.verb === "untrack" ? skip(untrackedAnswer(wish), REASON.unknown) : pass(askedForAnswer(wish));
};

/** What stands in the decision about a message that a person untracked. */
export function untrackedAnswer({ by, at }: Wish): RuleAnswer {
  return no(RULE.askedFor, `${quote(by)} untracked it by hand on ${when(at)}, and nothing but their word makes an email of it again.`);
}

function askedForAnswer({ by, at }: Wish): RuleAnswer {
  return yes(
    RULE.askedFor,
    `${quote(by)} asked for it by hand on ${when(at)}: it is tracked whatever start date, automatic tracking, sender, mail between users and filters say.`,
  );
}

/** What stands in the decision about a message whose email is made again, and which a person said to be about a record. */
export function regardingSaidBefore(record: RecordRef): RuleAnswer {
  return yes(RULE.regarding, `A person said of the email before that it is about the ${record.type} ${quote(record.name)}.`, {
    records: [record],
  });
}

/** What stands in the decision about a message whose email a person gave another regarding. */
export function regardingAnswerByHand({ by, at }: Pick<Wish, "by" | "at">, record: RecordRef | null): RuleAnswer {
  const who = `${quote(by)} said on ${when(at)} by hand`;
  return record === null
    ? no(RULE.regarding, `${who} that it is about no record.`)
    : yes(RULE.regarding, `${who} that it is about the ${record.type} ${quote(record.name)}.`, { records: [record] });
}
