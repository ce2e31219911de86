/**
 * The thread that PGlite lives in: a query of a second would otherwise freeze the event loop of the whole process for a second.
 * It runs one request after another; who may ask when is decided on the other side (`pglite.ts`). Values stay in PostgreSQL's text
 * format here, so that both engines read them by the same code.
 */
import { parentPort, workerData } from "node:worker_threads";
import { PGlite, type Results } from "@electric-sql/pglite";
import type { SqlErrorFacts } from "./sql-error.ts";
import type { Encoded } from "./types.ts";

export type Request =
  | { readonly kind: "query"; readonly id: number; readonly text: string; readonly values: readonly Encoded[] }
  | { readonly kind: "script"; readonly id: number; readonly text: string }
  | { readonly kind: "close"; readonly id: number };

/** Rows in text format: one array of fields each. */
export interface TextResult {
  readonly command: string;
  readonly rowCount: number;
  readonly names: readonly string[];
  readonly types: readonly number[];
  readonly rows: readonly (readonly (string | null)[])[];
}

/** An error of PGlite as it crosses the threads; without a code it is none of PostgreSQL's. */
export type Refusal = Omit<SqlErrorFacts, "code"> & { readonly code?: string | undefined };

export type Response =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly message: string }
  | { readonly kind: "done"; readonly id: number; readonly results: readonly TextResult[] }
  | { readonly kind: "refused"; readonly id: number; readonly error: Refusal }
  | { readonly kind: "notification"; readonly channel: string; readonly payload: string };

const BYTEA = 17;
/** What pg sets by default or what both engines must agree on. */
const SESSION_SETTINGS = "set time zone 'UTC'; set bytea_output = 'hex'; set datestyle = 'ISO, MDY'";

if (parentPort === null) throw new Error("pglite-worker.ts runs as a worker thread only.");
const port = parentPort;
const send = (response: Response): void => port.postMessage(response);

try {
  const pglite = await open(String(workerData));
  port.on("message", (request: Request) => void answer(pglite, request));
  send({ kind: "ready" });
} catch (error) {
  send({ kind: "unusable", message: String(error) });
}

async function open(dataDir: string): Promise<PGlite> {
  const pglite = await PGlite.create({ dataDir });
  for (const oid of Object.keys(pglite.parsers)) pglite.parsers[oid] = (text) => text;
  // Bytes go in as they are (binary format); PGlite's own way through hexadecimal text is slow for attachments.
  pglite.serializers[BYTEA] = (bytes) => bytes;
  pglite.onNotification((channel, payload) => send({ kind: "notification", channel, payload }));
  await pglite.exec(SESSION_SETTINGS);
  return pglite;
}

async function answer(pglite: PGlite, request: Request): Promise<void> {
  try {
    send({ kind: "done", id: request.id, results: await run(pglite, request) });
  } catch (error) {
    send({ kind: "refused", id: request.id, error: facts(error) });
  }
}

async function run(pglite: PGlite, request: Request): Promise<TextResult[]> {
  const options = { rowMode: "array" } as const;
  switch (request.kind) {
    case "query":
      return [textResult(await pglite.query(request.text, [...request.values], options))];
    case "script":
      return (await pglite.exec(request.text, options)).map(textResult);
    case "close":
      await pglite.close();
      return [];
  }
}

function textResult(result: Results<unknown>): TextResult {
  return {
    command: result.command ?? "",
    rowCount: result.rowCount ?? 0,
    names: result.fields.map((field) => field.name),
    types: result.fields.map((field) => field.dataTypeID),
    rows: result.rows as (string | null)[][],
  };
}

function facts(error: unknown): Refusal {
  if (!(error instanceof Error)) return { message: String(error) };
  const text = (field: string): string | undefined => {
    const value: unknown = Reflect.get(error, field);
    return typeof value === "string" ? value : undefined;
  };
  return { message: error.message, code: text("code"), constraint: text("constraint"), table: text("table"), column: text("column") };
}
