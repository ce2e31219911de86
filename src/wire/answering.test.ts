import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import { describe, test } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { makeCertificates } from "../../test/servers/certificates.ts";
import { freePort } from "../../test/servers/ports.ts";
import { type Answering, mistakeIn, whatAnswers } from "./answering.ts";

const PLACE = { host: "mail.test", port: 143 };
const speaks = (protocol: "imap" | "pop3" | "smtp" | "http" | null, tls: boolean): Answering => ({
  ...{ kind: "speaks", protocol, tls, said: "hello" },
});

async function answering(tls: boolean, server: Server): Promise<Answering> {
  const sockets = new Set<Socket>();
  server.on("connection", (socket: Socket) => sockets.add(socket.on("error", () => undefined)));
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  try {
    return await whatAnswers({ host: "127.0.0.1", port: typeof address === "object" ? (address?.port ?? 0) : 0 }, tls);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}

const greeting = (text: string) => createServer((socket) => socket.write(text));

describe("what answers at a port", { concurrency: true }, () => {
  test("is known by its greeting, whichever way the profile begins", async () => {
    for (const tls of [false, true]) {
      assert.deepEqual(await answering(tls, greeting("* OK ready\r\n")), { ...speaks("imap", false), said: "* OK ready" });
      assert.deepEqual(await answering(tls, greeting("+OK ready\r\n")), { ...speaks("pop3", false), said: "+OK ready" });
    }
    assert.deepEqual(await answering(false, greeting("220 mx ESMTP\r\n")), { ...speaks("smtp", false), said: "220 mx ESMTP" });
    assert.deepEqual(await answering(false, greeting("SSH-2.0-x\r\n")), { ...speaks(null, false), said: "SSH-2.0-x" });
  });

  test("is found behind TLS too", async () => {
    const { server } = makeCertificates();
    const over = (text: string) => createTlsServer(server, (socket) => socket.on("error", () => undefined).write(text));
    for (const tls of [false, true])
      assert.deepEqual(await answering(tls, over("* OK ready\r\n")), { ...speaks("imap", true), said: "* OK ready" });
  });

  test("is silence, or nothing at all", async () => {
    assert.deepEqual(
      await answering(
        false,
        createServer(() => undefined),
      ),
      { kind: "silent", tls: false },
    );
    assert.deepEqual(await whatAnswers({ host: "127.0.0.1", port: await freePort() }, false), { kind: "unreachable" });
    assert.deepEqual(await whatAnswers({ host: "no-such-host.invalid", port: 143 }, true), { kind: "unreachable" });
  });
});

describe("the mistake in an endpoint", () => {
  test("is another service, another kind of TLS, or none", () => {
    assert.equal(mistakeIn(speaks("imap", false), "imap", false, PLACE), null);
    assert.equal(mistakeIn(speaks("imap", true), "imap", true, PLACE), null);
    assert.equal(mistakeIn({ kind: "unreachable" }, "imap", true, PLACE), null);
    assert.equal(mistakeIn({ kind: "silent", tls: false }, "imap", false, PLACE), null, "a slow server is asked by the client");
    assert.equal(mistakeIn(speaks(null, false), "imap", false, PLACE), null, "what nobody knows the client may");
    assert.equal(mistakeIn({ kind: "silent", tls: true }, "smtp", false, PLACE)?.code, "TLS expected");
    assert.equal(mistakeIn(speaks("smtp", true), "smtp", false, PLACE)?.code, "TLS expected");
    assert.equal(mistakeIn(speaks("smtp", false), "smtp", true, PLACE)?.code, "wrong security for the port");
  });

  test("has its own sentence and its own remedy for each pair of what is there and what is wanted", () => {
    const said = (["imap", "pop3", "smtp"] as const).flatMap((wanted) =>
      (["imap", "pop3", "smtp", "http"] as const)
        .filter((found) => found !== wanted)
        .map((found) => mistakeIn(speaks(found, false), wanted, false, PLACE)),
    );
    for (const part of ["message", "remedy"] as const) assert.equal(new Set(said.map((one) => one?.[part])).size, said.length, part);
    assert.deepEqual([...new Set(said.map((one) => one?.code))], ["another service"]);
  });
});
