import assert from "node:assert/strict";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { missingServers } from "../../test/servers/needs.ts";
import { runProgram } from "../../test/servers/processes.ts";
import { parseContent } from "./content.ts";
import { MAPI } from "./mapi-properties.ts";
import {
  attribute,
  binary,
  byteText,
  long,
  messageClass,
  messageProperties,
  messageWith,
  number,
  plainRtf,
  properties,
  short,
  tnef,
  tnefFile,
  tnefMessage,
  wideText,
} from "./test-data.ts";
import { isTnef, openTnef, TNEF_FILES } from "./tnef.ts";

const NOTE = messageClass("IPM.Microsoft Mail.Note");
const PDF = Buffer.from("%PDF-1.7 \x00\x01\xff", "latin1");
const LONG_NAME = "Angebot Nr. 4711 für Müller – endgültig.pdf";
const OFFER = tnefFile(
  "ANGEBO~1.PDF",
  PDF,
  wideText(MAPI.longFileName, LONG_NAME),
  byteText(MAPI.mimeType, Buffer.from("application/pdf")),
);
const PICTURE = tnefFile("logo.png", Buffer.from("89504e47", "hex"), wideText(MAPI.contentId, "logo@host"));
const HTML = '<p>Grüße</p><img src="cid:logo@host">';

const attachmentsOf = async (mime: Buffer) =>
  (await parseContent(mime)).attachments.map(({ filename, body }) => [filename, body.toString("latin1")]);

test("winmail.dat: its files become attachments of the email with their long names, and it is left out", async () => {
  const read = await parseContent(messageWith(tnef(NOTE, OFFER, PICTURE), "hello"));
  assert.deepEqual(read, {
    html: null,
    text: "hello",
    attachments: [
      { filename: LONG_NAME, mimetype: "application/pdf", contentId: null, inline: false, body: PDF },
      {
        filename: "logo.png",
        mimetype: "application/octet-stream",
        contentId: "logo@host",
        inline: true,
        body: Buffer.from("89504e47", "hex"),
      },
    ],
    remarks: [],
  });
});

test("winmail.dat: its body is the email's where the message has none in that form, and only there", async () => {
  const winmail = tnef(NOTE, messageProperties(binary(MAPI.html, Buffer.from(HTML, "latin1")), wideText(MAPI.body, "Grüße\r\n")));
  const alone = await parseContent(messageWith(winmail));
  assert.deepEqual([alone.html, alone.text, alone.attachments], [HTML, "Grüße\n", []]);
  const beside = await parseContent(messageWith(winmail, "hello"));
  assert.deepEqual([beside.html, beside.text], [HTML, "hello"], "Outlook shows the HTML");
  const second = "--w\r\nContent-Type: text/plain\r\n\r\nfooter of a list\r\n";
  const withFooter = Buffer.from(messageWith(winmail, "hello").toString("latin1").replace("--w--", `${second}--w--`), "latin1");
  const several = await parseContent(withFooter);
  assert.deepEqual([several.html, several.text], [null, "hello\nfooter of a list"], "the HTML would be without the footer");
  const other = Buffer.from(messageWith(winmail, "<b>x</b>").toString("latin1").replace("text/plain", "text/html"), "latin1");
  assert.deepEqual([(await parseContent(other)).html, (await parseContent(other)).text], ["<b>x</b>", null]);
});

test("winmail.dat: the body may be an attribute, in its code page, or HTML in a code page of its own", () => {
  const greek = attribute(1, 0x00069007, Buffer.concat([long(1253), long(0)]));
  assert.equal(openTnef(tnef(greek, attribute(1, 0x0002800c, Buffer.from("\xc3\xe5\xe9\xdc\0", "latin1"))))?.text, "Γειά");
  const japanese = messageProperties(number(MAPI.internetCodePage, 65001), binary(MAPI.html, Buffer.from("<p>日本</p>")));
  assert.equal(openTnef(tnef(japanese))?.html, "<p>日本</p>");
});

