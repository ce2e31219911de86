import { parseAddresses } from "./addresses.ts";
import { headerFields } from "./header-block.ts";
import { messageIds } from "./message-ids.ts";

/** What a report gives back of the header of the message that it is about. */
export interface ReturnedHeader {
  /** Message-IDs without angle brackets; real headers have one. */
  readonly messageIds: readonly string[];
  /** X-Waypost-Email, where it has the form of an email's id. */
  readonly emailMark: string | null;
  /** Addresses in To. */
  readonly to: readonly string[];
}

export const NOTHING_RETURNED: ReturnedHeader = { messageIds: [], emailMark: null, to: [] };

/** Message-IDs of one message that are kept. */
const IDS_KEPT = 5;

const EMAIL_ID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

const CR = 0x0d;
const LF = 0x0a;

const WANTED: ReadonlySet<string> = new Set(["message-id", "x-waypost-email", "to"]);

/** Reads the header at the beginning of `message`; some servers leave an empty line before it. */
export function returnedHeader(message: Buffer): ReturnedHeader {
  const start = message.findIndex((byte) => byte !== CR && byte !== LF);
  const { fields } = headerFields(message.subarray(Math.max(0, start)), (name) => WANTED.has(name));
  const values = (name: string) => fields.filter((field) => field.name === name).map(({ value }) => value);
  const mark = (values("x-waypost-email")[0] ?? "").toLowerCase();
  return {
    messageIds: messageIds(values("message-id").join(" ")).ids.slice(0, IDS_KEPT),
    emailMark: EMAIL_ID.test(mark) ? mark : null,
    to: parseAddresses(values("to").join(", ")).addresses.map(({ address }) => address),
  };
}
