import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { describe, test } from "node:test";
import { SaxesParser } from "saxes";
import type { Operation } from "./operation.ts";
import { OPERATIONS, operationNamed } from "./operations.ts";

const SCHEMAS = path.resolve(import.meta.dirname, "../../../../shared/schemas/dataverse");

/** What wire 7.1 and the v9 reference say of operations that the CSDL documents of v8.2 do not have. */
const SINCE_V9: ReadonlySet<string> = new Set([
  "BackgroundSendEmail",
  "DeliverImmediatePromoteEmail",
  "InitializeAttachmentBlocksUpload",
  "UploadBlock",
  "CommitAttachmentBlocksUpload",
]);

/** One line for what `$metadata` says of an operation. */
interface Declared {
  readonly line: string;
  readonly properties: ReadonlyMap<string, readonly string[]>;
}

for (const file of ["crm-v8-org-en.csdl.xml", "crm-v8-org-de.csdl.xml"]) {
  describe(`operations against ${file}`, async () => {
    const { lines, properties } = declaredIn(await readFile(path.join(SCHEMAS, file), "utf8"));
    for (const operation of OPERATIONS.filter(({ name }) => !SINCE_V9.has(name))) {
      test(`${operation.name} is declared there with the same binding, parameters and result`, () => {
        const declared = lines.get(operation.name) ?? [];
        assert.ok(declared.includes(lineOf(operation)), `${lineOf(operation)}\nis none of\n${declared.join("\n")}`);
        if (operation.returns?.kind !== "complex") return;
        assert.deepEqual(
          operation.returns.properties.map(({ name, type }) => `${name} ${type}`),
          properties.get(operation.returns.name),
        );
      });
    }
    for (const { name, types = [] } of OPERATIONS.filter((one) => !SINCE_V9.has(one.name))) {
      for (const type of types) {
        test(`${name} uses the type ${type.name} as it is declared there`, () => {
          const own =
            type.kind === "complex"
              ? type.properties.map((one) => `${one.name} ${one.type}`)
              : Object.entries(type.members).map(([member, value]) => `${member} ${value}`);
          assert.deepEqual(own, properties.get(type.name));
        });
      }
    }
    test("what is said to be newer than v8.2 is not declared there", () => {
      for (const name of SINCE_V9) assert.equal(lines.get(name), undefined, name);
    });
  });
}

test("an operation is found by its name and, where several have it, by what it is bound to", () => {
  for (const operation of OPERATIONS) assert.equal(operationNamed(operation.name, operation.binding), operation);
  assert.equal(operationNamed("DropDatabase"), undefined);
});

function lineOf({ kind, name, binding, parameters, returns }: Operation): string {
  const bound = binding && (binding.to === "set" ? `entityset:Collection(mscrm.${binding.table})!` : `entity:mscrm.${binding.table}!`);
  const own = parameters.map((one) => `${one.name}:${one.type}${one.required ? "!" : ""}`);
  const result = returns && (returns.kind === "complex" ? `mscrm.${returns.name}` : returns.type);
  return `${kind} ${name}(${[...(bound ? [bound] : []), ...own].join(",")})${result ? ` ${result}` : ""}`;
}

function declaredIn(xml: string): { readonly lines: ReadonlyMap<string, readonly string[]>; readonly properties: Declared["properties"] } {
  const lines = new Map<string, string[]>();
  const properties = new Map<string, string[]>();
  let operation: { kind: string; name: string; parameters: string[]; result: string } | null = null;
  let type: string[] | null = null;
  const parser = new SaxesParser();
  parser.on("opentag", ({ name, attributes: { Name: its = "", Type = "", Nullable, Value } }) => {
    if (name === "Action" || name === "Function") operation = { kind: name.toLowerCase(), name: its, parameters: [], result: "" };
    else if (name === "Parameter") operation?.parameters.push(`${its}:${Type}${Nullable === "false" ? "!" : ""}`);
    else if (name === "ReturnType" && operation) operation.result = ` ${Type}`;
    else if (name === "ComplexType" || name === "EnumType") {
      type = [];
      properties.set(its, type);
    }
    if (name === "Property") type?.push(`${its} ${Type}`);
    else if (name === "Member") type?.push(`${its} ${Value}`);
  });
  parser.on("closetag", ({ name }) => {
    if (name === "ComplexType" || name === "EnumType") type = null;
    if ((name !== "Action" && name !== "Function") || operation === null) return;
    const line = `${operation.kind} ${operation.name}(${operation.parameters.join(",")})${operation.result}`;
    lines.set(operation.name, [...(lines.get(operation.name) ?? []), line]);
    operation = null;
  });
  parser.write(xml.replace(/^\uFEFF/, "")).close();
  return { lines, properties };
}
