import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import fc from "fast-check";
import iconv from "iconv-lite";
import { parseContent } from "./content.ts";
import { FILENAME_LENGTH } from "./file-names.ts";

const parse = (...lines: (string | Buffer)[]) =>
  parseContent(Buffer.concat(lines.flatMap((line) => [Buffer.from(line as string), Buffer.from("\r\n")])));
const hash = (bytes: Buffer): string => createHash("sha256").update(bytes).digest("hex");

/** A multipart of `parts`, each with its header lines joined to its body by an empty line. */
function multipart(subtype: string, boundary: string, ...parts: readonly string[]): string {
  const inside = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join("");
  return `Content-Type: multipart/${subtype}; boundary="${boundary}"\r\n\r\npreamble\r\n${inside}--${boundary}--\r\nepilogue`;
}
const plain = (text: string): string => `Content-Type: text/plain\r\n\r\n${text}`;
const html = (text: string): string => `Content-Type: text/html\r\n\r\n${text}`;
const file = (headers: string, body: string): string => `${headers}\r\n\r\n${body}`;

test("content: a message without a header, without a body, and without anything", async () => {
  assert.equal((await parse("Hello", "", "world")).text, "Hello\n\nworld\n");
  assert.deepEqual(await parse("Subject: x"), { html: null, text: null, attachments: [], remarks: [] });
  assert.deepEqual(await parseContent(Buffer.alloc(0)), { html: null, text: null, attachments: [], remarks: [] });
});

test("content: both forms of an alternative, beside a picture and a file", async () => {
  const related = multipart(
    "related",
    "r",
    html('<img src="cid:p@x">'),
    file("Content-Type: image/png\r\nContent-ID: <p@x>\r\nContent-Transfer-Encoding: base64", "iVBORw=="),
  );
  const read = await parse(
    multipart(
      "mixed",
      "m",
      multipart("alternative", "a", plain("hi"), related),
      file('Content-Type: application/pdf; name="a.pdf"', "%PDF"),
    ),
  );
  assert.deepEqual([read.text, read.html], ["hi", '<img src="cid:p@x">']);
  assert.deepEqual(
    read.attachments.map(({ body, ...rest }) => ({ ...rest, body: body.toString("hex") })),
    [
      { filename: "attachment-1.png", mimetype: "image/png", contentId: "p@x", inline: true, body: "89504e47" },
      { filename: "a.pdf", mimetype: "application/pdf", contentId: null, inline: false, body: "25504446" },
    ],
  );
});

test("content: a part in one form only is converted for the other body, so that none misses it", async () => {
  const read = await parse(
    multipart("mixed", "m", multipart("alternative", "a", plain("hi"), html("<b>hi</b>")), plain("list <footer>"), html("<p>end</p>")),
  );
  assert.equal(read.text, "hi\nlist <footer>\nend\n");
  assert.equal(read.html, "<b>hi</b>\n<div>list &lt;footer&gt;</div>\n<p>end</p>");
});

test("content: text that is declared an attachment is one", async () => {
  const read = await parse(
    multipart("mixed", "m", plain("hi"), file("Content-Type: text/plain\r\nContent-Disposition: attachment; filename=log.txt", "log")),
  );
  assert.deepEqual([read.text, read.attachments[0]?.filename, read.attachments[0]?.body.toString()], ["hi", "log.txt", "log"]);
});

const CHARSETS: readonly (readonly [charset: string, text: string])[] = [
  ["utf-8", "Grüße 日本 😀"],
  ["iso-8859-1", "Grüße"],
  ["windows-1251", "Привет"],
  ["koi8-r", "Привет"],
  ["gb2312", "中文"],
  ["big5", "中文"],
  ["shift_jis", "日本語"],
  ["euc-kr", "한국어"],
  ["cp850", "Grüße"],
  ["x-mac-cyrillic", "Привет"],
  ["utf-7", "Grüße"],
];
for (const [charset, text] of CHARSETS) {
  test(`content: a body in ${charset}, in each transfer encoding`, async () => {
    const bytes = iconv.encode(text, charset === "x-mac-cyrillic" ? "maccyrillic" : charset);
    const quoted = [...bytes].map((byte) => `=${byte.toString(16).toUpperCase().padStart(2, "0")}`).join("");
    for (const [encoding, body] of [
      ["8bit", bytes],
      ["base64", bytes.toString("base64")],
      ["quoted-printable", quoted],
    ] as const) {
      const read = await parse(`Content-Type: text/plain; charset="${charset}"`, `Content-Transfer-Encoding: ${encoding}`, "", body);
      assert.equal(read.text?.trimEnd(), text, encoding);
    }
  });
}

