/** A folder that its server does not let be opened, in whatever way it says so, stops neither its mailbox nor the others of the profile. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { imapFailure } from "../../src/connectors/imap/failures.ts";
import type { Database } from "../../src/database/database.ts";
import { imapEndpoint } from "../contract/imap-rig.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedImap, type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { alertHistory, mailboxId } from "./alerts.ts";
import { changeSources } from "./change-sources.ts";
import { decisionsIn, explained, letter } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

const mailbox = { outgoing: false, readFrom: "2026-01-01T00:00:00Z" } as const;

type Answer = ReturnType<NonNullable<ScriptedImapOptions["script"]>>;

/** How a server may answer when it is asked to open a folder, and what the alert then says. */
const TROUBLES = [
  { what: "hangs up", answer: { cut: "" }, code: "connection lost", says: undefined },
  { what: "says goodbye", answer: { cut: "* BYE Internal error, see log\r\n" }, code: "server closing", says: "Internal error, see log" },
  { what: "says INUSE", answer: "NO [INUSE] Timeout for lock", code: "mailbox in use", says: "Timeout for lock" },
  { what: "says UNAVAILABLE", answer: "NO [UNAVAILABLE] backend is down", code: "mailbox unavailable", says: "backend is down" },
  { what: "says LIMIT", answer: "NO [LIMIT] folder too large", code: "limit reached", says: "folder too large" },
  { what: "says SERVERBUG", answer: "NO [SERVERBUG] Internal error", code: "server fault", says: "Internal error" },
] as const;

interface FoldersOptions {
  /** Answers when a folder of the account is opened; undefined: with its one message, `<account>-<folder>`. */
  readonly onOpen: (folder: string) => Answer;
  /** The server tells the counts with the list of folders, so that only who reads them opens them. */
  readonly listsCounts: boolean;
  /** Whose they are; others have an inbox with one message. */
  readonly account: string;
  /** What it says to whoever connects; by default it lets them in. */
  readonly greeting?: () => string;
}

/** A server with the inbox and these folders. */
async function serverWith(folders: readonly string[], { onOpen, listsCounts, account, greeting }: FoldersOptions): Promise<ScriptedImap> {
  let who = account;
  const all = ["INBOX", ...folders];
  const list = all.map((path) => `* LIST () "/" ${path}\r\n`).join("");
  const counts = all.map((path) => `* STATUS ${path} (MESSAGES 1)\r\n`).join("");
  const started = await startScriptedImap({
    get greeting() {
      return greeting?.() ?? "* OK ready";
    },
    capabilities: ["UIDPLUS", "ENABLE", ...(listsCounts ? ["LIST-EXTENDED", "LIST-STATUS"] : [])],
    inbox: { uidNext: 2 },
    script(command) {
      who = /^LOGIN "([^@"]+)/.exec(command)?.[1] ?? who;
      const opens = /^(?:EXAMINE|SELECT) "?([^" ]+)"?/.exec(command)?.[1];
      if (opens !== undefined) {
        started.inbox.messages = [{ uid: 1, mime: Buffer.from(letter({ id: `${who}-${opens}` })) }];
        return who === account ? onOpen(opens) : undefined;
      }
      if (who === account && /^LIST "" "\*"/.test(command)) return `${list}${listsCounts ? counts : ""}OK done`;
      // One that could not be opened is looked for.
      const sought = /^LIST "" "?([^" ]+)"?/.exec(command)?.[1] ?? "";
      return all.includes(sought) ? `* LIST () "/" ${sought}\r\nOK done` : undefined;
    },
  });
  return started;
}

/** The folders beside the inbox that were opened, in order. */
const opened = ({ heard }: ScriptedImap, from = 0) =>
  heard.slice(from).flatMap((command) => /^EXAMINE "?(?!INBOX)([^" ]+)/.exec(command)?.[1] ?? []);

const signIns = ({ heard }: ScriptedImap, from = 0) => heard.slice(from).filter((command) => command.startsWith("LOGIN")).length;

const openApp = (database: Database, names: readonly string[], { port }: ScriptedImap, now: () => Date, folders = "personal" as const) =>
  rig.open(
    database,
    rig.configurationFor(
      names.map((name) => ({ name, mailbox })),
      { incoming: { port }, profile: { folders } },
    ),
    { now },
  );

