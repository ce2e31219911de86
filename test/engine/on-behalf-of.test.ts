/** Whatever the CRM is asked for a mailbox is asked in its name: there the mailboxes take turns. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Crm } from "../../src/ports.ts";
import { currentCaller } from "../../src/wire/on-behalf-of.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { testDatabase } from "../databases.ts";
import { mailboxId } from "./alerts.ts";
import { openMemoryWorld } from "./memory-world.ts";
import { addressOf, type RigApp, send } from "./rig.ts";

/** Notes in whose name each verb of the port is asked. */
function callersOf(app: RigApp): { readonly verb: string; readonly caller: string }[] {
  const asked: { verb: string; caller: string }[] = [];
  const { crm } = app.context;
  app.context.crm = (organization): Crm =>
    new Proxy(crm(organization), {
      get(target, verb, receiver) {
        const value: unknown = Reflect.get(target, verb, receiver);
        if (typeof value !== "function") return value;
        return (...given: unknown[]) => {
          asked.push({ verb: String(verb), caller: currentCaller() });
          return Reflect.apply(value, target, given);
        };
      },
    });
  return asked;
}

test("rounds of two mailboxes at the same time ask in the name of each, and so does sending", async () => {
  await using database = await testDatabase("pglite");
  await using world = await openMemoryWorld(database, exchangeKind, { mailboxes: 2 });
  const [ann, ben] = [world.nextBox(), world.nextBox()];
  for (const box of [ann, ben]) box.arrive("letter");
  const asked = callersOf(world.app);
  await Promise.all([ann.round(), ben.round()]);
  const ids = await Promise.all([ann, ben].map(({ name }) => mailboxId(database, addressOf(name))));
  const receiving = ids.map((id) => `receive ${id}`);
  assert.deepEqual(new Set(asked.map(({ caller }) => caller)), new Set(receiving));
  for (const caller of receiving) {
    const verbs = asked.filter((one) => one.caller === caller).map(({ verb }) => verb);
    for (const verb of ["facts", "deliver"]) assert.ok(verbs.includes(verb), `${caller}: ${verbs.join(" ")}`);
  }
  asked.length = 0;
  await send(world.app, ann.name);
  assert.deepEqual(new Set(asked.map(({ caller }) => caller)), new Set([`send ${ids[0]}`]));
  assert.ok(asked.some(({ verb }) => verb === "pending"));
});
