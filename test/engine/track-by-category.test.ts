/** A message that is given the category in a mail program becomes an email; what loses it counts as untracked by the mailbox's owner. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes } from "./alerts.ts";
import { atEach, decisionsIn, emailsIn, explained, letter, makeFolders, messageIdOf, move, remove } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const CATEGORY = "TrackedToDynamics365";
const WORK = "INBOX/Work";

let rig: EngineRig;
let plain: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  rig = await engineRig();
  plain = await engineRig({ accounts: 64, dovecot: { withoutCapabilities: ["CONDSTORE", "QRESYNC", "ENABLE"] } });
  // Both share a database: none of its users may be called like one of the other's.
  plain.newUsers(60);
});
after(async () => {
  await rig?.[Symbol.asyncDispose]();
  await plain?.[Symbol.asyncDispose]();
});

/** Ann and Ben take no mail by their filters. Letters are named for the test. */
interface Office extends AsyncDisposable {
  readonly app: RigApp;
  readonly ann: string;
  readonly ben: string;
  arrives(name: string, ...users: readonly string[]): Promise<void>;
  gives(name: string, options?: Where): Promise<void>;
  takes(name: string, options?: Where): Promise<void>;
  round(...users: readonly string[]): Promise<{ readonly tracked: number; readonly skipped: number; readonly duplicate: number }>;
  outcome(name: string, user?: string): Promise<string>;
  sentences(name: string, user?: string): Promise<string>;
  letterOf(name: string): string;
}

interface Where {
  readonly user?: string;
  readonly folder?: string;
  readonly keyword?: string;
}

