import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { SaxesParser } from "saxes";
import { z } from "zod";
import { WRITTEN } from "./written-columns.ts";

const SCHEMAS = path.resolve(import.meta.dirname, "../../../../shared/schemas/dataverse");

const DICTIONARY = z.record(
  z.string(),
  z.object({
    Attributes: z.record(z.string(), z.object({ ValidForCreate: z.boolean().optional(), ValidForUpdate: z.boolean().optional() })),
  }),
);

/** Columns that came after the dictionary of 9.0: the table reference of today lists them among the writable ones. */
const NEWER: ReadonlySet<string> = new Set([
  "email.isduplicatesenderunresolved",
  "email.correlatedactivityid",
  "email.acceptingentityid",
  "activityparty.unresolvedpartyname",
]);

interface Use {
  readonly table: string;
  readonly column: string;
  readonly when: "create" | "update";
}

const uses: readonly Use[] = Object.entries(WRITTEN).flatMap(([table, { create, update, lookups }]) => [
  ...[...create, ...lookups.create].map((column): Use => ({ table, column, when: "create" })),
  ...[...update, ...lookups.update].map((column): Use => ({ table, column, when: "update" })),
]);

test("every property that is written may be written when it is, by Microsoft's dictionary of 9.0", () => {
  const dictionary = DICTIONARY.parse(JSON.parse(readFileSync(path.join(SCHEMAS, "v9.0-entity-reference.json"), "utf8")));
  const wrong = uses.filter(({ table, column, when }) => {
    const attribute = dictionary[table]?.Attributes[column];
    if (attribute === undefined) return !NEWER.has(`${table}.${column}`);
    return (when === "create" ? attribute.ValidForCreate : attribute.ValidForUpdate) !== true;
  });
  assert.deepEqual(wrong, []);
});

test("what counts as newer than the dictionary is not in it", () => {
  const dictionary = DICTIONARY.parse(JSON.parse(readFileSync(path.join(SCHEMAS, "v9.0-entity-reference.json"), "utf8")));
  for (const name of NEWER) {
    const [table = "", column = ""] = name.split(".");
    assert.equal(dictionary[table]?.Attributes[column], undefined, name);
  }
});

for (const document of ["crm-v8-org-en.csdl.xml", "crm-v8-org-de.csdl.xml"]) {
  test(`no property that is written is only read in the metadata of a real organization: ${document}`, () => {
    const { properties, readOnly } = propertiesOf(readFileSync(path.join(SCHEMAS, document), "utf8"));
    const known = uses.filter(({ table, column }) => has(properties, table, column));
    assert.ok(known.length > uses.length / 2, "most of them are there");
    assert.deepEqual(
      known.filter(({ table, column }) => has(readOnly, table, column)),
      [],
    );
  });
}

/** Activities inherit from their pointer. */
function has(names: ReadonlySet<string>, table: string, column: string): boolean {
  return [table, ...(table === "email" ? ["activitypointer"] : [])].some((one) => names.has(`${one}.${column}`));
}

/** Columns of entity types as `table.column`; a lookup property stands under its column's name, and its Permissions say nothing: it is bound by navigation. */
function propertiesOf(csdl: string): { readonly properties: Set<string>; readonly readOnly: Set<string> } {
  const properties = new Set<string>();
  const readOnly = new Set<string>();
  const parser = new SaxesParser();
  let [table, property, isPermission] = ["", "", false];
  parser.on("opentag", ({ name, attributes }) => {
    if (name === "EntityType") table = attributes.Name ?? "";
    if (name === "Property") {
      property = `${table}.${attributes.Name ?? ""}`;
      properties.add(property);
    }
    if (name === "Annotation") isPermission = attributes.Term === "Org.OData.Core.V1.Permissions";
  });
  parser.on("text", (text) => {
    if (isPermission && text.trim() === "Org.OData.Core.V1.PermissionType/Read") readOnly.add(property);
  });
  parser.on("closetag", ({ name }) => {
    if (name === "Annotation") isPermission = false;
    if (name === "EntityType") table = "";
  });
  parser.write(csdl).close();
  return { properties, readOnly };
}
