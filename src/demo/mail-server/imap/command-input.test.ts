import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAXIMUM_LINE_BYTES } from "../limits.ts";
import { CommandInput, InputTooLong } from "./command-input.ts";

async function* arriving(chunks: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* chunks;
}

function input(...chunks: readonly string[]): CommandInput {
  return new CommandInput(arriving(chunks.map((chunk) => Buffer.from(chunk, "latin1"))));
}

describe("IMAP command input", () => {
  it("reads the same commands however the bytes are cut", async () => {
    const bytes = Buffer.from("a NOOP\r\nb LOGIN {3}\r\nx\ny {0+}\r\n\r\nc APPEND X {5+}\r\n\r\nhi!\r\n", "latin1");
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(bytes.length)), async (cuts) => {
        const places = [0, ...cuts.sort((left, right) => left - right), bytes.length];
        const commands = new CommandInput(arriving(places.map((place, index) => bytes.subarray(place, places[index + 1]))));
        let invited = 0;
        const read = () => commands.command(100, () => invited++);
        assert.deepEqual(await read(), { lines: ["a NOOP"], literals: [] });
        assert.deepEqual(await read(), { lines: ["b LOGIN {3}", " {0+}", ""], literals: [Buffer.from("x\ny"), Buffer.alloc(0)] });
        assert.deepEqual(await read(), { lines: ["c APPEND X {5+}", ""], literals: [Buffer.from("\r\nhi!")] });
        assert.equal(await read(), null);
        // Only a literal without plus waits for leave (RFC 7888).
        assert.equal(invited, 1);
      }),
      { numRuns: 200 },
    );
  });

  it("refuses a literal over the limit before it is sent, and reads on", async () => {
    const commands = input("a APPEND X {101}\r\nb NOOP\r\n");
    assert.deepEqual(await commands.command(100, () => assert.fail("must not invite")), { refused: "a APPEND X {101}" });
    assert.deepEqual(await commands.command(100, () => undefined), { lines: ["b NOOP"], literals: [] });
  });

  it("counts the literals of a command together", async () => {
    const commands = input("a LOGIN {60+}\r\n", "x".repeat(60), " {60}\r\n");
    assert.deepEqual(await commands.command(100, () => undefined), { refused: "a LOGIN {60+}" });
  });

  it("gives up on endless lines and on too long literals that come unasked", async () => {
    await assert.rejects(
      input("x".repeat(MAXIMUM_LINE_BYTES), "yy", "z").command(100, () => undefined),
      InputTooLong,
    );
    await assert.rejects(
      input("a APPEND X {101+}\r\n").command(100, () => undefined),
      InputTooLong,
    );
  });
});
