/** A server that refuses for a reason of the moment (RFC 5530: UNAVAILABLE, LIMIT, INUSE): whether that is about one message, or about the server. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MOST_REFUSED } from "../../src/connectors/imap/rows.ts";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor, MessageHead, MessageRef } from "../../src/model/message.ts";
import type { MailSource } from "../../src/ports.ts";
import { type ScriptedImap, type ScriptedImapOptions, type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

async function withServer(options: ScriptedImapOptions, work: (source: MailSource, server: ScriptedImap) => Promise<void>): Promise<void> {
  await using server = await startScriptedImap(options);
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  await work(system.source(access("ann")), server);
}

const upTo = (last: number, first = 1): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index);
const some = (uids: readonly number[]): ScriptedMessage[] => uids.map((uid) => ({ uid, mime: message(`m${uid}`) }));

/** What a FETCH asks for. */
const PARTS = { heads: /HEADER/, contents: /BODY\.PEEK\[\]/ } as const;

/** The UIDs that a FETCH of that part asks for; none of any other command. */
function askedFor(command: string, part: RegExp): number[] {
  const set = part.test(command) ? /^UID FETCH ([\d,:]+) /.exec(command)?.[1] : undefined;
  return (set?.split(",") ?? []).flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return upTo(last, first);
  });
}

async function page(source: MailSource, cursor: Cursor | null = null) {
  const pull = await source.pull("INBOX", cursor, { limit: 500, since: new Date("2001-01-01") });
  if (pull.kind === "reset") throw new Error(`unexpected reset: ${pull.reason}`);
  return pull;
}

const uidOf = ({ id }: MessageRef) => Number(id.split(".")[1]);
const numbers = (heads: readonly MessageHead[]) => heads.map(({ ref }) => uidOf(ref));

/** The numbers of the messages whose content comes, and what came after them. */
async function contentsOf(
  source: MailSource,
  refs: readonly MessageRef[],
): Promise<{ readonly read: number[]; readonly failure: Failure | null }> {
  const read: number[] = [];
  try {
    for await (const content of source.content(refs, { maximumSize: 1_000_000 }))
      if (content.kind === "mime") read.push(uidOf(content.ref));
    return { read: read.sort((a, b) => a - b), failure: null };
  } catch (failure) {
    assert.ok(failure instanceof Failure);
    return { read: read.sort((a, b) => a - b), failure };
  }
}

const refsOf = (uids: readonly number[]): MessageRef[] => uids.map((uid) => ({ stream: "INBOX", id: `7.${uid}` }));

for (const [code, trouble] of [
  ["UNAVAILABLE", "mailbox unavailable"],
  ["LIMIT", "limit reached"],
  ["INUSE", "mailbox in use"],
] as const) {
  const refusing = (part: RegExp, bad: readonly number[]) => (command: string) =>
    askedFor(command, part).some((uid) => bad.includes(uid)) ? `NO [${code}] it does not come` : undefined;

  for (const [which, bad] of [
    ["one message", [2]],
    ...(code === "UNAVAILABLE" ? ([["six messages side by side, the first of the folder", [1, 2, 3, 4, 5, 6]]] as const) : []),
  ] as const) {
    const good = upTo(10).filter((uid) => !bad.some((one) => one === uid));

    test(`${which} whose header is refused with ${code} each time: all heads come, and theirs tell the server's words`, async () => {
      await withServer({ script: refusing(PARTS.heads, bad), inbox: { uidNext: 11, messages: some(upTo(10)) } }, async (source) => {
        const { heads } = await page(source);
        assert.deepEqual(numbers(heads), upTo(10));
        assert.deepEqual(numbers(heads.filter((head) => head.unreadable === undefined)), good);
        for (const head of heads.filter(({ ref }) => bad.some((uid) => uid === uidOf(ref)))) {
          assert.equal(head.unreadable, "it does not come");
          assert.ok(head.size > 0 && head.receivedFrom === undefined, "what the server tells of it is told");
        }
        const named = await source.heads(refsOf(upTo(10)));
        assert.deepEqual(numbers(named.filter((head) => head.unreadable === undefined)), good, "heads that are asked for by name");
      });
    });

    test(`${which} whose content is refused with ${code} each time: all others come, and it is told with the server's words`, async () => {
      await withServer({ script: refusing(PARTS.contents, bad), inbox: { uidNext: 11, messages: some(upTo(10)) } }, async (source) => {
        for (const wanted of [upTo(10), [...bad]]) {
          const { read, failure } = await contentsOf(source, refsOf(wanted));
          assert.deepEqual(
            read,
            wanted.filter((uid) => good.includes(uid)),
          );
          assert.deepEqual([failure?.code, failure?.scope, failure?.serverSaid], ["message unreadable", "item", "it does not come"]);
        }
      });
    });
  }

  for (const [what, part] of Object.entries(PARTS))
    test(`a server that refuses all ${what} with ${code} is in trouble itself, and is left alone after a handful of questions, however many messages are wanted`, async () => {
      let isAway = false;
      const script = (command: string) => (isAway && askedFor(command, part).length > 0 ? `NO [${code}] not now` : undefined);
      await withServer({ script, inbox: { uidNext: 101, messages: some(upTo(100)) } }, async (source, { heard, inbox }) => {
        const { cursor } = await page(source);
        for (const fresh of [[101], upTo(300, 101)]) {
          inbox.messages = some([...upTo(100), ...fresh]);
          inbox.uidNext = 101 + fresh.length;
          const from = heard.length;
          isAway = true;
          const failure = await (what === "heads"
            ? page(source, cursor).then(
                () => null,
                (error: unknown) => error,
              )
            : contentsOf(source, refsOf(fresh)).then(({ failure: thrown }) => thrown));
          isAway = false;
          assert.ok(failure instanceof Failure);
          assert.deepEqual([failure.code, failure.scope, failure.ofFolder?.scope], [trouble, "mailbox", "folder"]);
          const refused = heard.slice(from).filter((command) => askedFor(command, part).length > 0);
          // As many in a row as are trusted, three others, and the one by which the folder is recognized.
          assert.ok(refused.length <= MOST_REFUSED + 3 + (what === "heads" ? 1 : 0), `asked ${refused.length} times`);
          const { heads } = await page(source, cursor);
          assert.deepEqual(
            [numbers(heads), heads.filter((head) => head.unreadable !== undefined)],
            [fresh, []],
            "all of it comes afterwards",
          );
        }
      });
    });
}

