import { badQuery } from "./query-fault.ts";

/** One part of a path between slashes. */
export interface Segment {
  readonly name: string;
  /** What stands between the parentheses, decoded; null: there are none. */
  readonly arguments: string | null;
}

/** IIS takes 16,384 octets of URL by default; Dataverse at most 32,768. */
export const LONGEST_PATH = 32_768;
/** More than any resource has: a row's navigation, cast and `$ref`. */
const MOST_SEGMENTS = 16;

/** Splits a percent-encoded path at the slashes that stand outside quotes, and decodes each part. Throws ApiFault 400. */
export function splitPath(path: string): Segment[] {
  if (path.length > LONGEST_PATH) throw badQuery("The length of the URL exceeds the maximum.");
  const segments: Segment[] = [];
  for (const part of cut(path)) {
    if (part === "") continue;
    if (segments.length === MOST_SEGMENTS) throw badQuery("Too many segments in the path.");
    segments.push(segmentOf(decode(part)));
  }
  return segments;
}

/** Percent-decodes; throws ApiFault 400 for what is no UTF-8. */
export function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw badQuery("Bad Request - Error in query syntax.");
  }
}

function* cut(path: string): Generator<string> {
  let [start, inQuotes] = [0, false];
  for (let at = 0; at < path.length; at++) {
    if (path[at] === "'") inQuotes = !inQuotes;
    if (path[at] !== "/" || inQuotes) continue;
    yield path.slice(start, at);
    start = at + 1;
  }
  yield path.slice(start);
}

function segmentOf(text: string): Segment {
  const open = text.indexOf("(");
  if (open < 0) return { name: text, arguments: null };
  if (!text.endsWith(")")) throw badQuery("Bad Request - Error in query syntax.");
  return { name: text.slice(0, open), arguments: text.slice(open + 1, -1) };
}
