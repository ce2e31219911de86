/** Deleting what is processed where the mail server does not hand out again what has to be compared first. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import type { Database } from "../../src/database/database.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedMessage, startScriptedImap } from "../servers/scripted-imap.ts";
import { startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { decisionsIn, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, openRigApp, type RigApp, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

const readFrom = "2026-01-01T00:00:00Z";

function uidsOf(set: string): number[] {
  return set.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** A queue's mailbox on a scripted server. */
interface Queue extends AsyncDisposable {
  readonly app: RigApp;
  readonly queue: string;
  /** What the server answers to whoever asks for the content of what it handed out once; undefined: hands it out again. */
  refusal: string | undefined;
  /** It hangs up when it is asked to expunge, and nobody learns whether it did. */
  hangsUp: boolean;
  /** Commands with which content was asked for. */
  readonly asked: readonly string[];
  /** One round in which the mailbox itself has no trouble, so many seconds after the one before. */
  round(secondsLater?: number): Promise<void>;
  /** Somebody else takes all messages out of a folder. */
  empty(folder: string): void;
  /** How many messages lie in each folder. */
  lying(): Readonly<Record<string, number>>;
}

/**
 * Each folder has a message without a Message-ID, which has to be downloaded again to be compared, and `known` others, called `<queue>-<folder>-<uid>`. Once
 * they were read, the server refuses the content of `withheld`: of the first message only, or of all in these folders.
 */
async function queueWith(database: Database, folders: readonly string[], withheld: "first" | readonly string[], known = 2): Promise<Queue> {
  await using opening = new AsyncDisposableStack();
  const queue = rig.newUser();
  const mimeOf = (folder: string, uid: number) =>
    Buffer.from(letter(uid === 1 ? { id: null, subject: `nameless in ${folder}` } : { id: `${queue}-${folder}-${uid}` }));
  const lying = new Map<string, readonly ScriptedMessage[]>(
    folders.map((folder) => [folder, Array.from({ length: known + 1 }, (_, at) => ({ uid: at + 1, mime: mimeOf(folder, at + 1) }))]),
  );
  let open = "";
  const read = new Set<string>();
  const asked: string[] = [];
  const isWithheld = (uids: readonly number[]) => (withheld === "first" ? uids.includes(1) : withheld.includes(open));
  const script = (command: string) => {
    const opens = /^(?:EXAMINE|SELECT) "?([^" ]+)"?/.exec(command)?.[1];
    if (opens !== undefined) {
      open = opens;
      server.inbox.messages = lying.get(open) ?? [];
    }
    if (/^LIST "" "\*"/.test(command)) return `${folders.map((path) => `* LIST () "/" ${path}\r\n`).join("")}OK done`;
    const content = /^UID FETCH (\S+) .*BODY\.PEEK\[\]/.exec(command)?.[1];
    if (content !== undefined) {
      const isAgain = read.has(open);
      read.add(open);
      asked.push(`${open} ${content}`);
      return isAgain && isWithheld(uidsOf(content)) ? all.refusal : undefined;
    }
    const expunged = /^UID EXPUNGE (\S+)/.exec(command)?.[1];
    if (expunged === undefined) return undefined;
    if (all.hangsUp) return { cut: "" };
    const left = server.inbox.messages.filter(({ uid }) => !uidsOf(expunged).includes(uid));
    lying.set(open, left);
    server.inbox.messages = left;
    return "OK done";
  };
  const server = opening.use(await startScriptedImap({ inbox: { uidNext: known + 2 }, script }));
  const mailbox = { outgoing: false, deleteAfterProcessing: true, readFrom };
  const configuration = rig.configurationFor([], {
    incoming: { port: server.port },
    profile: { folders: "personal" },
    queues: [{ name: queue, mailbox }],
  });
  const clock = testClock();
  const app = opening.use(await rig.open(database, configuration, { now: clock.now }));
  const stack = opening.move();
  const all: Queue = {
    app,
    queue,
    refusal: undefined,
    hangsUp: false,
    asked,
    async round(secondsLater = 7200) {
      clock.forward(secondsLater);
      assert.deepEqual((await receive(app, queue)).failures, []);
    },
    empty: (folder) => void lying.set(folder, []),
    lying: () => Object.fromEntries([...lying].map(([folder, messages]) => [folder, messages.length])),
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
  return all;
}

