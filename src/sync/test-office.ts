import { type Fields, type Item, otherSide, SIDES, type Side } from "../model/item.ts";
import { type Attempts, known, NO_ATTEMPTS, trying } from "./attempts.ts";
import { afterWrite, type Base, baseOfMade, type Kept, keptAfter, settled } from "./base.ts";
import { goesTo } from "./field-rule.ts";
import type { LostEdit } from "./merge-item.ts";
import type { Policy } from "./policy.ts";
import { type Presence, reconcile } from "./reconcile.ts";
import type { TestStore } from "./test-store.ts";

interface Pair {
  readonly ids: Readonly<Record<Side, string>>;
  base: Base | null;
  attempts: Attempts;
}

/** A thing that is being made on one side, noted before it is. */
interface Making {
  readonly from: Side;
  readonly item: Item;
  readonly key: string;
  /** What is written. */
  readonly fields: Fields;
}

/** What a round met. */
export interface Steps {
  pairs: number;
  conflicts: number;
  echoes: number;
  exceptions: number;
  deletions: number;
}

/** The smallest thing that keeps two stores alike by reconcile alone, as the engine does it with a ledger. */
export class TestOffice {
  readonly #pairs: Pair[] = [];
  readonly #making = new Map<string, Making>();
  readonly #unlinked = new Set<string>();
  readonly lost: LostEdit[] = [];
  readonly steps: Steps = { pairs: 0, conflicts: 0, echoes: 0, exceptions: 0, deletions: 0 };
  readonly stores: Readonly<Record<Side, TestStore>>;
  readonly policy: Policy;
  #keys = 0;

  constructor(stores: Readonly<Record<Side, TestStore>>, policy: Policy) {
    this.stores = stores;
    this.policy = policy;
  }

  get pairs(): readonly Pair[] {
    return this.#pairs;
  }

  isUnlinked(id: string): boolean {
    return this.#unlinked.has(id);
  }

