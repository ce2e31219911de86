import { ApiFault } from "./exchange.ts";

/** One part of a multipart body: its headers by lower-case name, and its bytes. */
export interface Part {
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** Bytes of all headers of one part, and how many there may be. */
const MAXIMUM_HEADER_BYTES = 64 * 1024;
const MAXIMUM_HEADERS = 64;

/** RFC 2046 5.1.1. */
const BOUNDARY = /^[0-9A-Za-z'()+_,\-./:=? ]{0,69}[0-9A-Za-z'()+_,\-./:=?]$/;

const [LF, CR, DASH, SPACE, TAB] = [0x0a, 0x0d, 0x2d, 0x20, 0x09];

/** The refusal of a message that is not what OData's multipart format says: 400 0x80060888. */
export function malformed(message: string): ApiFault {
  return new ApiFault(400, "0x80060888", message);
}

/** The boundary that a content type names; null: it is not multipart/mixed. Throws ApiFault where it is, with no usable boundary. */
export function boundaryOf(contentType: string | undefined): string | null {
  const [, parameters] = /^\s*multipart\/mixed\s*(?:;(.*))?$/is.exec(contentType ?? "") ?? [];
  if (parameters === undefined) {
    if (/^\s*multipart\/mixed\s*$/i.test(contentType ?? "")) throw malformed("Missing boundary in the content type multipart/mixed.");
    return null;
  }
  const [, quoted, plain] = /(?:^|;)\s*boundary\s*=\s*(?:"([^"]*)"|([^;\s]*))/i.exec(parameters) ?? [];
  const boundary = quoted ?? plain ?? "";
  if (!BOUNDARY.test(boundary)) throw malformed("The boundary of the content type multipart/mixed is missing or invalid.");
  return boundary;
}

/**
 * The parts between the boundary lines of a multipart body (RFC 2046), with CRLF or bare LF, in one pass over its bytes. What stands before the first and
 * behind the last boundary is left out. Throws ApiFault 400 where the last boundary is missing, a part has no headers' end, or there are more
 * than `maximum` parts (`tooMany` makes that fault).
 */
export function partsOf(body: Buffer, boundary: string, maximum: number, tooMany: () => ApiFault): readonly Part[] {
  const delimiter = Buffer.from(`--${boundary}`, "latin1");
  const parts: Part[] = [];
  let start: number | null = null;
  for (let at = body.indexOf(delimiter); at >= 0; ) {
    const line = boundaryLine(body, at, delimiter.length);
    if (line === null) {
      at = body.indexOf(delimiter, at + 1);
      continue;
    }
    if (start !== null) {
      if (parts.length === maximum) throw tooMany();
      parts.push(partOf(body.subarray(start, Math.max(start, endBefore(body, at)))));
    }
    if (line.last) return parts;
    start = line.end;
    at = body.indexOf(delimiter, line.end);
  }
  throw malformed("The multipart message ends without its last boundary.");
}

/** Where the line of a boundary ends, and whether it is the last one; null: what stands at `at` is no such line. */
function boundaryLine(body: Buffer, at: number, length: number): { readonly end: number; readonly last: boolean } | null {
  if (at > 0 && body[at - 1] !== LF) return null;
  let end = at + length;
  const last = body[end] === DASH && body[end + 1] === DASH;
  if (last) end += 2;
  while (body[end] === SPACE || body[end] === TAB) end++;
  if (body[end] === CR) end++;
  if (body[end] === LF) return { end: end + 1, last };
  return end >= body.length && last ? { end, last } : null;
}

/** The line break before a boundary belongs to the boundary. */
function endBefore(body: Buffer, at: number): number {
  return body[at - 2] === CR ? at - 2 : at - 1;
}

function partOf(bytes: Buffer): Part {
  const { lines, rest } = headLines(bytes, 0);
  return { headers: headersOf(lines), body: bytes.subarray(rest) };
}

/**
 * The lines up to the first empty one, trimmed, and where the bytes behind it begin; the end of the bytes ends the lines too. Throws ApiFault 400
 * where they are longer or more than a head can be.
 */
export function headLines(bytes: Buffer, from: number): { readonly lines: readonly string[]; readonly rest: number } {
  const lines: string[] = [];
  for (let start = from; ; ) {
    const found = bytes.indexOf(LF, start);
    const end = found < 0 ? bytes.length : found;
    if (end - from > MAXIMUM_HEADER_BYTES) throw malformed(`The headers of a part have more than ${MAXIMUM_HEADER_BYTES} bytes.`);
    const line = bytes.toString("utf8", start, end).trim();
    const rest = Math.min(end + 1, bytes.length);
    if (line === "" || found < 0) return { lines: line === "" ? lines : [...lines, line], rest };
    lines.push(line);
    if (lines.length > MAXIMUM_HEADERS) throw malformed(`A part has more than ${MAXIMUM_HEADERS} headers.`);
    start = rest;
  }
}

/** Headers by lower-case name; of one that stands there twice, the last. */
export function headersOf(lines: readonly string[]): Map<string, string> {
  const headers = new Map<string, string>();
  for (const line of lines) {
    const colon = line.indexOf(":");
    if (colon < 1) throw malformed(`The line '${line.slice(0, 100)}' is no header.`);
    headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim());
  }
  return headers;
}
