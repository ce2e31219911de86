import { MAXIMUM_PART_DEPTH, MAXIMUM_PARTS } from "../limits.ts";
import { type HeaderField, headerFields, headerLength, headerValue } from "./header-fields.ts";
import { parameter, type ValueWithParameters, valueWithParameters } from "./parameters.ts";

/** A message or a part of one, as slices of the original bytes (RFC 2045, RFC 2046). */
export interface Part {
  /** Header block with the empty line that ends it. */
  readonly header: Buffer;
  readonly body: Buffer;
  readonly fields: readonly HeaderField[];
  /** In lower case, e.g. `text` and `plain`. */
  readonly type: string;
  readonly subtype: string;
  readonly contentType: ValueWithParameters;
  /** Parts of a multipart; empty for everything else. */
  readonly children: readonly Part[];
  /** The message inside a message/rfc822 part, else null. */
  readonly message: Part | null;
}

// The bytes of a message never change, and a copy shares them: parsed once for as long as they live.
const parsed = new WeakMap<Buffer, Part>();

/** The tree of a whole message. Limits cut deep or many parts off; what is cut is shown as plain text. */
export function messageParts(mime: Buffer): Part {
  let part = parsed.get(mime);
  if (!part) {
    part = parsePart(mime, "text/plain", { parts: 0 }, 0);
    parsed.set(mime, part);
  }
  return part;
}

function parsePart(mime: Buffer, fallbackType: string, seen: { parts: number }, depth: number): Part {
  seen.parts++;
  const split = headerLength(mime);
  const header = mime.subarray(0, split);
  const body = mime.subarray(split);
  const fields = headerFields(header);
  const declared = valueWithParameters(headerValue(fields, "content-type") ?? fallbackType);
  const atLimit = depth >= MAXIMUM_PART_DEPTH || seen.parts >= MAXIMUM_PARTS;
  // A multipart without a usable boundary is text to everybody who must show it (RFC 2046 5.1.2).
  const boundary = parameter(declared, "boundary");
  const children =
    declared.value.startsWith("multipart/") && boundary && !atLimit
      ? splitAtBoundary(body, boundary, MAXIMUM_PARTS - seen.parts).map((each) =>
          parsePart(each, declared.value === "multipart/digest" ? "message/rfc822" : "text/plain", seen, depth + 1),
        )
      : [];
  const isMessage = declared.value === "message/rfc822" && !atLimit;
  const usable = declared.value.startsWith("multipart/")
    ? children.length > 0
    : /^[^/]+\/[^/]+$/.test(declared.value) && (declared.value !== "message/rfc822" || isMessage);
  const contentType = usable ? declared : valueWithParameters("text/plain");
  const [type = "text", subtype = "plain"] = contentType.value.split("/");
  const message = isMessage ? parsePart(body, "text/plain", seen, depth + 1) : null;
  return { header, body, fields, type, subtype, contentType, children, message };
}

/** The parts between the delimiter lines (RFC 2046 5.1.1). The line break before a delimiter belongs to the delimiter. */
function splitAtBoundary(body: Buffer, boundary: string, most: number): Buffer[] {
  const marker = Buffer.from(`--${boundary}`, "latin1");
  const parts: Buffer[] = [];
  let start = -1;
  let at = body.indexOf(marker);
  while (at >= 0 && parts.length < most) {
    const after = at + marker.length;
    // The rest of the line is looked for only at a line's start: a body without line breaks is then read once.
    if (at === 0 || (body[at - 1] === 0x0a && body[at - 2] === 0x0d)) {
      const lineEnd = body.indexOf("\r\n", after);
      const rest = body.toString("latin1", after, lineEnd < 0 ? body.length : Math.min(lineEnd, after + 200));
      const closes = /^--[ \t]*$/.test(rest);
      if (closes || /^[ \t]*$/.test(rest)) {
        if (start >= 0) parts.push(body.subarray(start, Math.max(start, at - 2)));
        if (closes) return parts;
        start = lineEnd < 0 ? body.length : lineEnd + 2;
      }
    }
    at = body.indexOf(marker, after);
  }
  // A message cut short has no closing delimiter: its last part runs to the end.
  if (start >= 0 && parts.length < most) parts.push(body.subarray(start));
  return parts;
}

/** The part with that number (RFC 3501 6.4.5): `[]` is the message; part 1 of a message that is no multipart is its body. */
export function partAt(root: Part, numbers: readonly number[]): Part | null {
  let holder: Part | null = root;
  let found: Part | null = root;
  for (const number of numbers) {
    if (!holder) return null;
    if (holder.children.length > 0) found = holder.children[number - 1] ?? null;
    else found = number === 1 ? holder : null;
    if (!found) return null;
    // Below a leaf there is nothing; below a message/rfc822 the numbers go on in the message inside it.
    holder = found.children.length > 0 ? found : found.message;
  }
  return found;
}
