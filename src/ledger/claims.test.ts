import assert from "node:assert/strict";
import { onBothEngines } from "../../test/databases.ts";
import { emailIdFor } from "../model/identity.ts";
import { type Claim, claim, markDelivered, readClaims } from "./claims.ts";
import { ANN, BEN, describeMailboxes, NOW, ORGANIZATION } from "./test-data.ts";

function wanted(identity: string): Claim {
  return { identity, emailId: emailIdFor(ORGANIZATION, identity), messageId: `${identity}@stranger.test` };
}

onBothEngines("whoever claims a message second gets the first one's email and mailbox", async (database) => {
  await describeMailboxes(database);
  const first = await claim(database, ORGANIZATION, ANN, [wanted("one"), wanted("two")], NOW);
  assert.deepEqual([...first.keys()].sort(), ["one", "two"]);
  const other = { ...wanted("two"), emailId: "33333333-3333-8333-8333-333333333333" };
  const second = await claim(database, ORGANIZATION, BEN, [other, wanted("three")], NOW);
  assert.deepEqual(second.get("two"), { ...wanted("two"), mailboxId: ANN, mailboxAddress: "ann@example.test", delivered: false });
  assert.equal(second.get("three")?.mailboxId, BEN);
  assert.equal((await readClaims(database, ORGANIZATION, ["one", "never"])).size, 1);
  assert.equal((await readClaims(database, "another organization", ["one"])).size, 0);
  assert.equal((await readClaims(database, ORGANIZATION, [])).size, 0);
});

onBothEngines("of mailboxes that deliver the same message at once exactly one is told that it was the first", async (database) => {
  await describeMailboxes(database);
  await claim(database, ORGANIZATION, ANN, [wanted("one"), wanted("two")], NOW);
  const told = await Promise.all([ANN, BEN].map((mailbox) => markDelivered(database, ORGANIZATION, mailbox, ["one"], NOW)));
  assert.deepEqual(told.map((one) => one.size).sort(), [0, 1]);
  const winner = [ANN, BEN][told.findIndex((one) => one.has("one"))];
  const claims = await readClaims(database, ORGANIZATION, ["one", "two"]);
  assert.deepEqual([claims.get("one")?.mailboxId, claims.get("one")?.delivered], [winner, true]);
  assert.deepEqual([claims.get("two")?.mailboxId, claims.get("two")?.delivered], [ANN, false]);
});

onBothEngines("two mailboxes that claim the same page in opposite orders do not block each other", async (database) => {
  await describeMailboxes(database);
  const page = Array.from({ length: 50 }, (_, number) => wanted(`message ${number}`));
  const both = [
    { mailbox: ANN, claims: page },
    { mailbox: BEN, claims: page.toReversed() },
  ];
  const results = await Promise.all(
    both.map(({ mailbox, claims }) => database.transaction((tx) => claim(tx, ORGANIZATION, mailbox, claims, NOW))),
  );
  const owners = results.map((result) => [...result.values()].map((one) => `${one.identity} ${one.mailboxId}`).sort());
  assert.equal(owners[0]?.length, 50);
  assert.deepEqual(owners[0], owners[1], "both see the same owner of each");
});
