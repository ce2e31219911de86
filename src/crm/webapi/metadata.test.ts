import assert from "node:assert/strict";
import { test } from "node:test";
import { type Csdl, readCsdl, withInherited } from "../../../test/csdl.ts";
import { readDictionary, readOfficialMetadata } from "../../../test/dataverse-schemas.ts";
import { answerMetadata } from "./answer-metadata.ts";
import { DEFAULT_BEHAVIOUR } from "./behaviour.ts";
import { metadataDocument } from "./metadata.ts";
import type { Operation } from "./operation.ts";
import { OPERATIONS } from "./operations.ts";
import { indexTables } from "./table-index.ts";
import { TABLES } from "./tables.ts";

const ours = readCsdl(metadataDocument({ tables: TABLES, operations: OPERATIONS, annotations: true }));
const [english, german] = await readOfficialMetadata();
const dictionary = await readDictionary();

/** Tables that hang on rights, of which only what they are made of is shown. */
const RIGHTS = new Set(["role"]);

/** Navigation properties that neither document of v8.2 has, and why they are here. */
const ADDED: Readonly<Record<string, string>> = {
  "contact.accountid": "Dynamics shows only the id",
  "contact.parentcontactid": "Dynamics shows only the id",
  "email.CorrelatedActivityId_Email": "v9.2",
  "email.ReceivingMailboxId_Email": "v9.2",
  "email.acceptingentityid_queue": "v9.2",
  "email.acceptingentityid_systemuser": "v9.2",
  "email.email_email_CorrelatedActivityId": "v9.2",
  "lead.accountid": "Dynamics shows only the id",
  "lead.contactid": "Dynamics shows only the id",
  "mailbox.email_receivingmailboxid_mailbox": "v9.2",
  "queue.email_acceptingentity_queue": "v9.2",
  "queue.owningteam": "Dynamics shows only the id",
  "queue.owninguser": "Dynamics shows only the id",
  "recurringappointmentmaster.groupid": "Dynamics shows only the id",
  "recurringappointmentmaster.ruleid": "recurrencerule has no set in v8.2",
  "systemuser.email_acceptingentity_systemuser": "v9.2",
  "tracelog.regardingobjectownerid_systemuser": "Dynamics shows only the id",
  "tracelog.regardingobjectownerid_team": "Dynamics shows only the id",
  "tracelog.regardingobjectowningbusinessunit": "Dynamics shows only the id",
};

/** Collections that the dictionary of v9.0 names, and what leads to them. */
const relations = new Set(
  [...dictionary.values()].flatMap(({ OneToMany = [] }) => OneToMany.map((one) => one.ReferencedEntityNavigationPropertyName)),
);

test("every column and every reference stands in $metadata, and lookups only under their property names", () => {
  for (const table of TABLES) {
    const entity = withInherited(ours, table.name);
    assert.ok(entity, table.name);
    for (const { name, type, targets = [] } of table.columns) {
      assert.ok(entity.properties.has(type === "Lookup" ? `_${name}_value` : name), `${table.name}.${name}`);
      for (const { table: target, navigation } of targets) {
        if (ours.entities.has(target)) assert.ok(entity.navigations.has(navigation), `${table.name}.${navigation}`);
      }
    }
    assert.equal(ours.sets.get(table.set)?.type, table.name);
    assert.equal(ours.sets.get(table.set)?.tracksChanges, table.tracksChanges);
  }
});

test("properties have the types that they have in Dynamics", () => {
  const wrong = new Set<string>();
  let compared = 0;
  for (const table of TABLES) {
    const mine = withInherited(ours, table.name)?.properties;
    for (const official of [english, german]) {
      for (const [name, { type }] of withInherited(official, table.name)?.properties ?? []) {
        const property = mine?.get(name);
        if (!property) continue;
        compared += 1;
        if (property.type !== type) wrong.add(`${table.name}.${name}: ${property.type}, not ${type}`);
      }
    }
  }
  assert.deepEqual([...wrong], []);
  assert.ok(compared > 2000, `${compared} were compared`);
});

test("tables that the dictionary lacks have the columns of the documents, and what is read there is not written here", () => {
  const lacking = TABLES.filter(({ name }) => !dictionary.has(name) && english.entities.has(name) && !RIGHTS.has(name));
  assert.deepEqual(lacking.map(({ name }) => name).sort(), ["asyncoperation", "campaignresponse", "fax", "savedquery", "userquery"]);
  for (const table of lacking) {
    const official = withInherited(english, table.name)?.properties;
    for (const { name, type, create, update } of table.columns) {
      if (name === "versionnumber") continue;
      const property = official?.get(type === "Lookup" ? `_${name}_value` : name);
      if (property === undefined) assert.ok(dictionary.get(table.base ?? "")?.Attributes[name], `${table.name}.${name} is not there`);
      else if (property.permission === "Read" && type !== "Lookup") assert.ok(!create && !update, `${table.name}.${name} is only read`);
    }
  }
});

test("types inherit, and have the keys and sets that they have in Dynamics", () => {
  for (const { name, set } of TABLES) {
    const [mine, official] = [ours.entities.get(name), english.entities.get(name)];
    if (!official) continue;
    assert.equal(mine?.base, official.base, name);
    assert.equal(mine?.key, official.key, name);
    assert.equal(mine?.abstract, official.abstract, name);
    assert.equal(english.sets.get(set)?.type, name, set);
  }
});

