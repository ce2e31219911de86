import assert from "node:assert/strict";
import { after, before } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { startEngine } from "../../src/engine/engine.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { atEach, decisionsIn, emailsIn, explained, letter, makeFolders, move, remove } from "./incoming.ts";
import { DYNAMICS_DECIDES, OVER_DYNAMICS } from "./over-web-api.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** Read, being below the inbox. */
const WORK = "INBOX/Work";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** Ann takes all mail, Ben only answers to email of the CRM. Letters are called by names that no other test's have to differ from. */
interface Pair extends AsyncDisposable {
  readonly app: RigApp;
  readonly ann: string;
  readonly ben: string;
  /** A customer writes; `answers` names an earlier letter. Who is named in To, if not the owner of the mailbox: `to`. */
  write(name: string, answers?: string, to?: readonly string[]): string;
  /** One such letter arrives. */
  arrives(user: string, name: string, answers?: string): Promise<void>;
  /** What Ben's mailbox decided about a letter. */
  explain(name: string): ReturnType<typeof explained>;
  /** Which email each email belongs to, by name. */
  correlations(): Promise<Record<string, string | null>>;
}

async function pairIn(database: TestDatabase): Promise<Pair> {
  const [ann, ben] = [rig.newUser(), rig.newUser()];
  const app = await rig.open(database, rig.configurationFor([ann, { name: ben, filter: "replies" }]));
  const own = (name: string) => `${ann}-${name}`;
  const write: Pair["write"] = (name, answers, to = []) =>
    letter({ id: own(name), subject: name, to: to.map(addressOf), ...(answers !== undefined && { answers: own(answers) }) });
  return {
    app,
    ann,
    ben,
    write,
    arrives: async (user, name, answers) => void (await rig.dovecot.deliver(user, write(name, answers, [user]))),
    explain: (name) => explained(app, own(name), ben),
    async correlations() {
      const emails = await emailsIn(database, ann, ben);
      const names = new Map(emails.map((email) => [email.id, email.subject]));
      return Object.fromEntries(
        emails.map(({ subject, correlatedTo }) => [subject, correlatedTo === null ? null : (names.get(correlatedTo) ?? "missing")]),
      );
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

async function round(app: RigApp, user: string) {
  const { counts, failures } = await receive(app, user);
  assert.deepEqual(failures, []);
  return counts;
}

onOneDatabaseEach("answers that come before their questions", servers, (promise) => {
  promise("an answer that was skipped is tracked when the question is tracked in another mailbox", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    await pair.arrives(ben, "answer", "question");
    assert.equal((await round(app, ben)).skipped, 1);
    assert.equal((await pair.explain("answer")).outcome, "skipped");
    const { rows } = await database.query("select 1 from waypost.unasked");
    assert.equal(rows.length > 0, OVER_DYNAMICS, "mail of strangers is settled by the index of an organization elsewhere");
    await pair.arrives(ann, "question");
    await round(app, ann);
    assert.equal((await round(app, ben)).tracked, 1);
    const { outcome, sentences } = await pair.explain("answer");
    assert.equal(outcome, "tracked");
    assert.equal(/The CRM (takes|would leave)/.test(sentences), DYNAMICS_DECIDES, "what is no stranger's, Dynamics is asked about");
    assert.deepEqual(await pair.correlations(), { answer: "question", question: null });
    assert.equal((await round(app, ben)).tracked, 0);
  });

  promise("answers to answers follow in the same round", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    await pair.arrives(ben, "third", "second");
    await pair.arrives(ben, "second", "first");
    assert.equal((await round(app, ben)).skipped, 2);
    await pair.arrives(ann, "first");
    await round(app, ann);
    await round(app, ben);
    assert.deepEqual(await pair.correlations(), { first: null, second: "first", third: "second" });
  });

  promise("an answer that arrived before its question in the same page is tracked", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    await pair.arrives(ben, "answer", "question");
    // Ann's filter takes the question, whoever's mailbox it is read in.
    await rig.dovecot.deliver(ben, pair.write("question", undefined, [ann, ben]));
    await round(app, ben);
    assert.deepEqual(await pair.correlations(), { answer: "question", question: null });
  });

  promise("an answer decided while its question was being delivered is not forgotten", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    await pair.arrives(ann, "question");
    await pair.arrives(ben, "answer", "question");
    let annIsDone: Promise<unknown> | undefined;
    // What the CRM knows is looked up for Ben's mailbox before Ann's is read, and the decision stored after.
    const { crm } = app.context;
    app.context.crm = (organization) => {
      const original = crm(organization);
      const facts: typeof original.facts = async (query) => {
        const found = await original.facts(query);
        if (query.mailbox.address === addressOf(ben)) {
          annIsDone ??= round(app, ann);
          await annIsDone;
        }
        return found;
      };
      return { ...original, facts };
    };
    await round(app, ben);
    app.context.crm = crm;
    assert.ok(annIsDone);
    await round(app, ben);
    assert.equal((await pair.explain("answer")).outcome, "tracked");
  });

  const moves: { what: string; meanwhile: ((pair: Pair) => Promise<void>) | null }[] = [
    { what: "moved to another folder", meanwhile: moveAnswer },
    {
      what: "moved with its folder, which got another name",
      meanwhile: ({ ben }) => rig.dovecot.withImap(ben, async (client) => void (await client.mailboxRename(WORK, "INBOX/Done"))),
    },
    { what: "moved while it was decided again", meanwhile: null },
  ];
  for (const { what, meanwhile } of moves) {
    promise(`an answer that was ${what} is tracked all the same`, async (database) => {
      await using pair = await pairIn(database);
      const { app, ann, ben } = pair;
      await rig.dovecot.append(ben, WORK, pair.write("answer", "question"));
      await round(app, ben);
      await pair.arrives(ann, "question");
      await round(app, ann);
      if (meanwhile) await meanwhile(pair);
      else {
        let moved = false;
        using _ = atEach(app, async ({ reads }) => {
          if (reads !== "content" || moved) return;
          moved = true;
          await moveAnswer(pair);
        });
        await round(app, ben);
        assert.ok(moved);
      }
      await round(app, ben);
      assert.equal((await pair.explain("answer")).outcome, "tracked");
    });
  }

  promise("an answer that left before its question came lies nowhere, also after it was decided again", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    await pair.arrives(ben, "answer", "question");
    await round(app, ben);
    await remove(rig.dovecot, ben, `${ann}-answer`, "INBOX");
    await round(app, ben);
    assert.deepEqual((await pair.explain("answer")).folders, []);
    await pair.arrives(ann, "question");
    await round(app, ann);
    await round(app, ben);
    const { outcome, folders } = await pair.explain("answer");
    assert.deepEqual([outcome, folders], ["skipped", []]);
  });

  promise("an answer that is moved into a folder that was just read lies there alone, and leaves nothing behind", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    const id = `${ann}-answer`;
    await pair.arrives(ben, "answer", "question");
    await round(app, ben);
    await pair.arrives(ann, "question");
    await round(app, ann);
    await makeFolders(rig.dovecot, ben, WORK);
    await move(rig.dovecot, ben, id, "INBOX", WORK);
    let moved = false;
    {
      // The inbox, read first, told that it left; the folder does not show it any more: at the end of the round it lies nowhere.
      using _ = atEach(app, async ({ reads, folder }) => {
        if (reads !== "heads" || folder !== WORK || moved) return;
        moved = true;
        await move(rig.dovecot, ben, id, WORK, "INBOX");
      });
      await round(app, ben);
    }
    assert.ok(moved);
    await round(app, ben);
    const { outcome, folders } = await pair.explain("answer");
    assert.deepEqual([outcome, folders], ["tracked", ["INBOX"]]);
    await remove(rig.dovecot, ben, id, "INBOX");
    await round(app, ben);
    assert.deepEqual((await pair.explain("answer")).folders, [], "of the two places in the inbox the first was left long ago");
  });

  promise("an answer whose folder was deleted stays as it was decided, and its mailbox is read on", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    await rig.dovecot.append(ben, WORK, pair.write("answer", "question"));
    await round(app, ben);
    await pair.arrives(ann, "question");
    await round(app, ann);
    await rig.dovecot.withImap(ben, (client) => client.mailboxDelete(WORK));
    await pair.arrives(ben, "other", "question");
    assert.equal((await round(app, ben)).tracked, 1);
    const { outcome, folders } = await pair.explain("answer");
    assert.deepEqual([outcome, folders], ["skipped", []]);
  });

  promise("a running service does all of it by itself", async (database) => {
    await using pair = await pairIn(database);
    const { app, ann, ben } = pair;
    const engine = await startEngine(app.context, app.queue, {
      roles: new Set(["worker", "watcher"]),
      organizations: app.organizations,
      pullSeconds: 3600,
      concurrency: 4,
    });
    try {
      await pair.arrives(ben, "answer", "question");
      await until(async () => (await decisionsIn(database, ben))[0]?.outcome === "skipped");
      await pair.arrives(ann, "question");
      await until(async () => (await decisionsIn(database, ben))[0]?.outcome === "tracked");
    } finally {
      await engine.stop(5);
    }
  });
});

