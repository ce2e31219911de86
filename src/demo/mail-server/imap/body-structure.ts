import { headerValue } from "../message/header-fields.ts";
import type { Part } from "../message/message-parts.ts";
import { parameter, type ValueWithParameters, valueWithParameters } from "../message/parameters.ts";
import { envelope } from "./envelope.ts";
import { imapString, nstring, stringsOrNil } from "./respond.ts";

/** BODYSTRUCTURE of RFC 3501 7.4.2; without extension data it is the BODY item. */
export function bodyStructure(part: Part, withExtensions: boolean): string {
  if (part.children.length > 0) return multipart(part, withExtensions);
  const fields = [
    imapString(part.type),
    imapString(part.subtype),
    parameters(part.contentType),
    nstring(headerValue(part.fields, "content-id")),
    nstring(headerValue(part.fields, "content-description")),
    imapString(encoding(part)),
    String(part.body.length),
  ];
  if (part.message) {
    const inner = part.message;
    fields.push(envelope(inner.fields), bodyStructure(inner, withExtensions), String(lines(part.body)));
  } else if (part.type === "text") {
    fields.push(String(lines(part.body)));
  }
  if (withExtensions) fields.push(nstring(headerValue(part.fields, "content-md5")), ...commonExtensions(part));
  return `(${fields.join(" ")})`;
}

function multipart(part: Part, withExtensions: boolean): string {
  const children = part.children.map((child) => bodyStructure(child, withExtensions)).join("");
  const extensions = withExtensions ? ` ${[parameters(part.contentType), ...commonExtensions(part)].join(" ")}` : "";
  return `(${children} ${imapString(part.subtype)}${extensions})`;
}

/** Disposition, language and location, in this order for both forms. */
function commonExtensions(part: Part): string[] {
  const disposition = headerValue(part.fields, "content-disposition");
  const parsed = disposition === null ? null : valueWithParameters(disposition);
  const languages = headerValue(part.fields, "content-language")?.match(/[^\s,]+/g) ?? [];
  return [
    parsed?.value ? `(${imapString(parsed.value)} ${parameters(parsed)})` : "NIL",
    stringsOrNil(languages),
    nstring(headerValue(part.fields, "content-location")),
  ];
}

function parameters(value: ValueWithParameters): string {
  // RFC 2045 5.2: text without a charset is US-ASCII, and clients expect to be told so.
  const implied = value.value === "text/plain" && parameter(value, "charset") === null ? ["charset", "us-ascii"] : [];
  return stringsOrNil([...value.parameters.flat(), ...implied]);
}

function encoding(part: Part): string {
  const declared = headerValue(part.fields, "content-transfer-encoding") ?? "";
  return (/^[^\s;()]+/.exec(declared)?.[0] ?? "7bit").toLowerCase();
}

function lines(body: Buffer): number {
  let count = 0;
  for (let at = body.indexOf(0x0a); at >= 0; at = body.indexOf(0x0a, at + 1)) count++;
  return count;
}
