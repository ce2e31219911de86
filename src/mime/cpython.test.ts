import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { z } from "zod";
import { missingServers } from "../../test/servers/needs.ts";
import { runProgram } from "../../test/servers/processes.ts";
import { decodeText, knowsCharset } from "./charset.ts";
import { CONTENT_LIMITS, parseContent } from "./content.ts";
import { parseHead } from "./head.ts";
import { parameterText } from "./parameters.ts";
import { partsOf } from "./parts.ts";
import { decodeTransfer } from "./transfer-encoding.ts";

const corpus = path.resolve(import.meta.dirname, "../../../shared/corpus");
const skip = existsSync(corpus) ? missingServers(["python"]) : `The sample messages are not there: ${corpus}`;

const LOST = "has a multipart whose delimiters are missing or wrong: kept here as text, empty there";
const FOLDED = "has a boundary folded over two lines, which CPython does not unfold";
const DOUBLED = "has a delimiter twice in a row: an empty part here, left out there";
const SEPARATOR = "has no empty line behind its header: here lines that are no field are passed over, there they begin the body";
const WORDS = "has encoded words inside quotes, which RFC 2047 5 forbids and half of all programs write: decoded here";
const BLANKS = "has a word beside a punctuation mark: CPython's make_header puts a blank there, or takes one away";
const NO_ADDRESS = "names a sender without a domain, which is no address here";

/** Messages in which CPython reads something else, by what it is, with the reason. One that stops differing must leave the list. */
const KNOWN: Readonly<Record<"parts" | "bytes" | "text" | "names" | "subject" | "sender", Readonly<Record<string, string>>>> = {
  parts: {
    "dsn/sisimai/bsd/rfc3464-06.eml": LOST,
    "mime/mime4j/mimetools-testmsgs/badbound.msg": LOST,
    "mime/mime4j/testmsgs/ending-boundaries.msg": LOST,
    "mime/mime4j/testmsgs/missing-boundary.msg": LOST,
    "mime/mime4j/testmsgs/missing-inner-boundary.msg": LOST,
    "mime/mime4j/testmsgs/missing-inner-start-boundary.msg": LOST,
    "mime/mime4j/testmsgs/multipartnopart.msg": LOST,
    "mime/python-email/msg_15.txt": LOST,
    "mime/python-email/msg_17.txt": LOST,
    "mime/python-email/msg_25.txt": LOST,
    "mime/python-email/msg_31.txt": LOST,
    "mime/python-email/msg_41.txt": LOST,
    "mime/mime4j/mimetools-testmsgs/multi-badnames.msg": FOLDED,
    "mime/mime4j/mimetools-testmsgs/multi-clen.msg": FOLDED,
    "mime/mime4j/mimetools-testmsgs/multi-digest.msg": FOLDED,
    "mime/mime4j/mimetools-testmsgs/multi-simple.msg": FOLDED,
    "mime/mime4j/mimetools-testmsgs/2002_06_12_doublebound.msg": DOUBLED,
    "mime/mime4j/mimetools-testmsgs/double-bound.msg": DOUBLED,
    "mime/python-email/msg_37.txt": DOUBLED,
    "mime/mime4j/testmsgs/very-very-long-boundary.msg": "has a boundary longer than the longest line: kept here as text",
    "mime/python-email/msg_14.txt": "says only `text`, which CPython takes for text/plain; here it becomes an attachment with its bytes",
    "mime/python-email/msg_39.txt": "has an inner multipart with the boundary of the outer one: no reader can know whose a delimiter is",
  },
  bytes: {
    "mime/mime4j/mimetools-testmsgs/hdr-fakeout.msg": SEPARATOR,
    "mime/mime4j/testmsgs/basic-plain-with-bad-header-separator.msg": SEPARATOR,
    "mime/mime4j/testmsgs/malformedHeader-nocrlfcrlf.msg": SEPARATOR,
    "mime/mime4j/testmsgs/obsolete.msg": SEPARATOR,
    "mime/python-email/msg_35.txt": SEPARATOR,
    "mime/replies-github/email_1_7.txt": "is a body without a header, and its first line begins with a colon: all of it is text here",
    "mime/mime4j/mimetools-testmsgs/multi-frag.msg": "has text behind the padding of a base64 part, which no reader can know to leave out",
    "mime/mime4j/mimetools-testmsgs/twopart.msg": "has padding in the middle of a base64 part: read on here, broken off there",
    "mime/mime4j/testmsgs/multipartemptypart.msg": "has an empty part: CPython takes the closing delimiter for its text",
  },
  text: {
    "dsn/sisimai/bsd/rfc3464-66.eml": "holds NUL in its text, which is left out here",
    "mime/mime4j/mimetools-testmsgs/hdr-fakeout.msg": SEPARATOR,
  },
  names: {
    "mime/mime4j/mimetools-testmsgs/multi-2evil.msg": WORDS,
    "mime/mime4j/mimetools-testmsgs/russian.msg": WORDS,
    "mime/mime4j/testmsgs/russian-headers.msg": WORDS,
  },
  subject: {
    "dsn/sisimai/bsd/lhost-mailru-07.eml": BLANKS,
    "mime/mime4j/mimetools-testmsgs/intl.msg": BLANKS,
    "mime/nodemailer-mailparser/nodemailer.eml": BLANKS,
    "mime/mime4j/testmsgs/obsolete.msg": SEPARATOR,
    "mime/replies-github/email_2_2.txt": SEPARATOR,
  },
  sender: {
    "mime/mime4j/mimetools-testmsgs/re-fwd.msg": NO_ADDRESS,
    "mime/mime4j/mimetools-testmsgs/uu-zeegee.msg": NO_ADDRESS,
    "mime/python-email/msg_05.txt": NO_ADDRESS,
    "mime/replies-github/email_2_2.txt": SEPARATOR,
  },
};
type Aspect = keyof typeof KNOWN;