test("content: ISO-2022-JP, and what claims to be it", async () => {
  const header = "Content-Type: text/plain; charset=iso-2022-jp";
  assert.equal((await parse(header, "", Buffer.from("\x1b$BF|K\\\x1b(B"))).text, "日本\n");
  for (const charset of ["euc-jp", "shift_jis", "utf-8"])
    assert.equal((await parse(header, "", iconv.encode("日本語", charset))).text, "日本語\n");
});

test("content: a body without a charset is UTF-8 where valid, else windows-1252, unless HTML names one itself", async () => {
  assert.equal((await parse("Subject: x", "", Buffer.from("Grüße"))).text, "Grüße\n");
  assert.equal((await parse("Subject: x", "", Buffer.from("Gr\u00fc\u00dfe", "latin1"))).text, "Grüße\n");
  const meta = '<meta http-equiv="Content-Type" content="text/html; charset=koi8-r">';
  assert.equal((await parse("Content-Type: text/html", "", iconv.encode(`${meta}мир`, "koi8-r"))).html, `${meta}мир\n`);
});

test("content: an unknown charset is remarked, the text still read", async () => {
  const read = await parse("Content-Type: text/plain; charset=x-nobody", "", "hi");
  assert.deepEqual([read.text, read.remarks.length], ["hi\n", 1]);
});

test("content: NUL is left out of bodies, because the database cannot store it", async () => {
  assert.equal((await parse("Content-Type: text/plain; charset=utf-8", "", "a\0b")).text, "ab\n");
});

test("content: quoted-printable with soft breaks, blanks added on the way, and what is no escape", async () => {
  const read = await parse("Content-Transfer-Encoding: quoted-printable", "", "one =", "line  ", "two=20", "=ZZ 50=", "");
  assert.equal(read.text, "one line\ntwo \n=ZZ 50\n");
});

test("content: base64 that was joined from padded pieces is read whole", async () => {
  const read = await parse("Content-Type: a/b", "Content-Transfer-Encoding: base64", "", "b25l", "dHc=", "bw==");
  assert.equal(read.attachments[0]?.body.toString(), "onetwo");
});

test("content: format=flowed is joined to paragraphs, quotes and the signature kept", async () => {
  const read = await parse(
    "Content-Type: text/plain; format=flowed",
    "",
    "a long ",
    "line",
    "> quoted ",
    "> on",
    " >not quoted",
    "-- ",
    "me",
  );
  assert.equal(read.text, "a long line\n> quoted on\n>not quoted\n-- \nme\n");
  const spaceless = await parse("Content-Type: text/plain; format=flowed; delsp=yes", "", "日本 ", "語");
  assert.equal(spaceless.text, "日本語\n");
});

test("content: nested messages, invitations, signatures and encrypted parts are kept byte for byte", async () => {
  const nested = "Subject: inner\r\nContent-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\nx\r\n--i--";
  const parts = [
    ["message/rfc822", nested, "attachment-1.eml"],
    ["text/calendar; method=REQUEST", "BEGIN:VCALENDAR\r\nEND:VCALENDAR", "attachment-2.ics"],
    ["application/pkcs7-mime; smime-type=enveloped-data", "MIIB\r\n", "smime.p7m"],
    ["application/pgp-signature", "-----BEGIN PGP SIGNATURE-----\r\n\r\n", "signature.asc"],
  ] as const;
  const read = await parse(multipart("mixed", "outer", ...parts.map(([type, body]) => file(`Content-Type: ${type}`, body))));
  assert.deepEqual(
    read.attachments.map(({ filename, body }) => [filename, hash(body)]),
    parts.map(([, body, filename]) => [filename, hash(Buffer.from(body))]),
  );
  assert.equal(read.text, null);
});

