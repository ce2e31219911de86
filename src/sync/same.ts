import type { FieldValue } from "../model/item.ts";

/** Whether two values in normalized form are the same; `undefined` stands for what is not there. The order of names within an object says nothing. */
export function same(one: FieldValue | undefined, other: FieldValue | undefined): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) return false;
  if (isList(one) || isList(other))
    return isList(one) && isList(other) && one.length === other.length && one.every((value, index) => same(value, other[index]));
  const names = Object.keys(one);
  return names.length === Object.keys(other).length && names.every((name) => Object.hasOwn(other, name) && same(one[name], other[name]));
}

export type Entries = { readonly [key: string]: FieldValue };

export function isList(value: FieldValue | undefined): value is readonly FieldValue[] {
  return Array.isArray(value);
}

/** The entries of a value that has some by key; none where it is empty. */
export function entriesOf(value: FieldValue | undefined): Entries {
  return typeof value === "object" && value !== null && !isList(value) ? value : {};
}

/** What stands under a name, which may be anything that somebody wrote (`constructor`, too). */
export function at(fields: Entries | undefined, name: string): FieldValue | undefined {
  return fields !== undefined && Object.hasOwn(fields, name) ? fields[name] : undefined;
}
