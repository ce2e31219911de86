import { type Fields, type FieldValue, SIDES, type Side } from "../model/item.ts";
import type { FieldRule } from "./field-rule.ts";
import { type Lost, mergeValue } from "./merge-value.ts";
import { at, same } from "./same.ts";

/** An edit that another one came before: kept in the history, so that nobody has to write it a second time. */
export interface LostEdit extends Lost {
  readonly field: string;
}

export interface MergedItem {
  /** What is to be written on each side: the fields that change there, and no other. */
  readonly write: Readonly<Record<Side, Fields>>;
  readonly lost: readonly LostEdit[];
}

/**
 * Three-way merge of an item, field by field. A field for which one of the sides has no place is left alone.
 * @param base what each side was last known to keep; null where the two were not one item before
 */
export function mergeItem(
  rules: readonly FieldRule[],
  base: Readonly<Record<Side, Fields>> | null,
  now: Readonly<Record<Side, Fields>>,
  winnerOf: (field: string) => Side,
): MergedItem {
  const merged = rules
    .filter(({ name }) => SIDES.every((side) => Object.hasOwn(now[side], name)))
    .map((rule) => {
      const of = (fields: Readonly<Record<Side, Fields>>) => ({ crm: at(fields.crm, rule.name), server: at(fields.server, rule.name) });
      const value = mergeValue(rule, base === null ? null : of(base), of(now), winnerOf(rule.name));
      return { name: rule.name, ...value };
    });
  const written = (side: Side) =>
    Object.fromEntries(
      merged.flatMap(({ name, target }): [string, FieldValue][] =>
        same(target[side], at(now[side], name)) ? [] : [[name, target[side] ?? null]],
      ),
    );
  return {
    write: { crm: written("crm"), server: written("server") },
    lost: merged.flatMap(({ name, lost }) => lost.map((one) => ({ field: name, ...one }))),
  };
}