for (const [what, part] of Object.entries(PARTS))
  test(`no message is blamed by a server that is away for some of five questions about ${what}, whichever these are`, async () => {
    let answers: boolean[] = [];
    const script = (command: string) =>
      askedFor(command, part).length > 0 && answers.shift() === false ? "NO [UNAVAILABLE] not now" : undefined;
    const wanted = refsOf([1, 2]);
    await withServer({ script, inbox: { uidNext: 3, messages: some([1, 2]) } }, async (source) => {
      for (let pattern = 0; pattern < 32; pattern++) {
        answers = upTo(4, 0).map((bit) => (pattern & (1 << bit)) === 0);
        const said = answers.map((isWell) => (isWell ? "handed out" : "refused")).join(", ");
        if (what === "heads") {
          const heads = await source.heads(wanted).catch(assertTrouble);
          for (const head of heads) assert.equal(head.unreadable, undefined, said);
          if (heads.length > 0) assert.equal(heads.length, 2, said);
        } else {
          const { read, failure } = await contentsOf(source, wanted);
          if (failure === null) assert.deepEqual(read, [1, 2], said);
          else assertTrouble(failure);
        }
      }
    });
  });

test("a message is to blame only if it is refused after another one was handed out, a moment later, and after another one again", async () => {
  const script = (command: string) => (askedFor(command, PARTS.contents).includes(2) ? "NO [UNAVAILABLE] it does not come" : undefined);
  await withServer({ script, inbox: { uidNext: 4, messages: some([1, 2, 3]) } }, async (source, { heard }) => {
    assert.equal((await contentsOf(source, refsOf([1, 2, 3]))).failure?.code, "message unreadable");
    assert.deepEqual(
      heard.map((command) => askedFor(command, PARTS.contents)).filter((uids) => uids.length > 0),
      [[1, 2, 3], [1], [2], [3], [3], [2], [2], [3], [2]],
    );
  });
});

test("a message that comes when it is asked for again a moment later is handed out", async () => {
  let refusals = 0;
  const script = (command: string) =>
    askedFor(command, PARTS.contents).includes(2) && ++refusals <= 3 ? "NO [LIMIT] slow down" : undefined;
  await withServer({ script, inbox: { uidNext: 4, messages: some([1, 2, 3]) } }, async (source) => {
    assert.deepEqual(await contentsOf(source, refsOf([1, 2, 3])), { read: [1, 2, 3], failure: null });
    assert.equal(refusals, 4);
  });
});

test("while a server refuses for a reason of the moment, nobody is told that a message is not there", async () => {
  const script = (command: string) => (askedFor(command, PARTS.heads).length > 0 ? "NO [UNAVAILABLE] not now" : undefined);
  await withServer({ script, inbox: { uidNext: 2, messages: some([1]) } }, async (source) => {
    await assert.rejects(source.find("INBOX", "m1@example.test"), { code: "mailbox unavailable" });
  });
});

function assertTrouble(error: unknown): [] {
  assert.ok(error instanceof Failure);
  assert.equal(error.code, "mailbox unavailable");
  return [];
}
