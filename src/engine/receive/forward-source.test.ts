import assert from "node:assert/strict";
import { after, test } from "node:test";
import { ContentReader } from "../../mime/content-reader.ts";
import { parseHead } from "../../mime/head.ts";
import { Failure } from "../../model/failure.ts";
import type { Content, MessageHead, MessageRef } from "../../model/message.ts";
import type { Applied, ListOptions, MailSource, MessageAction, Pull, PullOptions } from "../../ports.ts";
import { ForwardSource } from "./forward-source.ts";

const INBOX = "INBOX";
const ANN = "ann@crm.example";
const RECEIVED = new Date("2025-03-10T09:00:00Z");
const SINCE = new Date("2025-01-01T00:00:00Z");
const OWN = "Received: from mail.crm.example (mail.crm.example [10.0.0.5]) by sink.crm.example with ESMTP; Mon\r\n";

const original = (id: string): string =>
  `From: bob@customer.example\r\nTo: ann@crm.example\r\nSubject: Mill ${id}\r\nMessage-ID: <${id}@customer.example>\r\n\r\nHello ${id}\r\n`;

function forward(...originals: readonly string[]): string {
  const parts = originals.map((one) => `--x\r\nContent-Type: message/rfc822\r\n\r\n${one}\r\n`);
  return `${OWN}From: ${ANN}\r\nTo: sink@crm.example\r\nContent-Type: multipart/mixed; boundary=x\r\n\r\n--x\r\n\r\nsee there\r\n${parts.join("")}--x--\r\n`;
}

/** A mail system that holds these messages and tells as many of them as are asked for in its first page. */
class Sink implements MailSource {
  readonly messages: Map<string, string>;
  gone: readonly MessageRef[] = [];
  readonly asked: string[] = [];
  fails: Failure | null = null;
  /** Messages for which it answers nothing. */
  readonly silentFor = new Set<string>();
  /** Of all messages, in bytes; null: as it is. */
  size: number | null = null;