test("winmail.dat: HTML in its RTF is the HTML body, other RTF the text", () => {
  const html = plainRtf("{\\rtf1\\ansi\\fromhtml1 {\\*\\htmltag64 <p>}hi{\\*\\htmltag72 </p>}}");
  assert.equal(openTnef(tnef(messageProperties(binary(MAPI.compressedRtf, html))))?.html, "<p>hi</p>");
  const text = openTnef(
    tnef(messageProperties(binary(MAPI.compressedRtf, plainRtf("{\\rtf1\\ansi{\\fonttbl{\\f0 Arial;}} \\b hi\\b0\\par there}")))),
  );
  assert.deepEqual([text?.html, text?.text], [null, " hi\nthere"]);
});

test("winmail.dat: named properties, several values and values of every type stand in the way of none", () => {
  const before = [
    { type: 0x1f, id: 0x8001, value: Buffer.from("x\0", "utf16le"), named: 0x8503 },
    { type: 0x1f, id: 0x8002, value: Buffer.from("abc\0", "utf16le"), named: "Keywords" },
    { type: 2, id: 0x10, value: short(1) },
    { type: 0x0b, id: 0x11, value: short(1) },
    { type: 0x40, id: 0x12, value: Buffer.alloc(8) },
    { type: 0x48, id: 0x13, value: Buffer.alloc(16) },
    { type: 0x1003, id: 0x14, value: Buffer.concat([long(2), long(1), long(2)]) },
    { type: 0x101e, id: 0x15, value: Buffer.alloc(0) },
  ];
  // A list of texts is counted as a whole, and each of them measured.
  const list = properties(...before.slice(0, -1), wideText(MAPI.body, "found"));
  const several = Buffer.concat([short(0x101e), short(0x15), long(2), long(2), Buffer.from("a\0\0\0"), long(3), Buffer.from("bc\0\0")]);
  const data = Buffer.concat([long(before.length + 1), several, list.subarray(4)]);
  assert.deepEqual(openTnef(tnef(attribute(1, 0x00069003, data))), { subject: null, html: null, text: "found", files: [], whole: true });
});

test("winmail.dat: a message inside becomes a text and its files", async () => {
  const inside = tnef(NOTE, messageProperties(wideText(MAPI.subject, "Offer: May"), wideText(MAPI.body, "as agreed")), OFFER);
  assert.deepEqual(await attachmentsOf(messageWith(tnef(NOTE, tnefMessage(inside)), "fyi")), [
    ["Offer_ May.txt", "as agreed"],
    [LONG_NAME, PDF.toString("latin1")],
  ]);
});

test("winmail.dat: one that holds a meeting, a task or a contact is kept beside its files", async () => {
  const winmail = tnef(messageClass("IPM.Microsoft Schedule.MtgReq"), OFFER);
  assert.deepEqual(
    (await attachmentsOf(messageWith(winmail, "hello"))).map(([name]) => name),
    [LONG_NAME, "winmail.dat"],
  );
});

test("winmail.dat: cut anywhere, it is kept, and so is each file that came before the cut", async () => {
  const whole = tnef(NOTE, tnefFile("a.txt", Buffer.from("first")), tnefFile("b.txt", Buffer.from("second")));
  const second = whole.indexOf("second");
  const read = (await attachmentsOf(messageWith(whole.subarray(0, second + 3), "hello"))).map(([name]) => name);
  assert.deepEqual(read, ["a.txt", "winmail.dat"]);
  for (let length = 6; length < whole.length - 2; length += 1) {
    const opened = openTnef(whole.subarray(0, length));
    const ends = opened?.whole === true;
    // At the end of an attribute nobody can know that another one was meant to follow: then nothing is missing of what is there.
    if (!ends) assert.equal((await attachmentsOf(messageWith(whole.subarray(0, length)))).at(-1)?.[0], "winmail.dat", `${length}`);
    else assert.ok((opened?.files ?? []).every(({ body }) => ["first", "second"].includes(body.toString())));
  }
});

