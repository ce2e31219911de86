/** What lies in a folder with a rule becomes an email, about the folder's record, wherever the folder goes; and a person's word about an email stands. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { Failure } from "../../src/model/failure.ts";
import type { RecordRef } from "../../src/model/record.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { counted } from "../counted-database.ts";
import { missingServers } from "../servers/needs.ts";
import { atEach, copy, emailsIn, explained, letter, makeFolders, messageIdOf, move } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
const EVE = "eve on the command line";
/** Not read but for a rule. */
const MILL = "Projects/Mill";
const TOWER = "Projects/Tower";
const PLAIN = "Projects/Plain";

let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 80 });
});
after(() => rig?.[Symbol.asyncDispose]());

/** Ann takes no mail but what lies in a folder with a rule, and so does Ben. Letters are named for the test. */
interface Office extends AsyncDisposable {
  readonly app: RigApp;
  readonly ann: string;
  readonly ben: string;
  readonly mill: RecordRef;
  readonly tower: RecordRef;
  arrives(name: string, folder?: string, user?: string): Promise<void>;
  moves(name: string, from: string, to: string, user?: string): Promise<void>;
  rule(folder: string, about?: RecordRef | null, options?: { readonly children?: boolean; readonly user?: string }): Promise<void>;
  round(...users: readonly string[]): Promise<{ readonly tracked: number; readonly skipped: number; readonly duplicate: number }>;
  /** What the email of a letter is about; undefined: there is no such email. */
  about(name: string): Promise<string | null | undefined>;
  emailId(name: string): Promise<string>;
  sentences(name: string, user?: string): Promise<string>;
  id(name: string): string;
}

async function openOffice(database: Database, changes: RigChanges = {}): Promise<Office> {
  const [ann, ben] = [rig.newUser(), rig.newUser()];
  const app = await rig.open(
    database,
    rig.configurationFor(
      [
        { name: ann, filter: "none" },
        { name: ben, filter: "none" },
      ],
      changes,
    ),
  );
  for (const user of [ann, ben]) await makeFolders(rig.dovecot, user, MILL, TOWER, PLAIN);
  const record = async (name: string): Promise<RecordRef> => {
    const [made] = await app.crm.createRecords([
      { type: "contact", lastname: `${name} of ${ann}`, addresses: [`${ann}-${name}@customer.test`] },
    ]);
    assert.ok(made);
    return made;
  };
  const [mill, tower] = [await record("mill"), await record("tower")];
  const own = (name: string) => `${ann}-${name}`;
  const email = async (name: string) => {
    const [only, ...others] = (await emailsIn(database, ann, ben)).filter(({ messageId }) => messageId === messageIdOf(own(name)));
    assert.deepEqual(others, []);
    return only && app.crm.readEmail(only.id);
  };
  return {
    app,
    ann,
    ben,
    mill,
    tower,
    id: (name) => messageIdOf(own(name)),
    async arrives(name, folder = "INBOX", user = ann) {
      await rig.dovecot.append(user, folder, letter({ id: own(name), subject: own(name), to: [addressOf(ann), addressOf(ben)] }));
    },
    moves: (name, from, to, user = ann) => move(rig.dovecot, user, own(name), from, to),
    async rule(folder, about = null, { children = false, user = ann } = {}) {
      const regarding = about === null ? null : `${about.type}:${about.id}`;
      await app.operations.folderTrack(addressOf(user), folder, { regarding, children }, EVE);
    },
    async round(...users) {
      const { counts, failures } = await receive(app, ...(users.length === 0 ? [ann] : users));
      assert.deepEqual(failures, []);
      return counts;
    },
    async about(name) {
      const whole = await email(name);
      if (!whole) return undefined;
      const { rows } = await database.query<{ id: string }>(
        "select partyid as id from crm.activityparty where activityid = $1 and participationtypemask = 8",
        [whole.id],
      );
      assert.deepEqual(
        rows.map(({ id }) => id),
        whole.regarding === null ? [] : [whole.regarding.id],
        "the party says the same",
      );
      return whole.regarding?.id ?? null;
    },
    async emailId(name) {
      const whole = await email(name);
      assert.ok(whole);
      return whole.id;
    },
    sentences: async (name, user = ann) => (await explained(app, own(name), user)).sentences,
    [Symbol.asyncDispose]: () => app.close(),
  };
}

async function failureOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (error instanceof Failure) return error.code;
    throw error;
  }
  return "none";
}