  constructor(messages: Readonly<Record<string, string>>) {
    this.messages = new Map(Object.entries(messages));
  }
  #head(id: string, mime: string): MessageHead {
    return parseHead(Buffer.from(mime), {
      ref: { stream: INBOX, id },
      folders: [INBOX],
      received: RECEIVED,
      size: this.size ?? mime.length,
      flags: ["\\Seen"],
      providerId: "p",
    });
  }
  async pull(_stream: string, _cursor: string | null, { limit }: PullOptions): Promise<Pull> {
    const heads = [...this.messages].slice(0, limit).map(([id, mime]) => this.#head(id, mime));
    return { kind: "page", heads, gone: this.gone, present: [...this.messages.keys()], cursor: "c", more: false };
  }
  async list(_stream: string, _cursor: string | null, _options: ListOptions) {
    return { covered: [...this.messages.keys()], ahead: 0, older: 0 };
  }
  async *content(refs: readonly MessageRef[], { maximumSize }: { readonly maximumSize: number }): AsyncIterable<Content> {
    if (this.fails !== null) throw this.fails;
    for (const ref of refs) {
      this.asked.push(ref.id);
      if (this.silentFor.has(ref.id)) continue;
      const mime = this.messages.get(ref.id);
      if (mime === undefined) yield { ref, kind: "gone" };
      else if (mime.length > maximumSize) yield { ref, kind: "too large", size: mime.length, limit: maximumSize };
      else yield { ref, kind: "mime", mime: Buffer.from(mime) };
    }
  }
  async heads(refs: readonly MessageRef[]) {
    return refs.flatMap(({ id }) => (this.messages.has(id) ? [this.#head(id, this.messages.get(id) ?? "")] : []));
  }
  async apply(refs: readonly MessageRef[], _action: MessageAction): Promise<Applied> {
    for (const { id } of refs) this.messages.delete(id);
    return { changed: refs, gone: [], undone: [] };
  }
  folders = () => Promise.resolve([]);
  find = () => Promise.resolve([]);
  fileSent = () => Promise.resolve("no folder" as const);
  close = () => Promise.resolve();
}

const reader = new ContentReader();
after(() => reader.close());

type Opens = Pick<ContentReader, "headsOfAttached" | "attached">;

interface Opened {
  readonly sink: Sink;
  readonly source: ForwardSource;
}

function open(
  messages: Readonly<Record<string, string>>,
  { stored = [], maximumSize = 100_000, opens = reader }: { stored?: readonly string[]; maximumSize?: number; opens?: Opens } = {},
): Opened {
  const sink = new Sink(messages);
  const source = new ForwardSource(sink, {
    address: "sink@crm.example",
    reader: opens,
    trust: { authenticationResults: null, forwardingServers: ["10.0.0.5"] },
    maximumSize,
    forwarders: async (addresses) => new Set(addresses.filter((one) => one === ANN)),
    originalsAt: async (_stream, ids) => stored.filter((one) => ids.includes(one.split(" ")[0] ?? "")),
  });
  return { sink, source };
}

async function pulled(source: ForwardSource): Promise<Extract<Pull, { kind: "page" }>> {
  const pull = await source.pull(INBOX, null, { limit: 1000, since: SINCE });
  assert.equal(pull.kind, "page");
  return pull as Extract<Pull, { kind: "page" }>;
}

const refs = (...ids: readonly string[]): MessageRef[] => ids.map((id) => ({ stream: INBOX, id }));
const idsOf = (heads: readonly MessageHead[]): string[] => heads.map(({ ref }) => ref.id);

async function contentsOf(source: ForwardSource, ...ids: readonly string[]): Promise<Record<string, string>> {
  const found: Record<string, string> = {};
  for await (const content of source.content(refs(...ids), { maximumSize: 100_000 })) {
    assert.equal(found[content.ref.id], undefined, "answered once");
    found[content.ref.id] = content.kind === "mime" ? content.mime.toString() : content.kind;
  }
  return found;
}

test("Each original in a forward is a message of its own, received when the forward was, with its own head", async () => {
  const { source } = open({ "1.1": forward(original("a"), original("b")), "1.2": forward(original("c")) });
  const { heads } = await pulled(source);
  assert.deepEqual(
    heads.map(({ ref, subject, received, forwarded, size }) => [
      ref.id,
      subject,
      received,
      forwarded?.kind === "original" && forwarded.forwarder,
      size,
    ]),
    [
      ["1.1 1/2", "Mill a", RECEIVED, ANN, original("a").length],
      ["1.1 2/2", "Mill b", RECEIVED, ANN, original("b").length],
      ["1.2 1/1", "Mill c", RECEIVED, ANN, original("c").length],
    ],
  );
});

test("The content of an original is the original byte for byte, and its forward is downloaded once for all that it holds", async () => {
  const { sink, source } = open({ "1.1": forward(original("a"), original("b")) });
  assert.deepEqual(await contentsOf(source, "1.1 2/2", "1.1 1/2"), { "1.1 2/2": original("b"), "1.1 1/2": original("a") });
  assert.deepEqual(sink.asked, ["1.1"]);
});

test("Bytes that are handed out for good are shared with no other original", async () => {
  const { source } = open({ "1.1": forward(original("a"), original("b")) });
  const buffers = [];
  for await (const content of source.content(refs("1.1 1/2", "1.1 2/2"), { maximumSize: 100_000 }))
    if (content.kind === "mime") buffers.push(content.mime);
  const [first, second] = buffers;
  first?.fill(0);
  assert.equal(second?.toString(), original("b"));
});

test("A message that nobody is proven to have forwarded stays what it is, with the reason", async () => {
  const messages = {
    stranger: forward(original("a")).replace("10.0.0.5", "203.0.113.9"),
    inline: `${OWN}From: ${ANN}\r\n\r\n> Hello\r\n`,
    other: forward(original("a")).replaceAll(ANN, "carl@crm.example"),
    thousand: forward(...Array<string>(1000).fill(original("a"))),
  };
  const { source } = open(messages, { maximumSize: 1_000_000 });
  const { heads } = await pulled(source);
  const reasons = new Map(heads.map(({ ref, forwarded }) => [ref.id, forwarded?.kind === "refused" ? forwarded.because : ""]));
  assert.match(reasons.get("stranger") ?? "", /Nothing proves/);
  assert.match(reasons.get("inline") ?? "", /forwarded inline, and the rule must forward as an attachment/);
  assert.match(reasons.get("other") ?? "", /no mailbox of a user/);
  assert.match(reasons.get("thousand") ?? "", /holds more messages or parts than are read/);
  assert.equal(heads.length, 4);
});

test("A redirected message is the original itself, whole", async () => {
  const redirected = `${OWN}X-Sieve-Redirected-From: ${ANN}\r\nReceived: from x (x [203.0.113.9]) by mail.crm.example\r\n${original("a")}`;
  const { source } = open({ "1.1": redirected });
  const { heads } = await pulled(source);
  assert.deepEqual(
    heads.map(({ ref, messageId, forwarded }) => [ref.id, messageId, forwarded?.kind]),
    [["1.1", "a@customer.example", "original"]],
  );
  assert.deepEqual(await contentsOf(source, "1.1"), { "1.1": redirected });
});

test("What strangers wrote, and what hangs on a redirected message, is not taken apart", async () => {
  const opens: Opens = { headsOfAttached: () => assert.fail("opened"), attached: () => assert.fail("opened") };
  const redirected = `${OWN}X-Sieve-Redirected-From: ${ANN}\r\nReceived: from x (x [203.0.113.9]) by mail.crm.example\r\n${forward(original("a"))}`;
  const { source } = open({ stranger: forward(original("a")).replace("10.0.0.5", "203.0.113.9"), redirected }, { opens });
  const { heads } = await pulled(source);
  assert.deepEqual(
    heads.map(({ ref, forwarded, unreadable }) => [ref.id, forwarded?.kind, unreadable]),
    [
      ["stranger", "refused", undefined],
      ["redirected", "original", undefined],
    ],
  );
});

test("A forward that is too large to be opened, or is not handed out, is told with its reason and not passed over", async () => {
  const large = open({ "1.1": forward(original("a")) }, { maximumSize: 100 });
  const [head] = (await pulled(large.source)).heads;
  assert.equal(head?.forwarded?.kind, "too large");
  assert.match(head?.unreadable ?? "", /100 are allowed/);
  const withheld = open({ "1.1": forward(original("a")) });
  withheld.sink.fails = new Failure({ scope: "item", code: "x", message: "m", serverSaid: "NO damaged", remedy: "", waitingHelps: false });
  assert.deepEqual(
    (await pulled(withheld.source)).heads.map((one) => one.unreadable),
    ["NO damaged"],
  );
});

test("A forward that breaks whoever opens it fails alone, and those behind it are opened", async () => {
  const isBad = (mime: Buffer) => mime.includes("bad");
  const broken = new Error("It took more than 60 seconds.");
  const opens: Opens = {
    headsOfAttached: (mime, facts) => (isBad(mime) ? Promise.reject(broken) : reader.headsOfAttached(mime, facts)),
    attached: (mime, numbers) => (isBad(mime) ? Promise.reject(broken) : reader.attached(mime, numbers)),
  };
  const { source } = open({ "1.1": forward(original("bad")), "1.2": forward(original("c")) }, { opens });
  const { heads } = await pulled(source);
  assert.deepEqual(heads.map(({ ref, unreadable }) => [ref.id, unreadable?.includes("60 seconds")]).sort(), [
    ["1.1", true],
    ["1.2 1/1", undefined],
  ]);
  const answered: string[] = [];
  const take = async () => {
    for await (const { ref } of source.content(refs("1.1 1/1", "1.2 1/1"), { maximumSize: 100_000 })) answered.push(ref.id);
  };
  await assert.rejects(take(), (error) => error instanceof Failure && error.scope === "item" && /60 seconds/.test(error.message));
  assert.deepEqual(answered, ["1.2 1/1"]);
});

test("That Waypost is being stopped is no forward's fault", async () => {
  const stopping = new ContentReader();
  await stopping.close();
  const { source } = open({ "1.1": forward(original("a")) }, { opens: stopping });
  await assert.rejects(pulled(source), (error) => error instanceof Failure && error.code === "stopping");
});

test("Trouble wider than a message is nobody's answer: the page is read again", async () => {
  const { sink, source } = open({ "1.1": forward(original("a")) });
  sink.fails = new Failure({ scope: "mailbox", code: "x", message: "cut", remedy: "", waitingHelps: true });
  await assert.rejects(pulled(source), /cut/);
});

test("Few forwards are downloaded before what they hold is stored, and of large ones fewer, so that a server that cuts connections is read to its end", async () => {
  const many = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`1.${index + 1}`, forward(original(`${index}`))]));
  const downloaded = async (size: number | null) => {
    const { sink, source } = open(many, { maximumSize: 50_000_000 });
    sink.size = size;
    assert.equal((await pulled(source)).heads.length, sink.asked.length);
    return sink.asked.length;
  };
  assert.equal(await downloaded(null), 10);
  assert.equal(await downloaded(10_000_000), 3);
  assert.equal(await downloaded(40_000_000), 1);
  assert.equal(await downloaded(60_000_000), 10, "what is not downloaded counts nothing");
});

