import { addressList, type EnvelopeAddress } from "../message/address-list.ts";
import { type HeaderField, headerValue } from "../message/header-fields.ts";
import { imapString, nstring } from "./respond.ts";

/** ENVELOPE of RFC 3501 7.4.2: date, subject, from, sender, reply-to, to, cc, bcc, in-reply-to, message-id. */
export function envelope(fields: readonly HeaderField[]): string {
  const text = (name: string) => nstring(headerValue(fields, name));
  const from = addresses(fields, "from");
  const orFrom = (name: string) => (addresses(fields, name) === "NIL" ? from : addresses(fields, name));
  const parts = [
    text("date"),
    text("subject"),
    from,
    orFrom("sender"),
    orFrom("reply-to"),
    addresses(fields, "to"),
    addresses(fields, "cc"),
    addresses(fields, "bcc"),
    text("in-reply-to"),
    text("message-id"),
  ];
  return `(${parts.join(" ")})`;
}

function addresses(fields: readonly HeaderField[], name: string): string {
  const list = addressList(headerValue(fields, name) ?? "");
  return list.length === 0 ? "NIL" : `(${list.map(address).join("")})`;
}

/** `(name source-route mailbox host)`; a group starts with its name as the mailbox and ends with nothing at all. */
function address(entry: EnvelopeAddress): string {
  switch (entry.kind) {
    case "mailbox":
      return `(${nstring(entry.name)} NIL ${imapString(entry.local)} ${imapString(entry.host)})`;
    case "group start":
      return `(NIL NIL ${imapString(entry.name)} NIL)`;
    case "group end":
      return "(NIL NIL NIL NIL)";
  }
}
