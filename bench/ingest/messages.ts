import { createHash } from "node:crypto";
import { SCRIPTS, type Script } from "./charsets.ts";
import { Random, randomBytes } from "./random.ts";
import { type Encoding, encodedWords, extendedName, filePart, message, multipart, type Part, textPart } from "./write-mime.ts";

/** What the CRM has to hold of a message; hashes are SHA-256 in hex of the bytes, texts as UTF-8 with line feeds. */
export interface Expected {
  readonly messageId: string;
  readonly subject: string;
  readonly html: string | null;
  readonly text: string | null;
  readonly attachments: readonly { readonly filename: string; readonly hash: string }[];
}

export interface MadeMessage {
  /** Lines end in CRLF. */
  readonly mime: Buffer;
  readonly received: Date;
  readonly expected: Expected;
  /** Of the two bodies, with line feeds. */
  readonly html: string | null;
  readonly text: string | null;
}

/** Senders of every fourth message. */
export const CONTACTS = 200;

export function contactAddress(number: number): string {
  return `contact${number % CONTACTS}@customers.test`;
}

/** One message in so many is a contact's. */
export const CONTACT_EVERY = 4;

/** A body under construction: what is written, and what has to come back. */
interface Body {
  readonly part: Part;
  readonly html: string | null;
  readonly text: string | null;
  readonly files: readonly { readonly filename: string; readonly bytes: Buffer }[];
}

type Kind = (made: Making) => Body;

interface Making {
  readonly number: number;
  readonly random: Random;
  readonly script: Script;
  readonly encoding: Encoding;
}

/** Kinds of messages by their share in a thousand. */
const KINDS: readonly (readonly [share: number, kind: Kind])[] = [
  [300, plain],
  [330, alternative],
  [110, withPicture],
  [140, withFiles],
  [35, invitation],
  [25, forwarded],
  [30, report],
  [20, htmlOnly],
  [10, large],
];

function everyFourth(number: number): boolean {
  return number % CONTACT_EVERY === 0;
}

/** The message of that number: the same in every run and on every machine. About 20 KB on average. `isContacts`: a contact wrote it. */
export function madeMessage(number: number, recipient: string, isContacts: (number: number) => boolean = everyFourth): MadeMessage {
  const random = new Random(number * 7919 + 1);
  const script = random.pick(SCRIPTS);
  const body = kindOf(random.below(1000))({
    number,
    random,
    script,
    encoding: random.pick(["base64", "quoted-printable", "8bit"] as const),
  });
  const received = new Date(1_700_000_000_000 + number * 60_000);
  const messageId = `made.${number}@bench.test`;
  const answers = number % CONTACT_EVERY === 1 && number > 8 * CONTACT_EVERY ? 1 + random.below(8) : 0;
  const sentence = random.pick(script.sentences);
  const subject = `${answers > 0 ? "Re: " : ""}${sentence} ${number}`;
  const earlier = Array.from({ length: answers }, (_, index) => `<made.${number - CONTACT_EVERY * (answers - index)}@bench.test>`);
  const contact = Math.floor(number / CONTACT_EVERY);
  const header = [
    `Return-Path: <bounce+${number}@mailer.test>`,
    `Received: from mx${number % 4}.firm.test (mx${number % 4}.firm.test [192.0.2.${number % 250}])\r\n\tby mail.example.test (Postfix) with ESMTPS id ${number.toString(16)}\r\n\tfor <${recipient}>; ${received.toUTCString().replace("GMT", "+0000")}`,
    `From: ${isContacts(number) ? `"Contact ${contact % CONTACTS}" <${contactAddress(contact)}>` : `Person ${number % 900} <person${number % 900}@firm${number % 90}.test>`}`,
    `To: <${recipient}>${Array.from({ length: number % 4 }, (_, index) => `,\r\n\t"Colleague ${index}" <colleague${index}@firm${number % 90}.test>`).join("")}`,
    `Subject: ${answers > 0 ? "Re: " : ""}${encodedWords(script, sentence, number % 2 === 0 ? "B" : "Q")} ${number}`,
    `Date: ${received.toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${messageId}>`,
    ...(earlier.length > 0 ? [`In-Reply-To: ${earlier.at(-1)}`, `References: ${earlier.join("\r\n\t")}`] : []),
  ];
  return {
    mime: message(header, body.part),
    received,
    html: body.html,
    text: body.text,
    expected: {
      messageId,
      subject,
      html: hashOf(body.html),
      text: hashOf(body.text),
      attachments: body.files.map(({ filename, bytes }) => ({ filename, hash: sha256(bytes) })),
    },
  };
}

function kindOf(draw: number): Kind {
  let rest = draw;
  for (const [share, kind] of KINDS) {
    if (rest < share) return kind;
    rest -= share;
  }
  return plain;
}

function plain(made: Making): Body {
  const text = prose(made, made.random.size(300, 6_000));
  return { part: textPart(made.script, "text/plain", text, made.encoding), html: null, text, files: [] };
}

function htmlOnly(made: Making): Body {
  const html = page(made, prose(made, made.random.size(500, 10_000)));
  return { part: textPart(made.script, "text/html", html, made.encoding), html, text: null, files: [] };
}

function alternative(made: Making): Body {
  const text = prose(made, made.random.size(300, 4_000));
  const html = page(made, text);
  const parts = [textPart(made.script, "text/plain", text, made.encoding), textPart(made.script, "text/html", html, made.encoding)];
  return { part: multipart("alternative", `alternative-${made.number}`, parts), html, text, files: [] };
}

