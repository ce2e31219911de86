import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { OPERATIONS } from "../../src/crm/webapi/operations.ts";
import { TABLES } from "../../src/crm/webapi/tables.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "../../../shared/schemas/dataverse/doc-examples-v9.0.json");

const SCHEMA = z.array(
  z.object({
    source: z.string(),
    kind: z.enum(["request", "response", "batch-body"]),
    method: z.string().optional(),
    url: z.string().optional(),
    headers: z.record(z.string(), z.string()).default({}),
    status: z.number().optional(),
    json: z.unknown().optional(),
    text: z.string().optional(),
  }),
);

/** One request of Microsoft's documentation of v9.0, with the response where one follows it on its page. */
export interface Example {
  /** Its place among the examples, for messages. */
  readonly number: number;
  readonly page: string;
  readonly method: string;
  /** Behind the service root. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** JSON as text, or the text of a batch; null: none. */
  readonly body: string | null;
  readonly response: Response | null;
}

export interface Response {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly json: unknown;
  readonly text: string;
}

const ROOT = /^(?:https?:\/\/)?\[organization uri\](?:\/org1)?\/api\/data\/v9\.0\//i;

/** Headers that say how the message is written, not what is asked. */
const FRAMING = /^(content-length|host|referer|connection|odata-version|odata-maxversion|accept)$/i;

/** All requests, in the order of the pages; batches whose requests stand there without a head are sent to `$batch`. */
export async function readExamples(): Promise<Example[]> {
  const all = SCHEMA.parse(JSON.parse(await readFile(EXAMPLES, "utf8")));
  return all.flatMap((one, number): Example[] => {
    const page = path.basename(one.source, ".md");
    if (one.kind === "batch-body") {
      const isRequest = /^GET /m.test(one.text ?? "");
      return isRequest ? [{ number, page, method: "POST", url: "$batch", headers: {}, body: one.text ?? "", response: null }] : [];
    }
    if (one.kind !== "request" || !one.method || one.url === undefined) return [];
    const next = all[number + 1];
    const response =
      next?.kind === "response" && next.source === one.source && next.status !== undefined
        ? { status: next.status, headers: next.headers, json: next.json, text: next.text ?? "" }
        : null;
    const headers = Object.entries(one.headers).filter(([name]) => !FRAMING.test(name));
    return [
      {
        number,
        page,
        method: one.method,
        url: one.url.replaceAll("\n", "").trim().replace(ROOT, ""),
        headers: Object.fromEntries(headers),
        body: one.json === undefined ? (one.text ?? null) : JSON.stringify(one.json),
        response,
      },
    ];
  });
}

const SETS = new Set(TABLES.map(({ set }) => set));
const CALLED = new Set(OPERATIONS.map(({ name }) => name));

/** Duplicates are made, not refused: headers that ask for their detection change nothing. */
export const UNDETECTED = "duplicate detection is no part of this CRM";

/** Why examples cannot be answered as documented, the first that fits. */
const REASONS: readonly (readonly [reason: string, fits: (example: Example, text: string) => boolean])[] = [
  [
    "definitions of tables are not served",
    (_, text) => /EntityDefinitions|RelationshipDefinitions|CreateCustomerRelationships|AutoNumber/.test(text),
  ],
  ["FetchXML and stored queries are languages that are not spoken", (_, text) => /fetchXml=|savedQuery=|userQuery=/.test(text)],
  ["columns, tables and actions of somebody's customization", (_, text) => /sample_|new_|msdyncrm_|SegmentId/.test(text)],
  [
    "tables that have nothing to do with email",
    (_, text) => /opportunit|incident|transactioncurrenc|competitor|duplicaterecord|AsyncOperation_DuplicateBase/i.test(text),
  ],
  [UNDETECTED, (_, text) => /SuppressDuplicateDetection|RetrieveDuplicates|BulkDetectDuplicates/.test(text)],
  ["tables that have nothing to do with email", ({ url }) => /^[a-z]+(?=[(?/]|$)/.test(url) && !SETS.has(/^[a-z]+/.exec(url)?.[0] ?? "")],
  ["functions and actions that have nothing to do with email", ({ url }) => /^[A-Z]/.test(url) && !CALLED.has(/^\w+/.exec(url)?.[0] ?? "")],
  ["positions in another organization", (_, text) => /deltatoken=919042|pagingcookie=/.test(text)],
  ["written with a mistake", ({ url }) => /\/AccountTasks\/|\$filter=@p1 ne @p3/.test(url)],
  ["an alternate key of somebody's customization", ({ url }) => url.startsWith("contacts(firstname=")],
];

/** Why this example is not answered as documented; null: it is. */
export function reasonToRefuse(example: Example): string | null {
  const text = `${example.url} ${example.body ?? ""}`;
  return REASONS.find(([, fits]) => fits(example, text))?.[0] ?? null;
}
