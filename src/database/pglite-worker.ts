/**
 * The thread that PGlite lives in: a query of a second would otherwise freeze the event loop of the whole process for a second.
 * It runs one request after another; who may ask when is decided on the other side (`pglite.ts`). Values stay in PostgreSQL's text
 * format here, so that both engines read them by the same code.
 */
import { parentPort, workerData } from "node:worker_threads";
import { PGlite } from "@electric-sql/pglite";
import { KeptPlans } from "./kept-plans.ts";
import { keptRequest, readAnswer, scriptRequest, statementRequest, type TextResult } from "./pglite-protocol.ts";
import type { SqlErrorFacts } from "./sql-error.ts";
import type { Encoded } from "./types.ts";

/** `begins`: in a transaction that begins with it; where it cannot begin, nothing is carried out. */
export type Request =
  | {
      readonly kind: "query";
      readonly id: number;
      readonly begins: boolean;
      readonly text: string;
      readonly values: readonly Encoded[];
      /** See StatementOptions. */
      readonly keepsPlan: boolean;
    }
  | { readonly kind: "script"; readonly id: number; readonly begins: boolean; readonly text: string }
  | { readonly kind: "close"; readonly id: number };

/** An error of PGlite as it crosses the threads; without a code it is none of PostgreSQL's. */
export type Refusal = Omit<SqlErrorFacts, "code"> & { readonly code?: string | undefined };

export type Response =
  | { readonly kind: "ready" }
  | { readonly kind: "unusable"; readonly message: string }
  | { readonly kind: "done"; readonly id: number; readonly results: readonly TextResult[] }
  | { readonly kind: "refused"; readonly id: number; readonly error: Refusal }
  | { readonly kind: "notification"; readonly channel: string; readonly payload: string };

/** What pg sets by default or what both engines must agree on. */
const SESSION_SETTINGS = "set time zone 'UTC'; set bytea_output = 'hex'; set datestyle = 'ISO, MDY'";
/**
 * A new file of the write-ahead log is not filled with zeroes first, which would write everything twice. Filling it is for systems that flush it
 * (PostgreSQL manual 19.5.1), and PGlite does not.
 */
const LOG_SETTINGS = "set wal_init_zero = off";

if (parentPort === null) throw new Error("pglite-worker.ts runs as a worker thread only.");
const port = parentPort;
const send = (response: Response): void => port.postMessage(response);
const plans = new KeptPlans();

try {
  const pglite = await open(String(workerData));
  port.on("message", (request: Request) => void answer(pglite, request));
  send({ kind: "ready" });
} catch (error) {
  send({ kind: "unusable", message: String(error) });
}

async function open(dataDir: string): Promise<PGlite> {
  const pglite = await PGlite.create({ dataDir });
  await pglite.exec(`${SESSION_SETTINGS}; ${LOG_SETTINGS}`);
  return pglite;
}

async function answer(pglite: PGlite, request: Request): Promise<void> {
  try {
    if (request.kind === "close") await pglite.close();
    send({ kind: "done", id: request.id, results: request.kind === "close" ? [] : run(pglite, request) });
  } catch (error) {
    send({ kind: "refused", id: request.id, error: facts(error) });
  }
}

function run(pglite: PGlite, request: Exclude<Request, { kind: "close" }>): readonly TextResult[] {
  if (request.begins) ask(pglite, scriptRequest("begin"));
  if (request.kind === "script") return ask(pglite, scriptRequest(request.text));
  const values = request.values.map(asBuffer);
  if (!request.keepsPlan) return ask(pglite, statementRequest(request.text, values));
  try {
    return ask(pglite, keptRequest(request.text, plans.take(request.text), values));
  } catch (error) {
    // Whether it is prepared now depends on where it failed.
    plans.doubt(request.text);
    throw error;
  }
}

function ask(pglite: PGlite, bytes: Buffer): readonly TextResult[] {
  const { results, notifications, error } = readAnswer(pglite.execProtocolRawSync(bytes));
  for (const { channel, payload } of notifications) send({ kind: "notification", channel, payload });
  if (error !== null) throw error;
  return results;
}

/** A buffer comes from another thread as plain bytes. */
function asBuffer(value: Encoded | Uint8Array): Encoded {
  return value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.byteLength) : value;
}

function facts(error: unknown): Refusal {
  if (!(error instanceof Error)) return { message: String(error) };
  const text = (field: string): string | undefined => {
    const value: unknown = Reflect.get(error, field);
    return typeof value === "string" ? value : undefined;
  };
  return { message: error.message, code: text("code"), constraint: text("constraint"), table: text("table"), column: text("column") };
}
