import { aliasesOf } from "./aliases.ts";
import { type Apply, parseApply } from "./apply.ts";
import { ApiFault } from "./exchange.ts";
import type { Filter, PropertyPath } from "./filter.ts";
import { type Aliases, parseFilter } from "./filter-parser.ts";
import { decode } from "./path-segments.ts";
import { badQuery } from "./query-fault.ts";
import { splitOutside } from "./split-outside.ts";

export interface Order {
  readonly path: PropertyPath;
  readonly descending: boolean;
}

/** What can be asked of a set, of a row (without filter and order), and of each expanded navigation. Names are not yet looked up. */
export interface Selection {
  /** Null: all columns. */
  readonly select: readonly string[] | null;
  readonly expand: readonly Expand[];
  readonly filter: Filter | null;
  readonly orderBy: readonly Order[];
  readonly top: number | null;
  readonly count: boolean;
}

/** `$expand=email_activity_parties($select=…;$top=3)`. */
export interface Expand extends Selection {
  readonly navigation: string;
  /** `/$ref`: the rows' addresses only. */
  readonly references: boolean;
  /** The options as they were written, decoded, by name: for the link to further rows. */
  readonly texts: ReadonlyMap<string, string>;
}

export interface QueryOptions extends Selection {
  readonly apply: Apply | null;
  readonly skipToken: string | null;
  readonly deltaToken: string | null;
  readonly aliases: Aliases;
}

const LONGEST_QUERY = 32_768;
const MOST_OPTIONS = 200;
const MOST_NAMES = 1_000;
const MOST_ORDERS = 10;
/** Dynamics expands at most ten navigations in a request. */
const MOST_EXPANDS = 10;
/** Navigations within navigations. */
const DEEPEST_EXPAND = 3;

const IDENTIFIER = /^[A-Za-z_][A-Za-z0-9_]*$/;
const EMPTY: Selection = { select: null, expand: [], filter: null, orderBy: [], top: null, count: false };
/** Stored queries and FetchXML are other languages, which this CRM does not speak. */
const FOREIGN = new Set(["fetchXml", "savedQuery", "userQuery"]);

/**
 * Reads a query string, still percent-encoded: the system options that Dynamics knows (wire 7, Paging and Filter details), aliases; other names without a
 * dollar are nobody's, and ignored as OData asks. Throws ApiFault 400 for unknown system options, `$skip`, and whatever cannot be read.
 */
export function readQueryOptions(query: string): QueryOptions {
  const pairs = splitQuery(query);
  const aliases = aliasesOf(query);
  const options = new Map<string, string>();
  for (const [name, value] of pairs) {
    if (FOREIGN.has(name)) throw new ApiFault(400, "0x80040315", `The query option '${name}' is not supported.`);
    if (!name.startsWith("$")) continue;
    if (options.has(name)) {
      throw badQuery(`Query option '${name}' was specified more than once, but it must be specified at most once.`);
    }
    options.set(name, value);
  }
  let [apply, skipToken, deltaToken]: [Apply | null, string | null, string | null] = [null, null, null];
  const selection = new Map<string, string>();
  for (const [name, value] of options) {
    if (name === "$apply") apply = parseApply(value, aliases);
    else if (name === "$skiptoken") skipToken = value;
    else if (name === "$deltatoken") deltaToken = value;
    else if (name === "$skip") throw badQuery("Skip Clause is not supported in CRM");
    else if (name === "$format") expectJson(value);
    else selection.set(name, value);
  }
  return { ...readSelection(selection, aliases, 0), apply, skipToken, deltaToken, aliases };
}

function splitQuery(query: string): [name: string, value: string][] {
  if (query.length > LONGEST_QUERY) throw badQuery("The query string is too long.");
  const parts = query.split("&").filter((part) => part !== "");
  if (parts.length > MOST_OPTIONS) throw badQuery("The query string has too many options.");
  return parts.map((part) => {
    const at = part.indexOf("=");
    const [name, value] = at < 0 ? [part, ""] : [part.slice(0, at), part.slice(at + 1)];
    // Browsers and .NET write a space as plus.
    return [decode(name).trim(), decode(value.replaceAll("+", " "))];
  });
}

