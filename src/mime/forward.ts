import type { ForwardTrace } from "../model/forwarded.ts";
import { parseAddresses } from "./addresses.ts";
import { nameOf } from "./attachments.ts";
import { textOfBytes } from "./charset.ts";
import { CONTENT_LIMITS } from "./content.ts";
import { beginsField, headerFields, lineAt } from "./header-block.ts";
import { oneLine } from "./one-line.ts";
import { type Leaf, partsOf } from "./parts.ts";
import { decodeTransfer } from "./transfer-encoding.ts";

/** Originals of one forward. Rules attach one, people some dozen. */
export const ORIGINALS_KEPT = 200;

/**
 * Bytes of a header that are read for the trace: servers write it on top, and a rule writes little below. So little because strangers' messages are looked
 * at too, all of them.
 */
const TRACE_BYTES = 32 * 1024;

/** Fields of transport that are read from the top: each server on the way writes three or four. */
const TRACE_FIELDS = 200;

/** Longest value of them, in characters; of a longer one nobody knows what the rest would say. */
const TRACE_LENGTH = 2_000;

/** Characters of the addresses in From, and in To. A rule writes one; people add some. */
const ADDRESSES_LENGTH = 8_000;

const TRACE: ReadonlySet<string> = new Set([
  "received",
  "return-path",
  "authentication-results",
  "delivered-to",
  "x-original-to",
  "x-sieve-redirected-from",
  "x-forwarded-for",
  "resent-from",
  "from",
  "to",
]);

/** The messages that hang on another. */
export interface Attached {
  /** In order, byte for byte; views of the message's bytes where these are not encoded. */
  readonly originals: readonly Buffer[];
  /** More are attached than are kept, or the message has more parts than are read. */
  readonly isCut: boolean;
}

/**
 * The messages that a forward holds as attachments (message/rfc822, message/global, or a file `.eml` of no other type, in whatever encoding). What these
 * hold in turn is theirs. Never throws, whatever the bytes, and takes time linear in them.
 */
export function attachedMessages(mime: Buffer): Attached {
  const { leaves, isWhole } = partsOf(mime, CONTENT_LIMITS);
  const attached = leaves.filter(isMessage);
  return { originals: attached.slice(0, ORIGINALS_KEPT).flatMap(originalIn), isCut: attached.length > ORIGINALS_KEPT || !isWhole };
}

function isMessage(leaf: Leaf): boolean {
  const type = leaf.type.value;
  if (type === "message/rfc822" || type === "message/global") return true;
  return type === "application/octet-stream" && (nameOf(leaf) ?? "").trim().toLowerCase().endsWith(".eml");
}

/** Nothing where the attachment is no message: it begins with no header field. */
function originalIn(leaf: Leaf): Buffer[] {
  const body = decodeTransfer(leaf.body, leaf.encoding);
  const { end } = lineAt(body, 0, body.length);
  return beginsField(body, 0, end) ? [body] : [];
}

/** How a message came to a forward mailbox, as its header tells. Never throws, and takes a bounded time whatever the bytes. */
export function forwardTrace(mime: Buffer): ForwardTrace {
  const { fields, truncated } = headerFields(mime.subarray(0, TRACE_BYTES), (name) => TRACE.has(name));
  const valuesOf = (one: string) => fields.filter(({ name }) => name === one).map(({ value }) => value);
  const to = valuesOf("to");
  const isCut = truncated || (mime.length > TRACE_BYTES && !endsWithin(mime));
  return {
    fields: fields
      .filter(({ name }) => name !== "from" && name !== "to")
      .slice(0, TRACE_FIELDS)
      .map(({ name, value }) => [name, value.length > TRACE_LENGTH ? "" : oneLine(textOfBytes(value))] as const),
    // Another author may stand in what is not read.
    from: isCut ? [] : addressesIn(valuesOf("from")),
    // A signature covers the lowest of several: whoever sends on what another signed can write more of them above.
    to: to.length === 1 ? addressesIn(to) : [],
  };
}

/** Whether the header ends in what is read of it. */
function endsWithin(mime: Buffer): boolean {
  const read = mime.subarray(0, TRACE_BYTES);
  return read.includes("\n\n") || read.includes("\n\r\n");
}

function addressesIn(values: readonly string[]): string[] {
  const list = values.join(", ");
  return list.length > ADDRESSES_LENGTH ? [] : parseAddresses(list).addresses.map(({ address }) => address);
}