test("content: an invitation is a file that opens as one, also as an alternative to the text, and whatever its name", async () => {
  const event = "BEGIN:VCALENDAR\r\nMETHOD:REQUEST\r\nEND:VCALENDAR";
  const invitation = (parameters: string) => file(`Content-Type: text/calendar; method=REQUEST${parameters}`, event);
  const read = await parse(
    multipart(
      "mixed",
      "m",
      multipart("alternative", "a", plain("hi"), html("<p>hi</p>"), invitation("; charset=utf-8")),
      invitation('; name="meeting.ics"'),
      invitation("; name=Meeting"),
      file("Content-Type: application/ics; name=invite.ics", event),
    ),
  );
  assert.deepEqual([read.text, read.html], ["hi", "<p>hi</p>"]);
  assert.deepEqual(
    read.attachments.map(({ filename, body }) => [filename, body.toString()]),
    ["attachment-1.ics", "meeting.ics", "Meeting.ics", "invite.ics"].map((name) => [name, event]),
  );
});

test("content: a message inside is a file that opens as one, byte for byte, whatever is in it and however it is attached", async () => {
  const nested = "Received: x\r\nSubject: =?utf-8?q?gr=C3=BC=C3=9Fe?=  \r\nX-Odd:\tblank \r\n\r\ntext with blanks  \r\n\xff\r\n";
  const as = (headers: string) => `Content-Type: message/rfc822${headers}\r\n\r\n${nested}`;
  const message = multipart(
    "mixed",
    "m",
    as(""),
    as('; name="Re: hello"'),
    as("\r\nContent-Disposition: inline"),
    as("\r\nContent-Disposition: attachment; filename=a.exe"),
  );
  const read = await parseContent(Buffer.from(message, "latin1"));
  assert.equal(read.text, null);
  assert.deepEqual(
    read.attachments.map(({ filename, body }) => [filename, body.toString("latin1")]),
    ["attachment-1.eml", "Re_ hello.eml", "attachment-3.eml", "a.exe.eml"].map((name) => [name, nested]),
  );
});

test("content: a digest holds messages where it does not say otherwise", async () => {
  const read = await parse(multipart("digest", "d", "\r\nSubject: one\r\n\r\nhi"));
  assert.deepEqual([read.attachments[0]?.mimetype, read.attachments[0]?.filename], ["message/rfc822", "attachment-1.eml"]);
});

