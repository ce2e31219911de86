import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Attachment, ParsedContent } from "../model/message.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { storable } from "./storable.ts";

const limits = { ...DEFAULT_SETTINGS, maximumBodyLength: 1000 };
const attachment = (filename: string, bytes = 1): Attachment => ({
  filename,
  mimetype: "application/octet-stream",
  contentId: null,
  inline: false,
  body: Buffer.alloc(bytes),
});
const content = (parts: Partial<ParsedContent>): ParsedContent => ({ html: null, text: null, attachments: [], remarks: [], ...parts });

test("storable: content within the limits stays as it is", () => {
  const whole = content({ html: "<p>hi</p>", text: "hi", attachments: [attachment("a.pdf", 5120 * 1024)] });
  assert.deepEqual(storable(whole, limits), { content: whole, notifications: 0, dropped: [] });
});

for (const name of ["a.exe", "A.EXE", "a.pdf.js", "a.exe.", "a.exe . ", ".bat"]) {
  test(`storable: ${JSON.stringify(name)} is blocked and named`, () => {
    const kept = storable(content({ attachments: [attachment("a.pdf"), attachment(name)] }), limits);
    assert.deepEqual(
      kept.content.attachments.map((one) => one.filename),
      ["a.pdf"],
    );
    assert.equal(kept.notifications, 1);
    assert.equal(kept.dropped[0]?.filename, name);
  });
}

test("storable: an attachment one byte above the limit is left out, and the reason names both sizes", () => {
  const kept = storable(content({ attachments: [attachment("a.pdf", 5120 * 1024 + 1)] }), limits);
  assert.deepEqual([kept.notifications, kept.content.attachments.length], [1, 0]);
  assert.match(kept.dropped[0]?.why ?? "", /5121 KB.*5120 KB/);
});

test("storable: an empty list blocks nothing", () => {
  assert.equal(
    storable(content({ attachments: [attachment("a.exe"), attachment("b")] }), { ...limits, blockedattachments: " ; " }).notifications,
    0,
  );
});

test("storable: a body too long is cut before a half character and before a half tag, and that outweighs a dropped attachment", () => {
  const cut = storable(
    content({
      html: `${"x".repeat(990)}<a href="https://example.test">`,
      text: `${"x".repeat(999)}😀`,
      attachments: [attachment("a.exe")],
    }),
    limits,
  );
  assert.deepEqual([cut.content.html, cut.content.text, cut.notifications], ["x".repeat(990), "x".repeat(999), 2]);
});

test("storable: bodies never exceed the limit nor hold half characters", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme", maxLength: 200 }), fc.nat(100), (text, maximumBodyLength) => {
      const cut = storable(content({ html: text, text }), { ...limits, maximumBodyLength }).content;
      assert.ok((cut.text ?? "").length <= maximumBodyLength && (cut.html ?? "").length <= maximumBodyLength);
      assert.ok((cut.text ?? "").isWellFormed() && text.startsWith(cut.text ?? "") && text.startsWith(cut.html ?? ""));
    }),
  );
});
