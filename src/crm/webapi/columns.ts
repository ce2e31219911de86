import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import type { Column, ColumnType, Target } from "./table.ts";

/** What a column may differ in from one that is read from and written to the database column of its own name. */
export interface Differing
  extends Partial<
    Pick<Column, "read" | "readable" | "filter" | "size" | "stored" | "storedAs" | "required" | "readTarget" | "storedTarget" | "readTitle">
  > {
  /** It has no database column: it is made of others, or whoever writes the table knows where it goes. */
  readonly computed?: true;
}

/** Tables that a lookup may refer to: by logical name, the navigation property there and the collection that comes back. */
export type References = Readonly<Record<string, readonly [navigation: string, partner?: string | undefined]>>;

/** Characters of the longest text that Dynamics has: 2^30 - 1. */
export const LONGEST = 1_073_741_823;

function column(name: string, type: ColumnType, { computed, ...differing }: Differing, more: Partial<Column> = {}): Column {
  return { name, type, read: `row.${name}`, create: false, update: false, ...(computed ? {} : { stored: name }), ...more, ...differing };
}

/** These may stand in a POST and in a PATCH. */
export function writable(columns: readonly Column[]): Column[] {
  return columns.map((one) => ({ ...one, create: true, update: true }));
}

/** These may stand in a POST only. */
export function creatable(columns: readonly Column[]): Column[] {
  return columns.map((one) => ({ ...one, create: true }));
}

/** These may stand in a PATCH only. */
export function updatable(columns: readonly Column[]): Column[] {
  return columns.map((one) => ({ ...one, update: true }));
}

/** These are kept by the CRM itself. */
export function readable(columns: readonly Column[]): Column[] {
  return [...columns];
}

/** The primary key, which whoever creates the row may choose. */
export function key(name: string, { create = true }: { readonly create?: boolean } = {}): Column {
  return { ...column(name, "Guid", {}), create };
}

/** Counts on with each change of the row; its ETag. */
export function version(): Column {
  return column("versionnumber", "Int64", { computed: true });
}

/** A line of text; the length counts UTF-16 units. */
export function text(name: string, maximumLength?: number, differing: Differing = {}): Column {
  return column(name, "String", differing, maximumLength === undefined ? {} : { maximumLength });
}

/** Text of several lines. */
export function memo(name: string, maximumLength?: number, differing: Differing = {}): Column {
  return column(name, "Memo", differing, maximumLength === undefined ? {} : { maximumLength });
}

/** A GUID that is no lookup. */
export function id(name: string, differing: Differing = {}): Column {
  return column(name, "Guid", differing);
}

function number(name: string, type: ColumnType, minimum: number | undefined, maximum: number | undefined, differing: Differing): Column {
  return column(name, type, differing, { ...(minimum !== undefined && { minimum }), ...(maximum !== undefined && { maximum }) });
}

/** A whole number of 32 bits. */
export function whole(name: string, minimum?: number, maximum?: number, differing: Differing = {}): Column {
  return number(name, "Int32", minimum, maximum, differing);
}

/** A whole number of 64 bits. */
export function long(name: string, differing: Differing = {}): Column {
  return column(name, "Int64", differing);
}

/** A decimal number, or an amount of money. */
export function decimal(name: string, minimum?: number, maximum?: number, differing: Differing = {}): Column {
  return number(name, "Decimal", minimum, maximum, differing);
}

/** A floating-point number. */
export function double(name: string, minimum?: number, maximum?: number, differing: Differing = {}): Column {
  return number(name, "Double", minimum, maximum, differing);
}

/** A point in time. */
export function instant(name: string, differing: Differing = {}): Column {
  return column(name, "DateTimeOffset", differing);
}

/** A day without a time. */
export function date(name: string, differing: Differing = {}): Column {
  return column(name, "Date", differing);
}

/** True or false, with the labels of both: `"0 No | 1 Yes"`. */
export function flag(name: string, labels?: string, differing: Differing = {}): Column {
  return column(name, "Boolean", differing, labels === undefined ? {} : { labels: labelsOf(labels) });
}

/** One of numbered values: `"0 Low | 1 Normal | 2 High"`. */
export function choice(name: string, labels?: string, differing: Differing = {}): Column {
  return column(name, "Choice", differing, labels === undefined ? {} : { labels: labelsOf(labels) });
}

