import { type FieldValue, otherSide, SIDES, type Side } from "../model/item.ts";
import { type FieldRule, goesTo } from "./field-rule.ts";
import { at, entriesOf, same } from "./same.ts";

/** One value, or entry, on both sides; undefined: it is not there. */
export type Both = Readonly<Record<Side, FieldValue | undefined>>;

/** An edit that another one came before. */
export interface Lost {
  /** Whose it was. */
  readonly side: Side;
  readonly value: FieldValue | undefined;
  /** The entry of the field that it is about; null: the whole field. */
  readonly key: string | null;
}

export interface MergedValue {
  /** What each side is to have. */
  readonly target: Both;
  readonly lost: readonly Lost[];
}

type Way = Pick<FieldRule, "direction" | "merge">;

/**
 * Three-way merge of one field. What each side has is compared with what that same side was last known to keep, never with the other one: sides may rewrite what
 * they are given (shorten it, round it), and a difference that comes of that is nobody's edit.
 * @param base null: the two were not one item before. Then what is empty on one side is filled from the other, and of different values the winner's is taken.
 */
export function mergeValue(way: Way, base: Both | null, now: Both, winner: Side): MergedValue {
  if (way.direction === "none" || same(now.crm, now.server)) return unchanged(now);
  return way.merge === "entries" ? mergeEntries(way, base, now, winner) : mergeWhole(way, base, now, winner, null);
}

function mergeWhole({ direction }: Way, base: Both | null, now: Both, winner: Side, key: string | null): MergedValue {
  const edited = (side: Side) => {
    const before = base?.[side];
    return before === undefined ? !isEmpty(now[side]) : !same(before, now[side]);
  };
  const heard = SIDES.filter((side) => edited(side) && goesTo(otherSide(side), direction));
  const from = heard.includes(winner) ? winner : heard[0];
  if (from === undefined) return unchanged(now);
  const to = otherSide(from);
  return {
    target: { crm: now[from], server: now[from] },
    lost: edited(to) ? [{ side: to, value: now[to], key }] : [],
  };
}

function mergeEntries(way: Way, base: Both | null, now: Both, winner: Side): MergedValue {
  const before = base === null ? null : { crm: entriesOf(base.crm), server: entriesOf(base.server) };
  const entries = { crm: entriesOf(now.crm), server: entriesOf(now.server) };
  const keys = new Set([...Object.keys(entries.crm), ...Object.keys(entries.server)].toSorted());
  const merged = [...keys].map((key) => {
    const its = { crm: at(entries.crm, key), server: at(entries.server, key) };
    const was = before === null ? null : { crm: at(before.crm, key), server: at(before.server, key) };
    return { key, ...(same(its.crm, its.server) ? unchanged(its) : mergeWhole(way, was, its, winner, key)) };
  });
  const of = (side: Side) => {
    const kept = merged.flatMap(({ key, target }) => (target[side] === undefined ? [] : [[key, target[side]] as const]));
    const value = Object.fromEntries(kept);
    return same(value, entries[side]) ? now[side] : kept.length === 0 ? null : value;
  };
  return { target: { crm: of("crm"), server: of("server") }, lost: merged.flatMap(({ lost }) => lost) };
}

function unchanged(now: Both): MergedValue {
  return { target: now, lost: [] };
}

function isEmpty(value: FieldValue | undefined): boolean {
  return value === undefined || value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0);
}
