/** The answer to a `$batch`, read part by part. Foreign bytes: time in line with their length, and named limits. */

/** Bytes of the headers of one part. */
const LARGEST_HEAD = 64 * 1024;

/** The answer to one request of a batch. */
export interface Part {
  readonly status: number;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The number of the change within its change set, where it is told. */
  readonly contentId: string | null;
}

export type BatchPart = { readonly kind: "request"; readonly part: Part } | { readonly kind: "set"; readonly parts: readonly Part[] };

/** The batch's answer cannot be read, or holds more parts than there were requests. */
export class NoBatchAnswer extends Error {
  override readonly name = "NoBatchAnswer";
}

/**
 * Its parts in order; those before the point where it breaks off.
 * @param most parts of it, and of one change set in it
 * @throws {@link NoBatchAnswer}
 */
export function readBatchAnswer(contentType: string, body: Buffer, most: number): readonly BatchPart[] {
  return partsOf(body, boundaryOf(contentType), most).map((bytes): BatchPart => {
    const { headers, rest } = headAndRest(bytes);
    const type = headers["content-type"] ?? "";
    if (/^multipart\/mixed\b/i.test(type)) return { kind: "set", parts: partsOf(rest, boundaryOf(type), most).map(readPart) };
    return { kind: "request", part: readPart(bytes) };
  });
}

export function isMultipart(contentType: string | undefined): boolean {
  return /^\s*multipart\/mixed\b/i.test(contentType ?? "");
}

function boundaryOf(contentType: string): string {
  const [, quoted, bare] = /;\s*boundary\s*=\s*(?:"([^"]{1,200})"|([^\s;"]{1,200}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw new NoBatchAnswer("it names no boundary");
  return boundary;
}

/** What stands between the boundaries; a part that is not closed is left out. */
function partsOf(body: Buffer, boundary: string, most: number): readonly Buffer[] {
  const delimiter = Buffer.from(`--${boundary}`);
  const parts: Buffer[] = [];
  let begin = -1;
  for (let at = body.indexOf(delimiter); at >= 0; at = body.indexOf(delimiter, at + delimiter.length)) {
    if (at > 0 && body[at - 1] !== LF) continue;
    if (begin >= 0) {
      if (parts.length >= most) throw new NoBatchAnswer(`it has more than ${most} parts`);
      parts.push(body.subarray(begin, body[at - 2] === CR ? Math.max(begin, at - 2) : Math.max(begin, at - 1)));
    }
    const after = at + delimiter.length;
    if (body[after] === DASH && body[after + 1] === DASH) return parts;
    const lineEnd = body.indexOf(LF, after);
    if (lineEnd < 0) return parts;
    begin = lineEnd + 1;
  }
  return parts;
}

const [LF, CR, DASH] = [0x0a, 0x0d, 0x2d];

function readPart(bytes: Buffer): Part {
  const outer = headAndRest(bytes);
  const { headers, rest, first } = headAndRest(outer.rest, true);
  const status = /^HTTP\/1\.[01] (\d{3})\b/.exec(first)?.[1];
  if (status === undefined) throw new NoBatchAnswer("a part of it is no answer");
  return { status: Number(status), headers, body: rest, contentId: outer.headers["content-id"] ?? null };
}

/** Headers up to the first empty line, and what follows. `first`: the line before them, where there is one. */
function headAndRest(
  bytes: Buffer,
  withFirst = false,
): { readonly headers: Record<string, string>; readonly rest: Buffer; readonly first: string } {
  const headers: Record<string, string> = Object.create(null);
  let first = "";
  let at = 0;
  while (at < bytes.length) {
    const end = bytes.indexOf(LF, at);
    const next = end < 0 ? bytes.length : end + 1;
    if (next > LARGEST_HEAD) throw new NoBatchAnswer("the headers of a part of it do not end");
    const line = bytes.toString("latin1", at, next).trim();
    at = next;
    if (line === "") break;
    if (withFirst && first === "") {
      first = line;
      continue;
    }
    const colon = line.indexOf(":");
    if (colon > 0) headers[line.slice(0, colon).trim().toLowerCase()] ??= line.slice(colon + 1).trim();
  }
  return { headers, rest: bytes.subarray(at), first };
}
