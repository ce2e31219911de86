import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { Sanitizer } from "./sanitizer.ts";

const NONE: ReadonlyMap<string, string> = new Map();

describe("the sanitizer", () => {
  const sanitizer = new Sanitizer(2000);
  after(() => sanitizer.close());

  test("makes several bodies safe, each its own", async () => {
    const results = await Promise.all(["a", "b", "c"].map((one) => sanitizer.sanitize(`<p onclick=x>${one}</p>`, NONE)));
    assert.deepEqual(
      results.map((one) => one?.markup),
      ["<p>a</p>", "<p>b</p>", "<p>c</p>"],
    );
  });

  test("gives a body up that takes too long, holds nothing up meanwhile, and goes on with the next", async () => {
    let longest = 0;
    let last = performance.now();
    const ticks = setInterval(() => {
      longest = Math.max(longest, performance.now() - last);
      last = performance.now();
    }, 20);
    const started = performance.now();
    // Each open element makes the next one dearer: unbounded, these would take minutes.
    const hostile = await sanitizer.sanitize("<p><b>".repeat(150_000), NONE);
    clearInterval(ticks);
    assert.equal(hostile, null);
    assert.ok(performance.now() - started < 10_000);
    assert.ok(longest < 1000, `The event loop stood still for ${longest} ms.`);
    assert.equal((await sanitizer.sanitize("<i>d</i>", NONE))?.markup, "<i>d</i>");
  });

  test("shows the beginning of five megabytes", async () => {
    const patient = new Sanitizer(60_000);
    const safe = await patient.sanitize("<p>words and words</p>".repeat(240_000), NONE);
    await patient.close();
    assert.match(safe?.remarks.join() ?? "", /^The body is 5280000 characters long/);
  });

  test("gives nothing after its end, and ends while it works", async () => {
    const ended = new Sanitizer();
    const unfinished = ended.sanitize("<p><b>".repeat(150_000), NONE);
    await ended.close();
    assert.equal(await unfinished, null);
    assert.equal(await ended.sanitize("a", NONE), null);
  });
});