const Leaf = z.object({ type: z.string(), filename: z.string().nullable(), hash: z.string().nullable(), text: z.string().nullable() });
const Reading = z.object({ subject: z.string().nullable(), from: z.string(), leaves: z.array(Leaf) });
type Reading = z.infer<typeof Reading>;

const Sample = z.object({ label: z.string(), text: z.string(), bytes: z.string() });

const REPLACED = "\ufffd";

function sampleFiles(): string[] {
  return ["mime", "dsn"].flatMap((folder) =>
    readdirSync(path.join(corpus, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name)),
  );
}

/** One answer per file, as JSON. */
function readWithCpython(files: readonly string[]): readonly string[] {
  const script = path.resolve(import.meta.dirname, "../../test/mime/read-with-cpython.py");
  const answers = runProgram("python3", [script], { input: files.join("\n") })
    .trimEnd()
    .split("\n");
  assert.equal(answers.length, files.length);
  return answers;
}

const readable = (text: string): string => text.replaceAll("\0", "").replace(/\s+/g, " ").trim();

function ours(mime: Buffer): Reading {
  const head = parseHead(mime, {
    ref: { stream: "s", id: "1" },
    folders: ["s"],
    received: new Date(0),
    size: 0,
    flags: [],
    providerId: null,
  });
  const leaves = partsOf(mime, CONTENT_LIMITS).leaves.map(({ type, disposition, body, encoding }) => {
    const bytes = decodeTransfer(body, encoding);
    return {
      type: type.value,
      filename: parameterText(disposition, "filename") ?? parameterText(type, "name"),
      hash: hash("sha256", equalLines(bytes)),
      text: decodeText(bytes, parameterText(type, "charset")),
    };
  });
  return { subject: head.subject, from: head.from[0]?.address ?? "", leaves };
}

/** As the other side makes them equal: Python's rstrip takes these characters away. */
function equalLines(bytes: Buffer): Buffer {
  return Buffer.from(
    bytes
      .toString("latin1")
      .replaceAll("\r\n", "\n")
      .replace(/[ \t\n\r\v\f]+$/, ""),
    "latin1",
  );
}

/** What differs. Bytes and texts are compared only where the parts are the same, and only as far as CPython knows them. */
function differences(mine: Reading, theirs: Reading): Aspect[] {
  const found = new Set<Aspect>();
  if (theirs.subject !== null && readable(theirs.subject) !== readable(mine.subject ?? "")) found.add("subject");
  if (theirs.from !== mine.from) found.add("sender");
  const types = ({ leaves }: Reading) => leaves.map(({ type }) => type).join();
  if (types(mine) !== types(theirs)) return [...found, "parts"];
  for (const [index, leaf] of theirs.leaves.entries()) {
    const same = mine.leaves[index];
    if (same === undefined) continue;
    if (leaf.hash !== null && leaf.hash !== same.hash) found.add("bytes");
    if (leaf.text !== null && readable(leaf.text) !== readable(same.text ?? "")) found.add("text");
    if (leaf.filename !== null && readable(leaf.filename) !== readable(same.filename ?? "")) found.add("names");
  }
  return [...found];
}

