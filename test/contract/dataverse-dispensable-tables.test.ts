/** Tables with addresses that the role of Waypost's user need not let it read. The embedded CRM has no Facility/Equipment: it is put between connector and client. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { Answer, DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { organizationFailure } from "../../src/connectors/dataverse/client/failures.ts";
import type { Entity } from "../../src/connectors/dataverse/client/metadata.ts";
import { WAYPOST_SERVICE } from "../../src/crm/webapi/roles/waypost-service.ts";
import { head, query, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";
import { indexedOrganization, withoutAddressIndex } from "./indexed-organization.ts";

const PROJECTOR = { equipmentid: randomUUID(), name: "Projector", emailaddress: unique("projector"), isdisabled: false };
const COLUMNS = { equipmentid: "Edm.Guid", name: "Edm.String", emailaddress: "Edm.String", isdisabled: "Edm.Boolean" };

const EQUIPMENT: Entity = {
  ...{ name: "equipment", set: "equipments", key: ["equipmentid"], alternateKeys: [], changeTracking: null, navigation: new Map() },
  properties: new Map(Object.entries(COLUMNS).map(([name, type]) => [name, { type, nullable: true, readOnly: false }])),
};

const REFUSED: Answer = {
  ...{ kind: "refused", status: 403, code: "0x80040220" },
  failure: organizationFailure("privilege missing", "crm.test", { about: "prvReadEquipment" }),
};

/** An organization with a projector, whose address its user may read or not, and without Dynamics' own index of addresses. */
function withEquipment(mayRead: boolean): (client: DataverseClient) => DataverseClient {
  const isEquipment = ({ path }: Request) => path === EQUIPMENT.set;
  const answer = ({ query: asked = {} }: Request): Answer => {
    if (!mayRead) return REFUSED;
    const filter = asked.$filter;
    const value = filter === undefined || filter.includes(PROJECTOR.emailaddress) ? [PROJECTOR] : [];
    return { kind: "answered", status: 200, headers: {}, body: { value } };
  };
  return (given) => {
    const client = withoutAddressIndex(given);
    return {
      ...client,
      metadata: async (options) => {
        const known = await client.metadata(options);
        return { ...known, entities: new Map([...known.entities, [EQUIPMENT.name, EQUIPMENT]]) };
      },
      send: async (request, options) => (isEquipment(request) ? answer(request) : client.send(request, options)),
      batch: async (requests, options) => {
        const others = (
          await client.batch(
            requests.filter((one) => !isEquipment(one)),
            options,
          )
        ).values();
        return requests.map((one): Answer => {
          if (isEquipment(one)) return answer(one);
          const { value } = others.next();
          assert.ok(value !== undefined);
          return value;
        });
      },
    };
  };
}

describe("facilities and equipment with addresses, without an index of addresses", () => {
  let here: DataverseUnderTest;
  before(async () => {
    here = await dataverseUnderTest("pglite");
  });
  after(async () => {
    await here?.[Symbol.asyncDispose]();
  });

  async function whose(mayRead: boolean): Promise<unknown> {
    const contact = unique("contact");
    await here.contact({ addresses: [contact] });
    const facts = await here.another(withEquipment(mayRead)).facts(query([head({ from: [PROJECTOR.emailaddress], to: [contact] })]));
    assert.equal(facts.records.get(contact)?.length, 1);
    return facts.records.get(PROJECTOR.emailaddress)?.map(({ record }) => record.type);
  }

  async function checked(mayRead: boolean): Promise<string> {
    const steps = here.another(withEquipment(mayRead)).check?.(new AbortController().signal) ?? [];
    for await (const { name, message } of steps) if (name === "addresses") return message ?? "";
    return "";
  }

  test("are known where the role lets Waypost read them", async () => {
    assert.deepEqual(await whose(true), ["equipment"]);
    assert.doesNotMatch(await checked(true), /equipment/);
  });

  test("stand for nobody where it does not, all others are known, and the check says so", async () => {
    assert.deepEqual(await whose(false), []);
    assert.match(await checked(false), /Addresses of rows of equipment stand for nobody/);
  });

  test("that may not be read keep nobody from following the other tables", async () => {
    const options = { milliseconds: 600_000, role: WAYPOST_SERVICE.name, around: withEquipment(false), organization: "equipped" };
    await using there = await indexedOrganization(here.database, options);
    await there.crm.keepIndex(AbortSignal.timeout(60_000));
    const { unasked } = await there.crm.facts({ ...query([head({ from: [unique("stranger")] })]), mayRestOnIndex: true });
    assert.equal(unasked?.size, 1);
  });
});
