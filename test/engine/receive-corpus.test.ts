import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { isDeepStrictEqual } from "node:util";
import { type ParsedMail, simpleParser } from "mailparser";
import type { Database } from "../../src/database/database.ts";
import { parseContent } from "../../src/mime/content.ts";
import { REASON } from "../../src/model/decision.ts";
import { onBothEngines } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { OVER_DYNAMICS } from "./over-web-api.ts";
import { type EngineRig, engineRig, receive } from "./rig.ts";

const CORPUS = path.resolve(import.meta.dirname, "../../../shared/corpus");
const skip = missingServers(["dovecot"]) || (existsSync(CORPUS) ? false : `The sample messages are not there: ${CORPUS}`);

/** Share of the messages with attachments in which mailparser finds the same ones; src/mime/corpus.test.ts names those that differ, and why. */
const AGREEMENT = 0.8;

let rig: EngineRig;
before(async () => {
  if (!skip) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

onBothEngines(
  "every sample message becomes one email with its bodies and attachments as sent, or a decision that says why not; a second round does nothing",
  async (database, context) => {
    if (skip) return context.skip(skip);
    const user = rig.newUser();
    const files = globSync("{mime,dsn}/**", { cwd: CORPUS, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => path.join(entry.parentPath, entry.name));
    const uids = await rig.dovecot.append(user, "INBOX", ...files.map((file) => readFileSync(file)));
    await using app = await rig.open(
      database,
      rig.configurationFor([{ name: user, mailbox: { readFrom: "2000-01-01T00:00:00Z" } }], {
        settings: { blockedattachments: "", maxuploadfilesize: 131_072 },
      }),
    );

    const { counts, failures } = await receive(app);
    assert.deepEqual(failures, []);
    assert.equal(counts.quarantined, 0);
    assert.equal(counts.tracked + counts.skipped + counts.duplicate, counts.received);
    const decided = await decisionsByUid(database);
    assert.deepEqual([...decided.keys()].sort(ascending), uids.toSorted(ascending), "each message has a decision");
    for (const one of decided.values()) {
      if (one.outcome === "skipped") assert.equal(one.reason, REASON.invalidSender, one.because);
      else assert.ok(one.emailId, one.because);
    }

    const sources = await rawMessages(user);
    const byEmail = Map.groupBy(decided, ([, { emailId }]) => emailId);
    byEmail.delete(null);
    let compared = 0;
    let alike = 0;
    for (const [emailId, copies] of byEmail) {
      const email = await app.crm.readEmail(emailId ?? "");
      assert.ok(email, "its email is there");
      const stored = readingOf(email, email.attachments);
      const readings = await Promise.all(copies.map(([uid]) => sourceReading(sources.get(uid) ?? Buffer.alloc(0))));
      // Messages with the same id, sender, date and subject are one, whatever the sample's author changed in the text.
      const own = readings.find((one) => isDeepStrictEqual(one.reading, stored));
      assert.ok(own, `the email ${emailId} is as the message ${copies.map(([uid]) => files[uids.indexOf(uid)]).join(" or ")}`);
      if (own.theirs === null) continue;
      compared++;
      if (own.theirs === stored.attachments) alike++;
    }
    context.diagnostic(
      `${uids.length} messages: ${byEmail.size} emails, ${counts.skipped} without a usable sender, ${uids.length - counts.received} with the head of another; ` +
        `mailparser finds the same attachments in ${alike} of ${compared}`,
    );
    assert.ok(alike / compared >= AGREEMENT);

    const emails = await count(database, "crm.email");
    assert.equal(emails, byEmail.size, "and no other");
    const again = await receive(app);
    assert.deepEqual(
      Object.values(again.counts),
      Object.values(counts).map(() => 0),
    );
    assert.equal(await count(database, "crm.email"), emails);
  },
);

interface Reading {
  readonly html: string | null;
  readonly text: string | null;
  /** Hashes of the bytes. */
  readonly attachments: string;
}

/** What XML cannot hold, and so no text in Dynamics: control characters but tabulator and line ends (XML 1.0, 2.2). */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are the ones.
const NOT_IN_XML = /[\u0001-\u0008\u000b\u000c\u000e-\u001f]/g;

function readingOf({ html, text }: Pick<Reading, "html" | "text">, attachments: readonly { readonly hash: string }[]): Reading {
  // Dynamics has one body.
  const kept = OVER_DYNAMICS && html !== null ? null : text;
  return { html, text: kept, attachments: hashList(attachments.map((one) => one.hash)) };
}

/** How our own reader reads a message, and which attachments mailparser finds: null where there are none, or messages that it takes apart. */
async function sourceReading(mime: Buffer): Promise<{ readonly reading: Reading; readonly theirs: string | null }> {
  const content = await parseContent(mime);
  const kept = (body: string | null) => (OVER_DYNAMICS ? (body?.replace(NOT_IN_XML, "\uFFFD") ?? null) : body);
  const reading = readingOf(
    { html: kept(content.html), text: kept(content.text) },
    content.attachments.map((one) => ({ hash: sha256(one.body) })),
  );
  const nested = content.attachments.some((one) => one.mimetype.startsWith("message/"));
  if (content.attachments.length === 0 || nested) return { reading, theirs: null };
  const { attachments } = await mailparser(mime);
  return { reading, theirs: hashList(attachments.map((one) => sha256(one.content))) };
}

/** Its types say that it returns no promise; without a callback it does. */
function mailparser(mime: Buffer): Promise<ParsedMail> {
  return Promise.resolve(simpleParser(mime, { skipHtmlToText: true, skipTextToHtml: true, skipTextLinks: true }));
}

function hashList(hashes: readonly string[]): string {
  return hashes.toSorted().join(" ");
}

interface Answer {
  readonly outcome: string;
  readonly reason: number;
  readonly emailId: string | null;
  readonly because: string;
}

async function decisionsByUid(database: Database): Promise<Map<number, Answer>> {
  const { rows } = await database.query<Answer & { uid: number }>(
    `select split_part(ref_id, '.', 2)::int as uid, outcome, reason, email_id as "emailId", waypost.whole_rules(rules) -> -1 ->> 'because' as because
     from waypost.location join waypost.decision on decision.id = location.decision_id`,
  );
  return new Map(rows.map(({ uid, ...answer }) => [uid, answer]));
}

/** The messages as the server hands them out, by UID. */
function rawMessages(user: string): Promise<Map<number, Buffer>> {
  return rig.dovecot.withImap(user, async (client) => {
    await client.mailboxOpen("INBOX", { readOnly: true });
    const rows = await client.fetchAll("1:*", { uid: true, source: true });
    return new Map(rows.flatMap((row) => (row.source ? [[row.uid, row.source] as const] : [])));
  });
}

async function count(database: Database, table: "crm.email"): Promise<number> {
  const { rows } = await database.query<{ rows: number }>(`select count(*) as rows from ${table}`);
  return rows[0]?.rows ?? 0;
}

function sha256(body: Buffer): string {
  return createHash("sha256").update(body).digest("hex");
}

function ascending(one: number, other: number): number {
  return one - other;
}