test("A message that the server answers nothing for is not passed over: the page is read again", async () => {
  const { sink, source } = open({ "1.1": forward(original("a")), "1.2": forward(original("b")) });
  sink.silentFor.add("1.2");
  await assert.rejects(pulled(source), (error) => error instanceof Failure && error.scope === "folder" && /1\.2/.test(error.message));
  sink.silentFor.clear();
  assert.deepEqual(idsOf((await pulled(source)).heads), ["1.1 1/1", "1.2 1/1"]);
});

test("A forward that left takes all that it held along, stored before or told a moment ago", async () => {
  const { sink, source } = open({ "1.1": forward(original("a"), original("b")) }, { stored: ["1.7 1/3", "1.7 2/3", "1.7 3/3"] });
  await pulled(source);
  sink.gone = refs("1.1", "1.7", "1.9");
  const { gone } = await pulled(source);
  assert.deepEqual(gone.map(({ id }) => id).sort(), ["1.1", "1.1 1/2", "1.1 2/2", "1.7", "1.7 1/3", "1.7 2/3", "1.7 3/3", "1.9"]);
});

test("A listing counts what forwards hold, also what of them was never stored", async () => {
  const { source } = open({ "1.1": "x", "1.2": "y" }, { stored: ["1.2 2/2"] });
  assert.deepEqual((await source.list(INBOX, "c", { since: SINCE, folders: new Set([INBOX]) })).covered, ["1.1", "1.2 1/2", "1.2 2/2"]);
});

