/** What an IMAP server may answer when it is asked to delete, and what is told of each message then: a server with a script, and folders of a real one. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Applied, MailSource } from "../../src/ports.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedImap, type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith, startImapServer } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

/** What an answer to a command that changes messages is: of some of the UIDs the server does what was asked. */
interface Answer {
  readonly done: readonly number[];
  readonly say: string | { readonly cut: string };
}

/** A server that marks and expunges as `answers` say, otherwise honestly, with the UIDs 1 to `count` in its inbox. */
async function withServer(
  count: number,
  answers: {
    readonly store?: (uids: readonly number[]) => Answer | undefined;
    readonly expunge?: (uids: readonly number[]) => Answer | undefined;
  },
  work: (source: MailSource, server: ScriptedImap) => Promise<void>,
  options: ScriptedImapOptions = {},
): Promise<void> {
  const marked = new Set<number>();
  const script = (command: string) => {
    const [, verb, set = ""] = /^UID (STORE|EXPUNGE) (\S+)/.exec(command) ?? [];
    if (verb === undefined) return options.script?.(command, "");
    const uids = uidsOf(set);
    const { done, say } = (verb === "STORE" ? answers.store : answers.expunge)?.(uids) ?? { done: uids, say: "OK done" };
    if (verb === "STORE") for (const uid of done) marked.add(uid);
    else server.inbox.messages = server.inbox.messages.filter(({ uid }) => !(marked.has(uid) && done.includes(uid)));
    return say;
  };
  const messages = Array.from({ length: count }, (_, index) => ({ uid: index + 1, mime: message(`m${index + 1}`) }));
  await using server = await startScriptedImap({ ...options, script, inbox: { uidNext: count + 1, messages } });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  await work(system.source(access("ann")), server);
}