function withPicture(made: Making): Body {
  const shown = alternative(made);
  // A firm's logo comes with each of its letters; a picture that somebody pastes in comes once.
  const logo = made.random.next() < 0.5;
  const random = logo ? new Random(made.random.below(40)) : made.random;
  const bytes = randomBytes(random, random.size(2_000, 20_000));
  const filename = logo ? "logo.png" : `picture ${made.number}.jpg`;
  const disposition = `inline; filename="${filename}"`;
  const picture = filePart(logo ? "image/png" : "image/jpeg", disposition, bytes, "base64", [
    `Content-ID: <picture.${made.number}@bench.test>`,
  ]);
  return { ...shown, part: multipart("related", `related-${made.number}`, [shown.part, picture]), files: [{ filename, bytes }] };
}

function withFiles(made: Making): Body {
  const shown = made.random.next() < 0.5 ? plain(made) : alternative(made);
  const files = Array.from({ length: 1 + made.random.below(2) }, (_, index) => file(made, index, 3_000, 60_000));
  return joined(made, shown, files);
}

function large(made: Making): Body {
  return joined(made, plain(made), [file(made, 0, 100_000, 1_200_000)]);
}

function invitation(made: Making): Body {
  const shown = alternative(made);
  const bytes = Buffer.from(calendar(made), "utf8");
  const part = filePart(
    'text/calendar; charset=utf-8; method=REQUEST; name="invite.ics"',
    "",
    bytes,
    made.encoding === "8bit" ? "base64" : made.encoding,
  );
  return joined(made, shown, [{ part, filename: "invite.ics", bytes }]);
}

function forwarded(made: Making): Body {
  const inner = alternative(made);
  const bytes = message(
    [`From: <somebody${made.number}@elsewhere.test>`, "Subject: the forwarded message", `Message-ID: <inner.${made.number}@bench.test>`],
    inner.part,
  );
  const part = filePart("message/rfc822", 'attachment; filename="forwarded.eml"', bytes, "8bit");
  return joined(made, plain(made), [{ part, filename: "forwarded.eml", bytes }]);
}

function report(made: Making): Body {
  const shown = plain(made);
  const bytes = Buffer.from(
    `Reporting-MTA: dns; mx.firm.test\r\n\r\nFinal-Recipient: rfc822; nobody${made.number}@firm.test\r\nAction: failed\r\nStatus: 5.1.1\r\n`,
    "latin1",
  );
  const part = filePart("message/delivery-status", 'attachment; filename="report.txt"', bytes, "8bit");
  const parts = [shown.part, part];
  return {
    ...shown,
    part: multipart("report", `report-${made.number}`, parts, " report-type=delivery-status;"),
    files: [{ filename: "report.txt", bytes }],
  };
}

interface MadeFile {
  readonly part: Part;
  readonly filename: string;
  readonly bytes: Buffer;
}

function joined(made: Making, shown: Body, files: readonly MadeFile[]): Body {
  return { ...shown, part: multipart("mixed", `mixed-${made.number}`, [shown.part, ...files.map(({ part }) => part)]), files };
}

function file(made: Making, index: number, least: number, most: number): MadeFile {
  const [type, extension] = made.random.pick([
    ["application/pdf", "pdf"],
    ["image/jpeg", "jpg"],
    ["application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"],
    ["application/octet-stream", "bin"],
  ] as const);
  const bytes = randomBytes(made.random, made.random.size(least, most));
  const filename = index === 0 ? `Übersicht ${made.number} — Nr. ${index}.${extension}` : `overview-${made.number}-${index}.${extension}`;
  const named = index === 0 ? extendedName(filename) : `filename="${filename}"`;
  return { part: filePart(type, `attachment; ${named}`, bytes, "base64"), filename, bytes };
}

function prose({ script, random, number }: Making, length: number): string {
  const lines = [`${number}`];
  for (let written = 0; written < length; ) {
    const line = Array.from({ length: 1 + random.below(3) }, () => random.pick(script.sentences)).join(" ");
    lines.push(line, ...(random.next() < 0.2 ? [""] : []));
    written += line.length;
  }
  return lines.join("\n");
}

function page({ number }: Making, text: string): string {
  const paragraphs = text
    .split("\n")
    .map((line) => `<p class="MsoNormal" style="margin:0cm;font-size:11.0pt;font-family:sans-serif">${line}</p>`)
    .join("\n");
  return `<html><head><title>${number}</title></head><body lang="EN">\n${paragraphs}\n</body></html>`;
}

function calendar({ number }: Making): string {
  const start = new Date(1_700_000_000_000 + number * 3_600_000).toISOString().replace(/[-:]|\.\d+/g, "");
  return [
    "BEGIN:VCALENDAR",
    "VERSION:2.0",
    "PRODID:-//bench.test//EN",
    "METHOD:REQUEST",
    "BEGIN:VEVENT",
    `UID:${number}@bench.test`,
    `DTSTAMP:${start}`,
    `DTSTART:${start}`,
    "SUMMARY:Sprint review – Zürich",
    "END:VEVENT",
    "END:VCALENDAR",
    "",
  ].join("\r\n");
}

function hashOf(text: string | null): string | null {
  return text === null ? null : sha256(Buffer.from(text, "utf8"));
}

function sha256(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