const BROKEN: readonly (readonly [title: string, message: string, text: string, remarks: number])[] = [
  ["a multipart whose delimiter never comes is text", "Content-Type: multipart/mixed; boundary=x\r\n\r\nhello", "hello\n", 1],
  ["a multipart without a boundary is text", "Content-Type: multipart/mixed\r\n\r\nhello", "hello\n", 1],
  [
    "an inner multipart that forgets its end is ended by the outer",
    multipart("mixed", "o", "Content-Type: multipart/mixed; boundary=i\r\n\r\n--i\r\n\r\ninner", plain("outer")),
    "inner\nouter",
    0,
  ],
  [
    "a message that stops in the middle of a part keeps what came",
    "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nhel",
    "hel\n",
    0,
  ],
  ["a part without a header", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\nhello there\r\n--x--", "hello there", 0],
  ["a boundary that begins like another", multipart("mixed", "b", multipart("mixed", "bb", plain("one")), plain("two")), "one\ntwo", 0],
  ["blanks behind a delimiter", "Content-Type: multipart/mixed; boundary=x\r\n\r\n--x \t\r\n\r\nhi\r\n--x-- \r\n", "hi", 0],
  ["a boundary in sections", "Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n\r\n--ab\r\n\r\nhi\r\n--ab--", "hi", 0],
];
for (const [title, message, text, remarks] of BROKEN) {
  test(`content: ${title}`, async () => {
    const read = await parse(message);
    assert.deepEqual([read.text, read.remarks.length], [text, remarks]);
  });
}

const NAMES: readonly (readonly [title: string, disposition: string, filename: string])[] = [
  ["a path", 'filename="/etc/passwd"', "passwd"],
  ["a Windows path", 'filename="C:\\Users\\me\\a.txt"', "a.txt"],
  ["a path of dots", 'filename="../../.."', "attachment-1.bin"],
  ["control characters", "filename*=utf-8''a%0D%0Ab%01.pdf", "a b .pdf"],
  ["characters that turn the order round", "filename*=utf-8''a%E2%80%AEfdp.exe", "afdp.exe"],
  ["dots and blanks at the end", 'filename="a.exe. . "', "a.exe"],
  ["a hidden stream", 'filename="a.exe::$DATA"', "a.exe__$DATA"],
  ["no name", "", "attachment-1.bin"],
  ["a name too long", `filename="${"x".repeat(400)}.pdf"`, `${"x".repeat(FILENAME_LENGTH - 4)}.pdf`],
  ["a name too long of wide characters", `filename*=utf-8''${encodeURIComponent("😀".repeat(300))}.pdf`, `${"😀".repeat(125)}.pdf`],
];
for (const [title, disposition, filename] of NAMES) {
  test(`content: file name: ${title}`, async () => {
    const read = await parse("Content-Type: application/octet-stream", `Content-Disposition: attachment; ${disposition}`, "", "x");
    assert.equal(read.attachments[0]?.filename, filename);
  });
}

test("content: a nested message is named so that it opens as one, and a broken type is no type", async () => {
  const read = await parse(
    multipart(
      "mixed",
      "m",
      file('Content-Type: message/rfc822; name="Re: offer"', "Subject: x\r\n\r\n"),
      file("Content-Type: nonsense; name=x", "y"),
    ),
  );
  assert.deepEqual(
    read.attachments.map(({ filename, mimetype }) => [filename, mimetype]),
    [
      ["Re_ offer.eml", "message/rfc822"],
      ["x", "application/octet-stream"],
    ],
  );
});

test("content: above the number of parts the rest is left out, below the depth a multipart stays whole, and both are remarked", async () => {
  const many = multipart("mixed", "m", ...Array.from({ length: 10 }, (_, index) => plain(`${index}`)));
  const read = await parseContent(Buffer.from(many), { parts: 4, depth: 5 });
  assert.deepEqual([read.text, read.remarks.length], ["0\n1\n2", 1]);
  const deep = multipart("mixed", "a", multipart("mixed", "b", plain("deep")), plain("shallow"));
  const kept = await parseContent(Buffer.from(deep), { parts: 10, depth: 1 });
  assert.deepEqual([kept.text, kept.attachments[0]?.mimetype, kept.remarks.length], ["shallow", "multipart/mixed", 1]);
  assert.ok(kept.attachments[0]?.body.includes("deep"));
});

test("content: whatever the bytes, it answers", async () => {
  const line = fc.oneof(
    fc.constantFrom(
      "",
      "--a",
      "--a--",
      "--b",
      "--b--",
      "Content-Type: multipart/mixed; boundary=a",
      "Content-Type: multipart/alternative; boundary=b",
    ),
    fc.constantFrom(
      "Content-Type: text/html; charset=utf-7",
      "Content-Transfer-Encoding: base64",
      "Content-Transfer-Encoding: quoted-printable",
    ),
    fc.constantFrom(
      "Content-Disposition: attachment; filename*0*=x''%",
      "Content-Type: message/rfc822",
      " folded",
      "<p>=3D=",
      "Content-ID: <>",
    ),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(line, { maxLength: 60 }), fc.constantFrom("\n", "\r\n"), async (lines, newline) => {
      const read = await parseContent(Buffer.from(lines.join(newline), "latin1"), { parts: 20, depth: 4 });
      assert.ok(read.attachments.length <= 20);
      for (const { filename } of read.attachments) assert.match(filename, /^[^/\\\r\n\0]{1,255}$/);
      for (const body of [read.html, read.text]) assert.ok(body === null || !body.includes("\0"));
    }),
    { numRuns: 500 },
  );
});
