import { saidByPeople } from "../../ledger/email-regarding.ts";
import type { Sql } from "../../model/sql.ts";
import { regardingSaidBefore } from "../../tracking/asked-for.ts";
import { RULE } from "../../tracking/rule.ts";
import type { Ready } from "./read-content.ts";

/** Emails that are made again are about what a person said of them before, unless a newer word came with the message. One statement. */
export async function withSaidRegarding(sql: Sql, organization: string, ready: readonly Ready[]): Promise<readonly Ready[]> {
  const said = await saidByPeople(
    sql,
    organization,
    ready.map(({ email }) => email.id),
  );
  if (said.size === 0) return ready;
  return ready.map((one) => {
    const regarding = said.get(one.email.id);
    if (regarding === undefined || one.candidate.wish?.regarding) return one;
    const { candidate, email } = one;
    const answer = regardingSaidBefore(regarding);
    const rules = candidate.decision.rules.map((its) => (its.rule === RULE.regarding ? answer : its));
    return {
      ...one,
      candidate: { ...candidate, decision: { ...candidate.decision, rules } },
      email: { ...email, placement: { ...email.placement, regarding } },
    };
  });
}
