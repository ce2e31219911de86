import assert from "node:assert/strict";
import net from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { SILENT } from "../../test/e2e/sample.ts";
import type { Failure } from "../model/failure.ts";
import { createMetrics } from "./metrics.ts";
import { type Server, type ServerOptions, startServer } from "./server.ts";

/** A server of which only the entrance is used. */
function start(port: number): Promise<Server> {
  const unused = {} as Pick<ServerOptions, "database" | "crm" | "operations">;
  return startServer({
    ...unused,
    database: unused.database,
    crm: unused.crm,
    operations: unused.operations,
    metrics: createMetrics(),
    log: SILENT,
    host: "127.0.0.1",
    port,
  });
}

test("a started server tells its address, gives links that work there, and new secrets each time", async () => {
  const server = await start(0);
  const [one, other] = [server.oneTimeLink(), server.oneTimeLink()];
  assert.match(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  assert.ok(one.startsWith(`${server.url}/enter?key=`) && one !== other);
  assert.match(server.operationsToken, /^[\w-]{43}$/);
  assert.equal((await fetch(one)).status, 200);
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  await server.close();
  await assert.rejects(fetch(`${server.url}/healthz`));
});

test("a port that is taken is a failure with the remedy", async () => {
  const first = await start(0);
  await assert.rejects(
    start(Number(new URL(first.url).port)),
    (error: Failure) => error.code === "cannot listen" && /listen\.port/.test(error.remedy),
  );
  await first.close();
});

test("a request whose lines are no address and no name is refused, and the server goes on", async () => {
  const server = await start(0);
  for (const place of ["//", "http://[", "*", "/%", "/enter?key=%", "/api/operations/%", "/api/operations//"])
    for (const host of ["127.0.0.1", "[", "a b", "%"]) {
      const socket = net.connect(Number(new URL(server.url).port), "127.0.0.1");
      socket.end(`GET ${place} HTTP/1.1\r\nHost: ${host}\r\nCookie: waypost-session=%\r\nConnection: close\r\n\r\n`);
      assert.match(await text(socket), /^HTTP\/1\.1 4\d\d /, `${place} of ${host}`);
    }
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  await server.close();
});
