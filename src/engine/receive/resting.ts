import { type Coverage, type DecidedMessage, decideAnew, storeDecisions } from "../../ledger/decisions.ts";
import { REASON } from "../../model/decision.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Reading } from "./reading.ts";

/**
 * A decision may rest on emails that other messages of its page are to become: they made it a duplicate, or an answer. A message that does not become
 * an email after all (it is quarantined, or left meanwhile) must not take with it what was decided in the knowledge of that email: that is decided
 * again, with what is in the CRM then.
 */
export interface Resting {
  /** Ids of the emails. */
  readonly restsOn: ReadonlySet<string>;
}

/** What may be stored as it was decided, and what may not. */
export interface Founded<T> {
  readonly firm: readonly T[];
  readonly unfounded: readonly T[];
}

/** `made`: ids of the emails that were made. */
export function founded<T extends Resting>(list: readonly T[], made: ReadonlySet<string>): Founded<T> {
  const { firm = [], unfounded = [] } = Object.groupBy(list, (one) => (isFounded(one, made) ? "firm" : "unfounded"));
  return { firm, unfounded };
}

/** The same of messages that become emails together, of which one may rest on another. */
export function foundedTogether<T extends { readonly candidate: Resting; readonly email: { readonly id: string } }>(
  list: readonly T[],
  made: ReadonlySet<string>,
): Founded<T> {
  const firm = new Set(list);
  for (let isSettled = false; !isSettled; ) {
    isSettled = true;
    const there = new Set([...made, ...[...firm].map(({ email }) => email.id)]);
    for (const one of firm) if (!isFounded(one.candidate, there)) isSettled = !firm.delete(one);
  }
  return { firm: [...firm], unfounded: list.filter((one) => !firm.has(one)) };
}

function isFounded({ restsOn }: Resting, made: ReadonlySet<string>): boolean {
  return [...restsOn].every((id) => made.has(id));
}

/** Stores that these are decided again, wherever they lie then. */
export async function storeUnfounded(
  { context, work: { mailbox } }: Reading,
  tx: Transaction,
  unfounded: readonly Pick<DecidedMessage, "head" | "places" | "identity">[],
  coverage: Coverage,
): Promise<void> {
  const decisions = unfounded.map(unfoundedDecision);
  const ids = await storeDecisions(tx, mailbox.organization, mailbox.id, decisions, context.now(), coverage);
  await decideAnew(tx, [...ids.values()]);
}

function unfoundedDecision({ head, places, identity }: Pick<DecidedMessage, "head" | "places" | "identity">): DecidedMessage {
  const because =
    "It was decided in the knowledge of an email that another message was to become, and that was not made of it. It is decided again.";
  const rules = [{ rule: "earlier email", answer: "no" as const, because }];
  return { head, places, identity, outcome: "skipped", reason: REASON.unknown, rules, emailId: null, waitingFor: [], undecided: true };
}
