/** Reading more rows than one answer holds: pages (`@odata.nextLink`) and changes since the last time (`@odata.deltaLink`). Source: wire 7. */
import { z } from "zod";
import { type Answer, answered, type DataverseClient, type Refused, type Request, type SendOptions } from "./client.ts";
import { organizationFailure } from "./failures.ts";
import { LIMITS } from "./limits.ts";
import { isBelow } from "./raw-request.ts";

export interface Page {
  /** As they came: foreign data. */
  readonly rows: readonly Row[];
  /** Where the next page is; null: this was the last one. To be given to `pageAt`, and to nobody else. */
  readonly next: string | null;
  /** Where to ask for changes from now on; on the last page alone, and where they were asked for. */
  readonly delta: string | null;
}

export type Row = Readonly<Record<string, unknown>>;

/** What changed since a link was given. `reset`: the link is worth nothing any more, and everything has to be read anew (invariant 3). */
export type ChangesAnswer =
  | {
      readonly kind: "page";
      readonly changed: readonly Row[];
      readonly gone: readonly string[];
      readonly next: string | null;
      readonly delta: string | null;
    }
  | { readonly kind: "reset"; readonly reason: string };

const pageSchema = z.object({
  value: z.array(z.record(z.string(), z.unknown())),
  "@odata.nextLink": z.string().max(LIMITS.address).optional(),
  "@odata.deltaLink": z.string().max(LIMITS.address).optional(),
});
const goneSchema = z.object({ "@odata.context": z.string().regex(/#[^#]*\/\$deletedEntity$/), id: z.string().min(1).max(200) });

export interface PageOptions extends SendOptions {
  /** Rows of a page; left out: `LIMITS.pageRows`. Of rows with long texts, fewer. */
  readonly rows?: number | undefined;
  /** A preference that every page is to be asked with, e.g. annotations; the first one has those of its request. */
  readonly prefer?: string | undefined;
}

/** The first page of what a request reads. @throws as `DataverseClient.send`, and the refusal */
export async function firstPage(client: DataverseClient, request: Request, options: PageOptions = {}): Promise<Page> {
  return pageOf(client, answered(await client.send(withPrefer(request, sizeOf(options)), options)).body);
}

/** A page that another one named. @throws as `firstPage`, and where the link leads away from the organization */
export async function pageAt(client: DataverseClient, link: string, options: PageOptions = {}): Promise<Page> {
  const headers = options.prefer === undefined ? {} : { Prefer: options.prefer };
  const request = { method: "GET", ...placeAt(client, link), headers } as const;
  return pageOf(client, answered(await client.send(withPrefer(request, sizeOf(options)), options)).body);
}

/** All rows, page by page, each page when the one before was worked on. @throws as `firstPage` */
export async function* pages(client: DataverseClient, request: Request, options: PageOptions = {}): AsyncGenerator<readonly Row[]> {
  let page = await firstPage(client, request, options);
  for (let count = 1; ; count++) {
    yield page.rows;
    if (page.next === null) return;
    if (count >= LIMITS.pages)
      throw organizationFailure("answer not understood", new URL(client.root).host, { serverSaid: "its pages do not end" });
    page = await pageAt(client, page.next, options);
  }
}

/** A set whose changes are to be followed, with the columns that are wanted of it, separated by commas. */
export interface FollowedSet {
  readonly set: string;
  readonly columns: string;
}

/** Begins to follow a set: the first page of all its rows; the last page has the link for what changes. @throws as `firstPage` */
export function beginChanges(client: DataverseClient, followed: FollowedSet, options: PageOptions = {}): Promise<Page> {
  return firstPage(client, beginning(followed), options);
}

/** Begins to follow several sets in one exchange. A refusal is that set's alone. @throws as `DataverseClient.batch` */
export async function beginChangesOfEach(
  client: DataverseClient,
  followed: readonly FollowedSet[],
  options: PageOptions = {},
): Promise<readonly (Page | Refused)[]> {
  if (followed.length === 0) return [];
  const answers = await client.batch(
    followed.map((one) => withPrefer(beginning(one), sizeOf(options))),
    options,
  );
  return answers.map((answer) => (answer.kind === "refused" ? answer : pageOf(client, answered(answer).body)));
}

function beginning({ set, columns }: FollowedSet): Request {
  return { method: "GET", path: set, query: { $select: columns }, headers: { Prefer: "odata.track-changes" } };
}

/** Dynamics' words for a link that is too old, or for a set whose changes are not kept any more (wire 7). Any refusal of the link is one. */
const CLIENT_ERRORS: readonly number[] = [400, 404, 410, 412];

/** What changed since. @param link a page's `delta`, or the `next` of an answer of this function */
export async function changesAt(client: DataverseClient, link: string, options: PageOptions = {}): Promise<ChangesAnswer> {
  return changesIn(client, await client.send(changesRequest(client, link, options), options));
}

/** What changed since, at several links in one exchange. @throws as `DataverseClient.batch` */
export async function changesAtEach(
  client: DataverseClient,
  links: readonly string[],
  options: PageOptions = {},
): Promise<readonly ChangesAnswer[]> {
  if (links.length === 0) return [];
  const requests = links.map((link) => changesRequest(client, link, options));
  return (await client.batch(requests, options)).map((answer) => changesIn(client, answer));
}

function changesRequest(client: DataverseClient, link: string, options: PageOptions): Request {
  return withPrefer({ method: "GET", ...placeAt(client, link) }, sizeOf(options));
}

function changesIn(client: DataverseClient, answer: Answer): ChangesAnswer {
  if (answer.kind === "refused" && CLIENT_ERRORS.includes(answer.status))
    return { kind: "reset", reason: answer.failure.serverSaid ?? answer.failure.message };
  const { rows, next, delta } = pageOf(client, answered(answer).body);
  const gone = rows.flatMap((row) => goneSchema.safeParse(row).data?.id ?? []);
  return { kind: "page", changed: rows.filter((row) => !goneSchema.safeParse(row).success), gone, next, delta };
}

function pageOf(client: DataverseClient, body: unknown): Page {
  const read = pageSchema.safeParse(body);
  if (!read.success) throw organizationFailure("answer not understood", new URL(client.root).host, { serverSaid: "a page without rows" });
  const { value: rows, "@odata.nextLink": next, "@odata.deltaLink": delta } = read.data;
  const linkOf = (link: string | undefined) => (link === undefined ? null : (placeAt(client, link).link ?? null));
  return { rows, next: linkOf(next), delta: linkOf(delta) };
}

/** Whether a page of this organization, at the address at which it is now, can have named the link. */
export function leadsTo(client: DataverseClient, link: string): boolean {
  const root = new URL(client.root);
  return URL.canParse(link, root.href) && isBelow(new URL(link, root), root);
}

/** A link as a request. It is opaque: its query goes back as it came (wire 7). @throws Failure where it leads away from the organization */
function placeAt(client: DataverseClient, link: string): Pick<Request, "path" | "link"> {
  const root = new URL(client.root);
  const address = URL.canParse(link, root.href) ? new URL(link, root) : null;
  if (address === null || !isBelow(address, root))
    throw organizationFailure("foreign link", root.host, { serverSaid: link.slice(0, LIMITS.words).replace(/\?.*/s, "?...") });
  return { path: "", link: address.href };
}

function sizeOf({ rows = LIMITS.pageRows }: PageOptions): string {
  return `odata.maxpagesize=${rows}`;
}

/** Beside what a request prefers already. */
function withPrefer(request: Request, preference: string): Request {
  const headers = Object.entries(request.headers ?? {});
  const given = headers.find(([name]) => name.toLowerCase() === "prefer")?.[1];
  const others = headers.filter(([name]) => name.toLowerCase() !== "prefer");
  return {
    ...request,
    headers: { ...Object.fromEntries(others), Prefer: [given, preference].filter((one) => one !== undefined).join(",") },
  };
}
