import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { after, describe, test } from "node:test";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Failure } from "../model/failure.ts";
import { parseContent } from "./content.ts";
import { ContentReader } from "./content-reader.ts";
import { contentFingerprint } from "./fingerprint.ts";
import { originDigest, originOf, parseHead } from "./head.ts";

const LIMITS = { blockedattachments: "exe", maxuploadfilesize: 100_000, maximumBodyLength: 1_000_000 };
const OPTIONS = { limits: LIMITS, fingerprint: false };

function letter(text: string): Buffer {
  return Buffer.from(`Content-Type: text/plain\r\n\r\n${text}`);
}

/** A message with a text, a file in base64, and one that needs no encoding. */
function withFiles(binary: Buffer, plain: string): Buffer {
  const part = (header: string, body: string) => `--b\r\n${header}\r\n\r\n${body}\r\n`;
  return Buffer.from(
    [
      "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
      part("Content-Type: text/plain", "hello"),
      part("Content-Type: a/b; name=a.bin\r\nContent-Transfer-Encoding: base64", binary.toString("base64")),
      part("Content-Type: text/csv; name=b.csv", plain),
      part("Content-Type: a/b; name=c.exe", "blocked"),
      "--b--\r\n",
    ].join(""),
    "latin1",
  );
}

/** Linear, but seconds of work for the thread: millions of lines that look like delimiters. */
const SLOW = Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\n${"--x\n".repeat(12_000_000)}`);

setFlagsFromString("--expose-gc");
const collectGarbage: () => void = runInNewContext("gc");

/** Milliseconds for which the event loop stood still at most while that was done. What the tests before left behind is collected first, and does not count. */
async function longestTurn(work: () => Promise<void>): Promise<number> {
  collectGarbage();
  const before = process.threadCpuUsage();
  let longest = 0;
  let [wall, cpu] = [performance.now(), 0];
  const ticks = setInterval(() => {
    // A timer is late too when other programs have the processor: what counts is the time of this very thread.
    const { user, system } = process.threadCpuUsage(before);
    const [wallNow, cpuNow] = [performance.now(), (user + system) / 1000];
    longest = Math.max(longest, Math.min(wallNow - wall, cpuNow - cpu));
    [wall, cpu] = [wallNow, cpuNow];
  }, 1);
  await work();
  clearInterval(ticks);
  return longest;
}

const texts = (results: readonly { storable: { content: { text: string | null } } }[]) => results.map((one) => one.storable.content.text);

describe("the reader of contents", () => {
  const reader = new ContentReader();
  after(() => reader.close());

  test("tells whose message the content is, unless its header is written as the head was with which it is asked", async () => {
    const mime = (from: string) => Buffer.from(`Message-ID: <one@example.test>\r\nFrom: ${from}\r\n\r\nhello`);
    const asked = async (from: string, digest: string | undefined) =>
      (await reader.read(mime(from), { ...OPTIONS, originDigest: digest })).origin;
    const digest = originDigest(mime("ann@example.test"));
    assert.equal(await asked("ann@example.test", digest), null);
    assert.deepEqual(await asked("eve@example.test", digest), originOf(mime("eve@example.test")));
    assert.deepEqual(await asked("ann@example.test", undefined), originOf(mime("ann@example.test")));
  });

  test("tells what is new in an answer, in the plain text or in that of the HTML where there is no other", async () => {
    const asked = async (mime: string) => (await reader.read(Buffer.from(mime), OPTIONS)).reply;
    assert.equal(await asked("Subject: x\r\n\r\nYes.\r\n\r\nOn 3 May 2024, Ann wrote:\r\n> Shall we?\r\n"), "Yes.");
    const html = "<p>Yes.</p><div>On 3 May 2024, Ann wrote:</div><blockquote>Shall we?</blockquote>";
    assert.equal(await asked(`Content-Type: text/html\r\n\r\n${html}`), "Yes.");
    assert.equal(await asked(`Content-Type: text/html\r\n\r\n<p>Hello</p>`), null);
    assert.equal(await asked(`Content-Type: text/html\r\n\r\n${html}${"<br>".repeat(20_000)}`), null);
  });

  test("reads in its thread exactly what is read without one, with the hash of each attachment", async () => {
    for (const size of [10, 5_000, 3_000_000]) {
      const binary = randomBytes(size);
      const mime = withFiles(binary, "a;b\r\n".repeat(1 + size / 1000));
      const here = await parseContent(Buffer.from(mime));
      const { storable, fingerprint } = await reader.read(Buffer.from(mime), { limits: LIMITS, fingerprint: true });
      const wanted = here.attachments.slice(0, 2);
      assert.deepEqual(
        storable.content.attachments.map(({ hash: _, ...one }) => one),
        wanted,
      );
      assert.deepEqual(
        storable.content.attachments.map((one) => one.hash),
        wanted.map(({ body }) => createHash("sha256").update(body).digest("hex")),
      );
      assert.deepEqual(
        storable.dropped.map((one) => one.filename),
        ["c.exe"],
      );
      assert.equal(fingerprint, contentFingerprint(here));
    }
  });

  test("answers many at once, each in its place", async () => {
    const results = await Promise.all(Array.from({ length: 300 }, (_, number) => reader.read(letter(`${number}`), OPTIONS)));
    assert.deepEqual(
      texts(results),
      Array.from({ length: 300 }, (_, number) => `${number}`),
    );
  });

  test("hands out the messages attached to one, each with its head and alone in its memory", async () => {
    const original = (id: string) => `Message-ID: <${id}@example.test>\r\nSubject: ${id}\r\n\r\n${id}`;
    const part = (encoding: string, body: string) =>
      `--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: ${encoding}\r\n\r\n${body}\r\n`;
    const forward = () =>
      Buffer.from(
        `Content-Type: multipart/mixed; boundary=b\r\n\r\n${part("7bit", original("one"))}${part("base64", Buffer.from(original("two")).toString("base64"))}--b--`,
      );
    const facts = {
      ref: { stream: "INBOX", id: "1.7" },
      folders: ["INBOX"],
      received: new Date("2026-03-02T10:00:00Z"),
      size: 0,
      flags: ["\\Seen"],
      providerId: null,
    };
    const { heads, isCut } = await reader.headsOfAttached(forward(), facts);
    const expected = ["one", "two"].map((id, index) =>
      parseHead(Buffer.from(original(id)), { ...facts, ref: { stream: "INBOX", id: `1.7 ${index + 1}/2` }, size: original(id).length }),
    );
    assert.deepEqual([heads, isCut], [expected, false]);
    const { of, messages } = await reader.attached(forward(), [2, 1, 3]);
    assert.deepEqual(
      [of, [...messages].map(([number, bytes]) => [number, bytes.toString()])],
      [
        2,
        [
          [2, original("two")],
          [1, original("one")],
        ],
      ],
    );
    for (const bytes of messages.values()) assert.equal(bytes.buffer.byteLength, bytes.length);
    assert.deepEqual(await reader.attached(Buffer.from("Subject: none\r\n\r\n"), [1]), { of: 0, messages: new Map() });
  });

  test("a forward of sixty megabytes holds the event loop no longer than it takes to hand it over", async () => {
    await reader.read(letter("warm"), OPTIONS);
    const inner = `From: bob@example.test\r\n\r\n${"words of the original\r\n".repeat(1_900_000)}`;
    const forward = () =>
      Buffer.from(
        `Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: message/rfc822\r\nContent-Transfer-Encoding: base64\r\n\r\n${Buffer.from(inner).toString("base64")}\r\n--b--`,
      );
    const [toList, toTake] = [forward(), forward()];
    const facts = { ref: { stream: "s", id: "1" }, folders: [], received: new Date(0), size: 0, flags: [], providerId: null };
    const longest = await longestTurn(async () => {
      const { heads } = await reader.headsOfAttached(toList, facts);
      assert.deepEqual(
        heads.map(({ size }) => size),
        [inner.length],
      );
      const { messages } = await reader.attached(toTake, [1]);
      assert.equal(messages.get(1)?.length, inner.length);
    });
    // Opened here it takes some hundred.
    assert.ok(longest < 20, `The event loop stood still for ${longest} ms.`);
  });

  test("thirty megabytes of text hold the event loop no longer than it takes to hand them over", async () => {
    await reader.read(letter("warm"), OPTIONS);
    const large = Buffer.from(
      `Content-Type: text/plain\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n${"=41=42 words\r\n".repeat(2_200_000)}`,
    );
    let length: number | undefined;
    const longest = await longestTurn(async () => {
      length = (await reader.read(large, OPTIONS)).storable.content.text?.length;
    });
    assert.equal(length, LIMITS.maximumBodyLength);
    // Parsed here it takes a second.
    assert.ok(longest < 150, `The event loop stood still for ${longest} ms.`);
  });
});

test("a message that takes too long fails alone: those before and behind it are read", async () => {
  const reader = new ContentReader({ deadline: 1500 });
  await reader.read(letter("warm"), OPTIONS);
  const hostile = reader.read(Buffer.from(SLOW), OPTIONS);
  const others = ["a", "b", "c"].map((text) => reader.read(letter(text), OPTIONS));
  await assert.rejects(
    hostile,
    (error) => error instanceof Error && !(error instanceof Failure) && /more than 1.5 seconds/.test(error.message),
  );
  assert.deepEqual(texts(await Promise.all(others)), ["a", "b", "c"]);
  await reader.close();
});

test("a message that needs more memory than the thread has fails alone", async () => {
  const reader = new ContentReader({ heapMegabytes: 24 });
  await reader.read(letter("warm"), OPTIONS);
  const before = reader.read(letter("a"), OPTIONS);
  const parameters = Array.from({ length: 450 }, (_, index) => `;p${index}=v${index}`).join("");
  const large = reader.read(
    Buffer.from(`Content-Type: multipart/mixed; boundary=b\r\n\r\n${`--b\r\nContent-Type: a/b${parameters}\r\n\r\n\r\n`.repeat(900)}--b--`),
    OPTIONS,
  );
  const behind = ["b", "c"].map((text) => reader.read(letter(text), OPTIONS));
  await assert.rejects(large, (error) => error instanceof Error && !(error instanceof Failure));
  assert.deepEqual(texts(await Promise.all([before, ...behind])), ["a", "b", "c"]);
  await reader.close();
});

test("nothing is read after the end, and what is in work is rejected as nobody's fault", async () => {
  const reader = new ContentReader();
  const unfinished = reader.read(Buffer.from(SLOW), OPTIONS);
  await reader.close();
  const isStopping = (error: unknown) => error instanceof Failure && error.scope === "process" && error.code === "stopping";
  await assert.rejects(unfinished, isStopping);
  await assert.rejects(reader.read(letter("a"), OPTIONS), isStopping);
});