for (const poolSize of [4, 1]) {
  onOneDatabaseEach(
    `questions and answers read at the same moment, over a pool of ${poolSize}`,
    servers,
    (promise) => {
      promise("no answer is forgotten", async (database) => {
        await using pair = await pairIn(database);
        const { app, ann, ben } = pair;
        for (const repetition of [1, 2, 3]) {
          const numbers = Array.from({ length: 12 }, (_, number) => `${repetition}-${number}`);
          await rig.dovecot.append(ann, "INBOX", ...numbers.map((number) => pair.write(`question-${number}`)));
          await rig.dovecot.append(ben, "INBOX", ...numbers.map((number) => pair.write(`answer-${number}`, `question-${number}`)));
          await Promise.all([round(app, ann), round(app, ben)]);
        }
        await round(app, ben);
        const emails = Object.entries(await pair.correlations());
        const answers = emails.filter(([name]) => name.startsWith("answer"));
        assert.equal(emails.length, 72);
        assert.deepEqual(
          answers,
          answers.map(([name]) => [name, name.replace("answer", "question")]),
        );
        assert.equal(answers.length, 36);
      });
    },
    { engines: ["postgres"], poolSize },
  );
}

function moveAnswer({ ann, ben }: Pair): Promise<void> {
  return move(rig.dovecot, ben, `${ann}-answer`, WORK, "INBOX");
}

async function until(done: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 20_000;
  while (!(await done())) {
    if (Date.now() > deadline) throw new Error("it did not happen");
    await sleep(100);
  }
}
