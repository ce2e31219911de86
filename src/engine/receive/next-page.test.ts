import assert from "node:assert/strict";
import test from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type { Pull } from "../../ports.ts";
import { NextPage } from "./next-page.ts";

const page = (cursor: string): Pull => ({ kind: "page", heads: [], gone: [], present: null, cursor, more: false });

test("the page that was begun is handed out once, to whoever asks for that very position", async () => {
  const next = new NextPage();
  next.begin("INBOX", "1", async () => page("2"));
  assert.deepEqual(await next.take("INBOX", "1"), page("2"));
  assert.equal(await next.take("INBOX", "1"), null);
});

test("a page of another stream or position is dropped, and only when the mail system is free again", async () => {
  for (const [stream, cursor] of [
    ["Archive", "1"],
    ["INBOX", "0"],
    ["INBOX", null],
  ] as const) {
    const next = new NextPage();
    const { promise, resolve } = Promise.withResolvers<Pull>();
    next.begin("INBOX", "1", () => promise);
    let free = false;
    const taken = next.take(stream, cursor).then((pull) => {
      free = true;
      return pull;
    });
    await turn();
    assert.equal(free, false);
    resolve(page("2"));
    assert.equal(await taken, null);
    assert.equal(await next.take("INBOX", "1"), null, "it is not kept");
  }
});

test("a pull that fails is the trouble of whoever takes it, and of nobody when nobody does", async () => {
  const next = new NextPage();
  next.begin("INBOX", "1", () => Promise.reject(new Error("gone")));
  await turn();
  await assert.rejects(next.take("INBOX", "1"), /gone/);
  next.begin("INBOX", "1", () => Promise.reject(new Error("gone")));
  await next.settled();
  assert.equal(await next.take("INBOX", "1"), null);
});
