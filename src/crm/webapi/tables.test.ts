import assert from "node:assert/strict";
import { test } from "node:test";
import { type DictionaryAttribute, type DictionaryEntity, readDictionary } from "../../../test/dataverse-schemas.ts";
import type { Column, ColumnType, Table } from "./table.ts";
import { TABLES, tableNamed, tableOfSet } from "./tables.ts";

const dictionary = await readDictionary();

const TYPES: Readonly<Record<string, readonly ColumnType[]>> = {
  String: ["String", "Memo"],
  Memo: ["Memo", "String"],
  EntityName: ["String"],
  Uniqueidentifier: ["Guid"],
  Integer: ["Int32", "Int64"],
  BigInt: ["Int64"],
  Decimal: ["Decimal"],
  Money: ["Decimal"],
  Double: ["Double"],
  Boolean: ["Boolean"],
  DateTime: ["DateTimeOffset", "Date"],
  Picklist: ["Choice", "Int32"],
  State: ["State"],
  Status: ["Status"],
  Lookup: ["Lookup", "Guid"],
  Owner: ["Lookup"],
  Customer: ["Lookup"],
};

/** Columns that the dictionary of v9.0 does not have, and why they are here. */
const ADDED: Readonly<Record<string, string>> = {
  "email.acceptingentityid": "v9.2 (wire 8.1)",
  "email.correlatedactivityid": "v9.2",
  "email.correlatedsubjectchanged": "v9.2",
  "email.internetmessageheaders": "v9.2",
  "email.isduplicatesenderunresolved": "v9.2",
  "email.receivingmailboxid": "v9.2",
  "systemuser.ownerid": "its key in the CSDL",
  "organization.appointmentricheditorexperience": "v9.2 (product-behaviour 6.11)",
};

/** What differs from the dictionary, and why. */
const DIFFERING: Readonly<Record<string, string>> = {
  "email.subject": "800 characters in v9.2 (wire 8.1)",
};

/** Columns of the dictionary that are not here, and why. */
const LEFT_OUT: Readonly<Record<string, string>> = {
  "email.messageiddupcheck": "hidden; the CRM's own",
  "activitymimeattachment.activityid": "as objectid",
  "activitymimeattachment.activitymimeattachmentidunique": "no solutions",
  "email.safedescription": "made by Dynamics' own pages",
};

/** Rules by which columns of the dictionary are not here. */
function isLeftOut(entity: DictionaryEntity, name: string, { Type, Targets = [], ...valid }: DictionaryAttribute): string | null {
  if (!valid.ValidForCreate && !valid.ValidForUpdate) return "kept by Dynamics and needed by nobody here";
  if (Type === "PartyList") return "parties are rows of activityparty";
  if (Type === "EntityName") return "the Web API tells it as lookuplogicalname";
  if (Type === "Image" || name.startsWith("entityimage")) return "no pictures";
  if (Type === "ManagedProperty") return "no solutions";
  if (/^(msdyn|adx|li)_/.test(name)) return "of another solution";
  if (["Lookup", "Owner", "Customer"].includes(Type) && !Targets.some(tableNamed)) return "refers to nothing here";
  const named = /^(.*?)(yomi)?name$/.exec(name)?.[1];
  if (named && ["Lookup", "Owner", "Customer"].includes(entity.Attributes[named]?.Type ?? ""))
    return "the name of a lookup is its formatted value";
  return null;
}

for (const table of TABLES) {
  const entity = dictionary.get(table.name);
  if (!entity) continue;
  test(`${table.name} is what the dictionary says: names, types, lengths, what may be written, values with their labels`, () => {
    assert.equal(table.set, entity.EntitySetName);
    assert.equal(table.key, entity.PrimaryIdAttribute);
    for (const column of table.columns) {
      // Some tables of the dictionary lack it; rows without one have no ETag.
      if (column.name === "versionnumber") continue;
      const attribute = entity.Attributes[column.name] ?? inherited(table, column.name);
      const place = `${table.name}.${column.name}`;
      if (!attribute) assert.ok(ADDED[place], `${place} is not in the dictionary`);
      else if (!DIFFERING[place]) compare(place, column, attribute);
    }
    // Of the organization what is its mail's; of what nobody makes or changes over the Web API, what is kept of it.
    if (table.name === "organization" || table.allows.length === 0) return;
    const names = new Set(table.columns.map(({ name }) => name));
    for (const [name, attribute] of Object.entries(entity.Attributes)) {
      if (names.has(name) || isLeftOut(entity, name, attribute)) continue;
      assert.ok(LEFT_OUT[`${table.name}.${name}`], `${table.name}.${name} may be written and is not here`);
    }
  });
}

