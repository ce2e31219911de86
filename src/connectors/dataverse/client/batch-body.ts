/** Requests as one body of `$batch` (OData 4.0, protocol 11.7; wire 7). */
import { randomUUID } from "node:crypto";
import type { Request } from "./client.ts";
import { headersOf, placeOf } from "./raw-request.ts";

/** A place that a change set gives to what one of its changes created. */
const REFERENCE = /^\$\d{1,4}(\/|$)/;

export interface BatchBody {
  readonly contentType: string;
  readonly body: Buffer;
}

/** What stands in a batch: a request by itself, or changes that belong together. */
export type BatchItem = { readonly kind: "request"; readonly text: string } | { readonly kind: "set"; readonly texts: readonly string[] };

export function batchBody(items: readonly BatchItem[]): BatchBody {
  const boundary = `batch_${randomUUID()}`;
  const parts = items.map((item) => {
    if (item.kind === "request") return `--${boundary}\r\n${PART_HEAD}\r\n${item.text}\r\n`;
    const inner = `changeset_${randomUUID()}`;
    const changes = item.texts.map((text, index) => `--${inner}\r\n${PART_HEAD}Content-ID: ${index + 1}\r\n\r\n${text}\r\n`);
    return `--${boundary}\r\nContent-Type: multipart/mixed;boundary="${inner}"\r\n\r\n${changes.join("")}--${inner}--\r\n`;
  });
  return { contentType: `multipart/mixed;boundary="${boundary}"`, body: Buffer.from(`${parts.join("")}--${boundary}--\r\n`, "utf8") };
}

const PART_HEAD = "Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n";

/**
 * One request as it stands in a batch. No line of it can be taken for the end of its part: JSON has no line breaks, and headers are refused that have some.
 * @param inSet within a change set the path may begin with `$1`, the first change's row
 * @throws as `rawRequest`
 */
export function requestText(request: Request, root: URL, inSet: boolean): string {
  const { method, path, body } = request;
  const hasBody = body !== undefined && body !== null;
  const refers = inSet && REFERENCE.test(path);
  const place = refers
    ? `${path.split("/")[0]}${placeOf({ path: path.replace(REFERENCE, "./") }, root).pathname.slice(root.pathname.length - 1)}`
    : placeOf(request, root).href;
  const headers = Object.entries(headersOf(request, hasBody)).filter(([name]) => name !== "user-agent");
  const lines = headers.map(([name, value]) => `${name}: ${value}\r\n`).join("");
  return `${method} ${refers ? place.replace(/\/$/, "") : place} HTTP/1.1\r\n${lines}\r\n${hasBody ? JSON.stringify(body) : ""}`;
}