function readSelection(options: ReadonlyMap<string, string>, aliases: Aliases, depth: number): Selection {
  let selection = EMPTY;
  for (const [name, value] of options) {
    if (name === "$select") selection = { ...selection, select: readSelect(value) };
    else if (name === "$filter") selection = { ...selection, filter: parseFilter(value, aliases) };
    else if (name === "$orderby") selection = { ...selection, orderBy: readOrder(value, aliases) };
    else if (name === "$top") selection = { ...selection, top: readTop(value) };
    else if (name === "$count") selection = { ...selection, count: readBoolean(value) };
    else if (name === "$expand") selection = { ...selection, expand: readExpand(value, aliases, depth) };
    else throw badQuery(`The query parameter ${name} is not supported.`);
  }
  return selection;
}

/** The documentation's own examples end in a comma at times (`$select=name,`); `*` is all. */
function readSelect(text: string): string[] | null {
  const names = text.split(",").map((name) => name.trim());
  if (names.at(-1) === "" && names.length > 1) names.pop();
  if (names.length > MOST_NAMES) throw badQuery("Too many names in $select.");
  if (names.includes("*")) return null;
  const wrong = names.find((name) => !IDENTIFIER.test(name));
  if (wrong !== undefined) throw badQuery(`Term '${wrong}' is not valid in a $select expression.`);
  return [...new Set(names)];
}

function readOrder(text: string, aliases: Aliases): Order[] {
  return splitOutside(text, ",", MOST_ORDERS).map((part) => {
    const [name = "", direction = "asc", more] = part.trim().split(/[ \t]+/);
    const path = (name.startsWith("@") ? (aliases.get(name) ?? "") : name).split("/");
    if (
      more !== undefined ||
      (direction !== "asc" && direction !== "desc") ||
      path.length > 10 ||
      !path.every((one) => IDENTIFIER.test(one))
    ) {
      throw badQuery(`Syntax error in $orderby: '${part.trim().slice(0, 200)}'.`);
    }
    return { path, descending: direction === "desc" };
  });
}

function readTop(text: string): number {
  if (!/^\d{1,9}$/.test(text.trim())) throw badQuery(`Invalid value '${text.slice(0, 50)}' for $top query option found.`);
  return Number(text);
}

function readBoolean(text: string): boolean {
  const value = text.trim().toLowerCase();
  if (value !== "true" && value !== "false") throw badQuery(`Invalid value '${text.slice(0, 50)}' for $count query option found.`);
  return value === "true";
}

function readExpand(text: string, aliases: Aliases, depth: number): Expand[] {
  if (depth === DEEPEST_EXPAND) throw badQuery("The expand is nested too deeply.");
  return splitOutside(text, ",", MOST_EXPANDS).map((part) => readExpandItem(part.trim(), aliases, depth));
}

function readExpandItem(text: string, aliases: Aliases, depth: number): Expand {
  const open = text.indexOf("(");
  if (open >= 0 && !text.endsWith(")")) throw badQuery(`Syntax error in $expand: '${text.slice(0, 200)}'.`);
  const path = (open < 0 ? text : text.slice(0, open)).trim();
  const references = path.endsWith("/$ref");
  const navigation = references ? path.slice(0, -"/$ref".length) : path;
  if (!IDENTIFIER.test(navigation)) throw badQuery(`Term '${navigation.slice(0, 200)}' is not valid in a $expand expression.`);
  const options = new Map<string, string>();
  for (const part of open < 0 ? [] : splitOutside(text.slice(open + 1, -1), ";", MOST_OPTIONS)) {
    const at = part.indexOf("=");
    const name = part.slice(0, Math.max(at, 0)).trim();
    if (at < 0 || options.has(name)) throw badQuery(`Syntax error in $expand: '${part.slice(0, 200)}'.`);
    options.set(name, part.slice(at + 1).trim());
  }
  return { navigation, references, texts: options, ...readSelection(options, aliases, depth + 1) };
}

function expectJson(text: string): void {
  if (!/^(application\/json(;.*)?|json)$/.test(text.trim()))
    throw badQuery(`The value '${text.slice(0, 50)}' of $format is not supported.`);
}
