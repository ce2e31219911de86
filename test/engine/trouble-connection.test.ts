import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { connect, createServer, type Socket } from "node:net";
import path from "node:path";
import { after, before } from "node:test";
import { createServer as createTlsServer } from "node:tls";
import { type Certificate, type Certificates, makeCertificates } from "../servers/certificates.ts";
import { missingServers } from "../servers/needs.ts";
import { freePort } from "../servers/ports.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { alertHistory, openCodes, theAlert } from "./alerts.ts";
import { letter } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, pressSend, untilDelivered } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, type RigChanges, receive, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot", "postfix"] as const;
let rig: EngineRig;
let certificates: Certificates;
/** PEM file of the authority that signed all certificates here but the rig's own. */
let authorities: string;
const open = new AsyncDisposableStack();
before(async () => {
  if (missingServers(servers)) return;
  rig = open.use(await engineRig({ postfix: {} }));
  certificates = makeCertificates();
  authorities = path.join(rig.dovecot.folder, "authority.pem");
  writeFileSync(authorities, certificates.authority);
});
after(() => open.disposeAsync());

/** The server behind `port` over TLS with this certificate, as a proxy in front of it would do. */
async function startTlsFront(certificate: Certificate, port: number): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createTlsServer(certificate, (socket) => {
    const upstream = connect({ host: "127.0.0.1", port });
    const end = () => {
      socket.destroy();
      upstream.destroy();
    };
    for (const one of [socket, upstream]) {
      sockets.add(one);
      one.on("error", end).on("close", end);
    }
    socket.pipe(upstream).pipe(socket);
  });
  // A client that does not trust the certificate breaks off: that is what is tried here.
  server.on("tlsClientError", () => undefined);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

/** A server that takes connections and never says a word. */
async function startMute(): Promise<AsyncDisposable & { readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => void sockets.add(socket.on("error", () => socket.destroy())));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

type EndpointChanges = NonNullable<RigChanges["incoming"] & RigChanges["outgoing"]>;

interface Wrong {
  readonly code: RegExp;
  readonly remedy: RegExp;
  readonly endpoint: EndpointChanges;
}

/** Ways to reach the server on `port` that do not work, each with the word and the remedy that it must be told with. */
async function wrongWays(stack: AsyncDisposableStack, port: number, withoutStartTls: number): Promise<Wrong[]> {
  const front = async (certificate: Certificate) => stack.use(await startTlsFront(certificate, port)).port;
  const tls = { host: "localhost", security: "tls", certificateAuthorities: authorities } as const;
  return [
    // A machine without name servers gets no answer at all.
    { code: /^(host unknown|name service not available)$/, remedy: /name servers/, endpoint: { host: "mail.invalid" } },
    { code: /^connection refused$/, remedy: /Check that the mail service runs/, endpoint: { port: await freePort() } },
    {
      code: /^certificate self-signed$/,
      remedy: /Add that very certificate/,
      endpoint: { ...tls, port: await front(certificates.selfSigned) },
    },
    {
      code: /^certificate for another name$/,
      remedy: /name in its certificate/,
      endpoint: { ...tls, port: await front(certificates.wrongHost) },
    },
    { code: /^certificate expired$/, remedy: /renew its certificate/, endpoint: { ...tls, port: await front(certificates.expired) } },
    {
      code: /^STARTTLS not offered$/,
      remedy: /Choose TLS with its port/,
      endpoint: { ...tls, security: "starttls", port: withoutStartTls },
    },
    { code: /^wrong security for the port$/, remedy: /Choose STARTTLS/, endpoint: { ...tls, port } },
    { code: /^no greeting$/, remedy: /Check the port/, endpoint: { port: stack.use(await startMute()).port, timeoutSeconds: 1 } },
  ];
}

