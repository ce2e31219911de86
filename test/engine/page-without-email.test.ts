/** Messages of one page that rest on an email which then is not made of the message that came before them. */
import assert from "node:assert/strict";
import type { Content, MessageRef } from "../../src/model/message.ts";
import type { MailSource } from "../../src/ports.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import type { Stored } from "../contract/memory/mailbox.ts";
import { changeSources } from "./change-sources.ts";
import { emailsIn } from "./incoming.ts";
import { type MemoryBox, type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { addressOf } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

type Read = MailSource["content"];

/** From now on this answers where the mail system is asked for content. */
function answerContent({ app }: MemoryWorld, answer: (read: Read, ...asked: Parameters<Read>) => AsyncIterable<Content>): void {
  changeSources(app, (source) => {
    const read = source.content.bind(source);
    source.content = (...asked) => answer(read, ...asked);
    return source;
  });
}

const TOO_LARGE = 50_000_000;

/** Messages whose content is read before the first of them are stored. */
const MORE_THAN_A_CHUNK = 60;

/** How the message that came first does not become an email; `undo`: what is to be done after the test. */
const ENDINGS: readonly {
  readonly what: string;
  readonly outcome: string;
  readonly arrange: (world: MemoryWorld, first: (ref: MessageRef) => boolean) => Promise<(() => Promise<unknown>) | undefined>;
}[] = [
  {
    what: "is too large",
    outcome: "quarantined",
    arrange: async (world, isFirst) => {
      answerContent(world, (read, refs, options) =>
        changed(read(refs, options), (content) =>
          isFirst(content.ref) ? { ref: content.ref, kind: "too large", size: TOO_LARGE, limit: options.maximumSize } : content,
        ),
      );
      return undefined;
    },
  },
  {
    what: "leaves before its content is read",
    outcome: "skipped",
    arrange: async (world, isFirst) => {
      answerContent(world, (read, refs, options) =>
        changed(read(refs, options), (content) => (isFirst(content.ref) ? { ref: content.ref, kind: "gone" } : content)),
      );
      return undefined;
    },
  },
  {
    what: "comes with the content of another message",
    outcome: "quarantined",
    arrange: async (world, isFirst) => {
      const another = Buffer.from("From: else@customer.test\r\nMessage-ID: <else@customer.test>\r\nSubject: Else\r\n\r\nElse.\r\n");
      answerContent(world, (read, refs, options) =>
        changed(read(refs, options), (content) => (isFirst(content.ref) ? { ref: content.ref, kind: "mime", mime: another } : content)),
      );
      return undefined;
    },
  },
  {
    what: "is refused by the database",
    outcome: "quarantined",
    arrange: async ({ database }) => {
      await database.query("alter table crm.email add constraint refused check (torecipients not like '%else@customer.test%')");
      return () => database.query("alter table crm.email drop constraint refused");
    },
  },
];

/** Whether a ref is one of this message. */
function refsOf({ server }: MemoryWorld, message: Stored): (ref: MessageRef) => boolean {
  const ids = new Set(server.kind.refs(message).map(({ id }) => id));
  return ({ id }) => ids.has(id);
}

async function* changed(contents: AsyncIterable<Content>, change: (content: Content) => Content): AsyncGenerator<Content> {
  for await (const content of contents) yield change(content);
}

/** Which email each email belongs to, by letter. */
async function correlations({ database }: MemoryWorld, box: MemoryBox) {
  const emails = await emailsIn(database, box.name);
  const names = new Map(emails.map((one) => [one.id, one.subject.slice(box.name.length + 1)]));
  return Object.fromEntries(
    emails.map(({ id, correlatedTo }) => [names.get(id) ?? "", correlatedTo === null ? null : (names.get(correlatedTo) ?? "missing")]),
  );
}

onOneDatabaseEach("a page in which a message does not become an email", [], (promise) => {
  for (const { what, outcome: ending, arrange } of ENDINGS) {
    promise(
      `a message that ${what} makes none of its page a duplicate of an email that is not there, nor an answer to it`,
      async (database) => {
        await using world = await openMemoryWorld(database, exchangeKind);
        const box = world.nextBox();
        const first = box.arrive("first", undefined, { to: [addressOf(box.name), "else@customer.test"] });
        // For fewer people, so that its identity is another one, and the email would be the same.
        box.arrive("first", undefined, { to: [addressOf(box.name)], body: "This is the other one." });
        box.arrive("answer", undefined, { answers: box.own("first") });
        box.arrive("second-answer", undefined, { answers: box.own("answer") });
        const undo = await arrange(world, refsOf(world, first));
        try {
          assert.deepEqual(await box.tryRound(), []);
          assert.deepEqual(await correlations(world, box), { first: null, answer: "first", "second-answer": "answer" });
          const { first: both, ...others } = await box.decisions();
          assert.deepEqual(both?.sort(), [ending, "tracked"].sort());
          assert.deepEqual(others, { answer: ["tracked"], "second-answer": ["tracked"] });
        } finally {
          await undo?.();
        }
      },
    );

    promise(`an answer to a message that ${what} belongs to no email`, async (database) => {
      await using world = await openMemoryWorld(database, exchangeKind);
      const box = world.nextBox();
      const first = box.arrive("first", undefined, { to: ["else@customer.test"] });
      box.arrive("answer", undefined, { answers: box.own("first") });
      box.arrive("second-answer", undefined, { answers: box.own("answer") });
      const undo = await arrange(world, refsOf(world, first));
      try {
        assert.deepEqual(await box.tryRound(), []);
        assert.deepEqual(await correlations(world, box), { answer: null, "second-answer": "answer" });
      } finally {
        await undo?.();
      }
    });
  }

  for (const isTooLarge of [false, true]) {
    promise(
      `an answer of which the content comes long before that of its question belongs to ${isTooLarge ? "none that is too large" : "it all the same"}`,
      async (database) => {
        await using world = await openMemoryWorld(database, exchangeKind);
        const box = world.nextBox();
        const isQuestion = refsOf(world, box.arrive("question"));
        for (let number = 1; number <= MORE_THAN_A_CHUNK; number++) box.arrive(`other-${number}`);
        box.arrive("answer", undefined, { answers: box.own("question") });
        answerContent(world, (read, refs, options) =>
          changed(read(refs.toReversed(), options), (content) =>
            isTooLarge && isQuestion(content.ref)
              ? { ref: content.ref, kind: "too large", size: TOO_LARGE, limit: options.maximumSize }
              : content,
          ),
        );
        assert.deepEqual(await box.tryRound(), []);
        const { answer } = await correlations(world, box);
        assert.equal(answer, isTooLarge ? null : "question");
        assert.equal((await box.emails()).length, MORE_THAN_A_CHUNK + (isTooLarge ? 1 : 2));
      },
    );
  }
});