/** What is said of a message, by the number of its decision. */
async function sentencesOf(app: RigApp, decision: number | undefined): Promise<string> {
  const { incoming } = await app.operations.explain(String(decision));
  return incoming.flatMap(({ sentences }) => sentences).join("\n");
}

/** What is said of the message without a Message-ID that lies in the folder. */
async function namelessIn({ app, queue }: Pick<Queue, "app" | "queue">, database: Database, folder: string): Promise<string> {
  const { rows } = await database.query<{ id: number }>(
    `select decision.id from waypost.decision join waypost.location on decision_id = decision.id
     join waypost.mailbox on mailbox.id = location.mailbox_id where address = $1 and stream_id = $2 and message_id is null`,
    [addressOf(queue), folder],
  );
  return sentencesOf(app, rows[0]?.id);
}

onOneDatabaseEach(
  "what has to be compared before it is deleted",
  servers,
  (promise) => {
    for (const [code, trouble] of [
      ["UNAVAILABLE", "mailbox unavailable"],
      ["LIMIT", "limit reached"],
      ["INUSE", "mailbox in use"],
      ["SERVERBUG", "server fault"],
    ] as const)
      promise(
        `a message that is not handed out to be compared (${code}) keeps no other from being deleted in the same round, says why it stays, and makes an alert if that lasts`,
        async (database) => {
          await using all = await queueWith(database, ["INBOX"], "first");
          all.refusal = `NO [${code}] it does not come`;
          await all.round();
          assert.deepEqual([all.lying(), await openCodes(all.app)], [{ INBOX: 1 }, []]);
          const said = await namelessIn(all, database, "INBOX");
          assert.match(
            said,
            /is not deleted\. It could not be compared with the email .*: "it does not come"\. It is asked for again at the first round after/,
          );
          assert.doesNotMatch(said, /asked the mail server to delete/);
          const before = all.asked.length;
          await all.round(60);
          assert.equal(all.asked.length, before, "it is not asked for again within the hour");
          await all.round();
          // No other lies there any more by which it could be told from the folder's trouble.
          const alert = await theAlert(all.app, `deleting: ${trouble}`);
          assert.equal(alert.serverSaid, "it does not come");
          await all.round(60);
          assert.deepEqual(await openCodes(all.app), [`deleting: ${trouble}`], "the alert stays until it is asked for again");
          all.refusal = undefined;
          await all.round();
          assert.deepEqual([all.lying(), await openCodes(all.app)], [{ INBOX: 0 }, []]);
          assert.equal((await decisionsIn(database, all.queue)).length, 3);
        },
      );

    promise(
      "a folder whose content is not handed out at the moment keeps no other folder from being emptied in the same round, and makes an alert if that lasts",
      async (database) => {
        await using all = await queueWith(database, ["INBOX", "A", "B"], ["A"]);
        all.refusal = "NO [UNAVAILABLE] backend of this folder is down";
        await all.round();
        assert.deepEqual([all.lying(), await openCodes(all.app)], [{ INBOX: 0, A: 1, B: 0 }, []]);
        assert.match(await namelessIn(all, database, "A"), /could not be compared .*: "backend of this folder is down"/);
        await all.round();
        const alert = await theAlert(all.app, "deleting: mailbox unavailable");
        assert.match(alert.message, /the folder A /);
        all.refusal = undefined;
        await all.round();
        assert.deepEqual([all.lying(), await openCodes(all.app)], [{ INBOX: 0, A: 0, B: 0 }, []]);
      },
    );

    promise(
      "when more folders than a few are in trouble it is the mailbox's, which makes an alert if it lasts; the others are emptied a round later",
      async (database) => {
        const inTrouble = ["A", "B", "C", "D"];
        await using all = await queueWith(database, ["INBOX", ...inTrouble], inTrouble, 0);
        all.refusal = "NO [UNAVAILABLE] backend is down";
        await all.round();
        assert.deepEqual([all.lying(), await openCodes(all.app)], [{ INBOX: 1, A: 1, B: 1, C: 1, D: 1 }, []]);
        await all.round();
        assert.deepEqual(
          [all.lying(), await openCodes(all.app)],
          [{ INBOX: 0, A: 1, B: 1, C: 1, D: 1 }, ["deleting: mailbox unavailable"]],
        );
        all.refusal = undefined;
        await all.round();
        assert.deepEqual([all.lying(), await openCodes(all.app)], [{ INBOX: 0, A: 0, B: 0, C: 0, D: 0 }, []]);
      },
    );

    promise(
      "what may have been deleted stays known when it is not handed out afterwards, and is told once it is gone",
      async (database) => {
        await using all = await queueWith(database, ["INBOX"], ["INBOX"], 0);
        all.hangsUp = true;
        await all.round();
        all.refusal = "NO [UNAVAILABLE] backend is down";
        await all.round();
        const asked =
          /Waypost asked the mail server to delete it from INBOX, and it is not known to be done: "backend is down"\. It is asked again/;
        assert.match(await namelessIn(all, database, "INBOX"), asked);
        all.empty("INBOX");
        await all.round();
        assert.match(await namelessIn(all, database, "INBOX"), /Waypost asked the mail server to delete it from .* It is gone/);
      },
    );

    for (const [what, all] of [
      ["one message", false],
      ["any message", true],
    ] as const)
      promise(`over POP3 too it makes an alert if a server does not hand out ${what} to be compared, and lasts`, async (database) => {
        const queue = rig.newUser();
        const read = new Set<string>();
        let isWell = false;
        const mime = (name: string | null, subject: string) =>
          `Received: by mail.test; Tue, 24 Nov 2026 00:00:00 +0000\r\n${letter({ id: name === null ? null : `${queue}-${name}`, subject })}`;
        await using server = await startScriptedPop3({
          messages: [
            { uidl: "a", mime: mime(null, "first") },
            { uidl: "b", mime: mime(all ? null : "b", "second") },
            { uidl: "c", mime: mime(all ? null : "c", "third") },
          ],
          script(command) {
            const number = /^RETR (\d+)/.exec(command)?.[1];
            const uidl = number === undefined ? undefined : server.messages[Number(number) - 1]?.uidl;
            if (uidl === undefined) return undefined;
            const isAgain = read.has(uidl);
            read.add(uidl);
            return isAgain && !isWell && (all || uidl === "a") ? "-ERR [SYS/TEMP] try later\r\n" : undefined;
          },
        });
        process.env.WAYPOST_TEST_POP3_PASSWORD = "secret";
        const password = { env: "WAYPOST_TEST_POP3_PASSWORD" };
        const configuration = configurationSchema.parse({
          organizations: [{ name: "CRM", kind: "embedded" }],
          serverProfiles: [
            { name: "pop", incoming: { protocol: "pop3", host: "127.0.0.1", port: server.port, security: "none", timeoutSeconds: 20 } },
          ],
          queues: [{ name: queue, email: addressOf(queue) }],
          mailboxes: [
            { address: addressOf(queue), queue: addressOf(queue), readFrom, deleteAfterProcessing: true, username: "ann", password },
          ],
        });
        const clock = testClock();
        await using app = await openRigApp(database, configuration, { now: clock.now });
        const round = async () => {
          clock.forward(7200);
          assert.deepEqual((await receive(app, queue)).failures, []);
          return server.messages.map(({ uidl }) => uidl).join("");
        };
        assert.deepEqual([await round(), await openCodes(app)], [all ? "abc" : "a", []]);
        assert.deepEqual([await round(), (await openCodes(app)).length], [all ? "abc" : "a", 1]);
        const { rows } = await database.query<{ id: number }>(
          "select decision.id from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1 and message_id is null limit 1",
          [addressOf(queue)],
        );
        assert.match(await sentencesOf(app, rows[0]?.id), /is not deleted\. It could not be compared with the email/);
        isWell = true;
        assert.deepEqual([await round(), await openCodes(app)], ["", []]);
      });
  },
  { engines: ["pglite"] },
);
