import { randomUUID } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import type { Caller } from "./caller.ts";
import type { Dispatch, DispatchAll } from "./dispatch.ts";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { faultAnswer, faultOf, type ReportFault } from "./fault-answer.ts";
import type { Service, Turn } from "./service.ts";

/** What requests are answered with, one by one or in batches. */
export interface Answering {
  readonly service: Service;
  readonly dispatch: Dispatch;
  readonly dispatchAll: DispatchAll;
  readonly report: ReportFault;
}

/** Answers one request, whatever comes of it: reads run on their own, a write in a transaction that a refusal undoes. */
export async function answerRequest(answering: Answering, caller: Caller, request: ApiRequest): Promise<ApiAnswer> {
  try {
    return completed(await run(answering, caller, request));
  } catch (error) {
    return completed(faultAnswer(faultOf(error, answering.report)));
  }
}

/**
 * Answers requests of one batch that only read, ahead and together; null: each is to be answered by itself, because they have nothing in common or one of them is to
 * be refused.
 */
export async function answerTogether(
  { service, dispatchAll, report }: Answering,
  caller: Caller,
  requests: () => readonly ApiRequest[],
): Promise<readonly ApiAnswer[] | null> {
  try {
    const answers = await dispatchAll({ service, caller, sql: service.store }, requests());
    return answers?.map(completed) ?? null;
  } catch (error) {
    // Which of them is refused, and with what, is told where it is answered by itself; a fault of ours is reported here too.
    faultOf(error, report);
    return null;
  }
}

async function run({ service, dispatch }: Answering, caller: Caller, request: ApiRequest): Promise<ApiAnswer> {
  if (request.method === "GET") return await dispatch({ service, caller, sql: service.store }, request);
  return await service.store.transaction((sql) => dispatch({ service, caller, sql } satisfies Turn, request), "web api write");
}

/** Headers that every answer has (wire 7), and the content type of JSON. */
export function completed({ status, headers, body }: ApiAnswer): ApiAnswer {
  const id = randomUUID();
  const common = { "OData-Version": "4.0", REQ_ID: id, "x-ms-service-request-id": id };
  const type =
    body === undefined || typeof body === "string" ? {} : { "Content-Type": "application/json; odata.metadata=minimal; charset=utf-8" };
  return { status, headers: { ...common, ...type, ...headers }, ...(body !== undefined && { body }) };
}

/** Rows that are written without letting others have their turn: a few milliseconds with all columns. */
const ROWS_AT_ONCE = 50;

/** As textOf, a page of rows in pieces, so that a long one holds up nobody. */
export async function textInTurns(answer: ApiAnswer): Promise<string> {
  const { body } = answer;
  if (typeof body !== "object" || body === null || !("value" in body) || !Array.isArray(body.value) || body.value.length <= ROWS_AT_ONCE)
    return textOf(answer);
  const properties: string[] = [];
  for (const [name, value] of Object.entries(body)) {
    if (value === undefined) continue;
    const text = name === "value" && Array.isArray(value) ? await listText(value) : JSON.stringify(value);
    properties.push(`${JSON.stringify(name)}:${text}`);
  }
  return `{${properties.join(",")}}`;
}

async function listText(rows: readonly unknown[]): Promise<string> {
  const pieces: string[] = [];
  for (let at = 0; at < rows.length; at += ROWS_AT_ONCE) {
    if (at > 0) await setImmediate();
    pieces.push(JSON.stringify(rows.slice(at, at + ROWS_AT_ONCE)).slice(1, -1));
  }
  return `[${pieces.join(",")}]`;
}

/** A body as it is written. */
export function textOf({ body }: ApiAnswer): string {
  if (body === undefined) return "";
  return typeof body === "string" ? body : JSON.stringify(body);
}
