import assert from "node:assert/strict";
import { test } from "node:test";
import { type Candidate, match } from "./match.ts";

const candidate = (id: string, given: Partial<Candidate> = {}): Candidate => ({ id, uid: null, addresses: [], likeness: null, ...given });

test("a UID that one item on each side has links them, and they are looked for under nothing else", () => {
  const matched = match(
    [candidate("c1", { uid: "u1", likeness: "Lunch" }), candidate("c2", { likeness: "Lunch" })],
    [candidate("s1", { uid: "u1", likeness: "Lunch" })],
  );
  assert.deepEqual(matched, { links: [{ crm: "c1", server: "s1", by: "uid" }], proposals: [] });
});

test("where two share a UID or an address none is linked by it, and each pair is proposed once", () => {
  const matched = match(
    [candidate("c1", { uid: "u1", addresses: ["ann@example.com"] })],
    [candidate("s1", { uid: "u1", addresses: ["ann@example.com"] }), candidate("s2", { uid: "u1", addresses: ["ann@example.com"] })],
  );
  assert.deepEqual(matched, {
    links: [],
    proposals: [
      { crm: "c1", server: "s1", by: "uid" },
      { crm: "c1", server: "s2", by: "uid" },
    ],
  });
});

test("an address links contacts that have no other partner by any of their addresses", () => {
  const crm = [
    candidate("c1", { addresses: ["ann@example.com", "ann@home.example"] }),
    candidate("c2", { addresses: ["bob@example.com"] }),
  ];
  const server = [
    candidate("s1", { addresses: ["ann@home.example"] }),
    candidate("s2", { addresses: ["bob@example.com", "ann@example.com"] }),
  ];
  const matched = match(crm, server);
  assert.deepEqual(matched.links, []);
  assert.deepEqual(
    matched.proposals.map(({ crm, server }) => `${crm} ${server}`),
    ["c1 s2", "c1 s1", "c2 s2"],
  );
  assert.deepEqual(match(crm.slice(0, 1), server.slice(0, 1)).links, [{ crm: "c1", server: "s1", by: "address" }]);
});

test("a likeness never links", () => {
  const matched = match([candidate("c1", { likeness: "ann miller" })], [candidate("s1", { likeness: "ann miller" })]);
  assert.deepEqual(matched, { links: [], proposals: [{ crm: "c1", server: "s1", by: "likeness" }] });
});

test("what very many are called proposes nothing: whoever fills a calendar makes no list that nobody can read, and no work that grows with its square", () => {
  const many = (side: string) => Array.from({ length: 20_000 }, (_, index) => candidate(`${side}${index}`, { likeness: "Lunch" }));
  assert.deepEqual(match(many("c"), many("s")), { links: [], proposals: [] });
});
