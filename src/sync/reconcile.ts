import { type Fields, type Item, otherSide, SIDES, type Side } from "../model/item.ts";
import { type Attempts, NO_ATTEMPTS, winnerWith } from "./attempts.ts";
import { type Base, settled } from "./base.ts";
import type { FieldRule } from "./field-rule.ts";
import { type LostEdit, mergeItem } from "./merge-item.ts";
import type { Policy } from "./policy.ts";
import { at, same } from "./same.ts";

/** How one side has its item of a pair. */
export type Presence =
  | { readonly state: "present"; readonly item: Item }
  /** Deleted: a tombstone says so, or a list that is known to be whole. Never because it was not seen. */
  | { readonly state: "deleted" }
  /** There, but no longer among what is kept alike: out of the CRM's filters, out of the user's sight, moved into another collection. */
  | { readonly state: "left"; readonly item: Item | null }
  | { readonly state: "not known" };

/** What is to be done with a pair. Nothing else touches anybody's data. */
export type Action =
  | { readonly kind: "update"; readonly on: Side; readonly id: string; readonly version: string; readonly fields: Fields }
  | { readonly kind: "delete"; readonly on: Side; readonly id: string; readonly version: string }
  /** The two go their own ways from here, and are not joined again unless somebody asks for it. */
  | { readonly kind: "unlink" }
  /** Nothing is to be written: this is what both keep. */
  | { readonly kind: "remember"; readonly base: Base };

export interface Reconciled {
  readonly actions: readonly Action[];
  /** Why, in one sentence for whoever asks. */
  readonly because: string;
  readonly lost: readonly LostEdit[];
}

const PLACE: Readonly<Record<Side, string>> = { crm: "in the CRM", server: "on the server" };

/**
 * What is to be done so that both sides of a pair are alike.
 * @param base null: the two were matched, or one was made of the other, just now
 * @param attempts writes of which it is not known what came of them
 */
export function reconcile(
  base: Base | null,
  now: Readonly<Record<Side, Presence>>,
  policy: Policy,
  attempts: Attempts = NO_ATTEMPTS,
): Reconciled {
  const { crm, server } = now;
  const unread = SIDES.filter((side) => now[side].state === "not known");
  if (unread.length > 0) return nothing(`It could not be read ${unread.map((side) => PLACE[side]).join(" and ")}.`);
  if (crm.state === "present" && server.state === "present") return alike(base, { crm: crm.item, server: server.item }, policy, attempts);
  const [present] = SIDES.filter((side) => now[side].state === "present");
  const there = present === undefined ? null : now[present];
  if (present === undefined || there?.state !== "present") return unlink("On neither side it is among what is kept alike any more.");
  return alone(base, present, there.item, now[otherSide(present)].state === "left", policy);
}

function alike(base: Base | null, now: Readonly<Record<Side, Item>>, policy: Policy, attempts: Attempts): Reconciled {
  if (base !== null && SIDES.every((side) => base[side].version === now[side].version)) return nothing("Neither side was edited.");
  const frozen = policy.frozen(now.crm);
  const rules = frozen === null ? policy.rules : policy.rules.map(withoutCrm);
  const fields = { crm: now.crm.fields, server: now.server.fields };
  const before = base === null ? null : { crm: base.crm.fields, server: base.server.fields };
  const { write, lost } = mergeItem(rules, before, fields, winnerWith(attempts, policy.winner));
  const writes = SIDES.filter((side) => Object.keys(write[side]).length > 0);
  const held = frozen === null ? "" : ` ${frozen}`;
  if (writes.length === 0)
    return { actions: [{ kind: "remember", base: settled(base, now, rules) }], because: `Both sides are alike.${held}`, lost };
  return {
    actions: writes.map((on) => ({ kind: "update", on, id: now[on].id, version: now[on].version, fields: write[on] })),
    because: `${writes.map((on) => `${namesOf(write[on])} ${base === null ? "differed" : "was edited"} ${PLACE[otherSide(on)]}`).join("; ")}.${held}`,
    lost,
  };
}

/** One side alone has the item still. What somebody edited since is never deleted, and what somebody deleted is never made again. */
function alone(base: Base | null, on: Side, item: Item, left: boolean, policy: Policy): Reconciled {
  const elsewhere = PLACE[otherSide(on)];
  const what = left ? `It left what is kept alike ${elsewhere}` : `It was deleted ${elsewhere}`;
  if (base === null) return unlink(`${what} before the two were one item.`);
  if (left && (on === "crm" || policy.whenLeft === "unlink")) return unlink(`${what}, and stays ${PLACE[on]}.`);
  const edited = policy.rules.filter(({ name }) => !same(at(base[on].fields, name), at(item.fields, name))).map(({ name }) => name);
  if (edited.length > 0) return unlink(`${what}, and ${edited.join(", ")} was edited ${PLACE[on]} since: it stays there.`);
  const stays = policy.staysWhenDeleted(on, item);
  if (stays !== null) return unlink(`${what}. ${stays}`);
  return { actions: [{ kind: "delete", on, id: item.id, version: item.version }], because: `${what}.`, lost: [] };
}

function withoutCrm(rule: FieldRule): FieldRule {
  if (rule.direction === "both") return { ...rule, direction: "to server" };
  return rule.direction === "to CRM" ? { ...rule, direction: "none" } : rule;
}

function namesOf(fields: Fields): string {
  return Object.keys(fields).join(", ");
}

function nothing(because: string): Reconciled {
  return { actions: [], because, lost: [] };
}

function unlink(because: string): Reconciled {
  return { actions: [{ kind: "unlink" }], because, lost: [] };
}
