/**
 * Filters that ask for many values at once. An organization takes at most 500 conditions a query (FetchXML, into which it translates them) and a
 * limited address, so a long list becomes several filters.
 */
export const MOST_CONDITIONS = 90;
const MOST_CHARACTERS = 12_000;

/** Text as a literal of OData (4.01 URL conventions 5.1.1.6.1): in quotes, quotes in it doubled. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** Filters of which each holds for some of the values, and all together for all of them; none where there are no values. */
export function anyOf<Value>(values: Iterable<Value>, conditionsOf: (value: Value) => readonly string[]): string[] {
  return groupsOf(values, conditionsOf).map(together);
}

/** The conditions of each of these filters. */
export function groupsOf<Value>(values: Iterable<Value>, conditionsOf: (value: Value) => readonly string[]): string[][] {
  const groups: string[][] = [];
  let some: string[] = [];
  let characters = 0;
  for (const value of values) {
    const conditions = conditionsOf(value);
    const length = conditions.reduce((sum, one) => sum + encodeURIComponent(one).length + 8, 0);
    if (some.length > 0 && (some.length + conditions.length > MOST_CONDITIONS || characters + length > MOST_CHARACTERS)) {
      groups.push(some);
      some = [];
      characters = 0;
    }
    some.push(...conditions);
    characters += length;
  }
  return some.length > 0 ? [...groups, some] : groups;
}

/** One filter of conditions of which one has to hold. */
export function together(conditions: readonly string[]): string {
  return conditions.join(" or ");
}

/** Filters for rows by a GUID property: a key, or a lookup (`_regardingobjectid_value`). */
export function anyId(property: string, ids: Iterable<string>): string[] {
  return anyOf(ids, (id) => [`${property} eq ${id}`]);
}
