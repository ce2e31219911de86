/** What is said of other settings is what a second installation with those settings makes of the same mailboxes, message by message. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { FilterName } from "../../src/config.ts";
import type { WhatIfRequest } from "../../src/engine/operations/what-if.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Change } from "../../src/tracking/change.ts";
import { type EngineName, type TestDatabase, testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";
import { AUTOMATIC, BEGINNING, momentOf, type Setup, Story } from "./what-if-story.ts";
import { everythingIn, foretold, type Outcomes, type Said } from "./what-if-world.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 100 });
});
after(() => rig?.[Symbol.asyncDispose]());

interface Case {
  readonly name: string;
  readonly other: Setup;
  readonly request: (story: Story) => Partial<WhatIfRequest>;
  readonly now?: Setup;
  /** Some of the messages whose outcome changes; without any the case would prove nothing. */
  readonly changes: (story: Story) => readonly string[];
}

const filters = (story: Story, ann: 0 | 1 | 2 | 3 | 4, ben: 0 | 1 | 2 | 3 | 4) => ({
  filters: [
    { address: addressOf(story.ann), method: ann },
    { address: addressOf(story.ben).toUpperCase(), method: ben },
  ],
});

const CASES: readonly Case[] = [
  {
    name: "filter 2 to 0 for one of two users",
    other: { ann: "all" },
    request: (story) => ({ filters: [{ address: addressOf(story.ann), method: 0 }] }),
    changes: (story) => [story.key(story.ann, "from-stranger"), story.key(story.ben, "to-both"), story.key(story.ann, "blind-copy")],
  },
  {
    name: "filter 0 to 1",
    now: { ann: "all", ben: "all" },
    other: { ann: "replies", ben: "replies" },
    request: (story) => filters(story, 1, 1),
    changes: (story) => [
      story.key(story.ann, "from-stranger"),
      story.key(story.ben, "from-contact"),
      story.key(story.ann, "answer-to-contact"),
    ],
  },
  {
    name: "filter 1 to 0",
    now: { ann: "replies", ben: "replies" },
    other: { ann: "all", ben: "all" },
    request: (story) => filters(story, 0, 0),
    changes: (story) => [story.key(story.ben, "early-answer")],
  },
  {
    name: "filter 0 to 2",
    now: { ann: "all", ben: "all" },
    other: {},
    request: (story) => filters(story, 2, 2),
    changes: (story) => [story.key(story.ann, "from-stranger"), story.key(story.ann, "to-both")],
  },
  {
    name: "emailcorrelationenabled off",
    other: { settings: { emailcorrelationenabled: false } },
    request: () => ({ settings: { emailcorrelationenabled: false } }),
    changes: (story) => [
      story.key(story.ben, "early-answer"),
      ...["answer-to-contact", "away", "bounce"].map((name) => story.key(story.ann, name)),
    ],
  },
  {
    name: "tracking tokens off",
    other: { settings: { trackingtokensenabled: false } },
    request: () => ({ settings: { trackingtokensenabled: false } }),
    changes: (story) => [story.key(story.ann, "token-again")],
  },
  {
    name: "tracking tokens on, of which nobody knew",
    now: { settings: { trackingtokensenabled: false } },
    other: { settings: { trackingtokensenabled: true } },
    request: () => ({ settings: { trackingtokensenabled: true } }),
    changes: (story) => [story.key(story.ann, "token-again")],
  },
  {
    name: "emailcorrelationenabled on, with what the content of a bounce had told",
    now: { settings: { emailcorrelationenabled: false } },
    other: {},
    request: () => ({ settings: { emailcorrelationenabled: true } }),
    changes: (story) => [story.key(story.ann, "bounce")],
  },
  {
    name: "SkipAutomaticReplies on",
    other: { settings: { SkipAutomaticReplies: true } },
    request: () => ({ settings: { SkipAutomaticReplies: true } }),
    changes: (story) => [story.key(story.ann, "away")],
  },
  {
    name: "smart matching on, although no email has hashes",
    other: { settings: { enablesmartmatching: true } },
    request: () => ({ settings: { enablesmartmatching: true } }),
    changes: (story) => [story.key(story.ann, "like-sent")],
  },
  {
    name: "smart matching asks for more addresses than there are",
    now: { settings: { enablesmartmatching: true } },
    other: { settings: { enablesmartmatching: true, hashminaddresscount: 3 } },
    request: () => ({ settings: { hashminaddresscount: 3 } }),
    changes: (story) => [story.key(story.ann, "like-sent")],
  },
  {
    name: "ignoreinternalemail on",
    now: { ben: "all" },
    other: { ben: "all", settings: { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false } },
    request: () => ({ settings: { ignoreinternalemail: true, IgnoreInternalEmailDetectionEnhancement: false } }),
    changes: (story) => [story.key(story.ben, "from-inside")],
  },
  {
    name: "only the filter of the mailbox that is read",
    now: { ben: "all" },
    other: { ben: "all", settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true } },
    request: () => ({ settings: { UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: true } }),
    changes: (story) => [story.key(story.ann, "to-both"), story.key(story.ben, "to-both")],
  },
  {
    name: "a later start",
    now: { ann: "all", ben: "all" },
    other: { ann: "all", ben: "all", readFrom: momentOf(6) },
    request: () => ({ readFrom: momentOf(6) }),
    changes: (story) => [story.key(story.ann, "from-stranger")],
  },
];

