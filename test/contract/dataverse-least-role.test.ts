import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Depth } from "../../src/crm/webapi/caller.ts";
import { WAYPOST_SERVICE } from "../../src/crm/webapi/roles/waypost-service.ts";
import { putRole } from "../../src/crm/webapi/roles.ts";
import { Failure } from "../../src/model/failure.ts";
import { testDatabase } from "../databases.ts";
import { head, query, unique } from "./crm-fixtures.ts";
import { type Errand, errandsAt } from "./dataverse-errands.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";
import { indexedOrganization, withoutAddressIndex } from "./indexed-organization.ts";

const HELD = WAYPOST_SERVICE.privileges;

/** What is said where one is lacking without which Waypost works all the same. */
const DISPENSABLE: Readonly<Record<string, RegExp>> = { prvReadEmailSearch: /People are found table by table/ };

describe("the security role that Waypost needs in Dynamics", () => {
  let here: DataverseUnderTest;
  let errands: readonly Errand[];
  before(async () => {
    here = await dataverseUnderTest("pglite");
    errands = await errandsAt(here);
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  /** Runs every errand with these privileges; what was refused by name of the errand, and all that was said. */
  async function run(privileges: Readonly<Record<string, Depth>>, crm = here.crm): Promise<{ failed: string[]; said: string }> {
    await here.database.transaction((tx) => putRole(tx, { ...WAYPOST_SERVICE, privileges }), "put role");
    const failed: string[] = [];
    const said: string[] = [];
    for (const { name, run } of errands) {
      try {
        await run(crm);
      } catch (error) {
        if (!(error instanceof Failure)) throw error;
        failed.push(name);
        said.push(error.message, error.serverSaid ?? "");
      }
    }
    for await (const { name, result, message, serverSaid } of crm.check?.(new AbortController().signal) ?? []) {
      if (result === "failed") failed.push(`check: ${name}`);
      said.push(message ?? "", serverSaid ?? "");
    }
    return { failed, said: said.join("\n") };
  }

  test("is enough for all that Waypost asks an organization for, and holds nothing that is never asked for", async () => {
    const { failed, said } = await run(held());
    assert.deepEqual(failed, [], said);
    assert.deepEqual([...here.served.asked].sort(), Object.keys(held()).sort());
  });

  for (const name of Object.keys(held()))
    test(`without ${name} something fails in words that name it, or is done in another way that is told`, async () => {
      const { [name]: _, ...others } = held();
      const other = DISPENSABLE[name];
      const { failed, said } = await run(others, other === undefined ? here.crm : here.another());
      if (other === undefined) assert.ok(failed.length > 0 && new RegExp(`\\b${name}\\b`).test(said), `${failed.join(", ")}\n${said}`);
      else assert.match(said, other);
    });

  test("is enough for the index by which strangers are known, with Dynamics' own index of addresses and without", async () => {
    const options = { milliseconds: 600_000, settingsMilliseconds: 600_000, role: WAYPOST_SERVICE.name };
    for (const around of [undefined, withoutAddressIndex]) {
      await using database = await testDatabase("pglite");
      await using organization = await indexedOrganization(database, { ...options, ...(around && { around }) });
      const { crm, served } = organization;
      await crm.keepIndex(new AbortController().signal);
      await crm.facts(query([head({ from: [unique("stranger")] })]));
      assert.ok(served.asked.has("prvReadActivity"));
      const unheld = [...served.asked].filter((name) => held()[name] === undefined);
      assert.deepEqual(unheld, []);
    }
  });

  test("is not enough for what others own where it reaches own rows only", async () => {
    const { failed } = await run({ ...held(), prvReadActivity: "basic", prvWriteActivity: "basic", prvCreateActivity: "basic" });
    assert.ok(failed.length > 3, failed.join(", "));
  });
});

function held(): Readonly<Record<string, Depth>> {
  if (HELD === "everything") throw new Error("the least role holds everything");
  return HELD;
}
