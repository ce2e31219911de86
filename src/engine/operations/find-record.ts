import { Failure } from "../../model/failure.ts";
import type { RecordName, RecordRef } from "../../model/record.ts";
import type { Crm } from "../../ports.ts";
import { listing, quote } from "../../tracking/sentence.ts";

const NAMED = /^([a-z][a-z0-9_]{0,99}):([0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})$/i;

/**
 * The record that a person names by type and id (`contact:<id>`), or by an address that exactly one active contact, account or lead has. Throws a
 * Failure `record unknown`, or `record not clear`.
 */
export async function findRecord(crm: Crm, text: string): Promise<RecordRef> {
  const records = await crm.records(nameOf(text));
  const [only, ...others] = records;
  if (only === undefined) throw recordUnknown(text, "The CRM has no such record.");
  if (others.length > 0) throw notClear(text, records);
  return only;
}

function nameOf(text: string): RecordName {
  const [, type, id] = NAMED.exec(text.trim()) ?? [];
  if (type !== undefined && id !== undefined) return { type: type.toLowerCase(), id: id.toLowerCase() };
  if (text.includes("@")) return { address: text };
  throw recordUnknown(text, "It names no record.");
}

/** What a person named is no record. */
export function recordUnknown(text: string, because: string): Failure {
  return new Failure({
    scope: "item",
    code: "record unknown",
    message: `${quote(text)}: ${because}`,
    remedy: "Name it as contact:<id>, account:<id> or lead:<id>, or by an e-mail address that exactly one active one of these has.",
    waitingHelps: false,
  });
}

function notClear(text: string, records: readonly RecordRef[]): Failure {
  const choice = records.map(({ type, id, name }) => `${quote(name)} (${type}:${id})`);
  return new Failure({
    scope: "item",
    code: "record not clear",
    message: `Several records have the address ${quote(text)}: ${listing(choice)}.`,
    remedy: "Name the one that you mean by its type and id, as they stand in brackets.",
    waitingHelps: false,
  });
}
