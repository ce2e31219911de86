import { z } from "zod";
import { LIMITS } from "./limits.ts";

/** What Dynamics says of an error. Never its stack trace. */
export interface ServerError {
  /** In small letters; empty where it has none, as on premises. */
  readonly code: string;
  readonly message: string;
}

const errorSchema = z.object({
  error: z.object({
    code: z.union([z.string(), z.number()]).nullish().catch(null),
    message: z.union([z.string(), z.object({ value: z.string() }).transform(({ value }) => value)]).catch(""),
  }),
});
/** What IIS and its routing answer with before Dynamics gets to see the request. */
const routingSchema = z.object({ Message: z.string() });

/**
 * The error in an answer's body: `{"error":{"code","message"}}`, with `innererror` and often an empty code on premises (wire 7, 9); null where the body
 * holds none.
 */
export function serverError(body: unknown): ServerError | null {
  const told = errorSchema.safeParse(body).data?.error;
  if (told !== undefined) return { code: codeOf(told.code ?? ""), message: shortened(told.message) };
  const routed = routingSchema.safeParse(body).data;
  return routed === undefined ? null : { code: "", message: shortened(routed.Message) };
}

/** Codes are written in hexadecimal, and by some versions as a signed number. */
function codeOf(given: string | number): string {
  const text = String(given).trim();
  if (/^-\d{1,10}$/.test(text)) return `0x${(Number(text) >>> 0).toString(16).padStart(8, "0")}`;
  return /^0x[0-9a-f]{1,8}$/i.test(text) ? text.toLowerCase() : "";
}

function shortened(text: string): string {
  return text.replace(/\s+/g, " ").trim().slice(0, LIMITS.words);
}

/** Enough of an answer that is none of Dynamics' to show a person; markup of pages says nothing. */
export function excerpt(body: unknown): string | undefined {
  if (typeof body !== "string" || /^\s*</.test(body)) return undefined;
  const text = shortened(body.slice(0, 2 * LIMITS.words));
  return text === "" ? undefined : text;
}
