import { fault } from "./error-codes.ts";
import { type GivenRow, requireRow, tableOf } from "./given-row.ts";
import { Parameters } from "./parameters.ts";
import type { Turn } from "./service.ts";

/** `{!Contact:fullname;Sir or Madam}`: a column of the record, or of the user who sends, and what stands there where it is empty. */
const PLACE = /\{!([A-Za-z]\w{0,99}):([A-Za-z]\w{0,99})(?:;([^{};]{0,200}))?;?\}/g;
/** Different places of one template. */
const MOST_PLACES = 200;

/** Subject and HTML body of an email, made of a template. */
export interface FilledTemplate {
  readonly subject: string;
  readonly html: string;
}

/**
 * A template with the values of a record in its places: texts in the subject, HTML in the body. Places of columns that the record does not have stand empty,
 * or say what they say for that. Throws ApiFault 404 where template or record is not there, 0x8004021f where the template is for records of another table.
 */
export async function fillTemplate(turn: Turn, templateId: string, object: GivenRow): Promise<FilledTemplate> {
  await requireRow(turn, tableOf(turn, "template"), { kind: "id", id: templateId }, "Read");
  await requireRow(turn, object.table, { kind: "id", id: object.id }, "Read");
  const { rows } = await turn.sql.query<{ subject: string; body: string; type: string | null }>(
    `select coalesce(subject, '') as subject, coalesce(body, '') as body, templatetypecode as type from crm.template where templateid = $1`,
    [templateId],
  );
  const [template] = rows;
  if (!template) throw fault("ObjectDoesNotExist");
  if (template.type !== null && template.type !== "systemuser" && template.type !== object.table.name) throw fault("InvalidObjectTypes");
  const text = `${template.subject}\n${template.body}`;
  const user = { table: tableOf(turn, "systemuser"), id: turn.caller.userId };
  const own = await valuesOf(turn, object, columnsIn(text, object.table.name));
  const users = await valuesOf(turn, user, columnsIn(text, "user"));
  const fill = (one: string, written: (value: string) => string) =>
    one.replace(PLACE, (_, entity: string, column: string, otherwise: string | undefined) => {
      const values = isUser(entity, object) ? users : entity.toLowerCase() === object.table.name ? own : undefined;
      return written(values?.get(column.toLowerCase()) || otherwise || "");
    });
  return { subject: fill(template.subject, (value) => value), html: fill(template.body, escaped) };
}

function isUser(entity: string, { table }: GivenRow): boolean {
  const name = entity.toLowerCase();
  return name === "user" || (name === "systemuser" && table.name !== "systemuser");
}

function columnsIn(text: string, entity: string): ReadonlySet<string> {
  const names = new Set<string>();
  for (const [, type = "", column = ""] of text.matchAll(PLACE)) {
    const name = type.toLowerCase();
    if (name === entity || (entity === "user" && name === "systemuser")) names.add(column.toLowerCase());
    if (names.size > MOST_PLACES) throw fault("InvalidArgument", "The template has too many places to fill in.");
  }
  return names;
}

/** Values of columns that the table has and that hold texts, numbers or choices, by column. */
async function valuesOf({ sql }: Turn, { table, id }: GivenRow, names: ReadonlySet<string>): Promise<ReadonlyMap<string, string>> {
  const columns = table.columns.filter(
    (one) => names.has(one.name) && one.readable !== false && one.type !== "Lookup" && one.type !== "Binary",
  );
  if (columns.length === 0) return new Map();
  const parameters = new Parameters();
  const reads = columns.map(({ read }) => `(${read})::text`);
  const { rows } = await sql.query<{ values: (string | null)[] }>(
    `select array[${reads.join(", ")}] as values from ${table.from} row where row.${table.key} = ${parameters.add(id, "uuid")}`,
    parameters.values,
  );
  const values = rows[0]?.values ?? [];
  return new Map(
    columns.map(({ name, labels }, index) => {
      const value = values[index] ?? "";
      return [name, labels?.[Number(value)] ?? value];
    }),
  );
}

function escaped(text: string): string {
  return text.replace(/[&<>"']/g, (sign) => `&#${sign.charCodeAt(0)};`);
}
