import { type Fields, type FieldValue, type Item, otherSide, type Side } from "../model/item.ts";
import { type FieldRule, goesTo } from "./field-rule.ts";
import { at, entriesOf, same } from "./same.ts";

/** What one side was last known to keep of a pair. */
export interface Kept {
  readonly id: string;
  /** The version that had just these fields: where the side still has it, nothing was edited. Null: none is known. */
  readonly version: string | null;
  readonly fields: Fields;
}

/** What both sides of a pair were last known to keep: against this, each for itself, it is seen what somebody edited. */
export type Base = Readonly<Record<Side, Kept>>;

/** What a side kept of what was written there. */
export interface Written {
  readonly on: Side;
  /** The fields that were to change. */
  readonly fields: Fields;
  /** The item as the side had it afterwards. */
  readonly kept: Item;
}

/**
 * The base where nothing is left to be written. A field whose edits do not go to the other side keeps what it was known by before, if it was: it stays an edit, so that
 * it is told of when the other side's comes over it, and is heard where the rule changes.
 * @param base null: the two were not one item before
 */
export function settled(base: Base | null, now: Readonly<Record<Side, Kept>>, rules: readonly FieldRule[]): Base {
  const of = (side: Side): Kept => {
    const unheard = new Set(rules.filter(({ direction }) => !goesTo(otherSide(side), direction)).map(({ name }) => name));
    const heard = Object.keys(now[side].fields).filter((name) => !unheard.has(name));
    return { ...now[side], fields: { ...picked(now[side].fields, heard), ...picked(base?.[side].fields ?? {}, [...unheard]) } };
  };
  return { crm: of("crm"), server: of("server") };
}

/** The base of what was made on one side of the other one's item, as far as it is known before anything is read of it. */
export function baseOfMade(from: Kept, on: Side, id: string, fields: Fields): Base {
  const made = { id, version: null, fields };
  return on === "crm" ? { crm: made, server: from } : { crm: from, server: made };
}

/**
 * The base after one side was written and before anything else is: only the fields, and of fields with entries only those entries, that were written are settled. What
 * else was edited, on either side, still differs from the base, so that nothing is forgotten if the next step fails. Versions are not known until all is done.
 * @param base null: the two were not one item before
 */
export function afterWrite(base: Base | null, now: Readonly<Record<Side, Item>>, written: Written, rules: readonly FieldRule[]): Base {
  const { on, fields, kept } = written;
  const whole = new Set(rules.filter(({ merge }) => merge === "whole").map(({ name }) => name));
  const of = (side: Side, source: Fields): Kept => {
    const before = base?.[side].fields ?? {};
    const values = Object.entries(fields).map(([name, value]) => {
      if (whole.has(name)) return [name, at(source, name)] as const;
      const changed = changedKeys(at(now[on].fields, name), value);
      return [name, withEntries(at(before, name), at(source, name), changed)] as const;
    });
    return { id: side === on ? kept.id : now[side].id, version: null, fields: { ...before, ...present(values) } };
  };
  const [atTarget, atSource] = [of(on, kept.fields), of(otherSide(on), now[otherSide(on)].fields)];
  return on === "crm" ? { crm: atTarget, server: atSource } : { crm: atSource, server: atTarget };
}

function changedKeys(before: FieldValue | undefined, after: FieldValue): string[] {
  const [was, is] = [entriesOf(before), entriesOf(after)];
  return [...new Set([...Object.keys(was), ...Object.keys(is)])].filter((key) => !same(at(was, key), at(is, key)));
}

/** `before` with these entries as they stand in `source`. */
function withEntries(before: FieldValue | undefined, source: FieldValue | undefined, keys: readonly string[]): FieldValue {
  const others = Object.entries(entriesOf(before)).filter(([key]) => !keys.includes(key));
  const taken = present(keys.map((key) => [key, at(entriesOf(source), key)] as const));
  const value = { ...Object.fromEntries(others), ...taken };
  return Object.keys(value).length === 0 ? null : value;
}

/**
 * An item as it is known after a write: what was read before, with what the side kept of the fields that were written. The side's own rewriting of them is remembered
 * as such, and is nobody's edit. Whatever else differs from what was read, somebody edited meanwhile: it stays an edit, and the version is not known to be without it.
 */
export function keptAfter(before: Item, { fields, kept }: Pick<Written, "fields" | "kept">): Kept {
  const names = Object.keys(fields);
  const known = { ...before.fields, ...picked(kept.fields, names) };
  return { id: kept.id, version: same(known, kept.fields) ? kept.version : null, fields: known };
}

function picked(fields: Fields, names: readonly string[]): Fields {
  return present(names.map((name) => [name, at(fields, name)] as const));
}

function present(values: readonly (readonly [string, FieldValue | undefined])[]): Fields {
  return Object.fromEntries(values.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])));
}