  /** True when something was written, or was tried to be. */
  round(): boolean {
    let busy = false;
    for (const pair of [...this.#pairs]) busy = this.#settle(pair) || busy;
    for (const making of [...this.#making.values()]) busy = this.#resolve(making) || busy;
    for (const side of SIDES) for (const id of this.stores[side].ids()) if (!this.#isKnown(side, id)) busy = this.#make(side, id) || busy;
    return busy;
  }

  #isKnown(side: Side, id: string): boolean {
    const isBeingMade = [...this.#making.values()].some(
      (one) => one.item.id === id || (one.from !== side && this.stores[side].find(one.key) === id),
    );
    return isBeingMade || this.#unlinked.has(id) || this.#pairs.some(({ ids }) => ids[side] === id);
  }

  #settle(pair: Pair): boolean {
    const now = { crm: this.stores.crm.read(pair.ids.crm), server: this.stores.server.read(pair.ids.server) };
    const { actions, lost } = reconcile(pair.base, now, this.policy, pair.attempts);
    this.#count(pair, now, actions.length > 0 && actions.every(({ kind }) => kind === "remember"), lost.length > 0);
    this.lost.push(...lost);
    const items = presentOf(now);
    const kept: Record<Side, Kept> | null = items === null ? null : { ...items };
    let base = pair.base;
    for (const action of actions) {
      if (action.kind === "remember") {
        pair.base = action.base;
        pair.attempts = NO_ATTEMPTS;
        return false;
      }
      if (action.kind === "unlink") {
        this.#forget(pair);
        return true;
      }
      if (action.kind === "delete") {
        this.steps.deletions += 1;
        if (this.stores[action.on].remove(action.id, action.version) === "removed") this.#forget(pair);
        return true;
      }
      if (items === null || kept === null) throw new Error("an update of what is not there");
      if ("exceptions" in action.fields) this.steps.exceptions += 1;
      const before = pair.attempts;
      pair.attempts = trying(before, action.on, action.fields);
      const outcome = this.stores[action.on].update(action.id, action.version, action.fields);
      if (outcome.kind === "refused") pair.attempts = before;
      if (outcome.kind !== "kept") {
        pair.base = base;
        return true;
      }
      const written = { on: action.on, fields: action.fields, kept: outcome.item };
      base = afterWrite(base, items, written, this.policy.rules);
      kept[action.on] = keptAfter(items[action.on], written);
      pair.attempts = known(pair.attempts, action.on, action.fields);
      pair.base = base;
    }
    if (kept !== null && actions.length > 0) {
      pair.base = settled(base, kept, this.policy.rules);
      pair.attempts = NO_ATTEMPTS;
    }
    return actions.length > 0;
  }

  /** Looks for what was being made when nobody was told what came of it. */
  #resolve(making: Making): boolean {
    const { from, item, key, fields } = making;
    const on = otherSide(from);
    const found = this.stores[on].find(key);
    const source = this.stores[from].read(item.id);
    if (source.state === "not known") return false;
    if (found === null && source.state === "present")
      return this.#try({ ...making, item: source.item, fields: this.#fieldsFrom(source.item, on) });
    this.#making.delete(item.id);
    if (found === null) return true;
    const ids = from === "crm" ? { crm: item.id, server: found } : { crm: found, server: item.id };
    const base = source.state === "present" ? null : baseOfMade({ ...item, version: null }, on, found, fields);
    this.#pairs.push({ ids, base, attempts: trying(NO_ATTEMPTS, on, fields) });
    return true;
  }

  #make(from: Side, id: string): boolean {
    const presence = this.stores[from].read(id);
    if (presence.state !== "present") return false;
    return this.#try({ from, item: presence.item, key: this.#newKey(), fields: this.#fieldsFrom(presence.item, otherSide(from)) });
  }

  #try(making: Making): boolean {
    const { from, item, key, fields } = making;
    this.#making.set(item.id, making);
    const outcome = this.stores[otherSide(from)].create(key, fields);
    if (outcome.kind === "refused") this.#making.delete(item.id);
    if (outcome.kind !== "kept") return true;
    this.#making.delete(item.id);
    const items = from === "crm" ? { crm: item, server: outcome.item } : { crm: outcome.item, server: item };
    const { rules } = this.policy;
    const base = settled(afterWrite(null, items, { on: otherSide(from), fields, kept: outcome.item }, rules), items, rules);
    this.#pairs.push({ ids: { crm: items.crm.id, server: items.server.id }, base, attempts: NO_ATTEMPTS });
    return true;
  }

  #fieldsFrom(item: Item, on: Side): Fields {
    const names = this.policy.rules.filter(({ direction }) => goesTo(on, direction)).map(({ name }) => name);
    return Object.fromEntries(names.map((name) => [name, item.fields[name] ?? null]));
  }

  #newKey(): string {
    this.#keys += 1;
    return `key ${this.#keys}`;
  }

  #forget(pair: Pair): void {
    this.#pairs.splice(this.#pairs.indexOf(pair), 1);
    for (const side of SIDES) this.#unlinked.add(pair.ids[side]);
  }

  #count(pair: Pair, now: Readonly<Record<Side, Presence>>, onlyRemembered: boolean, isConflict: boolean): void {
    this.steps.pairs += 1;
    if (isConflict) this.steps.conflicts += 1;
    const moved = SIDES.some((side) => {
      const presence = now[side];
      return presence.state === "present" && pair.base !== null && pair.base[side].version !== presence.item.version;
    });
    if (onlyRemembered && moved) this.steps.echoes += 1;
  }
}

function presentOf(now: Readonly<Record<Side, Presence>>): Readonly<Record<Side, Item>> | null {
  return now.crm.state === "present" && now.server.state === "present" ? { crm: now.crm.item, server: now.server.item } : null;
}