onOneDatabaseEach("a folder with a rule", servers, (promise) => {
  promise("tracks what lies in it, what comes and what is moved there long after it was skipped, and nothing else", async (database) => {
    await using office = await openOffice(database);
    const { ann, mill, app } = office;
    await office.arrives("lay-there", MILL);
    await office.arrives("skipped");
    await office.arrives("stays");
    assert.deepEqual((await office.round()).skipped, 2, "the folder is not read without a rule");

    await office.rule(MILL, mill);
    await office.arrives("comes", MILL);
    assert.equal((await office.round()).tracked, 2);
    await office.moves("skipped", "INBOX", MILL);
    assert.equal((await office.round()).tracked, 1);
    for (const name of ["lay-there", "comes", "skipped"]) assert.equal(await office.about(name), mill.id, name);
    assert.equal(await office.about("stays"), undefined);

    assert.match(
      await office.sentences("skipped"),
      /because it lies in a folder with a rule.*folder: yes\. It lies in the folder Projects\/Mill.*like the folder Projects\/Mill/s,
    );
    assert.equal((await app.crm.readEmail(await office.emailId("skipped")))?.accepting, null);
    const { rules } = await app.operations.folderList(addressOf(ann));
    assert.deepEqual(
      rules.map(({ folder, children, regarding, by, missing }) => [folder, children, regarding, by, missing]),
      [[MILL, false, mill, EVE, false]],
    );
    const { rows } = await database.query("select from waypost.audit where actor = $1 and action = 'track folder' and subject = $2", [
      EVE,
      addressOf(ann),
    ]);
    assert.equal(rows.length, 1);
  });

  promise("keeps its rule when it or the folder above is renamed, and when another is made under its name", async (database) => {
    await using office = await openOffice(database);
    const { ann, mill } = office;
    await office.round();
    await office.rule(MILL, mill);
    await office.arrives("before", MILL);
    await office.round();
    await rig.dovecot.withImap(ann, async (client) => {
      await client.mailboxRename(MILL, "Projects/Mühle");
      await client.mailboxCreate(MILL);
    });
    await office.arrives("after", "Projects/Mühle");
    await office.arrives("in-the-other", MILL);
    assert.equal((await office.round()).tracked, 1);
    await rig.dovecot.withImap(ann, async (client) => void (await client.mailboxRename("Projects", "Werke")));
    await office.arrives("moved-house", "Werke/Mühle");
    assert.equal((await office.round()).tracked, 1);
    for (const name of ["before", "after", "moved-house"]) assert.equal(await office.about(name), mill.id, name);
    assert.equal(await office.about("in-the-other"), undefined);
    const { rules } = await office.app.operations.folderList(addressOf(ann));
    assert.deepEqual(
      rules.map(({ folder, missing }) => [folder, missing]),
      [["Werke/Mühle", false]],
    );
  });

  promise("has the folders below it too where that was asked for, but not the one with a rule of its own", async (database) => {
    await using office = await openOffice(database);
    const { ann, mill, tower } = office;
    await office.round();
    await office.rule("Projects", mill, { children: true });
    await office.rule(TOWER, tower);
    for (const folder of [MILL, TOWER]) await office.arrives(folder.slice(-5), folder);
    assert.equal((await office.round()).tracked, 2);
    await makeFolders(rig.dovecot, ann, "Projects/Mill/2026");
    await office.arrives("new", "Projects/Mill/2026");
    assert.equal((await office.round()).tracked, 1);
    assert.deepEqual([await office.about("/Mill"), await office.about("Tower"), await office.about("new")], [mill.id, tower.id, mill.id]);
    await office.app.operations.folderUntrack(addressOf(ann), "Projects", EVE);
    await office.arrives("later", MILL);
    assert.equal((await office.round()).tracked, 0);
  });

  promise("relates an email that is moved there anew; a folder that says nothing keeps what it is about", async (database) => {
    await using office = await openOffice(database);
    const { mill, tower } = office;
    await office.round();
    await office.rule(MILL, mill);
    await office.rule(TOWER, tower);
    await office.rule(PLAIN);
    await office.arrives("one", MILL);
    await office.round();
    await office.moves("one", MILL, TOWER);
    await office.round();
    assert.equal(await office.about("one"), tower.id);
    assert.match(await office.sentences("one"), /about the contact tower of .*like the folder Projects\/Tower/s);
    await office.moves("one", TOWER, PLAIN);
    await office.round();
    await office.moves("one", PLAIN, "INBOX");
    await office.round();
    assert.equal(await office.about("one"), tower.id);
    await office.moves("one", "INBOX", MILL);
    await office.round();
    assert.equal(await office.about("one"), mill.id);
    await office.rule(MILL, tower);
    await office.round();
    assert.equal(await office.about("one"), tower.id, "the rule says another thing from now on");
  });

  promise("does not overrule what a person said of an email, by hand or in the CRM, nor that it was untracked", async (database) => {
    await using office = await openOffice(database);
    const { app, mill, tower } = office;
    await office.round();
    await office.rule(MILL, mill);
    await office.rule(TOWER, tower);
    for (const name of ["by-hand", "nothing", "in-crm", "untracked"]) await office.arrives(name, MILL);
    await office.arrives("asked-for");
    assert.equal((await office.round()).tracked, 4);
    const [other] = await app.crm.createRecords([{ type: "account", lastname: "Other", addresses: [] }]);
    assert.ok(other);
    await app.operations.regarding(office.id("by-hand"), `account:${other.id}`, EVE);
    await app.operations.regarding(office.id("nothing"), "none", EVE);
    await app.operations.track(office.id("asked-for"), `account:${other.id}`, EVE);
    await app.context.crm("CRM").setRegarding(await office.emailId("in-crm"), other);
    await app.operations.untrack(office.id("untracked"), true, EVE);
    await office.round();
    await office.moves("asked-for", "INBOX", MILL);
    await office.round();
    for (const name of ["by-hand", "nothing", "in-crm", "untracked", "asked-for"]) await office.moves(name, MILL, TOWER);
    await office.round();
    await office.rule(TOWER, mill);
    await office.round();
    const about = await Promise.all(["by-hand", "nothing", "in-crm", "asked-for", "untracked"].map((name) => office.about(name)));
    assert.deepEqual(about, [other.id, null, other.id, other.id, undefined]);
    assert.match(await office.sentences("in-crm"), /changed or deleted in the CRM since; that stands/);
    assert.match(await office.sentences("untracked"), /untracked it by hand/);
  });

  promise("of two mailboxes the first one's folder has the say, and with its rule it loses it", async (database) => {
    await using office = await openOffice(database);
    const { app, ann, ben, mill, tower } = office;
    await office.round(ann, ben);
    await office.rule(MILL, mill);
    await office.rule(TOWER, tower, { user: ben });
    await office.arrives("both", MILL, ann);
    await office.arrives("both", TOWER, ben);
    await office.arrives("only-his", "INBOX", ann);
    await office.arrives("only-his", TOWER, ben);
    assert.equal((await office.round(ann)).tracked, 1);
    const second = await office.round(ben);
    assert.deepEqual([second.tracked, second.duplicate], [1, 1]);
    await office.round(ann, ben);
    assert.deepEqual([await office.about("both"), await office.about("only-his")], [mill.id, tower.id]);
    await app.operations.folderUntrack(addressOf(ann), MILL, EVE);
    await office.moves("both", TOWER, "INBOX", ben);
    await office.round(ann, ben);
    assert.equal(await office.about("both"), mill.id, "it stays what it was about");
    await office.moves("both", "INBOX", TOWER, ben);
    await office.round(ben);
    assert.equal(await office.about("both"), tower.id);
  });

  promise(
    "leaves its emails where its rule is taken away or it is deleted, and a copy elsewhere counts as little as much",
    async (database) => {
      await using office = await openOffice(database);
      const { app, ann, mill } = office;
      await office.round();
      await office.rule(MILL, mill);
      await office.rule(TOWER);
      await office.arrives("copied");
      await office.round();
      await copy(rig.dovecot, ann, `${ann}-copied`, "INBOX", MILL);
      await office.arrives("in-tower", TOWER);
      assert.equal((await office.round()).tracked, 2);
      await app.operations.folderUntrack(addressOf(ann), MILL, EVE);
      await rig.dovecot.withImap(ann, async (client) => void (await client.mailboxDelete(TOWER)));
      await office.arrives("too-late", MILL);
      assert.equal((await office.round()).tracked, 0);
      assert.deepEqual([await office.about("copied"), await office.about("in-tower")], [mill.id, null]);
      const { rules } = await app.operations.folderList(addressOf(ann));
      assert.deepEqual(
        rules.map(({ folder, missing }) => [folder, missing]),
        [[TOWER, true]],
      );
      await app.operations.folderUntrack(addressOf(ann), TOWER, EVE);
      assert.deepEqual((await app.operations.folderList(addressOf(ann))).rules, []);
    },
  );

  promise("finds what is moved there while the mailbox is read, in that round or the next", async (database) => {
    await using office = await openOffice(database);
    const { app, ann, mill } = office;
    await office.round();
    await office.rule(MILL, mill);
    await office.arrives("early");
    await office.arrives("late", PLAIN);
    await office.round();
    const moved = new Set<string>();
    {
      using _ = atEach(app, async ({ reads, folder }) => {
        const name = folder === "INBOX" ? "early" : "late";
        if (reads !== "heads" || moved.has(name)) return;
        moved.add(name);
        if (name === "early") await office.moves("early", "INBOX", MILL);
        else await office.moves("late", PLAIN, MILL);
      });
      await office.round();
    }
    await office.round();
    assert.deepEqual(moved, new Set(["early", "late"]));
    assert.deepEqual([await office.about("early"), await office.about("late")], [mill.id, mill.id]);
    assert.equal((await emailsIn(database, ann)).length, 2);
  });

  promise("relates emails of a CRM that stands elsewhere, also where an answer was lost", async (database) => {
    await using office = await openOffice(database);
    const { app, mill, tower } = office;
    const { crm } = app.context;
    let lost = 1;
    app.context.crm = (organization) =>
      foreignCrm(crm(organization), ({ verb, when }) => {
        if (verb === "relate" && when === "after" && lost-- > 0) throw new Error("the answer was lost");
      });
    await office.round();
    await office.rule(MILL, mill);
    await office.rule(TOWER, tower);
    await office.arrives("one", MILL);
    await office.round();
    await office.moves("one", MILL, TOWER);
    assert.equal((await receive(app, office.ann)).failures.length, 1);
    await office.round();
    assert.equal(await office.about("one"), tower.id);
    await office.moves("one", TOWER, MILL);
    await office.round();
    assert.equal(await office.about("one"), mill.id);
  });

  promise("does not ask the database once for each message, when they come and when they are moved", async (database) => {
    const count = counted(database);
    await using office = await openOffice(count.database);
    const { ann, mill, tower } = office;
    await office.round();
    await office.rule(MILL, mill);
    await office.rule(TOWER, tower);
    await office.round();
    const asked: number[][] = [];
    for (const many of [2, 30]) {
      const counts: number[] = [];
      const round = async () => {
        count.statements = 0;
        const { tracked } = await office.round();
        counts.push(count.statements);
        return tracked;
      };
      await rig.dovecot.withImap(ann, async (client) => {
        for (let number = 0; number < many; number++) await client.append(MILL, letter({ id: office.id(`${many}-${number}`) }));
      });
      assert.equal(await round(), many);
      await rig.dovecot.withImap(ann, async (client) => {
        await client.mailboxOpen(MILL);
        await client.messageMove("1:*", TOWER);
      });
      await round();
      asked.push(counts);
    }
    const [few = [], more = []] = asked;
    assert.deepEqual([few.length, more.length], [2, 2]);
    // What a round does by the clock; one more for each message would be 28.
    assert.ok(
      more.every((count, index) => count <= (few[index] ?? 0) + 10),
      `${few} statements for 2 messages, ${more} for 30`,
    );
    const { rows } = await database.query("select from crm.email where submittedby = $1 and regardingobjectid = $2", [
      addressOf(ann),
      tower.id,
    ]);
    assert.equal(rows.length, 32);
  });

  promise("cannot be one that is not there, holds no received mail, or is one too many; what is too old stays out", async (database) => {
    await using office = await openOffice(database, { settings: { maxfolderbasedtrackingmappings: 1 } });
    const { app, ann } = office;
    await makeFolders(rig.dovecot, ann, "Trash");
    await rig.dovecot.withImap(ann, async (client) => {
      await client.append(MILL, letter({ id: `${ann}-old` }), [], new Date("2020-01-01"));
    });
    await office.round();
    const track = (folder: string, regarding: string | null = null) =>
      failureOf(app.operations.folderTrack(addressOf(ann), folder, { regarding, children: false }, EVE));
    assert.equal(await track("Nowhere"), "folder unknown");
    assert.equal(await track("Trash"), "folder not tracked");
    assert.equal(await track(MILL, "nobody@customer.test"), "record unknown");
    assert.equal(await track(MILL), "none");
    assert.equal(await track(MILL), "none", "the same once more is no second one");
    assert.equal(await track(TOWER), "too many folder rules");
    assert.equal(await failureOf(app.operations.folderUntrack(addressOf(ann), TOWER, EVE)), "no folder rule");
    assert.equal((await office.round()).tracked, 0);
    await office.arrives("new", MILL);
    assert.equal((await office.round()).tracked, 1);
  });
});