onOneDatabaseEach("a server that cannot be reached", servers, (promise) => {
  promise(
    "receiving: each wrong way says what is wrong and what to do, loses nothing, and works at once when it is mended",
    async (database) => {
      await using stack = new AsyncDisposableStack();
      const plain = stack.use(await startScriptedImap());
      const ann = rig.newUser();
      const clock = testClock();
      const good = rig.configurationFor([ann], {
        incoming: {
          host: "localhost",
          security: "tls",
          certificateAuthorities: authorities,
          port: stack.use(await startTlsFront(certificates.server, rig.dovecot.ports.imap)).port,
        },
      });
      await (await rig.open(database, good, { now: clock.now })).close();
      for (const [number, { code, remedy, endpoint }] of (await wrongWays(stack, rig.dovecot.ports.imap, plain.port)).entries()) {
        await rig.dovecot.deliver(ann, letter({ id: `${ann}-${number}` }));
        await using app = await rig.open(database, rig.configurationFor([ann], { incoming: endpoint }), { now: clock.now });
        const { counts, failures } = await receive(app);
        const [failure] = failures;
        assert.match(failure?.code ?? "", code);
        assert.match(failure?.remedy ?? "", remedy, failure?.code);
        assert.equal(counts.received, 0);
        const status = await app.operations.status();
        const receiving = status.mailboxes.find((one) => one.address === addressOf(ann))?.receiving;
        assert.deepEqual([receiving?.state, receiving?.error?.code, receiving?.error?.remedy], ["failing", failure?.code, failure?.remedy]);
        assert.ok(receiving?.next && receiving.next > clock.now(), "the time of the next try is known");
        const alert = await theAlert(app, `receiving: ${failure?.code}`);
        assert.deepEqual([alert.scope, alert.subject], ["profile", "test"]);
        await app.close();
        await using mended = await rig.open(database, good, { now: clock.now });
        assert.equal((await receive(mended)).counts.tracked, 1, failure?.code);
        assert.deepEqual(await openCodes(mended), []);
      }
      assert.equal((await alertHistory(database, "test")).length, 8, "one alert for each trouble");
    },
  );

  promise(
    "sending: each wrong way says what is wrong and what to do, uses up no attempt, and the email goes when it is mended",
    async (database) => {
      await using stack = new AsyncDisposableStack();
      const plain = stack.use(await startScriptedSmtp());
      const [ann, ben] = [rig.newUser(), rig.newUser()];
      const clock = testClock();
      const good = rig.configurationFor([ann], {
        outgoing: {
          host: "localhost",
          security: "tls",
          certificateAuthorities: authorities,
          port: stack.use(await startTlsFront(certificates.server, rig.postfix.ports.smtp)).port,
        },
      });
      {
        await using app = await rig.open(database, good, { now: clock.now });
        await contactsFor(app, ben);
      }
      const ways = await wrongWays(stack, rig.postfix.ports.smtp, plain.port);
      for (const { code, remedy, endpoint } of ways) {
        await using app = await rig.open(database, rig.configurationFor([ann], { outgoing: endpoint }), { now: clock.now });
        const id = await pressSend(app, draftFrom(ann, [ben]));
        const [failure] = (await send(app)).failures;
        assert.match(failure?.code ?? "", code);
        assert.match(failure?.remedy ?? "", remedy, failure?.code);
        const status = await app.operations.status();
        const sending = status.mailboxes.find((one) => one.address === addressOf(ann))?.sending;
        assert.deepEqual([sending?.state, sending?.error?.code], ["failing", failure?.code]);
        assert.equal((await theAlert(app, `sending: ${failure?.code}`)).scope, "profile");
        assert.equal(status.pendingEmails, 0, "it waits for its next try");
        await app.close();
        await using mended = await rig.open(database, good, { now: clock.now });
        clock.forward(15);
        assert.equal((await send(mended)).counts.sent, 1, failure?.code);
        assert.equal((await emailOf(mended, id)).attempts, 1);
        assert.deepEqual(await openCodes(mended), []);
      }
      assert.equal((await untilDelivered(rig.dovecot, ben, ways.length)).length, ways.length);
    },
  );
});
