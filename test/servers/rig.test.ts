import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { connect as connectTls } from "node:tls";
import { createTransport } from "nodemailer";
import { type Dovecot, startDovecot } from "./dovecot.ts";
import { missingServers } from "./needs.ts";
import { isListening } from "./ports.ts";
import { startPostfix } from "./postfix.ts";
import { postgresForTests, startPostgres } from "./postgres.ts";

const greeting = "From: bob@example.test\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nline one\r\n.dot\r\n";

/** The raw messages of a folder, oldest first. */
function messagesOf(dovecot: Dovecot, user: string, folder = "INBOX"): Promise<string[]> {
  return dovecot.withImap(user, async (client) => {
    await client.mailboxOpen(folder, { readOnly: true });
    const found: string[] = [];
    for await (const message of client.fetch("1:*", { source: true })) found.push(message.source?.toString("latin1") ?? "");
    return found;
  });
}

/** Everything that a server answers to these lines until it closes the connection. */
async function talk(port: number, lines: string): Promise<string> {
  const socket = connect({ host: "127.0.0.1", port });
  socket.write(lines);
  return text(socket);
}

async function eventually<T>(look: () => Promise<T>, good: (value: T) => boolean): Promise<T> {
  const deadline = Date.now() + 15_000;
  for (;;) {
    const value = await look();
    if (good(value) || Date.now() > deadline) return value;
    await sleep(50);
  }
}

describe("Dovecot", { skip: missingServers(["dovecot"]) }, () => {
  test("keeps what comes by LMTP, byte for byte, and is gone after stop", async () => {
    let gone: { ports: readonly number[]; folder: string };
    {
      await using dovecot = await startDovecot();
      gone = { ports: Object.values(dovecot.ports), folder: dovecot.folder };
      await dovecot.deliver("alice", greeting);
      const [message = ""] = await messagesOf(dovecot, "alice");
      assert.ok(message.endsWith(greeting), message);
      await assert.rejects(dovecot.deliver("nobody-here", greeting), /550 5\.1\.1/);
    }
    for (const port of gone.ports) assert.equal(await isListening(port), false);
    assert.equal(existsSync(gone.folder), false);
  });

  test("keeps what is appended with its date and flags, and keeps mail over a restart, a crash and a new password", async () => {
    await using dovecot = await startDovecot({ format: "mdbox", users: { alice: "one", carol: "two" } });
    const internalDate = new Date("2024-02-29T12:34:56Z");
    const uids = await dovecot.append("alice", "Archive", greeting, { mime: greeting, internalDate, flags: ["\\Seen", "$Label"] });
    assert.deepEqual(uids, [1, 2]);
    await dovecot.restart();
    await dovecot.stop("crash");
    await dovecot.start();
    await dovecot.setPassword("alice", "three");
    await dovecot.withImap("alice", async (client) => {
      await client.mailboxOpen("Archive", { readOnly: true });
      const kept = await client.fetchOne("2", { flags: true, internalDate: true });
      assert.ok(kept);
      assert.deepEqual(
        ["\\Seen", "$Label", "\\Flagged"].map((flag) => kept.flags?.has(flag)),
        [true, true, false],
      );
      assert.equal(new Date(kept.internalDate ?? 0).toISOString(), internalDate.toISOString());
    });
    assert.deepEqual(await messagesOf(dovecot, "carol"), []);
  });

  test("two at the same time do not know of each other", async () => {
    await using first = await startDovecot();
    await using second = await startDovecot({ format: "sdbox" });
    await first.deliver("alice", greeting);
    assert.equal((await messagesOf(first, "alice")).length, 1);
    assert.equal((await messagesOf(second, "alice")).length, 0);
  });

  test("can be told its separator, its prefix and what not to announce", async () => {
    await using dovecot = await startDovecot({
      separator: ".",
      prefix: "INBOX.",
      withoutCapabilities: ["CONDSTORE", "QRESYNC"],
      tls: "none",
    });
    await dovecot.withImap("alice", async (client) => {
      assert.equal(client.capabilities.has("QRESYNC"), false);
      assert.equal(client.capabilities.has("CONDSTORE"), false);
      assert.equal(client.capabilities.has("UIDPLUS"), true);
      const folders = await client.list();
      assert.deepEqual(new Set(folders.map((folder) => folder.delimiter)), new Set(["."]));
      assert.ok(folders.some((folder) => folder.path === "INBOX.Sent" && folder.specialUse === "\\Sent"));
    });
    assert.equal(await isListening(dovecot.ports.imaps), false);
  });

  test("speaks TLS with the certificate of its authority", async () => {
    await using dovecot = await startDovecot();
    const authority = dovecot.authority;
    assert.ok(authority !== undefined);
    for (const port of [dovecot.ports.imaps, dovecot.ports.pop3s]) {
      const socket = connectTls({ port, host: "127.0.0.1", servername: "localhost", ca: authority });
      const [banner] = await new Promise<Buffer[]>((resolve, reject) => {
        socket.once("data", (chunk: Buffer) => resolve([chunk])).once("error", reject);
      });
      assert.match(banner?.toString() ?? "", /^(\* OK|\+OK)/);
      socket.destroy();
    }
  });

  test("lets the master account and good tokens in, and no expired token", async () => {
    await using dovecot = await startDovecot();
    const { ImapFlow } = await import("imapflow");
    const signIn = async (auth: { user: string; pass?: string; accessToken?: string }) => {
      const client = new ImapFlow({
        host: dovecot.host,
        port: dovecot.ports.imap,
        secure: false,
        tls: { rejectUnauthorized: false },
        auth,
        logger: false,
      });
      await client.connect();
      await client.logout();
    };
    await signIn({ user: "alice*router", pass: "masterpass" });
    await signIn({ user: "alice", accessToken: dovecot.token("alice") });
    await assert.rejects(signIn({ user: "alice", accessToken: dovecot.token("alice", -60) }));
    await assert.rejects(signIn({ user: "alice", pass: "wrong" }));
  });
});

