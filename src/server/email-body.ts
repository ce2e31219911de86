import { getContent } from "../crm/content.ts";
import type { WholeEmail } from "../crm/read.ts";
import type { Sql } from "../database/database.ts";
import type { SafeBody } from "./sanitize.ts";

/** Content-Security-Policy of a body shown on its own: whatever came through the sanitizer can run nothing and ask for nothing. */
export const BODY_POLICY =
  "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'self'";

/** Bytes of an email's own pictures that are shown in its body, all together. */
const PICTURE_BYTES = 8 * 1024 * 1024;
/** Pictures that browsers draw and that hold nothing but a picture. */
const PICTURE_TYPES: ReadonlySet<string> = new Set(["image/png", "image/jpeg", "image/jpg", "image/gif", "image/webp", "image/bmp"]);

/**
 * The pictures that the HTML body names, as `data:` addresses by Content-ID. They travel in the page, because a sandboxed frame is a
 * stranger to this site and gets no cookie to fetch them with.
 */
export async function readPictures(sql: Sql, { html, attachments }: WholeEmail): Promise<Map<string, string>> {
  const pictures = new Map<string, string>();
  let left = PICTURE_BYTES;
  for (const { contentId, mimetype, size, hash } of attachments) {
    const type = mimetype.toLowerCase();
    if (contentId === null || !html?.includes(contentId) || !PICTURE_TYPES.has(type) || size > left || pictures.has(contentId)) continue;
    left -= size;
    pictures.set(contentId, `data:${type};base64,${(await getContent(sql, hash)).toString("base64")}`);
  }
  return pictures;
}

/** The document in the frame. Mail is written for white paper, so it is shown on white whatever the reader's colours are. */
export function bodyDocument(body: SafeBody | null): string {
  const { markup, remarks } = body ?? {
    markup: "",
    remarks: ["This HTML cannot be made safe in bearable time. The plain text is below, if there is one."],
  };
  // The markup was made safe by sanitize(), and the remarks are ours.
  return `<!doctype html>
<html lang="und"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>Text of the email</title>
<style>
:root { color-scheme: light; background: #fff; color: #1c2430; }
body { margin: 0.75rem; font: 16px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }
img { max-width: 100%; height: auto; }
pre { white-space: pre-wrap; }
blockquote { margin: 0.5rem 0 0.5rem 0.25rem; padding-left: 0.75rem; border-left: 3px solid #c5ccd6; }
a { color: #0b5cad; text-decoration: underline dotted; }
.waypost-remarks { margin: 0 0 0.75rem; padding: 0.5rem 0.75rem; border-radius: 6px; background: #eef2f7; color: #454f5f; font: 14px/1.4 system-ui, sans-serif; }
</style></head><body>
${remarks.length > 0 ? `<p class="waypost-remarks">${remarks.join(" ")}</p>` : ""}
<div dir="auto">${markup}</div>
</body></html>
`;
}
