import { addressKey } from "../../model/address.ts";
import type { MadeRecord } from "../../model/record.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Crm } from "../../ports.ts";
import { madeRecordAnswer, withMadeRecord } from "../../tracking/new-record.ts";
import { RULE } from "../../tracking/rule.ts";
import type { Ready } from "./read-content.ts";

/**
 * Makes the records that the rules want of unresolved senders, and puts them on the emails and into the decisions. Two statements, and none where nothing is
 * wanted. In a transaction before anything else of the delivery: mailboxes that make records at once wait for each other.
 */
export async function withNewRecords(crm: Crm, ready: readonly Ready[], within?: Transaction): Promise<readonly Ready[]> {
  const wanted = ready.flatMap(({ email }) => email.placement.newRecord ?? []);
  if (wanted.length === 0) return ready;
  const made = await crm.makeRecords(wanted, within);
  return ready.map((one) => {
    const { newRecord } = one.email.placement;
    return newRecord === undefined ? one : withRecord(one, newRecord.address, made.get(addressKey(newRecord.address)) ?? null);
  });
}

function withRecord(ready: Ready, address: string, made: MadeRecord | null): Ready {
  const { candidate, email } = ready;
  const answer = madeRecordAnswer(address, made);
  const rules = candidate.decision.rules.map((one) => (one.rule === RULE.newRecord ? answer : one));
  return {
    ...ready,
    candidate: { ...candidate, decision: { ...candidate.decision, rules } },
    email: { ...email, placement: withMadeRecord(email.placement, address, made) },
  };
}
