import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../../../model/failure.ts";
import type { Answer, DataverseClient } from "./client.ts";
import { openNewestVersion } from "./newest-version.ts";

/** A server that serves these versions; everything else ends with that failure. */
function server(served: readonly string[], code = "no Web API") {
  const asked: string[] = [];
  const closed: string[] = [];
  const open = (version: string): DataverseClient => {
    const send = async (): Promise<Answer> => {
      asked.push(version);
      if (served.includes(version)) return { kind: "answered", status: 200, headers: {}, body: null };
      throw new Failure({
        scope: "organization",
        code,
        message: `not ${version}`,
        remedy: "Look.",
        waitingHelps: code === "organization silent",
      });
    };
    const close = async () => void closed.push(version);
    return {
      root: `https://crm.test/api/data/v${version}/`,
      send,
      batch: () => Promise.reject(new Error("not asked")),
      changeSets: () => Promise.reject(new Error("not asked")),
      metadata: () => Promise.reject(new Error("not asked")),
      version: async () => version,
      close,
      [Symbol.asyncDispose]: close,
    };
  };
  return { asked, closed, open };
}

test("the newest version that a server serves is taken, asked for once, however many ask at the same time", async () => {
  const { asked, closed, open } = server(["9.0", "8.2"]);
  const client = openNewestVersion("https://crm.test", ["9.1", "9.0", "8.2"], open);
  assert.equal(client.root, "https://crm.test");
  assert.deepEqual(await Promise.all([client.version(), client.version()]), ["9.0", "9.0"]);
  assert.deepEqual([asked, closed, client.root], [["9.1", "9.0"], ["9.1"], "https://crm.test/api/data/v9.0/"]);
  await client.close();
  assert.deepEqual(closed, ["9.1", "9.0"]);
});

test("a server that serves none of them is told by what it said first, one that is silent is not asked for older ones, and either is asked again", async () => {
  for (const [code, times] of [
    ["no Web API", 4],
    ["organization silent", 2],
  ] as const) {
    const { asked, closed, open } = server([], code);
    const client = openNewestVersion("https://crm.test", ["9.1", "9.0"], open);
    for (let turn = 0; turn < 2; turn++) await assert.rejects(client.version(), { code, message: "not 9.1" });
    await client.close();
    assert.deepEqual([asked.length, closed.length], [times, times]);
  }
});