/** `statecode`: its values, and the status that each takes where none is named. */
export function state(labels: string, defaultStatus: Readonly<Record<number, number>>, differing: Differing = {}): Column {
  return column("statecode", "State", differing, { labels: labelsOf(labels), defaultStatus });
}

/** `statuscode`: its values by the state that they belong to. */
export function status(byState: Readonly<Record<number, string>>, differing: Differing = {}): Column {
  const labels: Record<number, string> = {};
  const stateOf: Record<number, number> = {};
  for (const [one, values] of Object.entries(byState)) {
    for (const [value, label] of Object.entries(labelsOf(values))) {
      labels[Number(value)] = label;
      stateOf[Number(value)] = Number(one);
    }
  }
  return column("statuscode", "Status", differing, { labels, stateOf });
}

/** A reference to a row of one table, or of one of several; then the table's name stands in the database column named `<name>type`. */
export function lookup(name: string, references: References, differing: Differing = {}): Column {
  const targets = Object.entries(references).map(
    ([table, [navigation, partner]]): Target => ({ table, navigation, ...(partner !== undefined && { partner }) }),
  );
  const several: Partial<Column> =
    targets.length < 2 || differing.computed ? {} : { readTarget: `row.${name}type`, storedTarget: `${name}type` };
  return column(name, "Lookup", differing, { targets, ...several });
}

/** The user or team that owns the row; both are `principal` in `$metadata`. */
export function owner(partner?: string): Column {
  return lookup("ownerid", { systemuser: ["ownerid", partner], team: ["ownerid", partner] });
}

const OWNED_BY = (type: string) => `(case when row.owneridtype = '${type}' then row.ownerid end)`;

/** The owner where it is a user. */
export function owningUser(navigation: string, partner?: string): Column {
  return lookup("owninguser", { systemuser: [navigation, partner] }, { read: OWNED_BY("systemuser"), computed: true });
}

/** The owner where it is a team. */
export function owningTeam(navigation: string, partner?: string): Column {
  return lookup("owningteam", { team: [navigation, partner] }, { read: OWNED_BY("team"), computed: true });
}

/** The business unit of the owner. */
export function owningBusinessUnit(navigation: string, partner?: string): Column {
  const read = `coalesce((select one.businessunitid from crm.systemuser one where one.systemuserid = row.ownerid),
    (select one.businessunitid from crm.team one where one.teamid = row.ownerid))`;
  return lookup("owningbusinessunit", { businessunit: [navigation, partner] }, { read, computed: true });
}

/** An address in one piece: `address1_composite` of the columns `address1_…`. */
export function composite(name: string): Column {
  const prefix = `row.${name.slice(0, -"composite".length)}`;
  const lines = `${prefix}line1, ${prefix}line2, ${prefix}line3`;
  const place = `nullif(concat_ws(', ', ${prefix}city, nullif(concat_ws(' ', ${prefix}stateorprovince, ${prefix}postalcode), '')), '')`;
  return memo(name, 1000, { read: `nullif(concat_ws(e'\\r\\n', ${lines}, ${place}, ${prefix}country), '')`, computed: true });
}

/**
 * A setting of the organization, which stands in crm.organization.settings only where it differs from Dynamics' default. It has no database column:
 * settings are written by writeSettings in crm/settings.ts, which checks them and does what follows from them.
 */
export function setting(one: Column, standard?: string | number | boolean): Column {
  const stored = `row.settings ->> '${one.name}'`;
  const value = Object.entries(DEFAULT_SETTINGS).find(([name]) => name === one.name)?.[1] ?? standard;
  const over = value === undefined ? stored : `coalesce(${stored}, '${String(value).replaceAll("'", "''")}')`;
  const { stored: _, ...rest } = one;
  return { ...rest, read: `(${over})::${SETTING_TYPES[one.type] ?? "text"}`, create: false, update: true };
}

const SETTING_TYPES: Readonly<Partial<Record<ColumnType, string>>> = {
  Boolean: "boolean",
  Int32: "int",
  Choice: "int",
  Guid: "uuid",
  Lookup: "uuid",
};

function labelsOf(text: string): Record<number, string> {
  return Object.fromEntries(
    text.split(" | ").map((one) => {
      const space = one.indexOf(" ");
      return [Number(one.slice(0, space)), one.slice(space + 1)];
    }),
  );
}