describe("Postfix with Dovecot", { skip: missingServers(["postfix", "dovecot"]) }, () => {
  test("hands mail to Dovecot, refuses and defers whom it is told to, announces its size limit, and is gone after stop", async () => {
    await using dovecot = await startDovecot();
    const replies = { "gone@example.test": "550 5.1.1 No such user", "busy@example.test": "450 4.2.1 Come again" };
    let ports: readonly number[];
    {
      await using postfix = await startPostfix({ deliverTo: { lmtp: dovecot.ports.lmtp }, messageSizeLimit: 4000, replies });
      ports = Object.values(postfix.ports);
      const transport = createTransport({ host: "localhost", port: postfix.ports.smtp, tls: { ca: postfix.authority } });
      const send = (to: string, text = "hello") => transport.sendMail({ from: "bob@example.test", to, subject: "by SMTP", text });
      await send("alice@example.test");
      const [message = ""] = await eventually(
        () => messagesOf(dovecot, "alice"),
        (found) => found.length > 0,
      );
      assert.match(message, /^Subject: by SMTP\r$/m, postfix.log());
      await assert.rejects(send("gone@example.test"), /550 5\.1\.1/);
      await assert.rejects(send("busy@example.test"), /450 4\.2\.1/);
      await assert.rejects(send("alice@example.test", "x".repeat(5000)), /552 5\.3\.4/);
      assert.match(await talk(postfix.ports.smtp, "EHLO localhost\r\nQUIT\r\n"), /^250-SIZE 4000\r$/m);
      postfix.setReplies({});
      await send("busy@example.test").catch(() => undefined);
      assert.match(postfix.log(), /reload/);
    }
    for (const port of ports) assert.equal(await isListening(port), false);
  });

  test("keeps mail while Dovecot is down and delivers it after flush, over a restart of its own", async () => {
    await using dovecot = await startDovecot();
    await using postfix = await startPostfix({ deliverTo: { lmtp: dovecot.ports.lmtp }, tls: "none" });
    await dovecot.stop();
    const transport = createTransport({ host: postfix.host, port: postfix.ports.smtp });
    await transport.sendMail({ from: "bob@example.test", to: "alice@example.test", subject: "later", text: "hello" });
    const waiting = () => Promise.resolve(postfix.queue());
    const queued = await eventually(waiting, (all) => all.some((one) => one.recipients.some((to) => to.reason !== "")));
    assert.deepEqual(
      queued.map((one) => one.recipients.map((to) => to.address)),
      [["alice@example.test"]],
    );
    await postfix.stop();
    await postfix.start();
    await dovecot.start();
    postfix.flush();
    const found = await eventually(
      () => messagesOf(dovecot, "alice"),
      (messages) => messages.length > 0,
    );
    assert.equal(found.length, 1, postfix.log());
    assert.deepEqual(await eventually(waiting, (all) => all.length === 0), []);
  });

  test("takes mail only after sign-in when told so, over STARTTLS and over TLS from the first byte", async () => {
    await using dovecot = await startDovecot();
    await using postfix = await startPostfix({ sasl: { port: dovecot.ports.sasl }, requireSignIn: true, signInOverTlsOnly: true });
    const mail = { from: "alice@example.test", to: "bob@example.test", subject: "signed in", text: "hello" };
    const ways = [
      { port: postfix.ports.smtp, secure: false, requireTLS: true },
      { port: postfix.ports.smtps, secure: true },
    ];
    for (const way of ways) {
      const open = { host: "localhost", ...way, tls: { ca: postfix.authority } };
      await createTransport({ ...open, auth: { user: "alice", pass: "secret" } }).sendMail(mail);
      await assert.rejects(createTransport({ ...open, auth: { user: "alice", pass: "wrong" } }).sendMail(mail), /535/);
      await assert.rejects(createTransport(open).sendMail(mail), /554|530|Relay access denied|Access denied/);
    }
    const inClear = { host: "localhost", port: postfix.ports.smtp, ignoreTLS: true, auth: { user: "alice", pass: "secret" } };
    await assert.rejects(createTransport(inClear).sendMail(mail));
  });

  test("never lets mail leave the machine, and bounces to the sender what Dovecot refuses", async () => {
    await using dovecot = await startDovecot();
    await using postfix = await startPostfix({ deliverTo: { lmtp: dovecot.ports.lmtp } });
    const transport = createTransport({ host: "localhost", port: postfix.ports.smtp, tls: { ca: postfix.authority } });
    const send = (to: string) => transport.sendMail({ from: "alice@example.test", to, subject: "out", text: "hello" });
    await assert.rejects(send("somebody@outside.test"), /outside mail disabled/);
    await send("nobody-here@example.test");
    const [report = ""] = await eventually(
      () => messagesOf(dovecot, "alice"),
      (found) => found.length > 0,
    );
    assert.match(report, /^Content-Type: multipart\/report; report-type=delivery-status/m);
    assert.match(report, /^Final-Recipient: rfc822; nobody-here@example\.test\r$/m);
  });
});

