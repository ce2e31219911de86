/** Requests that change rows, made so that nothing is written over by accident. Pure. */
import type { Request } from "./client.ts";

/** The version of a row as it was read (`@odata.etag`), or the word for whoever really means whatever version there is now. */
export type Version = { readonly etag: string } | "any";

export interface ChangeOptions {
  /** `return=representation`: the row as it is afterwards comes with the answer; only these columns. */
  readonly returning?: readonly string[] | undefined;
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

type Values = Readonly<Record<string, unknown>>;

/** A new row; where the body names its key and the key is taken, 412. */
export function creation(set: string, values: Values, options: ChangeOptions = {}): Request {
  return { method: "POST", path: set, body: values, ...returning(options, {}) };
}

/**
 * A change to a row that is there: of another version 412, of none 404, and never a new row (PATCH without If-Match makes one, wire 12.11). Whoever means
 * any version writes the same whenever it is done.
 */
export function update(row: RowName, version: Version, values: Values, options: ChangeOptions = {}): Request {
  return {
    method: "PATCH",
    path: pathOf(row),
    body: values,
    repeatable: version === "any",
    ...returning(options, { "If-Match": match(version) }),
  };
}

export function deletion(row: RowName, version: Version, options: Pick<ChangeOptions, "headers"> = {}): Request {
  return { method: "DELETE", path: pathOf(row), headers: { ...options.headers, "If-Match": match(version) } };
}

/** A row by its id, or by an alternate key. */
export interface RowName {
  readonly set: string;
  readonly id: string | Readonly<Record<string, string | number>>;
}

/** How a row is named in a path, or in a binding behind a slash. @throws TypeError for what is no id and no name */
export function pathOf({ set, id }: RowName): string {
  if (!NAME.test(set)) throw new TypeError(`no name of an entity set: ${JSON.stringify(set)}`);
  if (typeof id === "string") {
    if (!GUID.test(id)) throw new TypeError(`no id of a row: ${JSON.stringify(id)}`);
    return `${set}(${id})`;
  }
  const parts = Object.entries(id).map(([name, value]) => {
    if (!NAME.test(name)) throw new TypeError(`no name of a key: ${JSON.stringify(name)}`);
    return `${name}=${typeof value === "number" ? value : encodeURIComponent(literal(value))}`;
  });
  if (parts.length === 0) throw new TypeError("a key has a part at least");
  return `${set}(${parts.join(",")})`;
}

const NAME = /^[A-Za-z_]\w{0,127}$/;
const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** A text as it stands in a filter or a key: in single quotes, those within doubled (wire 7). */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

function match(version: Version): string {
  return version === "any" ? "*" : version.etag;
}

function returning(
  { returning: columns, headers = {} }: ChangeOptions,
  own: Readonly<Record<string, string>>,
): Pick<Request, "headers" | "query"> {
  if (columns === undefined) return { headers: { ...headers, ...own } };
  const prefer = Object.entries(headers).find(([name]) => name.toLowerCase() === "prefer")?.[1];
  const others = Object.fromEntries(Object.entries(headers).filter(([name]) => name.toLowerCase() !== "prefer"));
  return {
    headers: { ...others, ...own, Prefer: [prefer, "return=representation"].filter((one) => one !== undefined).join(",") },
    ...(columns.length > 0 && { query: { $select: columns.join(",") } }),
  };
}
