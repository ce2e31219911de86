import { randomUUID } from "node:crypto";
import { STATUS_CODES } from "node:http";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { boundaryOf, headersOf, headLines, malformed, type Part, partsOf } from "./multipart.ts";

/** One request in a batch: its address as it stands there, its body not yet read. */
export interface BatchRequest {
  readonly kind: "request";
  readonly contentId: string | null;
  readonly method: ApiRequest["method"];
  readonly url: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Requests that happen all or not at all. */
export interface ChangeSet {
  readonly kind: "change set";
  readonly requests: readonly BatchRequest[];
}

export type BatchItem = BatchRequest | ChangeSet;

/** Requests of one batch, those in change sets counted (product-behaviour 5.5), and under v8 and v9.0 (wire 7). */
export const MAXIMUM_OPERATIONS = 1_000;
export const MAXIMUM_OPERATIONS_ON_PREMISES = 100;
/** It comes back in a header. */
const CONTENT_ID = /^[!-~]{1,100}$/;

const METHODS = new Set<string>(["GET", "POST", "PATCH", "PUT", "DELETE"] satisfies ApiRequest["method"][]);

/**
 * Reads the body of a `$batch` (wire 7): application/http parts and change sets of them. Throws ApiFault 400 in OData's words where it is none: more than `maximum`
 * operations, a change set within another, a GET in a change set, or no HTTP request in a part.
 */
export function readBatch(body: Buffer, contentType: string | undefined, maximum: number = MAXIMUM_OPERATIONS): readonly BatchItem[] {
  const boundary = boundaryOf(contentType);
  if (boundary === null) throw malformed("The content type of a batch must be multipart/mixed with a boundary.");
  const items: BatchItem[] = [];
  let operations = 0;
  for (const part of partsOf(body, boundary, maximum, () => tooManyParts(maximum))) {
    const inner = boundaryOf(part.headers.get("content-type"));
    const item = inner === null ? requestOf(part) : changeSetOf(part, inner, maximum);
    operations += item.kind === "request" ? 1 : item.requests.length;
    if (operations > maximum) throw tooManyParts(maximum);
    items.push(item);
  }
  return items;
}

function changeSetOf({ body }: Part, boundary: string, maximum: number): ChangeSet {
  const requests = partsOf(body, boundary, maximum, () => tooManyChanges(maximum)).map((part) => {
    if (boundaryOf(part.headers.get("content-type")) !== null) throw malformed("Nested change sets are not supported in batch messages.");
    const request = requestOf(part);
    if (request.method === "GET")
      throw malformed(
        "An invalid HTTP method 'GET' was detected for a request in a change set. Requests in change sets only support the HTTP methods 'POST', 'PUT', 'DELETE', and 'PATCH'.",
      );
    return request;
  });
  return { kind: "change set", requests };
}

function requestOf({ headers: outer, body: bytes }: Part): BatchRequest {
  const type = outer.get("content-type") ?? "";
  if (!/^application\/http\s*(;|$)/i.test(type))
    throw malformed(
      `The content type of a part of a batch is '${type.slice(0, 100)}'; it must be 'application/http' or 'multipart/mixed' with a boundary.`,
    );
  // Some writers leave more than one empty line before the request.
  let from = 0;
  while (bytes[from] === 0x0d || bytes[from] === 0x0a) from++;
  const { lines, rest } = headLines(bytes, from);
  const [line = "", ...headerLines] = lines;
  const [, method = "", url = ""] = /^([A-Z]+) +(.+?) +HTTP\/1\.[01]$/.exec(line) ?? [];
  if (!isMethod(method)) throw malformed(`The line '${line.slice(0, 100)}' begins no HTTP request.`);
  const headers = headersOf(headerLines);
  const contentId = outer.get("content-id") ?? headers.get("content-id") ?? null;
  if (contentId !== null && !CONTENT_ID.test(contentId)) throw malformed("A Content-ID must have 1 to 100 visible characters of ASCII.");
  return { kind: "request", contentId, method, url, headers, body: bytes.subarray(rest) };
}

function isMethod(method: string): method is ApiRequest["method"] {
  return METHODS.has(method);
}

function tooManyParts(maximum: number) {
  return malformed(
    `The current batch message contains too many parts. Only batch messages with a maximum number of '${maximum}' query operations and change sets are allowed.`,
  );
}

function tooManyChanges(maximum: number) {
  return malformed(
    `The current change set contains too many operations. Only change sets with a maximum number of '${maximum}' operations are allowed.`,
  );
}

/** One answer in a batch: `text` is what the body reads. */
export interface BatchAnswer {
  readonly contentId: string | null;
  readonly answer: Pick<ApiAnswer, "status" | "headers">;
  readonly text: string;
}

/** The answer to a batch as it is written: answers one by one, and change sets as lists of them. */
export function writeBatch(answers: readonly (BatchAnswer | readonly BatchAnswer[])[]): {
  readonly contentType: string;
  readonly text: string;
} {
  const boundary = `batchresponse_${randomUUID()}`;
  const parts = answers.map((one) => (isList(one) ? changeSetText(one) : answerText(one)));
  return { contentType: `multipart/mixed; boundary=${boundary}`, text: multipart(parts, boundary) };
}

function isList(one: BatchAnswer | readonly BatchAnswer[]): one is readonly BatchAnswer[] {
  return Array.isArray(one);
}

function changeSetText(answers: readonly BatchAnswer[]): string {
  const boundary = `changesetresponse_${randomUUID()}`;
  return `Content-Type: multipart/mixed; boundary=${boundary}\r\n\r\n${multipart(answers.map(answerText), boundary)}`;
}

function answerText({ contentId, answer, text }: BatchAnswer): string {
  const headers = Object.entries(answer.headers).map(([name, value]) => `${name}: ${value}\r\n`);
  return [
    "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n",
    contentId === null ? "" : `Content-ID: ${contentId}\r\n`,
    `\r\nHTTP/1.1 ${answer.status} ${STATUS_CODES[answer.status] ?? ""}\r\n`,
    ...headers,
    `\r\n${text}`,
  ].join("");
}

function multipart(parts: readonly string[], boundary: string): string {
  return `${parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("")}--${boundary}--\r\n`;
}
