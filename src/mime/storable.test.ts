import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { Attachment, ParsedContent } from "../model/message.ts";
import { DEFAULT_SETTINGS } from "../model/settings.ts";
import { parseContent } from "./content.ts";
import { MAPI } from "./mapi-properties.ts";
import { storable } from "./storable.ts";
import { messageWith, tnef, tnefFile, wideText } from "./test-data.ts";

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

/** Names by which Windows, or a program that makes plain letters of them, opens a file as one of a blocked type. */
const BLOCKED_NAMES = [
  ...["a.exe", "A.EXE", "a.ExE", "a.pdf.js", "a.exe.", "a.exe . ", "a.exe\u00a0", ".bat", "a.pdf                    .scr"],
  ...[
    "a\u202efdp.exe",
    "a.e\u202exe",
    "a.exe\u200b",
    "a.e\u00adxe",
    "a.exe\u202c.",
    "a\uff0eexe",
    "a.\uff45\uff58\uff45",
    "a.ex\u2060e\ufeff",
  ],
];
for (const name of BLOCKED_NAMES) {
  test(`storable: ${JSON.stringify(name)} is blocked and named`, () => {
    const kept = storable(content({ attachments: [attachment("a.pdf"), attachment(name)] }), limits);
    assert.deepEqual(
      kept.content.attachments.map((one) => one.filename),
      ["a.pdf"],
    );
    assert.equal(kept.notifications, 1);
    assert.equal(kept.dropped[0]?.filename, name);
    assert.deepEqual(kept.content.remarks, [`The attachment "${name}" was left out. ${kept.dropped[0]?.why}`]);
  });
}

test("storable: a blocked extension before the last one does not count, because nothing opens the file by it", () => {
  assert.equal(
    storable(content({ attachments: [attachment("a.exe.pdf"), attachment("exe"), attachment("a.exe-1")] }), limits).notifications,
    0,
  );
});

test("storable: a file inside a winmail.dat is judged as any other, by its name and its size, and the winmail.dat does not come back with it", async () => {
  const files = [
    tnefFile("A~1.EXE", Buffer.from("MZ"), wideText(MAPI.longFileName, "a\u202efdp.exe")),
    tnefFile("b.bin", Buffer.alloc(2048)),
    tnefFile("c.txt", Buffer.from("c")),
  ];
  const kept = storable(await parseContent(messageWith(tnef(...files), "hi")), { ...limits, maxuploadfilesize: 1 });
  assert.deepEqual([kept.content.attachments.map(({ filename }) => filename), kept.notifications], [["c.txt"], 1]);
  assert.deepEqual(
    kept.dropped.map(({ filename }) => filename),
    ["afdp.exe", "b.bin"],
  );
});

test("storable: of very many attachments left out the first are named and the others counted", () => {
  const { remarks } = storable(
    content({ attachments: Array.from({ length: 100 }, (_, index) => attachment(`${index}.exe`)) }),
    limits,
  ).content;
  assert.deepEqual([remarks.length, remarks.at(-1)], [21, "So were 80 more."]);
});

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
  assert.deepEqual(
    cut.content.remarks.map((remark) => /"a\.exe"|1,000 characters/.exec(remark)?.[0]),
    ['"a.exe"', "1,000 characters"],
  );
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
