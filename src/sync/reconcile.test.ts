import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { Fields, Item, Side } from "../model/item.ts";
import { NO_ATTEMPTS, trying } from "./attempts.ts";
import type { Base } from "./base.ts";
import { isMassDeletion } from "./mass-deletion.ts";
import type { Policy } from "./policy.ts";
import { type Presence, reconcile } from "./reconcile.ts";

const item = (id: string, fields: Fields, version = "1"): Item => ({ id, version, fields });
const present = (one: Item): Presence => ({ state: "present", item: one });
const DELETED: Presence = { state: "deleted" };
const UNREAD: Presence = { state: "not known" };
const left = (one: Item): Presence => ({ state: "left", item: one });

const fields = { subject: "Lunch" };
const crm = item("c", fields);
const server = item("s", fields);
const base: Base = { crm, server };
const policy = (given: Partial<Policy> = {}): Policy => ({
  rules: [{ name: "subject", direction: "both", merge: "whole" }],
  winner: "crm",
  whenLeft: "unlink",
  staysWhenDeleted: () => null,
  frozen: () => null,
  ...given,
});
const kinds = (now: Record<Side, Presence>, given?: Partial<Policy>, known: Base | null = base) =>
  reconcile(known, now, policy(given)).actions.map((action) => ("on" in action ? `${action.kind} on ${action.on}` : action.kind));

describe("a pair", () => {
  test("of which one side could not be read is left alone", () => {
    for (const other of [present(item("s", { subject: "Dinner" }, "2")), DELETED, left(server), UNREAD]) {
      assert.deepEqual(kinds({ crm: UNREAD, server: other }), []);
      assert.deepEqual(kinds({ crm: other, server: UNREAD }), []);
    }
    assert.match(reconcile(base, { crm: UNREAD, server: DELETED }, policy()).because, /could not be read in the CRM/);
  });

  test("whose versions are those that are known needs nothing", () => {
    assert.deepEqual(kinds({ crm: present(crm), server: present(server) }), []);
  });

  test("with another version of the same is remembered, and nothing is written", () => {
    assert.deepEqual(kinds({ crm: present(item("c", fields, "2")), server: present(server) }), ["remember"]);
  });

  test("that was edited is written on the other side, under the version that was read", () => {
    const now = { crm: present(crm), server: present(item("s", { subject: "Dinner" }, "2")) };
    assert.deepEqual(reconcile(base, now, policy()), {
      actions: [{ kind: "update", on: "crm", id: "c", version: "1", fields: { subject: "Dinner" } }],
      because: "subject was edited on the server.",
      lost: [],
    });
  });

  test("that was deleted on one side is deleted on the other, under the version that was read", () => {
    assert.deepEqual(reconcile(base, { crm: DELETED, server: present(server) }, policy()).actions, [
      { kind: "delete", on: "server", id: "s", version: "1" },
    ]);
    assert.deepEqual(kinds({ crm: present(crm), server: DELETED }), ["delete on crm"]);
  });

  test("that somebody edited since stays where it was edited, and is not made again where it was deleted", () => {
    const edited = present(item("s", { subject: "Dinner" }, "2"));
    const { actions, because } = reconcile(base, { crm: DELETED, server: edited }, policy());
    assert.deepEqual(actions, [{ kind: "unlink" }]);
    assert.equal(because, "It was deleted in the CRM, and subject was edited on the server since: it stays there.");
  });

  test("that may not be deleted stays, for the reason that is given", () => {
    const { actions, because } = reconcile(
      base,
      { crm: DELETED, server: present(server) },
      policy({ staysWhenDeleted: () => "It is in the past." }),
    );
    assert.deepEqual(actions, [{ kind: "unlink" }]);
    assert.match(because, /It is in the past\.$/);
  });

  test("that left the filter is unlinked, and deleted on the server only where the setting says so and nobody edited it; on the CRM never", () => {
    const now = { crm: left(crm), server: present(server) };
    assert.deepEqual(kinds(now), ["unlink"]);
    assert.deepEqual(kinds(now, { whenLeft: "delete" }), ["delete on server"]);
    assert.deepEqual(kinds({ ...now, server: present(item("s", { subject: "Dinner" }, "2")) }, { whenLeft: "delete" }), ["unlink"]);
    assert.deepEqual(kinds({ crm: present(crm), server: left(server) }, { whenLeft: "delete" }), ["unlink"]);
  });

  test("that neither side has any more is forgotten", () => {
    for (const gone of [DELETED, left(crm)]) assert.deepEqual(kinds({ crm: gone, server: DELETED }), ["unlink"]);
  });

  test("that was matched just now deletes nothing", () => {
    assert.deepEqual(kinds({ crm: DELETED, server: present(server) }, {}, null), ["unlink"]);
  });

  test("that is frozen in the CRM takes no edits there; what is edited in the CRM still goes to the server", () => {
    const frozen = { frozen: () => "It is completed." };
    const edited = item("s", { subject: "Dinner" }, "2");
    const held = reconcile(base, { crm: present(crm), server: present(edited) }, policy(frozen));
    assert.deepEqual(
      held.actions.map(({ kind }) => kind),
      ["remember"],
    );
    assert.match(held.because, /It is completed\./);
    const [remembered] = held.actions;
    assert.ok(remembered?.kind === "remember");
    // Once it is open again, the edit is heard.
    const opened = reconcile(remembered.base, { crm: present(item("c", fields, "3")), server: present(edited) }, policy());
    assert.deepEqual(opened.actions, [{ kind: "update", on: "crm", id: "c", version: "3", fields: { subject: "Dinner" } }]);
  });

  test("of which a write had no answer takes the side from which it came, whoever else wins", () => {
    const now = { crm: present(item("c", { subject: "A long dinner" }, "2")), server: present(item("s", { subject: "A long" }, "2")) };
    const attempts = trying(NO_ATTEMPTS, "server", { subject: "A long dinner" });
    assert.deepEqual(reconcile(base, now, policy({ winner: "server" }), attempts).actions, [
      { kind: "update", on: "server", id: "s", version: "2", fields: { subject: "A long dinner" } },
    ]);
  });
});

test("many deletions at once are a mass deletion, a few of a few are not", () => {
  const limit = { share: 0.2, always: 5 };
  assert.equal(isMassDeletion(5, 5, limit), false);
  assert.equal(isMassDeletion(6, 20, limit), true);
  assert.equal(isMassDeletion(20, 100, limit), false);
  assert.equal(isMassDeletion(21, 100, limit), true);
});
