import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import type { Database } from "../database/database.ts";
import { Failure } from "../model/failure.ts";
import { type KeyRing, keyRing, newKey } from "./sealing.ts";
import { sealAnew } from "./secrets.ts";
import { later, NOW } from "./test-data.ts";
import { type NewTokens, noteAsking, noteTokenFailure, readTokens, storeTokens, thrownAgain, tokenStates } from "./tokens.ts";

const NAME = "mailbox:ann@example.test";
const [FIRST, SECOND] = [newKey(), newKey()];
const RING = ringOf(FIRST);

function ringOf(text: string): KeyRing {
  const ring = keyRing(text);
  assert.ok(ring);
  return ring;
}

const tokensOf = (accessToken: string): NewTokens => ({
  accessToken,
  refreshToken: `${accessToken}-next`,
  expiresAt: later(3600),
  scope: null,
});
const store = (database: Database, accessToken: string, replaced: number | null, now = NOW, ring = RING) =>
  database.transaction((tx) => storeTokens(tx, ring, NAME, tokensOf(accessToken), replaced, now));

onBothEngines("tokens come back as they were stored, and nothing of them stands in the database in clear", async (database) => {
  assert.equal(await store(database, "an-access-token", null), true);
  const held = await readTokens(database, RING, NAME);
  assert.deepEqual(held.tokens, { accessToken: "an-access-token", refreshToken: "an-access-token-next" });
  assert.deepEqual([held.version, held.expiresAt, held.authorizedAt, held.renewable], [1, later(3600), NOW, true]);
  const { rows } = await database.query<{ row: string; sealed: Buffer }>("select secret::text as row, sealed from waypost.secret");
  assert.equal(rows.length, 1);
  assert.ok(rows.every(({ row, sealed }) => !row.includes("access-token") && !sealed.includes("access-token")));
});

onBothEngines("of two that renew the same tokens the first is kept; who authorizes anew replaces whatever there is", async (database) => {
  await store(database, "one", null);
  assert.equal(await store(database, "two", 1, later(1)), true);
  assert.equal(await store(database, "late", 1, later(2)), false);
  assert.equal((await readTokens(database, RING, NAME)).tokens?.accessToken, "two");
  assert.equal(await store(database, "authorized", null, later(3)), true);
  const held = await readTokens(database, RING, NAME);
  assert.deepEqual([held.tokens?.accessToken, held.version, held.authorizedAt], ["authorized", 3, later(3)]);
});

onBothEngines("a failed try is remembered as it was, also before there were any tokens, until there are new ones", async (database) => {
  const failure = new Failure({
    scope: "mailbox",
    code: "authorization ended",
    message: "It ended.",
    serverSaid: "invalid_grant",
    remedy: "Authorize it again.",
    waitingHelps: false,
    notBefore: later(60),
  });
  await noteTokenFailure(database, NAME, failure, NOW, true);
  await noteTokenFailure(database, NAME, failure, later(5), true);
  const [state] = await tokenStates(database, [NAME, "mailbox:nobody@example.test"]);
  assert.deepEqual([state?.attempts, state?.version, state?.failedAt], [2, 0, later(5)]);
  assert.ok(state?.failure);
  const again = thrownAgain(state.failure);
  assert.deepEqual({ ...again, message: again.message }, { ...failure, message: failure.message });
  assert.equal(await store(database, "one", 0, later(9)), true);
  const [after] = await tokenStates(database, [NAME]);
  assert.deepEqual([after?.failure, after?.failedAt, after?.attempts], [null, null, 3]);
});

onBothEngines(
  "a renewal whose answer is not stored is remembered since the first time, until there are new tokens or an answer",
  async (database) => {
    const failure = new Failure({ scope: "mailbox", code: "c", message: "m", remedy: "r", waitingHelps: true });
    const askedAt = async () => (await readTokens(database, RING, NAME)).askedAt;
    await store(database, "one", null);
    assert.equal(await askedAt(), null);
    await noteAsking(database, NAME, later(1));
    await noteAsking(database, NAME, later(2));
    await noteTokenFailure(database, NAME, failure, later(3), false);
    assert.deepEqual(await askedAt(), later(1));
    await store(database, "two", 1, later(4));
    assert.equal(await askedAt(), null);
    await noteAsking(database, NAME, later(5));
    await noteTokenFailure(database, NAME, failure, later(6), true);
    assert.equal(await askedAt(), null);
  },
);

onBothEngines("after a change of keys everything is sealed anew, and the old key can go", async (database) => {
  await store(database, "one", null);
  const before = await readTokens(database, RING, NAME);
  const both = ringOf(`${SECOND} ${FIRST}`);
  assert.equal(await database.transaction((tx) => sealAnew(tx, both)), 1);
  assert.deepEqual(await readTokens(database, ringOf(SECOND), NAME), before);
  await assert.rejects(readTokens(database, RING, NAME), { code: "sealed with another key" });
  assert.equal(await database.transaction((tx) => sealAnew(tx, both)), 0);
});

onBothEngines("a sealed secret that was copied into another row does not open there", async (database) => {
  await store(database, "one", null);
  await database.query(
    "insert into waypost.secret select 'mailbox:ben@example.test', key_id, nonce, sealed, changed_at from waypost.secret",
  );
  await database.query("insert into waypost.token (name) values ('mailbox:ben@example.test')");
  await assert.rejects(readTokens(database, RING, "mailbox:ben@example.test"), { code: "sealed secret damaged" });
});