describe("PostgreSQL", { skip: missingServers(["postgres"]) }, () => {
  test("answers, keeps what was committed over an immediate stop and a crash, and is gone after stop", async () => {
    let port: number;
    {
      await using postgres = await startPostgres();
      port = postgres.port;
      assert.equal(postgres.psql("select 1"), "1\n");
      postgres.psql("create table kept (a int); insert into kept values (7)");
      for (const mode of ["immediate", "crash"] as const) {
        await postgres.stop({ mode });
        await postgres.start();
        assert.equal(postgres.psql("select a from kept"), "7\n");
      }
      assert.throws(() => postgres.psql("select nothing"), /column "nothing" does not exist/);
    }
    assert.equal(await isListening(port), false);
  });

  test("gives each caller a database of its own, in the server that is given or in one of this process", async () => {
    const first = await postgresForTests();
    const second = await postgresForTests();
    assert.notEqual(first.url, second.url);
    await first.drop();
    const { Client } = await import("pg");
    const client = new Client({ connectionString: second.url });
    client.on("error", () => undefined);
    await client.connect();
    assert.deepEqual((await client.query("select count(*)::int as tables from pg_tables where schemaname = 'public'")).rows, [
      { tables: 0 },
    ]);
    await client.end();
    await second.drop();
  });
});
