import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { openLoopback } from "./loopback.ts";

/** Sends this as the address line of a request, which no client of HTTP would; gives the status line of the answer. */
async function askFor(redirectUri: string, place: string): Promise<string | undefined> {
  const socket = net.connect(Number(new URL(redirectUri).port), "127.0.0.1");
  await once(socket, "connect");
  socket.end(`GET ${place} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n`);
  return (await text(socket)).split("\r\n")[0];
}

test("an address line that is no address is answered, and whoever signs in is waited for further", async () => {
  await using loopback = await openLoopback("127.0.0.1", 0);
  const { signal } = new AbortController();
  const answer = loopback.answer("the-state", signal);
  for (const place of ["//", "http://[", "*", "//?state=the-state", "/%", "/?%"])
    assert.equal(await askFor(loopback.redirectUri, place), "HTTP/1.1 404 Not Found", place);
  assert.equal((await fetch(`${loopback.redirectUri}/?state=the-state&code=the-code`)).status, 200);
  assert.equal((await answer).get("code"), "the-code");
});