/** The folders of whose letter there is a decision. */
async function readFrom(database: Database, account: string): Promise<string[]> {
  const decided = await decisionsIn(database, account);
  return decided.map(({ messageId }) => messageId?.slice(account.length + 1, -"@customer.test".length) ?? "").sort();
}

async function alertsOf(app: RigApp, database: Database, account: string) {
  const id = await mailboxId(database, addressOf(account));
  const { alerts } = await app.operations.status();
  return alerts.filter(({ subject }) => subject === id || subject === "test" || subject.startsWith(`${id}/`));
}

onOneDatabaseEach(
  "one broken folder",
  servers,
  (promise) => {
    for (const { what, answer, code, says } of TROUBLES)
      for (const listsCounts of [false, true])
        promise(
          `a folder at which the server ${what} is named by an alert of its own, the others are read in the same round, and so is it once it opens${listsCounts ? " (LIST-STATUS)" : ""}`,
          async (database) => {
            const ann = rig.newUser();
            let isBroken = true;
            const onOpen = (folder: string) => (isBroken && folder === "A-broken" ? answer : undefined);
            await using server = await serverWith(["A-broken", "Z-good"], { account: ann, listsCounts, onOpen });
            const clock = testClock();
            await using app = await openApp(database, [ann], server, clock.now);
            assert.deepEqual((await receive(app, ann)).failures, []);
            assert.deepEqual(await readFrom(database, ann), ["INBOX", "Z-good"]);
            // While the folders are listed, where that takes opening them; and when they are read.
            const isHangUp = typeof answer !== "string";
            const listed = listsCounts ? [] : isHangUp ? ["A-broken", "A-broken", "Z-good"] : ["A-broken", "Z-good"];
            assert.deepEqual(opened(server), [...listed, "A-broken", "Z-good"]);
            const subject = `${await mailboxId(database, addressOf(ann))}/A-broken`;
            const [alert, ...others] = await alertsOf(app, database, ann);
            assert.deepEqual(
              [alert?.scope, alert?.subject, alert?.code, alert?.serverSaid ?? undefined, others],
              ["folder", subject, `receiving: ${code}`, says, []],
            );
            assert.match(alert?.message ?? "", new RegExp(`the folder A-broken of ${addressOf(ann)}`));
            assert.doesNotMatch(alert?.remedy ?? "", /connections at a time/);

            isBroken = false;
            clock.forward(86_400);
            assert.deepEqual((await receive(app, ann)).failures, []);
            assert.deepEqual(await readFrom(database, ann), ["A-broken", "INBOX", "Z-good"]);
            assert.deepEqual(await alertHistory(database, subject), [`receiving: ${code} closed`]);
          },
        );

    for (const { what, answer } of TROUBLES.slice(0, 2))
      promise(
        `a folder that is not read, and at which the server ${what}, keeps nothing from being read and makes no alert`,
        async (database) => {
          const ann = rig.newUser();
          const onOpen = (folder: string) => (folder === "Trash" ? answer : undefined);
          await using server = await serverWith(["Trash", "Work"], { account: ann, listsCounts: false, onOpen });
          await using app = await openApp(database, [ann], server, testClock().now);
          assert.deepEqual((await receive(app, ann)).failures, []);
          assert.deepEqual(await readFrom(database, ann), ["INBOX", "Work"]);
          assert.deepEqual(await alertsOf(app, database, ann), []);
          assert.equal(signIns(server), 3, "two connections are lost to it");
        },
      );

    for (const listsCounts of [false, true])
      promise(
        `a folder at which the server says goodbye keeps no other mailbox of the profile waiting${listsCounts ? " (LIST-STATUS)" : ""}`,
        async (database) => {
          const [ann, bob] = [rig.newUser(), rig.newUser()];
          const onOpen = (folder: string) => (folder === "A-broken" ? { cut: "* BYE Internal error\r\n" } : undefined);
          await using server = await serverWith(["A-broken"], { account: ann, listsCounts, onOpen });
          await using app = await openApp(database, [ann, bob], server, testClock().now);
          assert.deepEqual((await receive(app, ann)).left, []);
          const { left, counts } = await receive(app, bob);
          assert.deepEqual([left, counts.received], [[], 1]);
        },
      );

    promise(
      "an inbox at which the server hangs up is named by an alert of its own, and the folders below it are read",
      async (database) => {
        const ann = rig.newUser();
        const onOpen = (folder: string) => (folder === "INBOX" ? null : undefined);
        await using server = await serverWith(["A", "B"], { account: ann, listsCounts: true, onOpen });
        await using app = await openApp(database, [ann], server, testClock().now);
        assert.deepEqual((await receive(app, ann)).failures, []);
        assert.deepEqual(await readFrom(database, ann), ["A", "B"]);
        const id = await mailboxId(database, addressOf(ann));
        assert.deepEqual(
          (await alertsOf(app, database, ann)).map(({ subject, code }) => [subject, code]),
          [[`${id}/INBOX`, "receiving: connection lost"]],
        );
      },
    );

    for (const { what, answer, code } of TROUBLES.slice(0, 5))
      promise(
        `a server that ${what} at one folder and then at the inbox too is in trouble itself, and the round ends`,
        async (database) => {
          const ann = rig.newUser();
          let isDown = false;
          const onOpen = (folder: string) => {
            isDown ||= folder === "A";
            return isDown ? answer : undefined;
          };
          await using server = await serverWith(["A", "B"], { account: ann, listsCounts: true, onOpen });
          await using app = await openApp(database, [ann], server, testClock().now);
          assert.deepEqual(
            (await receive(app, ann)).failures.map((failure) => failure.code),
            [code],
          );
          assert.deepEqual([opened(server), await readFrom(database, ann)], [["A"], ["INBOX"]]);
          assert.deepEqual(
            (await alertsOf(app, database, ann)).map((alert) => [alert.scope === "folder", alert.code]),
            [[false, `receiving: ${code}`]],
          );
        },
      );

    promise(
      "a server that hangs up at one folder and lets nobody in afterwards is in trouble itself, and the round ends",
      async (database) => {
        const ann = rig.newUser();
        let greeting = "* OK ready";
        const onOpen = (folder: string) => {
          if (folder !== "A") return undefined;
          greeting = "* BYE Shutting down.";
          return null;
        };
        await using server = await serverWith(["A", "B"], { account: ann, listsCounts: true, onOpen, greeting: () => greeting });
        await using app = await openApp(database, [ann], server, testClock().now);
        assert.deepEqual(
          (await receive(app, ann)).failures.map((failure) => [failure.code, failure.serverSaid]),
          [["server closing", "Shutting down."]],
        );
        assert.deepEqual(opened(server), ["A"]);
      },
    );

    for (const { what, answer, code } of TROUBLES.slice(0, 3))
      promise(
        `more folders at which the server ${what} than are taken to be broken in a round end it, and those behind them are read in the next`,
        async (database) => {
          const ann = rig.newUser();
          const onOpen = (folder: string) => (folder.startsWith("A") ? answer : undefined);
          await using server = await serverWith(["A1", "A2", "A3", "A4", "Z"], { account: ann, listsCounts: true, onOpen });
          const clock = testClock();
          await using app = await openApp(database, [ann], server, clock.now);
          const round = async () => {
            const from = server.heard.length;
            const { failures } = await receive(app, ann);
            clock.forward(86_400);
            return [failures.map((failure) => failure.code), opened(server, from)];
          };
          assert.deepEqual(await round(), [[code], ["A1", "A2", "A3", "A4"]]);
          assert.deepEqual(await round(), [[code], ["A4", "Z", "A1", "A2", "A3"]]);
          assert.deepEqual(await readFrom(database, ann), ["INBOX", "Z"]);
        },
      );

    for (const { what, answer, code } of TROUBLES.slice(0, 2))
      promise(`a server that ${what} at whatever folder is opened is not asked for each of them`, async (database) => {
        const ann = rig.newUser();
        const folders = Array.from({ length: 50 }, (_, index) => `F${index}`);
        await using server = await serverWith(folders, { account: ann, listsCounts: false, onOpen: () => answer });
        await using app = await openApp(database, [ann], server, testClock().now);
        assert.deepEqual(
          (await receive(app, ann)).failures.map((failure) => failure.code),
          [code],
        );
        assert.equal(signIns(server), 7);
        assert.deepEqual(
          (await alertsOf(app, database, ann)).map((alert) => alert.scope === "folder"),
          [false],
        );
      });

    promise(
      "what waits in a broken folder to be decided again waits on, and what waits elsewhere is decided in the same round",
      async (database) => {
        const ann = rig.newUser();
        const users = [{ name: ann, mailbox }];
        const large = (folder: string) => Buffer.from(letter({ id: `${ann}-${folder}`, body: "x".repeat(1024 * 1024) }));
        for (const folder of ["Broken", "INBOX"]) await rig.dovecot.append(ann, folder, large(folder));
        {
          await using strict = await rig.open(
            database,
            rig.configurationFor(users, { profile: { folders: "personal", maximumMessageMegabytes: 1 } }),
          );
          assert.equal((await receive(strict, ann)).counts.quarantined, 2);
        }
        await using app = await rig.open(database, rig.configurationFor(users, { profile: { folders: "personal" } }));
        await app.operations.quarantineRetry("all");
        {
          using _ = breaking(app, "Broken");
          const { counts, failures } = await receive(app, ann);
          assert.deepEqual([counts.tracked, failures], [1, []]);
          assert.equal((await explained(app, `${ann}-INBOX`, ann)).outcome, "tracked");
        }
        const { counts, failures } = await receive(app, ann);
        assert.deepEqual([counts.tracked, failures], [1, []]);
        assert.equal((await explained(app, `${ann}-Broken`, ann)).outcome, "tracked");
      },
    );

    promise(
      "messages of other folders are deleted when they are processed, while a broken folder holds some that are to be deleted",
      async (database) => {
        const queue = rig.newUser();
        const clock = testClock();
        const configuration = rig.configurationFor([], {
          profile: { folders: "personal" },
          queues: [{ name: queue, mailbox: { ...mailbox, deleteAfterProcessing: true } }],
        });
        await using app = await rig.open(database, configuration, { now: clock.now });
        await rig.dovecot.append(queue, "Broken", letter({ id: `${queue}-1` }));
        {
          using _ = changeSources(app, (source) => Object.assign(source, { apply: () => Promise.reject(unavailable("Broken")) }));
          assert.deepEqual((await receive(app, queue)).failures, []);
        }
        await rig.dovecot.append(queue, "INBOX", letter({ id: `${queue}-2` }));
        clock.forward(86_400);
        {
          using _ = breaking(app, "Broken");
          assert.deepEqual((await receive(app, queue)).failures, []);
        }
        assert.deepEqual(await foldersOf(app, queue, "1", "2"), [["Broken"], []]);
        clock.forward(86_400);
        assert.deepEqual((await receive(app, queue)).failures, []);
        assert.deepEqual(await foldersOf(app, queue, "1", "2"), [[], []]);
      },
    );
  },
  { engines: ["pglite"] },
);

