import { type ApiAnswer, ApiFault, type ApiRequest } from "./exchange.ts";
import type { Tables } from "./table-index.ts";

/** Objects and arrays within each other in a body. */
const DEEPEST = 50;

/** What the address of a request within a batch leads to, behind the service root. */
export function addressOf(url: string): { readonly path: string; readonly query: string } {
  const local = url.replace(/^https?:\/\/[^/?#]*/i, "");
  const [, inside] = /^\/(?:[^?#]*\/)?api\/data\/v\d{1,2}\.\d{1,2}\/(.*)$/is.exec(local) ?? [];
  const relative = inside ?? local;
  if (relative.startsWith("/") || (inside === undefined && local !== url))
    throw new ApiFault(404, "0x8006088a", `Resource not found for the address '${url.slice(0, 200)}'.`);
  const [whole = ""] = relative.split("#", 1);
  const mark = whole.indexOf("?");
  return mark < 0 ? { path: whole, query: "" } : { path: whole.slice(0, mark), query: whole.slice(mark + 1) };
}

/**
 * Stands for what earlier requests of a change set made: `$1` in an address, in `…@odata.bind` and in `@odata.id` is the row that the request with Content-ID 1
 * was about (OData 4.0 part 1, 11.7.3.1).
 */
export class References {
  readonly #root: string;
  readonly #tables: Tables;
  /** Paths of rows behind the service root, by Content-ID. */
  readonly #rows = new Map<string, string>();

  constructor(root: string, tables: Tables) {
    this.#root = root;
    this.#tables = tables;
  }

  /** Notes the row that a request made or changed. */
  note(contentId: string | null, request: ApiRequest, answer: ApiAnswer): void {
    if (contentId === null || answer.status >= 400) return;
    const row = this.#rowOf(request, answer);
    if (row !== null) this.#rows.set(contentId, row);
  }

  inAddress(url: string): string {
    const [, id = "", rest = ""] = /^\/?\$([^/?#()]+)([/?#(].*)?$/s.exec(url) ?? [];
    const row = this.#rows.get(id);
    if (row !== undefined) return row + rest;
    if (/^\d+$/.test(id)) throw unknownReference(id);
    return url;
  }

  /** The body with its references replaced. */
  inBody(body: unknown): unknown {
    return this.#rows.size === 0 && !hasReference(body, 0) ? body : this.#replaced(body, 0);
  }

  #replaced(value: unknown, depth: number): unknown {
    if (depth > DEEPEST) throw tooDeep();
    if (Array.isArray(value)) return value.map((one) => this.#replaced(one, depth + 1));
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, one]) => [name, isReferring(name) ? this.#resolved(one) : this.#replaced(one, depth + 1)]),
    );
  }

  #resolved(value: unknown): unknown {
    if (Array.isArray(value)) return value.map((one) => this.#resolvedOne(one));
    return this.#resolvedOne(value);
  }

  #resolvedOne(value: unknown): unknown {
    if (typeof value !== "string" || !/^\/?\$/.test(value)) return value;
    const found = this.inAddress(value);
    return found === value ? value : this.#root + found;
  }

  #rowOf({ method, path, root }: ApiRequest, { headers, body }: ApiAnswer): string | null {
    const named = headers["OData-EntityId"];
    if (named?.startsWith(root)) return named.slice(root.length);
    if (method !== "POST") return /^[^/]+\([^/]*\)$/.test(path) ? path : null;
    const table = this.#tables.ofSet(path);
    const key: unknown = table && typeof body === "object" && body !== null ? Reflect.get(body, table.key) : undefined;
    return table && typeof key === "string" ? `${table.set}(${key})` : null;
  }
}

function isReferring(name: string): boolean {
  return name === "@odata.id" || name.endsWith("@odata.bind");
}

function hasReference(value: unknown, depth: number): boolean {
  if (depth > DEEPEST) throw tooDeep();
  if (Array.isArray(value)) return value.some((one) => hasReference(one, depth + 1));
  if (typeof value !== "object" || value === null) return false;
  return Object.entries(value).some(([name, one]) =>
    isReferring(name) ? [one].flat().some((text) => typeof text === "string" && /^\/?\$/.test(text)) : hasReference(one, depth + 1),
  );
}

function unknownReference(id: string): ApiFault {
  return new ApiFault(400, "0x80060888", `Content-ID Reference: '$${id.slice(0, 100)}' does not exist in the batch context.`);
}

function tooDeep(): ApiFault {
  return new ApiFault(400, "0x80048d19", `The body has more than ${DEEPEST} objects within each other.`);
}
