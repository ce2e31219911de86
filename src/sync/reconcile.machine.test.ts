import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Fields, FieldValue, Side } from "../model/item.ts";
import type { FieldRule } from "./field-rule.ts";
import type { Policy } from "./policy.ts";
import { entriesOf } from "./same.ts";
import { type Steps, TestOffice } from "./test-office.ts";
import { alikeAcross, type Fate, TestStore } from "./test-store.ts";

const RULES: readonly FieldRule[] = [
  { name: "subject", direction: "both", merge: "whole" },
  { name: "body", direction: "both", merge: "whole" },
  { name: "people", direction: "both", merge: "entries" },
  { name: "exceptions", direction: "both", merge: "entries" },
  { name: "regarding", direction: "to server", merge: "whole" },
  { name: "meeting", direction: "to CRM", merge: "whole" },
];
const TEXTS = ["subject", "body", "regarding", "meeting"] as const;
const KEYED = ["people", "exceptions"] as const;
/** The server keeps no longer body than that; an edit's own number stands within it. */
const LONGEST_BODY = 12;
const CALM_ROUNDS = 12;

type Step =
  | {
      readonly kind: "add" | "edit" | "touch" | "delete" | "leave" | "unreadable";
      readonly side: Side;
      readonly item: number;
      readonly field: number;
      readonly entry: number;
    }
  | { readonly kind: "round"; readonly fates: readonly Fate[] };

const side = fc.constantFrom<Side>("crm", "server");
const fate = fc.constantFrom<Fate>("done", "done", "refused", "answer lost", "call lost", "twice", "edited before", "edited after");
const small = fc.nat(5);
const someStep = fc.oneof(
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constantFrom("add" as const, "edit", "edit", "edit", "edit", "touch", "touch"),
      side,
      item: small,
      field: small,
      entry: fc.nat(2),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("delete" as const), side, item: small, field: small, entry: small }) },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constantFrom("leave" as const, "unreadable"), side, item: small, field: small, entry: small }),
  },
  { weight: 5, arbitrary: fc.record({ kind: fc.constant("round" as const), fates: fc.array(fate, { maxLength: 6 }) }) },
);

/** Two stores, those who work in them, and what keeps them alike. */
class World {
  #edits = 0;
  #fates: Fate[] = [];
  readonly stores: Readonly<Record<Side, TestStore>>;
  readonly office: TestOffice;
  /** The number of each edit that a person would miss, with the item where it was made and the field. */
  readonly edits = new Map<number, { readonly side: Side; readonly id: string; readonly field: string; readonly entry: string | null }>();
  readonly deleted = new Set<string>();

  constructor(winner: Side) {
    const fate = () => this.#fates.shift() ?? "done";
    const somebody = (store: TestStore, id: string) => this.#edit(store, id, this.#edits % 6, this.#edits % 3);
    this.stores = {
      crm: new TestStore("crm", (fields) => mapText(fields, (text) => text.trim()), fate, somebody),
      server: new TestStore("server", shortened, fate, somebody),
    };
    const policy: Policy = { rules: RULES, winner, whenLeft: "unlink", staysWhenDeleted: () => null, frozen: () => null };
    this.office = new TestOffice(this.stores, policy);
  }

  do(step: Step): void {
    if (step.kind === "round") {
      this.#fates = [...step.fates];
      this.office.round();
      this.#fates = [];
      this.showAll();
      return;
    }
    const store = this.stores[step.side];
    const ids = store.ids();
    const id = ids[step.item % Math.max(1, ids.length)];
    if (step.kind === "add" || id === undefined) this.#add(store);
    else if (step.kind === "touch") store.touch(id);
    else if (step.kind === "leave") store.leave(id);
    else if (step.kind === "unreadable") store.hide(id);
    else if (step.kind === "edit") this.#edit(store, id, step.field, step.entry);
    else {
      store.delete(id);
      this.deleted.add(id);
    }
  }

  showAll(): void {
    for (const store of Object.values(this.stores)) store.show();
  }

  #add(store: TestStore): void {
    this.#edits += 1;
    const made = `made ${this.#edits}`;
    store.add({
      ...Object.fromEntries(TEXTS.map((name) => [name, null])),
      ...Object.fromEntries(KEYED.map((name) => [name, null])),
      subject: made,
    });
  }

  #edit(store: TestStore, id: string, field: number, entry: number): void {
    this.#edits += 1;
    const number = this.#edits;
    const text = textOf(number);
    if (field < TEXTS.length) {
      const name = TEXTS[field] ?? "subject";
      this.#supersede(store, id, name, null);
      store.edit(id, { [name]: text });
      this.edits.set(number, { side: store.side, id, field: name, entry: null });
      return;
    }
    const name = KEYED[field % KEYED.length] ?? "people";
    const key = `entry ${entry}`;
    const { [key]: before, ...others } = entriesOf(store.value(id, name));
    this.#supersede(store, id, name, key);
    const removes = before !== undefined && number % 3 === 0;
    store.edit(id, { [name]: !removes ? { ...others, [key]: text } : Object.keys(others).length > 0 ? others : null });
    if (!removes) this.edits.set(number, { side: store.side, id, field: name, entry: key });
  }

  /** Who edits a thing again has seen what was there, whoever wrote it. */
  #supersede(store: TestStore, id: string, field: string, entry: string | null): void {
    const there = entry === null ? store.value(id, field) : entriesOf(store.value(id, field))[entry];
    for (const number of numbersIn(there)) this.edits.delete(number);
  }
}

