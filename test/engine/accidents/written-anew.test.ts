/**
 * Servers that write the fields anew by which a message is known: for each session, or each time they are asked. Told by servers with a script, read by the
 * whole engine over several rounds. A message is known by its place then, and another one in its place is still found.
 */
import assert from "node:assert/strict";
import { Failure } from "../../../src/model/failure.ts";
import type { ScriptedImapOptions } from "../../servers/scripted-imap.ts";
import { atEach, decisionsIn } from "../incoming.ts";
import { addressOf } from "../rig.ts";
import { onOneDatabaseEach, type Promises } from "../shared-database.ts";
import { at, mimeOf, openScene, type Protocol, plain, type Scene, type Shown } from "./scene.ts";

/** Messages that look otherwise in each session, with the same number of bytes. */
const ODD: readonly (readonly [what: string, messages: (session: number) => readonly Shown[]])[] = [
  [
    "the Message-ID, the date, the sender or all of them",
    (session) => [
      { name: "odd-id", messageId: `made-up-${session}@odd.test` },
      { name: "odd-date", date: at(session) },
      { name: "odd-sender", from: `carla-${session}@odd.test` },
      { name: "odd-all", messageId: `made-up-too-${session}@odd.test`, date: at(session), from: `carla-${session}@odd.test` },
    ],
  ],
  [
    "the date of what has no Message-ID, or the subject",
    (session) => [
      { name: "odd-weak", messageId: null, date: at(session) },
      { name: "odd-subject", subject: session === 1 ? "odd-subject" : `odd-at-no-${session}` },
    ],
  ],
];

const HUNG_UP = new Failure({ scope: "mailbox", code: "hung up", message: "The server hung up.", remedy: "Wait.", waitingHelps: true });

/** What explain says of the messages of a subject, of which there is one decision. */
async function saidOf({ app, user }: Scene, subject: string): Promise<string> {
  const { rows } = await app.database.query<{ id: number }>(
    "select decision.id from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id where address = $1 and subject = $2",
    [addressOf(user), subject],
  );
  const [only, ...others] = rows;
  assert.ok(only !== undefined && others.length === 0, `one decision about ${subject}`);
  const { incoming } = await app.operations.explain(String(only.id));
  return incoming.flatMap(({ sentences }) => sentences).join("\n");
}

const WRITTEN_ANEW = /The server writes the header of this message anew/;

