/** Several messages at which a POP3 server hangs up, and nothing else to read: they are told, and stop neither the mailbox nor what comes later. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Failure } from "../../src/model/failure.ts";
import type { Cursor, MessageRef } from "../../src/model/message.ts";
import type { MailSource } from "../../src/ports.ts";
import { type ScriptedPop3, startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { contents } from "./mail-source-rig.ts";
import { box, failing, page, reading, systemAt } from "./scripted-pop3-rig.ts";

/** What became of each message, by the name in its id. */
class Reader {
  readonly outcomes = new Map<string, "read" | "damaged">();
  #cursor: Cursor | null = null;

  readonly #open: () => MailSource;

  constructor(server: ScriptedPop3) {
    this.#open = systemAt(server);
  }

  /** As the engine reads: page by page, each message's content before the cursor moves on. False: the mailbox was in trouble. */
  async round(): Promise<boolean> {
    const source = this.#open();
    try {
      for (let more = true; more; ) {
        const pull = await page(source, this.#cursor);
        const whole = pull.heads.filter((head) => head.unreadable === undefined).map((head) => head.ref);
        for (const head of pull.heads) if (head.unreadable !== undefined) this.#note(head.ref.id, "damaged");
        if (whole.length > 0) await this.#contents(source, whole);
        this.#cursor = pull.cursor;
        more = pull.more;
      }
      return true;
    } catch (error) {
      if (!(error instanceof Failure) || error.scope !== "mailbox") throw error;
      return false;
    } finally {
      await source.close();
    }
  }

  async #contents(source: MailSource, refs: readonly MessageRef[]): Promise<void> {
    try {
      for await (const { ref, kind } of source.content(refs, { maximumSize: 1_000_000 })) if (kind === "mime") this.#note(ref.id, "read");
    } catch (error) {
      if (!(error instanceof Failure) || error.scope !== "item") throw error;
      for (const { id } of refs) if (!this.outcomes.has(nameIn(id))) this.#note(id, "damaged");
    }
  }

  #note(id: string, outcome: "read" | "damaged"): void {
    this.outcomes.set(nameIn(id), outcome);
  }
}

function nameIn(id: string): string {
  return id.slice("uid-".length).split(" ")[0] ?? "";
}

/** So many rounds a mailbox may be in trouble before the culprits are found: each message is asked for three times. */
const ROUNDS = 8;

/** A server that lets somebody in once each round. */
const ONCE = ["TOP", "UIDL", "SASL PLAIN", "PIPELINING", "RESP-CODES", "LOGIN-DELAY 60"];

for (const [what, verbs] of [
  ["the whole of two messages", "RETR"],
  ["the header of two messages", "TOP|RETR"],
] as const) {
  describe(`a server that hangs up at ${what}`, () => {
    for (const others of [[], ["a"]] as const)
      for (const delay of [false, true])
        test(`beside ${others.length} others${delay ? ", and wants fewer sign-ins" : ""}: both are told as damaged, and what comes later is read`, async () => {
          let isOpen = true;
          const first = others.length + 1;
          const hangsUp = new RegExp(`^(${verbs}) (${first}|${first + 1})\\b`);
          const script = (command: string) => {
            if (hangsUp.test(command)) return null;
            if (!delay || !command.startsWith("AUTH")) return undefined;
            if (!isOpen) return "-ERR [LOGIN-DELAY] too soon\r\n";
            isOpen = false;
            return undefined;
          };
          await using server = await startScriptedPop3({
            messages: box(...others),
            script,
            greeting: "+OK",
            ...(delay && { capabilities: ONCE }),
          });
          const reader = new Reader(server);
          await reader.round();
          server.messages = box(...others, "x", "y");
          let rounds = 0;
          for (let well = false; !well; rounds++) {
            assert.ok(rounds < ROUNDS, "the mailbox goes on");
            isOpen = true;
            well = await reader.round();
          }
          const damaged = { x: "damaged", y: "damaged" };
          const read = Object.fromEntries(others.map((name) => [name, "read"]));
          assert.deepEqual(Object.fromEntries(reader.outcomes), { ...read, ...damaged });
          if (others.length > 0 && !delay) assert.equal(rounds, 1, "another message shows at once that the server is well");
          server.messages = box(...others, "x", "y", "z");
          isOpen = true;
          assert.ok(await reader.round());
          assert.equal(reader.outcomes.get("z"), "read");
        });
  });
}

test("a server that hangs up at every message is in trouble itself, however long it lasts, and one that is known shows it", async () => {
  for (const [known, fresh] of [
    [["a"], ["b"]],
    [["a"], ["b", "c"]],
    [[], ["a", "b", "c", "d", "e", "f", "g"]],
  ]) {
    let isSick = false;
    const script = (command: string) => (isSick && /^(TOP|RETR)/.test(command) ? null : undefined);
    await using server = await startScriptedPop3({ messages: box(...(known ?? [])), script });
    const reader = new Reader(server);
    await reader.round();
    server.messages = box(...(known ?? []), ...(fresh ?? []));
    isSick = true;
    for (let round = 0; round < 3; round++) assert.equal(await reader.round(), false);
    isSick = false;
    for (let well = false; !well; ) well = await reader.round();
    assert.deepEqual([...reader.outcomes.keys()].sort(), [...(known ?? []), ...(fresh ?? [])]);
    assert.ok([...reader.outcomes.values()].every((outcome) => outcome === "read"));
  }
});

test("two damaged messages asked for at once, and no other to show that the server is well, are told as damaged the second time", async () => {
  const script = (command: string) => (command.startsWith("RETR") ? null : undefined);
  await reading({ messages: box("x", "y"), script }, async (source, server) => {
    const refs = (await page(source)).heads.map((head) => head.ref);
    await failing(() => contents(source, refs), "mailbox unavailable");
    await failing(() => contents(source, refs), "message unreadable");
    assert.equal(server.messages.length, 2);
  });
});
