import { type Copy, findCopies } from "../../ledger/by-hand.ts";
import type { DecisionRow } from "../../ledger/decision-rows.ts";
import { latestWish, readWishes, wishKeys } from "../../ledger/wishes.ts";
import type { Wish } from "../../model/wish.ts";
import { RULE } from "../../tracking/rule.ts";
import { quote, when } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";
import { namesOf } from "./find-message.ts";

/** What people said by hand of messages, by the numbers of their decisions, and what else tells how these stand. */
export interface ByHand {
  readonly wishes: ReadonlyMap<number, Wish>;
  /** Those of their emails that stand in the CRM. */
  readonly standing: ReadonlySet<string>;
}

/** What people said of the messages of that name. */
export async function byHand(context: EngineContext, organizations: readonly string[], name: string): Promise<ByHand> {
  const copies = (await findCopies(context.database, namesOf(name))).filter((one) => organizations.includes(one.organization));
  const wishes = new Map<number, Wish>();
  const standing = new Set<string>();
  for (const [organization, some] of Map.groupBy(copies, (one) => one.organization)) {
    const keys = (one: Copy) => wishKeys(organization, one);
    const said = await readWishes(context.database, organization, [...new Set(some.flatMap(keys))]);
    for (const one of some) {
      const wish = latestWish(said, keys(one));
      if (wish !== undefined) wishes.set(one.id, wish);
    }
    const untracked = some.flatMap(({ id, emailId }) => (emailId !== null && wishes.get(id)?.verb === "untrack" ? emailId : []));
    if (untracked.length === 0) continue;
    for (const id of await context.crm(organization).standing([...new Set(untracked)])) standing.add(id);
  }
  return { wishes, standing };
}

/** What a person said of a message, as far as its decision does not show it, and what to type to change the outcome. Pure. */
export function byHandSentences({ id, outcome, mailbox, rules, emailId }: DecisionRow, { wishes, standing }: ByHand): string[] {
  if (outcome === "tracked" || outcome === "duplicate")
    return [`To change what its email is about: \`waypost regarding ${id} <record>\` (or none).`];
  const wish = wishes.get(id);
  if (wish?.verb === "untrack" && emailId !== null) {
    return [
      standing.has(emailId)
        ? `The email ${emailId} that was made of it stays in the CRM.`
        : `The email ${emailId} that was made of it was deleted.`,
    ];
  }
  if (wish?.verb !== "track" || rules.some(({ rule, answer }) => rule === RULE.askedFor && answer === "yes")) return [];
  const { by, at, regarding } = wish;
  const about = regarding === null ? "" : `, about the ${regarding.type} ${quote(regarding.name)}`;
  return [
    `${quote(by)} asked for it by hand on ${when(at)}${about}. It is decided again as soon as ${quote(mailbox)} is worked on, where it lies in a folder that is read then.`,
  ];
}