function promiseOfBoth(promise: Promises, protocol: Protocol): void {
  for (const [what, odd] of ODD) {
    promise(`${protocol}: ${what} is written anew for each session: one email each, no replay, and explain says so`, async (database) => {
      await using scene = await openScene(database, protocol);
      const expected = ["a", "b", ...odd(1).map(({ name }) => name)];
      for (const session of [1, 2, 3]) {
        scene.show(...plain("a", "b"), ...odd(session));
        assert.deepEqual(await scene.round(), []);
        assert.deepEqual(await scene.emails(), expected.toSorted(), `in session ${session}`);
      }
      scene.show(...plain("a", "b"), ...odd(4), ...plain("later"));
      assert.deepEqual(await scene.round(), []);
      assert.deepEqual(await scene.emails(), [...expected, "later"].toSorted());
      assert.equal(scene.resets(), 0, "the folder was not read again");
      assert.equal((await scene.decisions()).length, expected.length + 1);
      for (const { name } of odd(1)) assert.match(await saidOf(scene, name), WRITTEN_ANEW);
      for (const name of ["a", "b", "later"]) assert.doesNotMatch(await saidOf(scene, name), WRITTEN_ANEW);
    });
  }

  promise(
    `${protocol}: where all is written anew for each session, a number given to another message is found, at once and later`,
    async (database) => {
      await using scene = await openScene(database, protocol);
      const received: Readonly<Record<string, string>> = { x: at(30), y: at(40) };
      const all = (session: number, ...names: string[]): Shown[] =>
        names.map((name) => ({
          name,
          messageId: `${name}-${session}@odd.test`,
          date: at(session),
          ...(received[name] !== undefined && { received: received[name] }),
        }));
      const rounds = [["c"], ["x"], ["x"], ["x"], ["y"], ["y"], ["y"]];
      for (const [session, last] of rounds.entries()) {
        scene.show(...all(session, "a", "b", ...last));
        assert.deepEqual(await scene.round(), []);
      }
      assert.deepEqual(await scene.emails(), ["a", "b", "c", "x", "y"]);
      assert.equal(scene.resets(), 2, "only for what is another message");
    },
  );

  promise(
    `${protocol}: another message of the same moment, size, sender and date in the place of one is an email of its own`,
    async (database) => {
      const first: Shown = { name: "c", subject: "this is c", body: "The same words." };
      for (const difference of [{ body: "Other new words" }, { subject: "that is x" }]) {
        await using scene = await openScene(database, protocol);
        scene.show(...plain("a", "b"), first);
        await scene.round();
        for (let round = 1; round <= 2; round++) {
          scene.show(...plain("a", "b"), { ...first, name: "x", ...difference });
          assert.deepEqual(await scene.round(), []);
          assert.equal((await scene.emails()).length, 4);
        }
        assert.equal(scene.resets(), 1);
      }
    },
  );

  promise(
    `${protocol}: a folder is read again in two goes, as the server hangs up: what is written anew is one email still`,
    async (database) => {
      await using scene = await openScene(database, protocol);
      const shown = (session: number, last: Shown): Shown[] => [
        { name: "odd", messageId: `odd-${session}@odd.test` },
        ...plain("a", "b", "c", "d"),
        last,
      ];
      scene.show(...shown(1, { name: "e" }));
      await scene.round();
      const another: Shown = { name: "z", received: at(30) };
      scene.show(...shown(2, another));
      {
        let pulls = 0;
        using _ = atEach(scene.app, async ({ reads }) => {
          if (reads === "heads" && ++pulls === 2) throw HUNG_UP;
        });
        assert.deepEqual(await scene.round(), [HUNG_UP.code], "the server hung up when the folder was to be read again");
      }
      for (const session of [3, 4]) {
        scene.show(...shown(session, another));
        assert.deepEqual(await scene.round(), []);
        assert.deepEqual(await scene.emails(), ["a", "b", "c", "d", "e", "odd", "z"]);
      }
      assert.match(await saidOf(scene, "odd"), WRITTEN_ANEW);
    },
  );

  promise(`${protocol}: what was left alone and is written anew is decided once more, and not in each round`, async (database) => {
    await using scene = await openScene(database, protocol, { filter: "contacts" });
    const ids = async () => (await decisionsIn(database, scene.user)).map(({ messageId }) => messageId?.replace(/^\d+\./, "")).toSorted();
    const usual = ["a@customer.test", "b@customer.test"];
    for (const session of [1, 2, 3, 4]) {
      scene.show(...plain("a", "b"), { name: "odd", messageId: `odd-${session}@odd.test` });
      assert.deepEqual(await scene.round(), []);
      assert.deepEqual(await ids(), [...usual, "odd-1@odd.test", ...(session === 1 ? [] : ["odd-2@odd.test"])]);
    }
    assert.equal(scene.resets(), 0);
  });

  promise(`${protocol}: an email that a person deleted does not come back when its message is written anew`, async (database) => {
    await using scene = await openScene(database, protocol);
    for (const session of [1, 2, 3]) {
      scene.show(...plain("a", "b"), { name: "odd", messageId: `odd-${session}@odd.test` });
      assert.deepEqual(await scene.round(), []);
      await database.query("delete from crm.email where subject = 'odd' and submittedby = $1", [addressOf(scene.user)]);
    }
    assert.deepEqual(await scene.emails(), ["a", "b"]);
    assert.equal((await scene.decisions()).length, 3);
  });
}

function promiseOfPop3(promise: Promises): void {
  promise("pop3: so it is where the server tells no moment of receipt, as long as most fields stay", async (database) => {
    for (const [what, odd] of ODD) {
      await using scene = await openScene(database, "pop3");
      const most = (session: number) => odd(session).filter(({ name }) => name !== "odd-all");
      const shown = (session: number) => [...plain("a", "b"), ...most(session)].map((one) => ({ ...one, received: null }));
      for (const session of [1, 2, 3]) {
        scene.show(...shown(session));
        assert.deepEqual(await scene.round(), []);
        assert.deepEqual(
          await scene.emails(),
          shown(1)
            .map(({ name }) => name)
            .toSorted(),
          `${what}: session ${session}`,
        );
      }
      assert.equal(scene.resets(), 0);
    }
  });

  promise("pop3: processed messages are deleted, also one that is written anew for each session", async (database) => {
    let refuse = true;
    const pop3 = (command: string) => (refuse && command.startsWith("DELE") ? "-ERR not now\r\n" : undefined);
    await using scene = await openScene(database, "pop3", { deleting: true, pop3 });
    for (const session of [1, 2, 3]) {
      refuse = session < 3;
      scene.show(...plain("a", "b"), { name: "odd", messageId: `odd-${session}@odd.test` });
      await scene.round();
      assert.deepEqual(await scene.emails(), ["a", "b", "odd"], `in session ${session}`);
    }
    assert.equal(scene.resets(), 0);
    const { rows } = await database.query<{ deleted: number }>(
      "select deleted_messages::int as deleted from waypost.mailbox where address = $1",
      [addressOf(scene.user)],
    );
    assert.deepEqual(rows, [{ deleted: 3 }]);
  });
}

