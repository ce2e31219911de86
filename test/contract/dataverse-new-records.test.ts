/** Two processes of one Waypost that want a record of the same address at the same time, one a contact and one a lead. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { sendingNotes } from "../../src/ledger/sending-notes.ts";
import type { NewRecord } from "../../src/model/record.ts";
import type { SendingNotes } from "../../src/model/sending-notes.ts";
import { unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

describe("a contact and a lead wanted of one address at once", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite");
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  const wanted = (type: NewRecord["type"], address: string): NewRecord => ({
    ...{ type, address, firstname: "Carla", lastname: "Stranger", topic: "Hello", ownerId: null },
  });

  async function recordsOf(address: string): Promise<string[]> {
    const { rows } = await here.database.query<{ type: string }>(
      `select 'contact' as type from crm.contact where emailaddress1 = $1 union all select 'lead' from crm.lead where emailaddress1 = $1`,
      [address],
    );
    return rows.map(({ type }) => type);
  }

  /** Runs once, before the first change that goes through it. */
  const beforeChange =
    (does: () => Promise<unknown>) =>
    (client: DataverseClient): DataverseClient => {
      let isDone = false;
      return {
        ...client,
        batch: async (requests, options) => {
          if (!isDone && requests.some(({ method }) => method === "POST")) {
            isDone = true;
            await does();
          }
          return client.batch(requests, options);
        },
      };
    };

  /** Runs once, when the organization was asked whose the address is and before anything is noted. */
  function beforeNote(does: () => Promise<unknown>): SendingNotes {
    const notes = sendingNotes(here.database, "CRM");
    let isDone = false;
    return {
      ...notes,
      read: async (keys) => {
        if (!isDone && keys.some((key) => key.startsWith("record "))) {
          isDone = true;
          await does();
        }
        return notes.read(keys);
      },
    };
  }

  for (const [moment, other] of [
    ["while the first is making its own", (does: () => Promise<unknown>) => here.another(beforeChange(does))],
    ["when the first has seen that there is none", (does: () => Promise<unknown>) => here.another(undefined, beforeNote(does))],
  ] as const)
    test(`${moment}: one of them is made, and both are told which`, async () => {
      const address = unique("carla");
      const told: unknown[] = [];
      const does = async () => told.push((await here.crm.makeRecords([wanted("lead", address)])).get(address)?.record);
      const made = await other(does).makeRecords([wanted("contact", address)]);
      assert.deepEqual(told, [made.get(address)?.record]);
      assert.equal((await recordsOf(address)).length, 1);
    });

  test("by several processes in any order: one is made", async () => {
    const addresses = [0, 1, 2, 3].map(() => unique("dan"));
    const crms = [here.crm, here.another(), here.another(), here.another()];
    const all = await Promise.all(
      crms.map((crm, index) =>
        crm.makeRecords(addresses.map((address, place) => wanted((index + place) % 2 === 0 ? "contact" : "lead", address))),
      ),
    );
    for (const address of addresses) {
      const types = await recordsOf(address);
      assert.equal(types.length, 1, `${address}: ${types}`);
      assert.equal(new Set(all.map((made) => made.get(address)?.record.id)).size, 1);
    }
  });
});