test("A single original is looked at again where it lies, and all of a forward by the forward's own ref", async () => {
  const { source } = open({ "1.1": forward(original("a"), original("b")) });
  assert.deepEqual(idsOf(await source.heads(refs("1.1 2/2"))), ["1.1 2/2"]);
  assert.deepEqual(idsOf(await source.heads(refs("1.1"))), ["1.1 1/2", "1.1 2/2"]);
  assert.deepEqual(idsOf(await source.heads(refs("1.1 1/3", "1.5 1/1"))), []);
});

test("A forward that holds something else than before is another message: nothing of it is handed out under the old refs", async () => {
  const { source } = open({ "1.1": forward(original("a")) });
  assert.deepEqual(await contentsOf(source, "1.1 1/2", "1.1 2/2"), { "1.1 1/2": "gone", "1.1 2/2": "gone" });
});

test("A forward is deleted only with all that it holds", async () => {
  const { sink, source } = open({ "1.1": forward(original("a"), original("b")), "1.2": forward(original("c")) });
  const first = await source.apply(refs("1.1 1/2", "1.2 1/1"), "delete");
  assert.deepEqual(
    first.changed.map(({ id }) => id),
    ["1.2 1/1"],
  );
  assert.deepEqual(
    first.undone.map(({ ref, failure }) => [ref.id, failure.waitingHelps]),
    [["1.1 1/2", true]],
  );
  assert.deepEqual([...sink.messages.keys()], ["1.1"]);
  const second = await source.apply(refs("1.1 1/2", "1.1 2/2"), "delete");
  assert.deepEqual(
    second.changed.map(({ id }) => id),
    ["1.1 1/2", "1.1 2/2"],
  );
  assert.deepEqual([...sink.messages.keys()], []);
});

test("What came before the mailbox is read is not downloaded", async () => {
  const { sink, source } = open({ "1.1": forward(original("a")) });
  const pull = await source.pull(INBOX, null, { limit: 10, since: new Date(RECEIVED.getTime() + 1) });
  assert.ok(pull.kind === "page");
  assert.deepEqual(idsOf(pull.heads), ["1.1"]);
  assert.deepEqual(sink.asked, []);
});