function promiseOfImap(promise: Promises): void {
  promise("imap: a header is another one at each reading: all messages are emails at once, and explain says so", async (database) => {
    const imap = writingAnew((reading) => ({ messageId: `odd-${reading}@odd.test`, date: at(reading % 60) }));
    await using scene = await openScene(database, "imap", { imap });
    scene.show(...plain("a", "odd", "b"));
    for (let round = 1; round <= 3; round++) {
      assert.deepEqual(await scene.round(), [], `round ${round}`);
      assert.deepEqual(await scene.emails(), ["a", "b", "odd"], `round ${round}`);
    }
    assert.equal(scene.resets(), 0);
    assert.match(await saidOf(scene, "odd"), /hands out the message with another Message-ID, date than it shows in its list/);
  });

  promise(
    "imap: a list shows another header than the message alone: its folder is delivered, and not read again each round",
    async (database) => {
      const imap = writingAnew(() => ({ messageId: "alone@odd.test", date: at(9) }), /^UID FETCH 2 |BODY\.PEEK\[\]/);
      await using scene = await openScene(database, "imap", { imap });
      scene.show(...plain("a", "odd", "b"));
      for (let round = 1; round <= 3; round++) {
        assert.deepEqual(await scene.round(), [], `round ${round}`);
        assert.deepEqual(await scene.emails(), ["a", "b", "odd"], `round ${round}`);
      }
      assert.equal(scene.resets(), 1);
      // As if it had not been tracked, and what it answers now were.
      await database.query(
        `with again as (
         update waypost.decision set outcome = 'skipped', email_id = null, reconsider = true from waypost.mailbox
         where mailbox.id = mailbox_id and address = $1 and subject = 'odd' returning decision.message_id),
       emails as (delete from crm.email using again where messageid = again.message_id)
       delete from waypost.claim using again where claim.message_id = again.message_id`,
        [addressOf(scene.user)],
      );
      for (let round = 1; round <= 4; round++) assert.deepEqual(await scene.round(), []);
      assert.equal(scene.resets(), 2, "it is decided again, and no round more reads its folder again");
      assert.deepEqual(await scene.emails(), ["a", "b", "odd"]);
    },
  );

  promise(
    "imap: nothing of a header is the same at a second reading: that message is quarantined, and the others are emails",
    async (database) => {
      const imap = writingAnew((reading) => ({
        messageId: `s-${reading}@odd.test`,
        date: at(reading % 60),
        subject: `stranger ${reading}`,
        from: `s${reading}@odd.test`,
      }));
      await using scene = await openScene(database, "imap", { imap });
      scene.show(...plain("a", "odd", "b"));
      for (let round = 1; round <= 3; round++) {
        assert.deepEqual(await scene.round(), [], `round ${round}`);
        assert.deepEqual(await scene.emails(), ["a", "b"], `round ${round}`);
        assert.deepEqual(await scene.decisions(), ["quarantined", "tracked", "tracked"]);
      }
    },
  );
}

onOneDatabaseEach(
  "a server that writes headers anew",
  [],
  (promise) => {
    for (const protocol of ["imap", "pop3"] as const) promiseOfBoth(promise, protocol);
    promiseOfPop3(promise);
    promiseOfImap(promise);
  },
  { engines: ["pglite"] },
);

/** A server that shows the second message with another header each time that such a command asks for one. */
function writingAnew(written: (reading: number) => Partial<Shown>, pattern = /BODY\.PEEK\[/): ScriptedImapOptions["script"] {
  let reading = 0;
  return (command) => {
    const [, set = ""] = /^UID FETCH (\S+) /.exec(command) ?? [];
    if (set === "" || !pattern.test(command)) return undefined;
    const rows = uidsIn(set).flatMap((uid) => {
      const one: Shown | undefined = [{ name: "a" }, { name: "odd", ...written(++reading) }, { name: "b" }][uid - 1];
      if (one === undefined) return [];
      const whole = mimeOf(one).toString("latin1");
      const [section = ""] = /\[[^\]]*\]/.exec(command) ?? [];
      const part = section === "[]" ? whole : whole.slice(0, whole.indexOf("\r\n\r\n") + 4);
      const origin = /<0\.\d+>/.test(command) ? "<0>" : "";
      const facts = `UID ${uid} FLAGS () INTERNALDATE "23-Nov-2026 10:00:00 +0000" RFC822.SIZE ${mimeOf({ name: "odd" }).length}`;
      return [`* ${uid} FETCH (${facts} BODY${section}${origin} {${part.length}}\r\n${part})\r\n`];
    });
    return `${rows.join("")}OK done`;
  };
}

function uidsIn(set: string): readonly number[] {
  return set.split(",").flatMap((range) => {
    const [first = 0, last = first] = range.split(":").map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}