/** Activities have the columns of activitypointer, whether the dictionary repeats them or not. */
function inherited({ base }: Table, name: string): DictionaryAttribute | undefined {
  return dictionary.get(base ?? "")?.Attributes[name];
}

function compare(place: string, column: Column, attribute: DictionaryAttribute): void {
  assert.ok(TYPES[attribute.Type]?.includes(column.type), `${place} is ${column.type}, not ${attribute.Type}`);
  if (!place.startsWith("organization.")) assert.equal(column.create, attribute.ValidForCreate, `${place} in a POST`);
  assert.equal(column.update, attribute.ValidForUpdate, `${place} in a PATCH`);
  assert.equal(column.readable ?? true, attribute.ValidForRead, `${place} read`);
  if (attribute.MaxLength !== undefined) assert.equal(column.maximumLength, attribute.MaxLength, `${place} length`);
  if (["Integer", "Double"].includes(attribute.Type)) {
    assert.equal(column.minimum, limit(attribute.MinValue), `${place} least`);
    assert.equal(column.maximum, limit(attribute.MaxValue), `${place} most`);
  }
  if (attribute.Options && column.type !== "Int32") {
    assert.deepEqual(
      column.labels,
      Object.fromEntries(attribute.Options.map(({ value, label }) => [value, label.trim()])),
      `${place} labels`,
    );
  }
  if (attribute.Type === "Status") {
    assert.deepEqual(
      column.stateOf,
      Object.fromEntries((attribute.Options ?? []).map(({ value, state }) => [value, state])),
      `${place} states`,
    );
  }
  if (attribute.Type === "State") {
    const standard = (attribute.Options ?? []).map(({ value, defaultStatus }) => [value, Number(defaultStatus)]);
    assert.deepEqual(column.defaultStatus, Object.fromEntries(standard), `${place} default status`);
  }
}

/** Null where it is the whole range of the type. */
function limit(value: string | undefined): number | undefined {
  const number = Number(value);
  return !value || number <= -2_147_483_648 || number >= 2_147_483_647 ? undefined : number;
}

test("lookups lead back by the collections that the dictionary names", () => {
  let compared = 0;
  const wrong: string[] = [];
  for (const table of TABLES) {
    for (const { name, targets = [] } of table.columns) {
      for (const target of targets) {
        const known = (dictionary.get(target.table)?.OneToMany ?? []).filter(
          (one) => one.ReferencingEntity === table.name && one.ReferencingAttribute === name,
        );
        if (known.length === 0) continue;
        compared += 1;
        if (known.some((one) => one.ReferencedEntityNavigationPropertyName === target.partner)) continue;
        const names = known.map((one) => one.ReferencedEntityNavigationPropertyName).join(" or ");
        wrong.push(`${table.name}.${name} comes back from ${target.table} by ${names}, not ${target.partner}`);
      }
    }
  }
  assert.deepEqual(wrong, []);
  assert.ok(compared > 300, `${compared} were compared`);
});

test("every name means one thing: tables, sets, columns and navigation properties", () => {
  assert.equal(new Set(TABLES.map(({ name }) => name)).size, TABLES.length);
  assert.equal(new Set(TABLES.map(({ set }) => set)).size, TABLES.length);
  for (const table of TABLES) {
    assert.equal(tableNamed(table.name), table);
    assert.equal(tableOfSet(table.set), table);
    const columns = table.columns.map(({ name }) => name);
    assert.equal(new Set(columns).size, columns.length, `${table.name}: ${repeated(columns)}`);
    const navigations = [
      ...table.columns.flatMap(({ targets = [] }) => [...new Set(targets.map(({ navigation }) => navigation))]),
      ...table.collections.map(({ navigation }) => navigation),
    ];
    assert.equal(new Set(navigations).size, navigations.length, `${table.name}: ${repeated(navigations)}`);
    assert.ok(columns.includes(table.key), `${table.name} lacks its key`);
    for (const name of [...(table.title ? [table.title] : []), ...table.alternateKeys.flat()]) {
      assert.ok(columns.includes(name), `${table.name} lacks ${name}`);
    }
    assert.ok(columns.includes("versionnumber"), `${table.name} has no version`);
  }
});

function repeated(names: readonly string[]): string {
  return names.filter((name, index) => names.indexOf(name) !== index).join(", ");
}
