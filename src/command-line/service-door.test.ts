import assert from "node:assert/strict";
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import http from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Failure } from "../model/failure.ts";
import { DOOR_FILE, openServiceDoor, serviceDoor } from "./service-door.ts";

const TOKEN = "a-token-of-more-than-twenty-characters";

/** What a request to the operations was. */
interface Asked {
  readonly url: string | undefined;
  readonly authorization: string | undefined;
  readonly body: unknown;
}

describe("the door of a running service", () => {
  let folder = "";
  let asked: Asked[] = [];
  let answer: (response: http.ServerResponse) => void = () => {};
  let server: http.Server;
  let url = "";

  beforeEach(async () => {
    folder = mkdtempSync(path.join(os.tmpdir(), "waypost-door-"));
    asked = [];
    server = http.createServer(async (request, response) => {
      if (request.url === "/healthz") return response.end("ok");
      asked.push({ url: request.url, authorization: request.headers.authorization, body: JSON.parse(await text(request)) });
      answer(response);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterEach(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    rmSync(folder, { recursive: true, force: true });
  });

  const json = (status: number, body: unknown) => (response: http.ServerResponse) => {
    response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
  };

  async function door() {
    openServiceDoor(folder, { url, token: TOKEN });
    const found = await serviceDoor(folder);
    assert.ok(found);
    return found;
  }

  test("passes the arguments on with the key, without signals and callbacks, and gives back the result", async () => {
    answer = json(200, { result: { marked: 2 } });
    assert.deepEqual(await (await door()).call("quarantineRetry", [1, 2], new AbortController().signal, () => {}), { marked: 2 });
    assert.deepEqual(asked, [{ url: "/api/operations/quarantineRetry", authorization: `Bearer ${TOKEN}`, body: { arguments: [[1, 2]] } }]);
  });

  test("is told of progress line by line, and of a failure at the end of it, by those who want to know", async () => {
    const lines =
      (...all: readonly object[]) =>
      (response: http.ServerResponse) => {
        response.writeHead(200, { "content-type": "application/x-ndjson" }).end(all.map((line) => `${JSON.stringify(line)}\n`).join(""));
      };
    const told: unknown[][] = [];
    const tell = (...progress: unknown[]) => void told.push(progress);
    const check = async () => (await door()).call("check", [], {}, new AbortController().signal, tell);
    answer = lines({ progress: [{ mailbox: "ann" }] }, { progress: ["a", 2] }, { result: [] });
    assert.deepEqual(await check(), []);
    assert.deepEqual(told, [[{ mailbox: "ann" }], ["a", 2]]);
    answer = lines({ progress: [1] }, { error: { code: "mailbox unknown", message: "There is none.", remedy: "Add it." } });
    await assert.rejects(check(), { name: "Failure", code: "mailbox unknown" });
    answer = lines({ progress: [1] });
    await assert.rejects(check(), { code: "service ended" });
  });

  test("throws the service's own failure, and one of its own for an answer that is none", async () => {
    answer = json(404, { code: "mailbox unknown", message: "There is no mailbox x.", remedy: "Add it." });
    await assert.rejects((await door()).call("check", ["x"]), { name: "Failure", code: "mailbox unknown", remedy: "Add it." });
    answer = json(418, { teapot: true });
    await assert.rejects((await door()).call("status"), { code: "service refused", message: /status 418/ });
    answer = (response) => response.writeHead(200).end("<html>");
    await assert.rejects((await door()).call("status"), { code: "service ended", message: /did not answer to the end/ });
  });

  test("says that the service ended when it does in the middle, and that it was interrupted when it was", async () => {
    answer = (response) => response.destroy();
    await assert.rejects((await door()).call("status"), { code: "service ended" });
    const stop = new AbortController();
    answer = () => stop.abort();
    const interrupted = (await door()).call("receive", [], stop.signal);
    await assert.rejects(interrupted, (error) => error instanceof Failure && error.code === "interrupted" && error.scope === "process");
  });

  test("is open to the owner of the folder alone, also where an older file had other rights", () => {
    writeFileSync(path.join(folder, DOOR_FILE), "{}", { mode: 0o644 });
    const opened = openServiceDoor(folder, { url, token: TOKEN });
    if (process.platform !== "win32") assert.equal(statSync(path.join(folder, DOOR_FILE)).mode & 0o777, 0o600);
    opened.close();
    opened.close();
    assert.equal(statSync(path.join(folder, DOOR_FILE), { throwIfNoEntry: false }), undefined);
  });

  test("is none where nobody left an address, where the file is half written, and where nobody answers any more", async () => {
    assert.equal(await serviceDoor(folder), null);
    writeFileSync(path.join(folder, DOOR_FILE), '{"url":"http://127.0');
    assert.equal(await serviceDoor(folder), null);
    writeFileSync(path.join(folder, DOOR_FILE), JSON.stringify({ url, token: "short" }));
    assert.equal(await serviceDoor(folder), null);
    openServiceDoor(folder, { url: "http://127.0.0.1:1", token: TOKEN });
    assert.equal(await serviceDoor(folder), null);
  });
});