async function openOffice(database: Database, changes: RigChanges = {}, mail: EngineRig = rig): Promise<Office> {
  const [ann, ben] = [mail.newUser(), mail.newUser()];
  const users = [ann, ben].map((name) => ({ name, filter: "none" as const }));
  const app = await mail.open(database, mail.configurationFor(users, changes));
  for (const user of [ann, ben]) await makeFolders(mail.dovecot, user, WORK);
  const letterOf = (name: string) => `${ann}-${name}`;
  const flag = async (verb: "messageFlagsAdd" | "messageFlagsRemove", name: string, where: Where) => {
    const { user = ann, folder = "INBOX", keyword = CATEGORY } = where;
    await mail.dovecot.withImap(user, async (client) => {
      await client.mailboxOpen(folder);
      const uids = await client.search({ header: { "message-id": `<${messageIdOf(letterOf(name))}>` } }, { uid: true });
      assert.ok(Array.isArray(uids) && uids.length > 0);
      assert.ok(await client[verb](uids.join(), [keyword], { uid: true }));
    });
  };
  return {
    app,
    ann,
    ben,
    letterOf,
    async arrives(name, ...to) {
      for (const user of to.length === 0 ? [ann] : to)
        await mail.dovecot.append(
          user,
          "INBOX",
          letter({ id: letterOf(name), subject: letterOf(name), to: [addressOf(ann), addressOf(ben)] }),
        );
    },
    gives: (name, where = {}) => flag("messageFlagsAdd", name, where),
    takes: (name, where = {}) => flag("messageFlagsRemove", name, where),
    async round(...read) {
      const { counts, failures } = await receive(app, ...(read.length === 0 ? [ann] : read));
      assert.deepEqual(failures, []);
      return counts;
    },
    outcome: async (name, user = ann) => (await explained(app, letterOf(name), user)).outcome,
    sentences: async (name, user = ann) => (await explained(app, letterOf(name), user)).sentences,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

onOneDatabaseEach("the category", servers, (promise) => {
  for (const [what, mail] of [
    ["a server that tells of changes", () => rig],
    ["a server that does not", () => plain],
  ] as const) {
    promise(
      `tracks a message that was skipped long before; without it it is untracked, and its email stays (${what})`,
      async (database) => {
        await using office = await openOffice(database, {}, mail());
        const { ann } = office;
        for (const name of ["one", "other"]) await office.arrives(name);
        assert.equal((await office.round()).skipped, 2);
        await office.gives("one");
        assert.equal((await office.round()).tracked, 1);
        assert.match(
          await office.sentences("one"),
          /asked for: yes\. user\d+@example\.test by the category TrackedToDynamics365 asked for it by hand/,
        );
        assert.deepEqual([await office.outcome("one"), await office.outcome("other")], ["tracked", "skipped"]);
        assert.equal((await office.round()).tracked, 0);
        await office.takes("one");
        await office.round();
        assert.equal(await office.outcome("one"), "skipped");
        const why = await office.sentences("one");
        assert.match(why, /by the category TrackedToDynamics365 untracked it by hand/);
        assert.match(why, /To have this message tracked, whatever the rules say: `waypost track \d+`/);
        const [email, ...others] = await emailsIn(database, ann);
        assert.deepEqual([email?.subject, others], [office.letterOf("one"), []]);
        await office.gives("one");
        await office.round();
        const [again] = (await decisionsIn(database, ann)).filter(({ emailId }) => emailId !== null);
        assert.deepEqual([again?.outcome, again?.emailId], ["duplicate", email?.id], "the email is the same one");
      },
    );
  }

  promise("counts in a message that arrives with it, and while the mailbox is read", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await office.arrives("meanwhile");
    await office.round();
    await rig.dovecot.withImap(ann, async (client) => {
      await client.append("INBOX", letter({ id: office.letterOf("arrives") }), [CATEGORY]);
    });
    let given = false;
    {
      using _ = atEach(app, async ({ reads, folder }) => {
        if (given || reads !== "heads" || folder !== WORK) return;
        given = true;
        await office.gives("meanwhile");
      });
      assert.equal((await office.round()).tracked, 1);
    }
    assert.ok(given);
    assert.equal((await office.round()).tracked, 1);
    assert.deepEqual([await office.outcome("arrives"), await office.outcome("meanwhile")], ["tracked", "tracked"]);
  });

  promise("goes with a message that is moved, and to move or delete one takes it from nobody", async (database) => {
    await using office = await openOffice(database);
    const { ann } = office;
    for (const name of ["moved", "aside", "deleted"]) await office.arrives(name);
    await makeFolders(rig.dovecot, ann, "Aside");
    await office.round();
    for (const name of ["moved", "aside", "deleted"]) await office.gives(name);
    assert.equal((await office.round()).tracked, 3);
    await move(rig.dovecot, ann, office.letterOf("moved"), "INBOX", WORK);
    await move(rig.dovecot, ann, office.letterOf("aside"), "INBOX", "Aside");
    await remove(rig.dovecot, ann, office.letterOf("deleted"), "INBOX");
    await office.round();
    await office.round();
    for (const name of ["moved", "aside", "deleted"]) assert.equal(await office.outcome(name), "tracked", name);
    await office.takes("moved", { folder: WORK });
    await office.round();
    assert.equal(await office.outcome("moved"), "skipped");
  });

  promise("says nothing new of what was untracked by hand since, wherever it is moved; given again it does", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await office.arrives("one");
    await office.round();
    await office.gives("one");
    await office.round();
    await app.operations.untrack(messageIdOf(office.letterOf("one")), true, "eve");
    await move(rig.dovecot, ann, office.letterOf("one"), "INBOX", WORK);
    await office.round();
    await database.query("delete from waypost.stream using waypost.mailbox where mailbox.id = mailbox_id and address = $1", [
      addressOf(ann),
    ]);
    await office.round();
    assert.deepEqual([await office.outcome("one"), await emailsIn(database, ann)], ["skipped", []]);
    await office.takes("one", { folder: WORK });
    await office.round();
    assert.equal(await office.outcome("one"), "skipped");
  });

  promise("says nothing of what is untracked by hand after it was given and before it is seen", async (database) => {
    await using office = await openOffice(database);
    await office.arrives("one");
    await office.round();
    await office.gives("one");
    await office.app.operations.untrack(messageIdOf(office.letterOf("one")), false, "eve");
    await office.round();
    await office.round();
    assert.equal(await office.outcome("one"), "skipped");
    await office.takes("one");
    await office.round();
    await office.gives("one");
    await office.round();
    assert.equal(await office.outcome("one"), "tracked", "given again");
  });

  promise(
    "says nothing of what was untracked by hand before categories were looked at, nor of an email that was deleted",
    async (database) => {
      await using office = await openOffice(database, { settings: { TrackCategorizedItems: false } });
      const { app, ann } = office;
      for (const name of ["stays", "deleted"]) {
        await office.arrives(name);
        await office.gives(name);
      }
      await office.round();
      for (const name of ["stays", "deleted"]) await app.operations.track(messageIdOf(office.letterOf(name)), null, "eve");
      assert.equal((await office.round()).tracked, 2);
      for (const name of ["stays", "deleted"]) await app.operations.untrack(messageIdOf(office.letterOf(name)), name === "deleted", "eve");
      await office.round();
      await app.crm.putSettings({ TrackCategorizedItems: true });
      for (let round = 0; round < 2; round++) await office.round();
      for (const name of ["stays", "deleted"]) assert.equal(await office.outcome(name), "skipped", name);
      for (const change of ["takes", "gives"] as const) {
        await office[change]("deleted");
        await office.round();
      }
      assert.equal(await office.outcome("deleted"), "tracked", "given again, it is wanted");
      const subjects = (await emailsIn(database, ann)).map(({ subject }) => subject).toSorted();
      assert.deepEqual(subjects, ["deleted", "stays"].map(office.letterOf));
    },
  );

  promise("that most of a small mailbox loses at once is nobody's word either", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await rig.dovecot.withImap(ann, async (client) => {
      for (let number = 0; number < 12; number++)
        await client.append("INBOX", letter({ id: office.letterOf(`few-${number}`) }), [CATEGORY]);
    });
    assert.equal((await office.round()).tracked, 12);
    await rig.dovecot.withImap(ann, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageFlagsRemove("1:10", [CATEGORY]);
    });
    await office.round();
    assert.deepEqual(new Set((await decisionsIn(database, ann)).map(({ outcome }) => outcome)), new Set(["tracked"]));
    assert.ok((await openCodes(app)).includes("categories removed"));
  });

  promise("is the word of one mailbox's owner, and says nothing of another's", async (database) => {
    await using office = await openOffice(database);
    const { ann, ben } = office;
    await office.arrives("both", ann, ben);
    await office.round(ann, ben);
    await office.gives("both");
    await office.round(ann, ben);
    assert.deepEqual([await office.outcome("both"), await office.outcome("both", ben)], ["tracked", "skipped"]);
    await office.gives("both", { user: ben });
    await office.round(ann, ben);
    assert.equal(await office.outcome("both", ben), "duplicate");
    await office.takes("both");
    await office.round(ann, ben);
    assert.deepEqual([await office.outcome("both"), await office.outcome("both", ben)], ["skipped", "duplicate"]);
    assert.equal((await emailsIn(database, ann, ben)).length, 1);
  });

  promise("has the name that is set, and none where TrackCategorizedItems is off", async (database) => {
    {
      await using office = await openOffice(database, { settings: { CategoryKeyword: "$CRM" } });
      for (const name of ["theirs", "ours"]) await office.arrives(name);
      await office.gives("theirs");
      await office.gives("ours", { keyword: "$crm" });
      await office.round();
      assert.deepEqual([await office.outcome("theirs"), await office.outcome("ours")], ["skipped", "tracked"]);
    }
    await using office = await openOffice(database, { settings: { TrackCategorizedItems: false } });
    await office.arrives("one");
    await office.gives("one");
    await office.round();
    assert.equal(await office.outcome("one"), "skipped");
  });

  promise("is given to what is tracked where the profile asks for it: nobody's word, but who takes it away untracks", async (database) => {
    await using office = await openOffice(database, { profile: { marksTracked: true } });
    const { app, ann } = office;
    const flags = async (name: string) =>
      rig.dovecot.withImap(ann, async (client) => {
        await client.mailboxOpen("INBOX", { readOnly: true });
        const found = await client.fetchOne("*", { flags: true });
        assert.ok(found !== false, name);
        return [...(found.flags ?? [])].filter((flag) => flag !== "\\Recent");
      });
    await office.arrives("skipped");
    await office.round();
    await app.operations.folderTrack(addressOf(ann), WORK, { regarding: null, children: false }, "eve");
    assert.deepEqual(await flags("skipped"), []);
    await app.operations.folderTrack(addressOf(ann), "INBOX", { regarding: null, children: false }, "eve");
    await office.round();
    assert.deepEqual([await office.outcome("skipped"), await flags("skipped")], ["tracked", [CATEGORY]], "and it is not read by that");
    await office.round();
    assert.doesNotMatch(await office.sentences("skipped"), /by the category/);
    await office.takes("skipped");
    await office.round();
    assert.equal(await office.outcome("skipped"), "skipped");
    await office.round();
    assert.deepEqual(await flags("skipped"), [], "it is not given again");

    await office.arrives("untracked");
    await office.round();
    await app.operations.untrack(messageIdOf(office.letterOf("untracked")), false, "eve");
    await office.round();
    await office.round();
    assert.deepEqual([await office.outcome("untracked"), await flags("untracked")], ["skipped", [CATEGORY]]);
  });

  promise("that a hundred messages and more lose at once is nobody's word: they stay tracked, and an alert says so", async (database) => {
    await using office = await openOffice(database);
    const { app, ann } = office;
    await rig.dovecot.withImap(ann, async (client) => {
      for (let number = 0; number <= 100; number++)
        await client.append("INBOX", letter({ id: office.letterOf(`many-${number}`) }), [CATEGORY]);
    });
    assert.equal((await office.round()).tracked, 101);
    await rig.dovecot.withImap(ann, async (client) => {
      await client.mailboxOpen("INBOX");
      await client.messageFlagsRemove("1:*", [CATEGORY]);
    });
    await office.round();
    assert.deepEqual(new Set((await decisionsIn(database, ann)).map(({ outcome }) => outcome)), new Set(["tracked"]));
    assert.ok((await openCodes(app)).includes("categories removed"));
    await office.round();
    assert.deepEqual(new Set((await decisionsIn(database, ann)).map(({ outcome }) => outcome)), new Set(["tracked"]));
    assert.equal(app.logged.filter(({ level }) => level === "error").length, 0);
  });
});
