import { ApiFault, type ApiRequest } from "./exchange.ts";

/** What an answer to this kind of resource can be. */
const OFFERED = {
  json: { type: "application/json", also: ["application/*", "*/*"] },
  xml: { type: "application/xml", also: ["application/*", "*/*"] },
  multipart: { type: "multipart/mixed", also: ["multipart/*", "*/*", "application/json"] },
  anything: { type: "*/*", also: [] },
} as const;

/** Media ranges of one Accept header; more are not looked at. */
const MAXIMUM_RANGES = 50;

/**
 * Checks what the headers say of both bodies (wire 7): OData-Version and OData-MaxVersion leave room for 4.0, Accept for what is `offered`, and a body is
 * `application/json`. Throws ApiFault 400, 406 or 415.
 */
export function negotiate({ headers, body }: Pick<ApiRequest, "headers" | "body">, offered: keyof typeof OFFERED): void {
  const version = headers.get("odata-version");
  if (version !== undefined && !/^4\.0[01]?$/.test(version.trim()))
    throw new ApiFault(400, "0x80060888", `The value '${version.slice(0, 20)}' of the 'OData-Version' header is not supported.`);
  const highest = headers.get("odata-maxversion");
  if (highest !== undefined && !(Number.parseFloat(highest) >= 4))
    throw new ApiFault(400, "0x80060888", `The value '${highest.slice(0, 20)}' of the 'OData-MaxVersion' header is below 4.0.`);
  const accept = headers.get("accept");
  if (accept && !accepts(accept, offered))
    throw new ApiFault(
      406,
      "0x80060888",
      `A supported MIME type could not be found that matches the acceptable MIME types for the request. The supported type is '${OFFERED[offered].type}'.`,
    );
  if (body !== undefined && !isJson(headers.get("content-type"))) throw unsupportedMedia(headers.get("content-type"));
}

/** True of `application/json` with any parameters. */
export function isJson(contentType: string | undefined): boolean {
  return /^\s*application\/json\s*(;|$)/i.test(contentType ?? "");
}

/** The refusal of a body of another kind: 415. */
export function unsupportedMedia(contentType: string | undefined): ApiFault {
  return new ApiFault(
    415,
    "0x80060888",
    `The request entity's media type '${(contentType ?? "").slice(0, 100)}' is not supported for this resource.`,
  );
}

function accepts(accept: string, offered: keyof typeof OFFERED): boolean {
  const { type, also } = OFFERED[offered];
  const wanted: readonly string[] = [type, ...also];
  return accept
    .split(",", MAXIMUM_RANGES)
    .filter((range) => !/;\s*q=0(\.0*)?\s*(;|$)/i.test(range))
    .some((range) => type === "*/*" || wanted.includes((range.split(";", 1)[0] ?? "").trim().toLowerCase()));
}
