import type { Request } from "./client.ts";
import type { RawRequest } from "./exchange.ts";
import { LIMITS } from "./limits.ts";

/** Of every request (wire 7). `If-None-Match: null` keeps caches out of the way. */
const COMMON: Readonly<Record<string, string>> = {
  "odata-version": "4.0",
  "odata-maxversion": "4.0",
  accept: "application/json",
  "if-none-match": "null",
  "user-agent": "Waypost",
};
const JSON_TYPE = "application/json; charset=utf-8";
/** The client's own affair. */
const RESERVED: readonly string[] = [
  "authorization",
  "host",
  "content-length",
  "cookie",
  "connection",
  "transfer-encoding",
  "accept-encoding",
];

/**
 * A request as it goes over the wire. Pure.
 * @param root address of the Web API, with a slash at the end
 * @throws TypeError for what no caller may ask for: a place outside of the root, a line break, a header that is not the caller's affair
 */
export function rawRequest(request: Request, root: URL): RawRequest {
  const { method, body, largestAnswer = LIMITS.answer } = request;
  const hasBody = body !== undefined && body !== null;
  const address = placeOf(request, root);
  return {
    method,
    path: address.pathname + address.search,
    headers: headersOf(request, hasBody),
    body: hasBody ? Buffer.from(JSON.stringify(body), "utf8") : null,
    largestAnswer,
  };
}

export function headersOf({ headers = {} }: Pick<Request, "headers">, hasBody: boolean): Readonly<Record<string, string>> {
  const own: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    const key = name.toLowerCase();
    if (!/^[a-z][a-z0-9.-]{0,99}$/.test(key) || RESERVED.includes(key))
      throw new TypeError(`the header ${JSON.stringify(name)} is not a caller's`);
    if (!/^[\x20-\x7e\t]*$/.test(value)) throw new TypeError(`the header ${name} holds what no header may hold`);
    own[key] = value;
  }
  return { ...COMMON, ...(hasBody && { "content-type": JSON_TYPE }), ...own };
}

/** Where a request goes: below the root, whatever is in its path. */
export function placeOf({ path, query = {}, link }: Pick<Request, "path" | "query" | "link">, root: URL): URL {
  if (link !== undefined) return linked(link, root);
  if (!/^[\x21-\x7e\u0080-\uffff ]*$/.test(path) || /^[/\\]|[?#\\]/.test(path))
    throw new TypeError(`no path of the Web API: ${JSON.stringify(path)}`);
  const search = Object.entries(query).map(([name, value]) => `${queryName(name)}=${encodeURIComponent(value)}`);
  const address = new URL(path === "" ? root : `./${path}`, root);
  if (search.length > 0) address.search = `?${search.join("&")}`;
  if (!isBelow(address, root)) throw new TypeError(`a path that leads out of the Web API: ${JSON.stringify(path)}`);
  if (address.href.length > LIMITS.address) throw new RangeError(`an address of more than ${LIMITS.address} characters`);
  return address;
}

function linked(link: string, root: URL): URL {
  const address = new URL(link, root);
  if (!isBelow(address, root)) throw new TypeError("a link that leads out of the Web API");
  return address;
}

function queryName(name: string): string {
  if (!/^[$@]?[A-Za-z_][\w.]{0,99}$/.test(name)) throw new TypeError(`no name of a query option: ${JSON.stringify(name)}`);
  return name;
}

/** Whether an address is one of this Web API; addresses come back from the server too, as links. */
export function isBelow(address: URL, root: URL): boolean {
  const { username, password, hash } = address;
  return address.origin === root.origin && address.pathname.startsWith(root.pathname) && username === "" && password === "" && hash === "";
}

/** An organization's address as it is used: with a slash at the end. @throws TypeError where it is none of http or https, or holds more than a place */
export function rootOf(address: string): URL {
  const root = new URL(address.endsWith("/") ? address : `${address}/`);
  const { protocol, username, password, search, hash } = root;
  if (!/^https?:$/.test(protocol) || username !== "" || password !== "" || search !== "" || hash !== "")
    throw new TypeError("the address of a Web API begins with https:// and holds no user name and no query");
  return root;
}