test("corpus: parts, bytes, texts, names, subject and sender agree with CPython's email package", { skip }, (context) => {
  const files = sampleFiles();
  const answers = readWithCpython(files);
  const differing = { parts: [], bytes: [], text: [], names: [], subject: [], sender: [] } as Record<Aspect, string[]>;
  for (const [index, file] of files.entries()) {
    const theirs = Reading.parse(JSON.parse(answers[index] ?? ""));
    for (const aspect of differences(ours(readFileSync(file)), theirs))
      differing[aspect].push(path.relative(corpus, file).split(path.sep).join("/"));
  }
  context.diagnostic(
    `${files.length} messages; ${JSON.stringify(Object.fromEntries(Object.entries(differing).map(([aspect, list]) => [aspect, list.length])))} differ for known reasons`,
  );
  const sorted = (lists: Readonly<Record<string, readonly string[]>>) =>
    Object.fromEntries(Object.entries(lists).map(([aspect, list]) => [aspect, [...list].sort()]));
  assert.deepEqual(
    sorted(differing),
    sorted(Object.fromEntries(Object.entries(KNOWN).map(([aspect, list]) => [aspect, Object.keys(list)]))),
  );
});

test("corpus: no text has a replacement character where CPython's email package reads it without", { skip }, async () => {
  const files = sampleFiles();
  const answers = readWithCpython(files);
  const lost: string[] = [];
  for (const [index, file] of files.entries()) {
    const mime = readFileSync(file);
    const theirs = new Map(Reading.parse(JSON.parse(answers[index] ?? "")).leaves.map(({ hash, text }) => [hash, text]));
    for (const leaf of ours(mime).leaves) {
      const other = theirs.get(leaf.hash);
      if (leaf.type.startsWith("text/") && leaf.text?.includes(REPLACED) && typeof other === "string" && !other.includes(REPLACED))
        lost.push(file);
    }
    // The bodies go another way than the parts: an HTML part may name its charset itself.
    const { html, text } = await parseContent(mime);
    const unread = [...theirs.values()].some((other) => other === null || other.includes(REPLACED));
    if (`${html}${text}`.includes(REPLACED) && !unread) lost.push(file);
  }
  assert.deepEqual(lost, []);
});

/** Letters that are read otherwise than CPython wrote them, or not at all, with the reason. */
const OTHER_LETTERS: Readonly<Record<string, string>> = {
  "mac-roman": "the euro took the place of the currency sign in later versions of the set",
  "mac-cyrillic": "the euro took the place of the currency sign in later versions of the set",
  "mac-greek": "the euro took the place of the currency sign in later versions of the set",
  "euc-kr": "the euro is an addition of 1998 that browsers and Windows do not read there",
  "ks_c_5601-1987": "the euro is an addition of 1998 that browsers and Windows do not read there",
  uhc: "the euro is an addition of 1998 that browsers and Windows do not read there",
  "big5-hkscs": "letters of other alphabets stand elsewhere in the edition of 2004",
  cp950: "letters of other alphabets stand elsewhere in the set of browsers, which has those of Hong Kong",
  big5: "letters of other alphabets stand elsewhere in the set of Windows",
  "iso-2022-jp-1": "JIS X 0212 is not read: no mail program is known that writes it",
  "iso-2022-jp-2": "JIS X 0212, GB 2312 and KS C 5601 inside it are not read: no mail program is known that writes them",
};

test("charsets: a text in every character set that mail comes in is read as CPython wrote it", { skip }, () => {
  const script = path.resolve(import.meta.dirname, "../../test/mime/encode-with-cpython.py");
  const samples = runProgram("python3", [script])
    .trimEnd()
    .split("\n")
    .map((line) => Sample.parse(JSON.parse(line)));
  assert.ok(samples.length > 90);
  const otherwise = samples.filter(
    ({ label, text, bytes }) => !knowsCharset(label) || decodeText(Buffer.from(bytes, "hex"), label) !== text,
  );
  assert.deepEqual(otherwise.map(({ label }) => label).sort(), Object.keys(OTHER_LETTERS).sort());
});