test("navigation properties have Dynamics' irregular names, types and partners", () => {
  const wrong: string[] = [];
  let compared = 0;
  for (const { name } of TABLES) {
    const officials = [english, german].flatMap((one) => withInherited(one, name) ?? []);
    if (officials.length === 0) continue;
    for (const [navigation, { type, partner }] of ours.entities.get(name)?.navigations ?? []) {
      const known = officials.flatMap(({ navigations }) => navigations.get(navigation) ?? []);
      if (known.length === 0) {
        const inV9 = relations.has(navigation) || (partner !== null && relations.has(partner));
        if (!inV9 && !ADDED[`${name}.${navigation}`]) wrong.push(`${name}.${navigation} is not there`);
        continue;
      }
      compared += 1;
      if (!known.some((one) => one.type === type && one.partner === partner)) {
        wrong.push(`${name}.${navigation}: ${type} ${partner}, not ${known[0]?.type} ${known[0]?.partner}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(compared > 500, `${compared} were compared`);
});

test("whatever the document names is there: types, bases, partners, constraints and bindings", () => {
  const types = new Set([...ours.entities.keys(), ...ours.complexTypes.keys()]);
  const known = (type: string, where: string) => {
    const name = /^(?:Collection\()?mscrm\.(\w+)\)?$/.exec(type)?.[1];
    if (name !== undefined) assert.ok(types.has(name), `${where} is of type ${type}, which is not there`);
  };
  for (const [name, entity] of ours.entities) {
    if (entity.base) known(`mscrm.${entity.base}`, name);
    const all = withInherited(ours, name);
    for (const [navigation, { type, partner, constraint }] of entity.navigations) {
      known(type, `${name}.${navigation}`);
      const target = withInherited(ours, /mscrm\.(\w+)/.exec(type)?.[1] ?? "");
      if (partner) assert.ok(target?.navigations.has(partner), `${name}.${navigation} has no partner ${partner} in ${type}`);
      if (constraint) assert.ok(all?.properties.has(constraint), `${name}.${navigation} refers to ${constraint}`);
    }
  }
  for (const { type, bindings } of ours.sets.values()) {
    for (const [path, target] of bindings) {
      assert.ok(withInherited(ours, type)?.navigations.has(path), `${type} binds ${path}`);
      assert.ok(ours.sets.has(target), `${type} binds ${path} to ${target}`);
    }
  }
  for (const { name, parameters, returns } of ours.operations) {
    for (const one of parameters) known(one.type, `${name}(${one.name})`);
    if (returns) known(returns, name);
  }
});

test("messages stand as Dynamics writes them: binding, parameters, results, and imports of the unbound", () => {
  for (const operation of OPERATIONS) {
    const mine = ours.operations.filter(({ name }) => name === operation.name);
    const known = english.operations.filter(({ name }) => name === operation.name);
    assert.ok(mine.length > 0, operation.name);
    assert.equal(ours.imports.has(operation.name), operation.binding === null, operation.name);
    for (const one of known.length === 1 ? mine : []) {
      assert.deepEqual({ ...one, parameters: [] }, { ...known[0], parameters: [] });
      const parameters = new Map(known[0]?.parameters.map((parameter) => [parameter.name, parameter]));
      for (const parameter of one.parameters) {
        if (parameters.has(parameter.name)) assert.deepEqual(parameter, parameters.get(parameter.name), one.name);
      }
    }
  }
});

test("annotations come only where they are asked for, and messages only where the organization has them", async () => {
  const service = { tables: indexTables(TABLES), behaviour: { ...DEFAULT_BEHAVIOUR, deliversIncoming: false } };
  const { body, headers } = await answerMetadata(service, { query: "" }, OPERATIONS);
  assert.equal(headers["Content-Type"], "application/xml");
  const plain = readCsdl(String(body));
  assert.deepEqual([...plain.terms], ["OData.Community.Keys.V1.AlternateKeys"]);
  const names = (csdl: Csdl) => csdl.operations.map(({ name }) => name);
  assert.ok(names(ours).includes("DeliverIncomingEmail"));
  assert.ok(!names(plain).includes("DeliverIncomingEmail"));
  const annotated = await answerMetadata(service, { query: "annotations=true" }, OPERATIONS);
  assert.ok(readCsdl(String(annotated.body)).terms.has("Org.OData.Capabilities.V1.ChangeTracking"));
});

test("what may be written is marked: passwords are not read, lookups are written by reference", () => {
  const permission = (table: string, name: string) => withInherited(ours, table)?.properties.get(name)?.permission;
  assert.equal(permission("mailbox", "password"), "Write");
  assert.equal(permission("email", "inreplyto"), "Read");
  assert.equal(permission("email", "_regardingobjectid_value"), "Read");
  assert.equal(permission("email", "subject"), null);
});

test("names that hold markup stay names", () => {
  const operation: Operation = {
    name: 'A"<b>&',
    kind: "action",
    binding: null,
    parameters: [{ name: "<'\">", type: "Edm.String", required: true }],
    returns: { kind: "complex", name: "R<&>", properties: [{ name: '"', type: "Edm.String" }] },
    run: () => Promise.reject(new Error("is not run")),
  };
  const read = readCsdl(metadataDocument({ tables: [], operations: [operation], annotations: false }));
  assert.deepEqual(read.operations[0], {
    name: 'A"<b>&',
    kind: "Action",
    bound: false,
    parameters: [{ name: "<'\">", type: "String", nullable: false }],
    returns: "mscrm.R<&>",
  });
});
