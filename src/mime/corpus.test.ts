import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { before, test } from "node:test";
import { type AddressObject, simpleParser } from "mailparser";
import PostalMime from "postal-mime";
import { SIGNED } from "./attachments.ts";
import { parseContent } from "./content.ts";
import { parseHead } from "./head.ts";

const corpus = path.resolve(import.meta.dirname, "../../../shared/corpus");
const skip = existsSync(corpus) ? false : `The sample messages are not there: ${corpus}`;

/** What is compared, in a form in which blanks and line ends do not count. */
interface Reading {
  readonly subject: string;
  readonly from: string;
  readonly text: string;
  readonly html: string;
  /** Hashes of the bytes. */
  readonly attachments: string;
  /** Hashes with line ends made equal: postal-mime writes unencoded attachments with others. */
  readonly attachmentLines: string;
}
type Aspect = keyof Reading;

const NO_HEADER = "is no message: its first line is text, which the others take for a header and lose";
const NO_DELIMITER = "has a multipart whose delimiters are missing or wrong: kept here as text, lost there";
const BLANK_BOUNDARY = "has a boundary with blanks at its end, or too long for a line, which RFC 2046 5.1.1 forbids";
const CONVERTED = "has parts in one form only: converted here for the other body, differently or not at all there";

/** Messages that are read otherwise than by an oracle, for a reason. A message that stops differing must leave the list. */
const KNOWN: Readonly<Record<"mailparser" | "postal-mime", Readonly<Record<string, string>>>> = {
  mailparser: {
    "mime/python-email/msg_40.txt": "has a boundary on a text/html part, which mailparser obeys though it is no multipart",
    "mime/nodemailer-mailparser/spam.eml": "has a boundary on a text/html part, which mailparser obeys though it is no multipart",
    "mime/nodemailer-mailparser/nested.eml": CONVERTED,
    "dsn/sisimai/bsd/lhost-ezweb-05.eml": "is EUC-JP that claims to be ISO-2022-JP: read right here",
    "mime/mime4j/mimetools-testmsgs/infinite.msg": "is Latin-1 without a charset: read right here",
  },
  "postal-mime": {
    "dsn/sisimai/bsd/lhost-amazonworkmail-07.eml": "has a winmail.dat, which is opened here; there is no file in it",
    "dsn/sisimai/bsd/lhost-ezweb-05.eml": "is EUC-JP that claims to be ISO-2022-JP: read right here",
    "dsn/sisimai/bsd/rfc3464-66.eml": "holds NUL in its text, which is left out here",
    "dsn/sisimai/err/make-test-09.eml": "is UTF-8 that claims to be ISO-2022-JP: read right here",
    "mime/mime4j/mimetools-testmsgs/infinite.msg": "is Latin-1 without a charset: postal-mime reads it as UTF-8 and loses the letters",
    "mime/mime4j/mimetools-testmsgs/multi-frag.msg": "has text behind the padding of a base64 part, which no reader can know to leave out",
  },
};
const KNOWN_TO_BOTH: Readonly<Record<string, string>> = {
  "dsn/sisimai/bsd/rfc3464-06.eml": NO_DELIMITER,
  "mime/mime4j/mimetools-testmsgs/badbound.msg": NO_DELIMITER,
  "mime/mime4j/testmsgs/ending-boundaries.msg": NO_DELIMITER,
  "mime/mime4j/testmsgs/missing-boundary.msg": NO_DELIMITER,
  "mime/mime4j/testmsgs/missing-inner-boundary.msg": NO_DELIMITER,
  "mime/mime4j/testmsgs/missing-inner-start-boundary.msg": NO_DELIMITER,
  "mime/mime4j/testmsgs/multipartnopart.msg": NO_DELIMITER,
  "mime/python-email/msg_17.txt": NO_DELIMITER,
  "mime/python-email/msg_25.txt": NO_DELIMITER,
  "mime/python-email/msg_31.txt": NO_DELIMITER,
  "mime/python-email/msg_41.txt": NO_DELIMITER,
  "mime/python-email/msg_38.txt": "has a line that begins like an outer delimiter: RFC 2046 5.1.2 asks for the whole line",
  "mime/mime4j/testmsgs/very-long-boundary.msg": BLANK_BOUNDARY,
  "mime/mime4j/testmsgs/very-very-long-boundary.msg": BLANK_BOUNDARY,
  "mime/mime4j/testmsgs/weird-boundary.msg": BLANK_BOUNDARY,
  "mime/mime4j/testmsgs/malformedHeader-noheader.msg": NO_HEADER,
  "mime/python-email/msg_19.txt": NO_HEADER,
  "mime/mime4j/mimetools-testmsgs/double-bound.msg": CONVERTED,
  "mime/mime4j/mimetools-testmsgs/lennie.msg": CONVERTED,
  "mime/nodemailer-mailparser/mixed.eml": CONVERTED,
  "mime/python-email/msg_08.txt": CONVERTED,
  "mime/python-email/msg_09.txt": CONVERTED,
  "mime/python-email/msg_10.txt": CONVERTED,
  "mime/python-email/msg_12.txt": CONVERTED,
  "mime/python-email/msg_12a.txt": CONVERTED,
};

