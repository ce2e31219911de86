import assert from "node:assert/strict";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { test } from "node:test";
import { connect, createServer } from "node:tls";
import { type Certificate, makeCertificates } from "./certificates.ts";

const certificates = makeCertificates();

/** "accepted", or the code with which a client that trusts only the authority refuses the server. */
async function verdict(certificate: Certificate): Promise<string> {
  const server = createServer({ cert: certificate.cert, key: certificate.key }).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  server.on("tlsClientError", () => undefined);
  try {
    return await new Promise((resolve) => {
      const socket = connect({ port: address.port, host: "127.0.0.1", servername: "localhost", ca: certificates.authority }, () => {
        socket.destroy();
        resolve("accepted");
      });
      socket.once("error", (error) => resolve("code" in error ? String(error.code) : error.message));
    });
  } finally {
    server.close();
  }
}

test("a client that trusts the authority accepts the server's certificate", async () => {
  assert.equal(await verdict(certificates.server), "accepted");
});

test("each bad certificate is refused for its own reason", async () => {
  assert.equal(await verdict(certificates.expired), "CERT_HAS_EXPIRED");
  assert.equal(await verdict(certificates.wrongHost), "ERR_TLS_CERT_ALTNAME_INVALID");
  assert.equal(await verdict(certificates.selfSigned), "DEPTH_ZERO_SELF_SIGNED_CERT");
});

test("the server's certificate is good for localhost and for 127.0.0.1", () => {
  const parsed = new X509Certificate(certificates.server.cert);
  assert.equal(parsed.checkHost("localhost"), "localhost");
  assert.equal(parsed.checkIP("127.0.0.1"), "127.0.0.1");
});