test("winmail.dat: one that is none, and a file that only begins like one, stay as they are", async () => {
  assert.deepEqual(await attachmentsOf(messageWith(Buffer.from("nothing of the kind"), "x")), [["winmail.dat", "nothing of the kind"]]);
  const file = `Content-Type: image/png; name=a.png\r\n\r\n${tnef(NOTE, OFFER).toString("latin1")}`;
  assert.deepEqual(
    (await attachmentsOf(Buffer.from(file, "latin1"))).map(([name]) => name),
    ["a.png"],
  );
});

test("winmail.dat: messages inside each other without end, and files without number, are bounded, and it is kept", () => {
  let nested = tnef(NOTE, OFFER);
  for (let depth = 0; depth < 50; depth += 1) nested = tnef(NOTE, tnefMessage(nested));
  assert.deepEqual([openTnef(nested)?.whole, openTnef(nested)?.files.length], [false, 0]);
  const many = Array.from({ length: TNEF_FILES + 1 }, () => tnefFile("a", Buffer.alloc(0)));
  assert.deepEqual([openTnef(tnef(...many))?.whole, openTnef(tnef(...many))?.files.length], [false, TNEF_FILES]);
  const half = tnef(...many.slice(0, TNEF_FILES / 2 + 1));
  assert.deepEqual([openTnef(tnef(tnefMessage(half), tnefMessage(half)))?.files.length], [TNEF_FILES]);
});

test("winmail.dat: whatever its bytes, it is answered, and no file is larger than all of it", async () => {
  const sample = tnef(
    NOTE,
    messageProperties(binary(MAPI.compressedRtf, plainRtf("{\\rtf1\\fromhtml1 {\\*\\htmltag64 <p>}\\u8364?}")), wideText(MAPI.body, "x")),
    OFFER,
    tnefMessage(tnef(NOTE, PICTURE)),
  );
  const change = fc.tuple(fc.nat(sample.length - 1), fc.oneof(fc.constantFrom(0, 1, 0x7f, 0x80, 0xff), fc.nat(255)));
  await fc.assert(
    fc.asyncProperty(fc.array(change, { maxLength: 12 }), fc.nat(sample.length), async (changes, length) => {
      const bytes = Buffer.from(sample);
      for (const [at, byte] of changes) bytes[at] = byte;
      const cut = bytes.subarray(0, length);
      const opened = openTnef(cut);
      assert.equal(opened !== null, isTnef(cut));
      for (const { body } of opened?.files ?? []) assert.ok(body.length <= cut.length);
      for (const text of [opened?.html, opened?.text]) assert.ok(text === null || text === undefined || text.length <= 20 * cut.length);
      const read = await parseContent(messageWith(cut));
      assert.ok(read.attachments.length > 0 || opened?.whole === true);
    }),
    { numRuns: 2000 },
  );
});

for (const program of ["tnef", "ytnef"] as const) {
  test(`winmail.dat: ${program} takes the same files out of it`, { skip: missingServers([program]) }, () => {
    const winmail = tnef(
      NOTE,
      messageProperties(wideText(MAPI.subject, "Offer")),
      tnefFile("offer.pdf", PDF),
      tnefFile("b.bin", Buffer.alloc(5000, 3)),
    );
    const folder = mkdtempSync(path.join(tmpdir(), "winmail-"));
    try {
      const file = path.join(folder, "winmail.dat");
      writeFileSync(file, winmail);
      runProgram(program, program === "tnef" ? ["-C", folder, "-f", file] : ["-f", folder, file]);
      const theirs = readdirSync(folder)
        .filter((name) => name !== "winmail.dat")
        .sort();
      const ours = openTnef(winmail)?.files ?? [];
      assert.deepEqual(theirs, ours.map(({ name }) => name).sort());
      for (const { name, body } of ours) assert.ok(readFileSync(path.join(folder, name ?? "")).equals(body), `${name}`);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
}