/** Least share of messages on which all aspects agree; the rest stands in the lists above, and rises only with them. */
const AGREEMENT = 0.8;

const readable = (text: string | null | undefined | false): string => (text || "").replace(/\s+/g, " ").trim();
const hashes = (bodies: readonly Uint8Array[]): string =>
  bodies
    .map((body) => createHash("sha256").update(body).digest("hex"))
    .sort()
    .join(" ");
const equalLines = (body: Uint8Array): Buffer => Buffer.from(Buffer.from(body).toString("latin1").replaceAll("\r\n", "\n").trimEnd());

const messages = new Map<string, { readonly mime: Buffer; readonly ours: Reading; readonly nested: boolean }>();

before(async () => {
  if (skip) return;
  for (const folder of ["mime", "dsn"]) {
    for (const entry of readdirSync(path.join(corpus, folder), { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = path.join(entry.parentPath, entry.name);
      const mime = readFileSync(file);
      const head = parseHead(mime, {
        ref: { stream: "s", id: "1" },
        folders: ["s"],
        received: new Date(0),
        size: 0,
        flags: [],
        providerId: null,
      });
      const content = await parseContent(mime);
      // The others do not keep what was signed.
      const attachments = content.attachments.filter(({ mimetype }) => mimetype !== SIGNED);
      messages.set(path.relative(corpus, file).split(path.sep).join("/"), {
        mime,
        ours: {
          subject: readable(head.subject),
          from: head.from[0]?.address ?? "",
          text: readable(content.text),
          html: readable(content.html),
          attachments: hashes(attachments.map(({ body }) => body)),
          attachmentLines: hashes(attachments.map(({ body }) => equalLines(body))),
        },
        nested: content.attachments.some(({ mimetype }) => mimetype.startsWith("message/")),
      });
    }
  }
});

/** Compares all messages with an oracle and fails unless exactly the known ones differ. */
async function compare(
  name: keyof typeof KNOWN,
  read: (mime: Buffer) => Promise<Partial<Reading>>,
  ignored: (nested: boolean) => readonly Aspect[],
) {
  const differing: string[] = [];
  for (const [file, { mime, ours, nested }] of messages) {
    const theirs = await read(mime);
    const aspects = (Object.keys(theirs) as Aspect[]).filter((aspect) => !ignored(nested).includes(aspect));
    if (aspects.some((aspect) => ours[aspect] !== theirs[aspect])) differing.push(file);
  }
  const known = { ...KNOWN_TO_BOTH, ...KNOWN[name], ...Object.fromEntries(fragments().map((file) => [file, NO_HEADER])) };
  console.log(
    `${name}: ${messages.size - differing.length} of ${messages.size} messages read alike, ${differing.length} otherwise for known reasons`,
  );
  assert.deepEqual(differing.sort(), Object.keys(known).sort());
  assert.ok(1 - differing.length / messages.size >= AGREEMENT);
}

/** Bodies without a header, from a suite that has only those; one of them begins like a header and is no different. */
function fragments(): string[] {
  return [...messages.keys()].filter((file) => file.startsWith("mime/replies-github/") && !file.endsWith("email_1_5.txt"));
}

test("corpus: every message is read, none throws", { skip }, () => assert.ok(messages.size >= 250));

test("corpus: subject, sender, bodies and attachments agree with postal-mime", { skip }, async () => {
  await compare("postal-mime", postalMime, () => []);
});

test("corpus: subject, sender, bodies and attachments agree with mailparser", { skip }, async () => {
  // mailparser takes a nested message apart and puts its text into the body around it; here it stays an attachment.
  await compare("mailparser", mailparser, (nested) => (nested ? ["text", "html", "attachments"] : []));
});

async function postalMime(mime: Buffer): Promise<Partial<Reading>> {
  const email = await PostalMime.parse(mime, { forceRfc822Attachments: true });
  const bodies = email.attachments.map(({ content }) => (typeof content === "string" ? Buffer.from(content) : new Uint8Array(content)));
  return {
    subject: readable(email.subject),
    from: email.from?.address ?? email.from?.group?.[0]?.address ?? "",
    text: readable(email.text),
    html: readable(email.html),
    attachmentLines: hashes(bodies.map(equalLines)),
  };
}

function mailparser(mime: Buffer): Promise<Partial<Reading>> {
  return simpleParser(mime, { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true, keepCidLinks: true }).then((mail) => ({
    subject: readable(mail.subject),
    from: firstAddress(mail.from),
    text: readable(mail.text),
    html: readable(mail.html),
    attachments: hashes(mail.attachments.map(({ content }) => content)),
  }));
}

function firstAddress(from: AddressObject | undefined): string {
  const members = (from?.value ?? []).flatMap((entry) => entry.group ?? [entry]);
  return members.find(({ address }) => address)?.address ?? "";
}