function mapText(fields: Fields, change: (text: string) => string): Fields {
  return Object.fromEntries(Object.entries(fields).map(([name, value]) => [name, typeof value === "string" ? change(value) : value]));
}

function shortened(fields: Fields): Fields {
  const { body } = fields;
  return typeof body === "string" ? { ...fields, body: body.slice(0, LONGEST_BODY) } : fields;
}

function numbersIn(value: FieldValue | undefined): number[] {
  return [...JSON.stringify(value ?? null).matchAll(/#(\d+)#/g)].map(([, digits]) => Number(digits));
}

function checkCalm(world: World): void {
  const { office, stores } = world;
  world.showAll();
  let rounds = 0;
  while (office.round()) {
    rounds += 1;
    assert.ok(rounds < CALM_ROUNDS, "it does not come to rest");
  }
  // What is only remembered is known then, too.
  const steps = office.steps.pairs;
  assert.equal(office.round(), false, "a second run does something");
  assert.equal(office.steps.pairs - steps, office.pairs.length);
  for (const { ids } of office.pairs)
    for (const { name, direction } of RULES.filter((rule) => rule.direction === "both")) {
      const [crm, server] = [stores.crm.value(ids.crm, name) ?? null, stores.server.value(ids.server, name) ?? null];
      assert.ok(
        alikeAcross(stores.crm, stores.server, crm, server, name),
        `${name} (${direction}) of ${ids.crm} and ${ids.server} differs: ${JSON.stringify([crm, server])}`,
      );
    }
  checkNoneTwice(world);
  checkNothingLost(world);
}

/** Each item has one partner at most, and each that is among what is kept alike, and was not unlinked, has one. */
function checkNoneTwice({ office, stores }: World): void {
  for (const side of ["crm", "server"] as const) {
    const paired = office.pairs.map(({ ids }) => ids[side]);
    assert.equal(new Set(paired).size, paired.length);
    for (const id of stores[side].ids())
      assert.ok(paired.includes(id) || office.isUnlinked(id) || stores[side].read(id).state === "left", `${id} has no partner`);
  }
}

/** Each edit is there still, or in the history, or of something that a person deleted. */
function checkNothingLost({ office, stores, edits }: World): void {
  const kept = new Set(
    [
      ...stores.crm.ids().map((id) => stores.crm.read(id)),
      ...stores.server.ids().map((id) => stores.server.read(id)),
      ...office.lost,
    ].flatMap((one) => numbersInAnything(one)),
  );
  for (const [number, { side, id, field, entry }] of edits) {
    const there = stores[side].value(id, field);
    // What the other side shortened must not come back.
    if (entry === null && side === "crm" && numbersIn(there).includes(number)) assert.equal(there, textOf(number).trim());
    if (kept.has(number) || stores[side].read(id).state === "deleted") continue;
    assert.fail(`edit ${number} of ${field} of ${id} is gone`);
  }
}

function textOf(number: number): string {
  return ` #${number}# and so on and so forth`;
}

function numbersInAnything(value: unknown): number[] {
  return [...JSON.stringify(value).matchAll(/#(\d+)#/g)].map(([, digits]) => Number(digits));
}

for (const winner of ["crm", "server"] as const)
  test(`random edits on both sides with failing, repeated and unknown calls come to rest, nothing lost or doubled, where ${winner} wins`, (context) => {
    const total: Steps = { pairs: 0, conflicts: 0, echoes: 0, exceptions: 0, deletions: 0 };
    fc.assert(
      fc.property(fc.array(someStep, { minLength: 5, maxLength: 60 }), (steps) => {
        const world = new World(winner);
        for (const step of steps) world.do(step);
        checkCalm(world);
        for (const name of Object.keys(total) as (keyof Steps)[]) total[name] += world.office.steps[name];
      }),
      { numRuns: 5_000 },
    );
    const { pairs, ...met } = total;
    for (const [name, count] of Object.entries(met)) {
      const share = count / pairs;
      context.diagnostic(`${name}: ${(share * 100).toFixed(1)} %`);
      assert.ok(share > 0.02, `${name} in ${(share * 100).toFixed(1)} % of the steps`);
    }
  });