function uidsOf(set: string): number[] {
  return set.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

const refs = (...uids: readonly number[]) => uids.map((uid) => ({ stream: "INBOX", id: `7.${uid}` }));
const numbersTo = (count: number) => Array.from({ length: count }, (_, index) => index + 1);
const lying = ({ inbox }: ScriptedImap) => inbox.messages.map(({ uid }) => uid);
const asked = ({ heard }: ScriptedImap) => heard.filter((command) => /^UID (STORE|EXPUNGE)/.test(command)).length;
const told = ({ changed, gone, undone }: Applied) => ({
  changed: changed.map(({ id }) => id),
  gone: gone.map(({ id }) => id),
  undone: undone.map(({ ref, failure: { code, serverSaid } }) => [ref.id, code, serverSaid]),
});

test("one of many that may not be marked keeps no other from being deleted, and the server's words are told of it", async () => {
  const store = (uids: readonly number[]) => (uids.includes(3) ? { done: [], say: "NO message is held" } : undefined);
  await withServer(5, { store }, async (source, server) => {
    assert.deepEqual(told(await source.apply(refs(1, 2, 3, 4, 5), "delete")), {
      changed: ["7.1", "7.2", "7.4", "7.5"],
      gone: [],
      undone: [["7.3", "folder unreadable", "message is held"]],
    });
    assert.deepEqual(lying(server), [3]);
  });
});

test("one of many that may not be expunged keeps no other from being deleted, whether the server takes all back or only that one", async () => {
  for (const partly of [true, false]) {
    const expunge = (uids: readonly number[]) =>
      uids.includes(3) ? { done: partly ? uids.filter((uid) => uid !== 3) : [], say: "NO message is held" } : undefined;
    await withServer(5, { expunge }, async (source, server) => {
      const { changed, undone } = told(await source.apply(refs(1, 2, 3, 4, 5), "delete"));
      assert.deepEqual(changed, ["7.1", "7.2", "7.4", "7.5"]);
      assert.deepEqual(undone, [["7.3", "folder unreadable", "message is held"]]);
      assert.deepEqual(lying(server), [3]);
    });
  }
});

test("what the server passes over without a refusal is not called deleted", async () => {
  for (const verb of ["store", "expunge"] as const) {
    const answer = (uids: readonly number[]) => ({ done: uids.filter((uid) => uid !== 2), say: "OK done" });
    await withServer(3, { [verb]: answer }, async (source, server) => {
      const { changed, undone } = told(await source.apply(refs(1, 2, 3), "delete"));
      assert.deepEqual([changed, undone], [["7.1", "7.3"], [["7.2", "message not deleted", undefined]]]);
      assert.deepEqual(lying(server), [2]);
    });
  }
});

test("a folder in which nobody may delete is asked once, however many messages it holds; one that says nothing of the kind, for each once", async () => {
  const refusing = (say: string) => ({ store: () => ({ done: [], say }) });
  await withServer(200, refusing("NO [NOPERM] not here"), async (source, server) => {
    const { undone } = await source.apply(refs(...numbersTo(200)), "delete");
    assert.deepEqual([undone.length, undone[199]?.failure.code, undone[199]?.failure.serverSaid], [200, "no right", "not here"]);
    assert.equal(asked(server), 1);
  });
  await withServer(200, refusing("NO not now"), async (source, server) => {
    const { undone } = await source.apply(refs(...numbersTo(200)), "delete");
    assert.deepEqual([undone.length, undone[199]?.failure.serverSaid], [200, "not now"]);
    assert.equal(asked(server), 201);
  });
  const script = (command: string) =>
    command.startsWith("SELECT") ? "* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\nOK [READ-ONLY] done" : undefined;
  await withServer(
    3,
    refusing("NO folder is read-only"),
    async (source, server) => {
      const { undone } = told(await source.apply(refs(1, 2, 3), "delete"));
      assert.deepEqual(
        undone,
        ["7.1", "7.2", "7.3"].map((id) => [id, "folder unreadable", "folder is read-only"]),
      );
      assert.equal(asked(server), 1);
    },
    { script },
  );
});

test("where one letter stands for the rights to mark and to expunge (RFC 2086), a refusal is not called a lack of them", async () => {
  const script = (command: string) => (command.startsWith("MYRIGHTS") ? "* MYRIGHTS INBOX lrswipcda\r\nOK done" : undefined);
  const store = () => ({ done: [], say: "NO message is held" });
  for (const [capability, code] of [
    ["ACL", "folder unreadable"],
    ["ACL RIGHTS=texk", "no right"],
  ] as const)
    await withServer(
      1,
      { store },
      async (source) => {
        assert.deepEqual(told(await source.apply(refs(1), "delete")).undone, [["7.1", code, "message is held"]]);
      },
      { script, capabilities: ["UIDPLUS", capability] },
    );
});

test("trouble of the server or of the connection, which may be about one of the messages, is told of each: asked for apart others may go", async () => {
  for (const verb of ["store", "expunge"] as const)
    for (const [say, code] of [
      ["NO [UNAVAILABLE] later", "mailbox unavailable"],
      ["NO [INUSE] locked", "mailbox in use"],
      ["NO [LIMIT] too many", "limit reached"],
      ["NO [OVERQUOTA] full", "mailbox full"],
      [{ cut: "* BYE going down\r\n" }, "server closing"],
      [{ cut: "" }, "connection lost"],
    ] as const)
      await withServer(2, { [verb]: () => ({ done: [], say }) }, async (source, server) => {
        const { changed, gone, undone } = await source.apply(refs(1, 2), "delete");
        assert.deepEqual([changed, gone, lying(server)], [[], [], [1, 2]]);
        assert.deepEqual(
          undone.map(({ ref, failure, apart }) => [ref, failure.code, apart]),
          refs(1, 2).map((ref) => [ref, code, true]),
        );
      });
});

test("what was deleted before trouble came is told as deleted, and of the rest why it was not, whatever the trouble is", async () => {
  for (const [say, code] of [
    ["NO [UNAVAILABLE] later", "mailbox unavailable"],
    [{ cut: "* BYE going down\r\n" }, "server closing"],
    [{ cut: "" }, "connection lost"],
  ] as const) {
    const store = (uids: readonly number[]) =>
      uids.includes(3) ? { done: [], say: uids.length > 1 ? "NO message is held" : say } : undefined;
    await withServer(4, { store }, async (source, server) => {
      const { changed, gone, undone } = await source.apply(refs(1, 2, 3, 4), "delete");
      assert.deepEqual([changed, gone, lying(server)], [refs(1, 2), [], [3, 4]]);
      assert.deepEqual(
        undone.map(({ ref, failure }) => [ref, failure.code]),
        refs(3, 4).map((ref) => [ref, code]),
      );
    });
  }
});

describe("folders of a real server", { skip: missingServers(["dovecot"]) }, () => {
  test("one that left before its messages could be deleted keeps no other from it", async () => {
    await using dovecot = await startImapServer();
    await using system = imapSystem({ profile: profileWith(imapEndpoint(dovecot.ports.imap)) });
    const source = system.source(access("user0"));
    try {
      const found = [];
      for (const folder of ["A-left", "B-empty", "INBOX"]) {
        await dovecot.append("user0", folder, message(folder));
        const pull = await source.pull(folder, null, { limit: 10, since: new Date("2001-01-01") });
        if (pull.kind === "page") found.push(...pull.heads.map(({ ref }) => ref));
      }
      await dovecot.withImap("user0", async (client) => {
        await client.mailboxDelete("A-left");
        await client.mailboxOpen("B-empty");
        await client.messageDelete("1:*");
      });
      const { changed, gone, undone } = await source.apply(found, "delete");
      assert.deepEqual([changed, gone], [found.slice(2), found.slice(1, 2)]);
      assert.deepEqual(
        undone.map(({ ref, failure }) => [ref, failure.code, failure.scope]),
        [[found[0], "folder gone", "folder"]],
      );
      assert.match(undone[0]?.failure.serverSaid ?? "", /doesn't exist/);
    } finally {
      await source.close();
    }
  });
});
