import type { RuleAnswer } from "../model/decision.ts";
import type { RecordRef } from "../model/record.ts";
import { RULE, yes } from "./rule.ts";
import { quote, when } from "./sentence.ts";

/** What stands in the decision about a message on whose email a person resolved an address. */
export function resolvedByHand(said: { readonly by: string; readonly at: Date }, address: string, record: RecordRef): RuleAnswer {
  const because = `${quote(said.by)} said on ${when(said.at)} by hand that ${quote(address)} is the ${record.type} ${quote(record.name)}.`;
  return yes(RULE.parties, because, { records: [record] });
}