onOneDatabaseEach("what other settings would have made of the mail that is there", servers, (promise) => {
  for (const { name, now = {}, other, request, changes } of CASES) {
    promise(`is what they make of it: ${name}`, async (first) => {
      const story = new Story(rig);
      await story.arrive();
      const second = await secondBeside(first);
      const [said, before] = await story.read(first, now, async (app): Promise<[Said, Outcomes]> => {
        const stored = await everythingIn(first);
        const answer = await story.ask(app, request(story));
        assert.equal(await everythingIn(first), stored, "nothing is written");
        return [answer, await story.outcomes(first)];
      });
      const expected = await story.read(second, other, () => story.outcomes(second));
      // Whom it was not read for: before the start, the mail server does not even tell of a message.
      assert.deepEqual(readBy(foretold(before, said), expected), expected);
      const changed = said.changes.map((one) => `${one.mailbox} ${one.messageId}`);
      for (const key of changes(story)) assert.ok(changed.includes(key), `${key} changes: ${changed.join(", ")}`);
      for (const one of said.changes) assert.notDeepEqual(one.before.sentences, one.after.sentences);
      assert.equal(said.counts.doubtful, 0);
      assert.deepEqual(
        said.counts.mailboxes.map((one) => one.otherwiseToday),
        [0, 0],
      );
    });
  }

  promise("is what they make of a program that answers too often: where some of its answers are out, others are in", async (first) => {
    const story = new Story(rig);
    const answers = Array.from({ length: 12 }, (_, index) => `away-${index}`);
    for (const [index, name] of answers.entries())
      await story.comes(name, [story.ann], { answers: "sent", marks: AUTOMATIC, minutes: index });
    const readFrom = new Date(BEGINNING.getTime() + 2 * 60_000);
    const [said, before] = await story.read(
      first,
      {},
      async (app) => [await story.ask(app, { readFrom }), await story.outcomes(first)] as const,
    );
    const second = await secondBeside(first);
    const expected = await story.read(second, { readFrom }, () => story.outcomes(second));
    assert.deepEqual(readBy(foretold(before, said), expected), expected);
    assert.deepEqual(
      said.changes.map(({ messageId, after }) => [messageId, after.outcome, after.sentences.length > 0]),
      [0, 1, 10, 11].map((index) => [messageIdOf(story.own(`away-${index}`)), index < 2 ? "skipped" : "tracked", true]),
    );
  });

  promise("is what they make of a program that answers too often and names no message", async (first) => {
    const story = new Story(rig);
    const answers = Array.from({ length: 32 }, (_, index) => `got-it-${index}`);
    for (const [index, name] of answers.entries()) await story.comes(name, [story.ann], { marks: AUTOMATIC, minutes: index });
    const readFrom = new Date(BEGINNING.getTime() + 2 * 60_000);
    const [said, before] = await story.read(
      first,
      { ann: "all" },
      async (app) => [await story.ask(app, { readFrom }), await story.outcomes(first)] as const,
    );
    const second = await secondBeside(first);
    const expected = await story.read(second, { ann: "all", readFrom }, () => story.outcomes(second));
    assert.deepEqual(readBy(foretold(before, said), expected), expected);
    assert.deepEqual(
      said.changes.map(({ messageId, after }) => [messageId, after.outcome]),
      [0, 1, 30, 31].map((index) => [messageIdOf(story.own(`got-it-${index}`)), index < 2 ? "skipped" : "tracked"]),
    );
  });

  promise("counts delivery reports of whose content nothing is kept", async (first) => {
    const story = new Story(rig);
    await story.arrive();
    await story.read(first, { settings: { DoNotAutoTrackEmail: true } }, async (app) => {
      const { counts, changes } = await story.ask(app, { settings: { DoNotAutoTrackEmail: false } });
      assert.equal(counts.doubtful, 1);
      assert.ok(changes.some((one) => one.messageId === messageIdOf(story.own("away"))));
    });
  });

  promise("leaves what a person said by hand as it is", async (first) => {
    const story = new Story(rig);
    await story.comes("untracked", [story.ann], { from: story.contact });
    await story.comes("asked-for", [story.ann]);
    await story.comes("left", [story.ann]);
    await story.read(first, {}, async (app) => {
      await app.operations.untrack(messageIdOf(story.own("untracked")), false, "Cleo");
      await app.operations.track(messageIdOf(story.own("asked-for")), null, "Cleo");
      assert.equal((await receive(app, story.ann)).counts.tracked, 1);
      const said = await story.ask(app, filters(story, 0, 0));
      assert.deepEqual(
        said.changes.map((one) => one.messageId),
        [messageIdOf(story.own("left"))],
      );
      assert.deepEqual((await story.ask(app, filters(story, 4, 4))).changes, []);
      assert.deepEqual(
        said.counts.mailboxes.map((one) => one.otherwiseToday),
        [0, 0],
      );
    });
  });

  promise("leaves what lies in a folder with a rule as it is, and advises nothing about filters there", async (first) => {
    const story = new Story(rig);
    await story.comes("filed", [story.ann]);
    await story.read(first, {}, async (app) => {
      await app.operations.folderTrack(addressOf(story.ann), "INBOX", { regarding: null, children: false }, "Cleo");
      assert.equal((await receive(app, story.ann)).counts.tracked, 1);
      const said = await story.ask(app, filters(story, 4, 4));
      assert.deepEqual([said.changes, said.counts.mailboxes.map((one) => one.otherwiseToday)], [[], [0, 0]]);
      const advice = (await app.operations.explain(messageIdOf(story.own("filed")))).incoming[0]?.advice;
      assert.deepEqual(
        advice?.alternatives.map(({ changes }) => changes.map((one) => one.kind)),
        [["by hand"]],
      );
    });
  });

  promise("tells apart what would be decided otherwise today without any other setting", async (first) => {
    const story = new Story(rig);
    await story.arrive();
    await story.read(first, {}, async (app) => {
      await app.crm.createRecords([{ type: "contact", lastname: "Stranger", addresses: [story.stranger] }]);
      const { counts, changes } = await story.ask(app, {});
      assert.deepEqual([counts.changed, changes.length], [0, 0]);
      assert.ok(counts.mailboxes.every((one) => one.otherwiseToday > 0));
    });
  });

  promise(
    "tells of the mailboxes that are named, no more messages than asked for, of who wrote mail that is no email the domain, and of private mail nothing",
    async (first) => {
      const story = new Story(rig);
      await story.comes("open", [story.ann]);
      const mime = `Sensitivity: Private\r\n${letter({ id: story.own("private"), from: story.stranger, to: [addressOf(story.ann)] })}`;
      await rig.dovecot.append(story.ann, "INBOX", { mime, internalDate: momentOf(1) });
      await story.comes("of-ben", [story.ben]);
      await story.read(first, {}, async (app) => {
        const { changes, counts } = await story.ask(app, { ...filters(story, 0, 0), mailboxes: [addressOf(story.ann)] });
        assert.deepEqual(
          counts.mailboxes.map((one) => one.mailbox),
          [addressOf(story.ann)],
        );
        assert.deepEqual(
          changes.map((one) => [one.messageId, one.from, one.after.sentences.length > 0]),
          [
            [messageIdOf(story.own("open")), "…@stranger.test", true],
            [null, null, false],
          ],
        );
        const told: unknown[] = [];
        const mailboxes = [story.ann, story.ben].map(addressOf);
        const request = { days: 30, mailboxes, settings: {}, readFrom: null, limit: 1, ...filters(story, 0, 0) };
        const result = await app.operations.whatIf(request, new AbortController().signal, (event) => told.push(event));
        assert.deepEqual([result.told, result.counts.changed, told.length], [1, 3, 2]);
      });
    },
  );

  promise("refuses what could not be set, and ends when nobody waits for it", async (first) => {
    const story = new Story(rig);
    await story.comes("open", [story.ann]);
    await story.read(first, {}, async (app) => {
      const refusals: readonly (readonly [Partial<WhatIfRequest>, string])[] = [
        [{ settings: { emailcorelationenabled: true } }, "settings refused"],
        [{ settings: { emailcorrelationenabled: "maybe" } }, "settings refused"],
        [{ settings: { trackingtokeniddigits: 99 } }, "settings refused"],
        [{ filters: [{ address: story.stranger, method: 0 }] }, "user or queue unknown"],
        [{ mailboxes: [story.stranger] }, "mailbox unknown"],
      ];
      for (const [request, code] of refusals)
        await assert.rejects(story.ask(app, request), (error) => error instanceof Failure && error.code === code, JSON.stringify(request));
      const request = { days: 30, mailboxes: [], settings: {}, filters: [], readFrom: null, limit: null };
      const interrupted = app.operations.whatIf(request, AbortSignal.abort(), () => undefined);
      await assert.rejects(interrupted, (error) => error instanceof Failure && error.code === "interrupted");
    });
  });

  promise("what `explain` advises has the message tracked where it is done", async (first) => {
    const story = new Story(rig);
    await story.comes("from-stranger", [story.ann]);
    const id = messageIdOf(story.own("from-stranger"));
    const advised = await story.read(
      first,
      { settings: { DoNotAutoTrackEmail: true } },
      async (app) => (await app.operations.explain(id)).incoming[0]?.advice,
    );
    assert.deepEqual(
      advised?.alternatives.map(({ changes }) => changes.map((one) => one.kind)),
      [["setting", "filter"], ["by hand"]],
    );
    const changes = advised?.alternatives[0]?.changes ?? [];
    const second = await secondBeside(first);
    const then = await story.read(second, setupAfter(changes), () => story.outcomes(second));
    assert.deepEqual(then, { [`${addressOf(story.ann)} ${id}`]: "tracked" });
    const kept = await story.read(second, setupAfter(changes), async (app) => (await app.operations.explain(id)).incoming[0]);
    assert.deepEqual([kept?.advice?.wanted, (kept?.advice?.alternatives.length ?? 0) > 2], ["skipped", true]);
  });

  promise("the command that `explain` names has the message tracked, and the other one untracked", async (first) => {
    const story = new Story(rig);
    await story.comes("from-stranger", [story.ann]);
    const id = messageIdOf(story.own("from-stranger"));
    await story.read(first, {}, async (app) => {
      const sentences = async () => (await app.operations.explain(id)).incoming.flatMap((one) => one.sentences).join("\n");
      const [, track = ""] = /To have this message tracked, whatever the rules say: `waypost track (\d+)`/.exec(await sentences()) ?? [];
      await app.operations.track(track, null, "Cleo");
      assert.equal((await receive(app, story.ann)).counts.tracked, 1);
      const [, untrack = ""] = /To have no email of this very message: `waypost untrack (\d+)`/.exec(await sentences()) ?? [];
      await app.operations.untrack(untrack, true, "Cleo");
      assert.deepEqual(Object.values(await story.outcomes(first)), ["skipped"]);
      await rig.dovecot.withImap(story.ann, async (client) => {
        await client.mailboxOpen("INBOX");
        await client.messageDelete("1:*");
      });
      await receive(app, story.ann);
      assert.match(await sentences(), /Nothing would have it tracked: it lies in no folder that is read\./);
    });
  });
});

/** A configuration in which it is done. */
function setupAfter(changes: readonly Change[]): Setup {
  const settings: Record<string, boolean> = {};
  let ann: FilterName = "contacts";
  for (const change of changes) {
    if (change.kind === "filter") ann = change.method === 0 ? "all" : "none";
    if (change.kind === "setting") settings[change.name] = change.value === true;
  }
  return { ann, settings };
}

const seconds = new Map<EngineName, Promise<TestDatabase>>();
after(async () => {
  for (const database of seconds.values()) await (await database)[Symbol.asyncDispose]();
});

/** The database of the second installation, for all tests on that engine. */
function secondBeside({ engine }: { readonly engine: EngineName }): Promise<TestDatabase> {
  const second = seconds.get(engine) ?? testDatabase(engine);
  seconds.set(engine, second);
  return second;
}

/** Outcomes of the messages that the second installation was told of; all others were to be skipped. */
function readBy(outcomes: Readonly<Record<string, string>>, told: Readonly<Record<string, string>>): Record<string, string> {
  const entries = Object.entries(outcomes);
  for (const [key, outcome] of entries) if (!(key in told)) assert.equal(outcome, "skipped", key);
  return Object.fromEntries(entries.filter(([key]) => key in told));
}