const unavailable = (folder: string) => imapFailure("mailbox unavailable", { folder, mailbox: "a mailbox", endpoint: imapEndpoint(143) });

/** Whatever is asked of that folder fails, until disposed. */
function breaking(app: RigApp, folder: string): Disposable {
  return changeSources(app, (source) => {
    const pull = source.pull.bind(source);
    const heads = source.heads.bind(source);
    const content = source.content.bind(source);
    const fail = () => Promise.reject(unavailable(folder));
    return Object.assign(source, {
      pull: (...[stream, ...rest]: Parameters<typeof pull>) => (stream === folder ? fail() : pull(stream, ...rest)),
      heads: (refs: Parameters<typeof heads>[0]) => (refs.some(({ stream }) => stream === folder) ? fail() : heads(refs)),
      async *content(...[refs, options]: Parameters<typeof content>) {
        if (refs.some(({ stream }) => stream === folder)) throw unavailable(folder);
        yield* content(refs, options);
      },
    });
  });
}

/** Where these letters lie, as far as is known. */
async function foldersOf(app: RigApp, account: string, ...letters: readonly string[]): Promise<(readonly string[])[]> {
  const all: (readonly string[])[] = [];
  for (const one of letters) all.push((await explained(app, `${account}-${one}`, account)).folders);
  return all;
}
