import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { type Csdl, readCsdl } from "./csdl.ts";

const FOLDER = path.resolve(import.meta.dirname, "../../shared/schemas/dataverse");

const attribute = z.object({
  Type: z.string(),
  MaxLength: z.number().optional(),
  MinValue: z.string().optional(),
  MaxValue: z.string().optional(),
  ValidForCreate: z.boolean(),
  ValidForUpdate: z.boolean(),
  ValidForRead: z.boolean(),
  DateTimeBehavior: z.string().optional(),
  Targets: z.array(z.string()).optional(),
  Options: z
    .array(z.object({ value: z.number(), label: z.string(), state: z.number().optional(), defaultStatus: z.string().optional() }))
    .optional(),
});
export type DictionaryAttribute = z.infer<typeof attribute>;

const entity = z.object({
  EntitySetName: z.string(),
  PrimaryIdAttribute: z.string(),
  Attributes: z.record(z.string(), attribute),
  OneToMany: z
    .array(
      z.object({ ReferencingEntity: z.string(), ReferencingAttribute: z.string(), ReferencedEntityNavigationPropertyName: z.string() }),
    )
    .optional(),
});
export type DictionaryEntity = z.infer<typeof entity>;

/** The entity dictionary of v9.0, by logical name. */
export async function readDictionary(): Promise<ReadonlyMap<string, DictionaryEntity>> {
  const text = await readFile(path.join(FOLDER, "v9.0-entity-reference.json"), "utf8");
  return new Map(Object.entries(z.record(z.string(), entity).parse(JSON.parse(text))));
}

/** `$metadata` of two real organizations of v8.2. */
export async function readOfficialMetadata(): Promise<readonly [Csdl, Csdl]> {
  const [english, german] = await Promise.all(
    ["en", "de"].map(async (language) => readCsdl(await readFile(path.join(FOLDER, `crm-v8-org-${language}.csdl.xml`), "utf8"))),
  );
  if (!english || !german) throw new Error("a document is missing");
  return [english, german];
}
