import assert from "node:assert/strict";
import { globSync, rmSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { z } from "zod";
import { Failure } from "../../src/model/failure.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { atEach, copy, decisionsIn, emailsIn, explained, letter, makeFolders, move, remove } from "./incoming.ts";
import { type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** Read, being below the inbox. */
const startedAnewShape = z.object({ startedAnew: z.array(z.object({ stream: z.string(), because: z.string() })) });
const WORK = "INBOX/Work";
const LATER = "INBOX/ZLater";
/** Not read. */
const ELSEWHERE = "Elsewhere";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** One mailbox with three folders beside the inbox. Letters are called by names that no other test's have to differ from. */
interface Box extends AsyncDisposable {
  readonly app: RigApp;
  readonly user: string;
  readonly database: TestDatabase;
  arrive(name: string, folder?: string): Promise<void>;
  move(name: string, from: string, to: string): Promise<void>;
  copy(name: string, from: string, to: string): Promise<void>;
  remove(name: string, from: string): Promise<void>;
  /** Reads the mailbox once; nothing may go wrong. */
  round(): Promise<{ readonly received: number; readonly tracked: number; readonly moved: number }>;
  /** Where `explain` says that the letter lies. */
  foldersOf(name: string): Promise<readonly string[]>;
  /** Names of the letters that are emails. */
  emails(): Promise<string[]>;
}

async function boxIn(database: TestDatabase): Promise<Box> {
  const user = rig.newUser();
  await makeFolders(rig.dovecot, user, WORK, LATER, ELSEWHERE);
  const app = await rig.open(database, rig.configurationFor([user]));
  const own = (name: string) => `${user}-${name}`;
  return {
    app,
    user,
    database,
    arrive: async (name, folder = "INBOX") => void (await rig.dovecot.append(user, folder, letter({ id: own(name), subject: name }))),
    move: (name, from, to) => move(rig.dovecot, user, own(name), from, to),
    copy: (name, from, to) => copy(rig.dovecot, user, own(name), from, to),
    remove: (name, from) => remove(rig.dovecot, user, own(name), from),
    async round() {
      const { counts, failures } = await receive(app);
      assert.deepEqual(failures, []);
      return counts;
    },
    foldersOf: async (name) => (await explained(app, own(name), user)).folders,
    emails: async () => (await emailsIn(database, user)).map((email) => email.subject),
    [Symbol.asyncDispose]: () => app.close(),
  };
}

onOneDatabaseEach("messages that move", servers, (promise) => {
  promise(
    "moved, moved out and back, copied and deleted between rounds they stay one email each, and explain says where they lie",
    async (database) => {
      await using box = await boxIn(database);
      const names = ["copied", "deleted", "left", "moved", "there-and-back"];
      for (const name of names) await box.arrive(name);
      assert.equal((await box.round()).tracked, names.length);
      const where = async (): Promise<Record<string, readonly string[]>> =>
        Object.fromEntries(await Promise.all(names.map(async (name) => [name, await box.foldersOf(name)] as const)));

      await box.move("moved", "INBOX", WORK);
      await box.move("left", "INBOX", ELSEWHERE);
      await box.copy("copied", "INBOX", WORK);
      await box.remove("deleted", "INBOX");
      await box.move("there-and-back", "INBOX", WORK);
      await box.move("there-and-back", WORK, "INBOX");
      const second = await box.round();
      assert.deepEqual([second.received, second.moved], [0, 3]);
      assert.deepEqual(await where(), { moved: [WORK], left: [], copied: ["INBOX", WORK], deleted: [], "there-and-back": ["INBOX"] });

      await box.move("moved", WORK, "INBOX");
      await box.move("left", ELSEWHERE, "INBOX");
      await box.remove("copied", "INBOX");
      const third = await box.round();
      assert.deepEqual([third.received, third.moved], [0, 2]);
      assert.deepEqual(await where(), { moved: ["INBOX"], left: ["INBOX"], copied: [WORK], deleted: [], "there-and-back": ["INBOX"] });

      const fourth = await box.round();
      assert.deepEqual([fourth.received, fourth.moved], [0, 0]);
      assert.deepEqual(await box.emails(), names);
      const outcomes = (await decisionsIn(database, box.user)).map((one) => one.outcome);
      assert.deepEqual(
        outcomes,
        names.map(() => "tracked"),
      );
    },
  );

  promise("one without a Message-ID that is moved or copied makes no second email", async (database) => {
    await using box = await boxIn(database);
    await rig.dovecot.deliver(box.user, letter({ id: null, subject: `Scan for ${box.user}`, body: "Page 1" }));
    await box.round();
    await rig.dovecot.withImap(box.user, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageCopy("1:*", LATER);
      await client.messageMove("1:*", WORK);
    });
    await box.round();
    const [email, ...others] = await emailsIn(database, box.user);
    assert.deepEqual(others, []);
    const decisions = await decisionsIn(database, box.user);
    assert.deepEqual(
      decisions.map((one) => [one.outcome, one.emailId]),
      [
        ["tracked", email?.id],
        ["duplicate", email?.id],
      ],
      "the message where it was found first, and its copy",
    );
    assert.match(decisions[1]?.because ?? "", /elsewhere in this mailbox/);
  });

  promise("one without a Message-ID stays one decision wherever it is moved, also when it is in quarantine", async (database) => {
    const user = rig.newUser();
    await makeFolders(rig.dovecot, user, WORK);
    await using app = await rig.open(database, rig.configurationFor([user], { profile: { maximumMessageMegabytes: 1 } }));
    await rig.dovecot.deliver(user, letter({ id: null, subject: `Scan for ${user}` }));
    await rig.dovecot.deliver(
      user,
      letter({ id: null, subject: `Large scan for ${user}`, body: "x".repeat(70).concat("\r\n").repeat(16_000) }),
    );
    const round = async () => {
      const { counts, failures } = await receive(app, user);
      assert.deepEqual(failures, []);
      return counts;
    };
    const first = await round();
    assert.deepEqual([first.tracked, first.quarantined], [1, 1]);
    const moveAll = (from: string, to: string) => async () =>
      rig.dovecot.withImap(user, async (client) => {
        await client.mailboxOpen(from);
        await client.messageMove("1:*", to);
      });
    const renamed = "INBOX/Werk";
    const moves = [
      // The inbox is read first: what left it is known, and what came into it still seems to lie elsewhere.
      { act: moveAll("INBOX", WORK), now: WORK },
      { act: moveAll(WORK, "INBOX"), now: "INBOX" },
      { act: moveAll("INBOX", WORK), now: WORK },
      {
        act: () => rig.dovecot.withImap(user, async (client) => void (await client.mailboxRename(WORK, renamed))),
        now: renamed,
      },
    ];
    for (const { act, now } of moves) {
      await act();
      const { received, moved } = await round();
      assert.deepEqual([received, moved], [0, 2], now);
      const { rows } = await database.query<{ id: number; outcome: string }>(
        "select decision.id, outcome from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1 order by outcome",
        [`${user}@example.test`],
      );
      assert.deepEqual(
        rows.map((row) => row.outcome),
        ["quarantined", "tracked"],
      );
      for (const { id } of rows) {
        const { incoming } = await app.operations.explain(String(id));
        assert.deepEqual(
          incoming.map((one) => one.folders),
          [[now]],
        );
      }
    }
  });

  promise("one that moves while its folder is read is found where it went, in that round or the next", async (database) => {
    await using box = await boxIn(database);
    await box.arrive("ahead");
    await box.arrive("out");
    await box.arrive("back", LATER);
    const moved = new Set<string>();
    const once = async (name: string, from: string, to: string) => {
      if (moved.has(name)) return;
      moved.add(name);
      await box.move(name, from, to);
    };
    {
      using _ = atEach(box.app, async ({ reads, folder }) => {
        // The heads of the inbox are known, their content is not.
        if (reads === "content" && folder === "INBOX") {
          await once("ahead", "INBOX", LATER);
          await once("out", "INBOX", ELSEWHERE);
        }
        // The inbox was read.
        if (reads === "heads" && folder === LATER) await once("back", LATER, "INBOX");
      });
      await box.round();
    }
    assert.deepEqual(moved, new Set(["ahead", "out", "back"]));
    assert.deepEqual(await box.emails(), ["ahead"]);
    await box.round();
    await box.move("out", ELSEWHERE, WORK);
    await box.round();
    assert.deepEqual(await box.emails(), ["ahead", "back", "out"]);
    assert.deepEqual([await box.foldersOf("ahead"), await box.foldersOf("back"), await box.foldersOf("out")], [[LATER], ["INBOX"], [WORK]]);
  });

  promise("what left a folder is remembered although the round broke off in the next folder", async (database) => {
    await using box = await boxIn(database);
    await box.arrive("gone");
    await box.round();
    await box.remove("gone", "INBOX");
    {
      using _ = atEach(box.app, async ({ folder }) => {
        if (folder === LATER)
          throw new Failure({
            scope: "mailbox",
            code: "connection lost",
            message: "The connection was lost.",
            remedy: "Wait.",
            waitingHelps: true,
          });
      });
      assert.equal((await receive(box.app)).failures.length, 1);
    }
    await box.round();
    assert.deepEqual(await box.foldersOf("gone"), []);
  });

  promise("after a change of UIDVALIDITY nothing is replayed, doubled or lost, and mail that came meanwhile is found", async (database) => {
    await using box = await boxIn(database);
    for (const name of ["one", "three", "two"]) await box.arrive(name);
    await box.arrive("in-work", WORK);
    await box.round();
    const emails = await emailsIn(database, box.user);
    await box.arrive("new");
    await box.remove("two", "INBOX");
    forgetNumbers(box.user);

    const counts = await box.round();
    assert.deepEqual([counts.received, counts.tracked, counts.moved], [1, 1, 2]);
    const lines = box.app.logged.filter((one) => one.message === "mailbox read").map(({ fields }) => startedAnewShape.parse(fields));
    const [first, second, ...more] = lines.map((line) => line.startedAnew);
    assert.deepEqual([first, second?.length, more], [[], 1, []], "the line of the round tells that the folder was numbered anew");
    assert.equal(second?.[0]?.stream, "INBOX");
    assert.match(second?.[0]?.because ?? "", /UIDVALIDITY|number/i);
    const now = await emailsIn(database, box.user);
    assert.deepEqual(
      now.filter((email) => email.subject !== "new"),
      emails,
    );
    assert.equal(now.length, emails.length + 1);
    for (const [name, folders] of Object.entries({ one: ["INBOX"], two: [], three: ["INBOX"], new: ["INBOX"], "in-work": [WORK] })) {
      assert.deepEqual(await box.foldersOf(name), folders, name);
    }
    const again = await box.round();
    assert.deepEqual([again.received, again.moved], [0, 0]);
  });
});

/** Takes away what the server knows about the inbox, so that it gives its messages new numbers. */
function forgetNumbers(user: string): void {
  const maildir = path.join(rig.dovecot.folder, "mail", user, "maildir");
  const files = globSync("dovecot{-uidlist,.index*}", { cwd: maildir });
  assert.ok(files.includes("dovecot-uidlist"));
  for (const file of files) rmSync(path.join(maildir, file));
}
