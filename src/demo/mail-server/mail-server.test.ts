import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { ImapFlow, type ImapFlowOptions } from "imapflow";
import nodemailer from "nodemailer";
import { Failure } from "../../model/failure.ts";
import { type Delivery, type DemoMailServer, startMailServer } from "./mail-server.ts";

const ANN = { address: "ann@demo.test", password: "ann-secret", name: "Ann Lee" };
const SALES = { address: "sales@demo.test", password: "sales-secret", name: "Sales" };

function mail(subject: string, extra = ""): string {
  return `From: Bob <bob@customer.test>\r\nTo: ann@demo.test\r\nSubject: ${subject}\r\nMessage-ID: <${subject}@customer.test>\r\nDate: Mon, 2 Feb 2026 10:00:00 +0100\r\n${extra}\r\nHello, ${subject}\r\n`;
}

describe("demo mail server, IMAP with imapflow", () => {
  let server: DemoMailServer;
  const clients: ImapFlow[] = [];

  before(async () => {
    server = await startMailServer({ accounts: [ANN, SALES], domains: ["demo.test"] });
  });

  after(async () => {
    for (const client of clients) client.close();
    await server.close();
  });

  async function connect(options: Partial<ImapFlowOptions> = {}): Promise<ImapFlow> {
    const client = new ImapFlow({
      host: "127.0.0.1",
      port: server.imapPort,
      secure: false,
      logger: false,
      auth: { user: ANN.address, pass: ANN.password },
      ...options,
    });
    client.on("error", () => undefined);
    clients.push(client);
    await client.connect();
    return client;
  }

  it("lists the special-use folders with their status and subscriptions", async () => {
    const client = await connect();
    const folders = await client.list({ statusQuery: { messages: true, uidNext: true, highestModseq: true } });
    const uses = folders.map((folder) => `${folder.path} ${folder.specialUse}`).sort();
    assert.deepEqual(uses, ["Archive \\Archive", "Drafts \\Drafts", "INBOX \\Inbox", "Junk \\Junk", "Sent \\Sent", "Trash \\Trash"]);
    assert.ok(folders.every((folder) => folder.subscribed && folder.status?.messages === 0 && folder.status.uidNext === 1));
  });

  it("tells wrong passwords from right ones", async () => {
    await assert.rejects(connect({ auth: { user: ANN.address, pass: "guess" } }), { authenticationFailed: true });
    await assert.rejects(connect({ auth: { user: "nobody@demo.test", pass: "guess" } }), { authenticationFailed: true });
    await connect({ auth: { user: ANN.address, pass: ANN.password, loginMethod: "LOGIN" } });
  });

  it("gives header fields by a range of UIDs without marking anything seen", async () => {
    const uids = ["head-1", "head-2", "head-3"].map((subject) => server.deliver(ANN.address, mail(subject), { folder: "Heads" }).uid);
    const client = await connect();
    await client.mailboxOpen("Heads");
    const found = await client.fetchAll(`${uids[0]}:${uids[1]}`, { headers: ["subject", "message-id"], flags: true }, { uid: true });
    assert.deepEqual(
      found.map((message) => message.headers?.toString()),
      ["Subject: head-1\r\nMessage-ID: <head-1@customer.test>\r\n\r\n", "Subject: head-2\r\nMessage-ID: <head-2@customer.test>\r\n\r\n"],
    );
    assert.deepEqual(
      found.map((message) => [...(message.flags ?? [])]),
      [[], []],
    );
    assert.equal(server.messages(ANN.address, "Heads").filter(({ flags }) => flags.length > 0).length, 0);
  });

  it("gives source, parts of it, envelope, structure, size and received date", async () => {
    const mime = mail("whole", "Content-Type: text/plain; charset=utf-8\r\n");
    const internalDate = new Date("2026-02-07T09:00:00Z");
    const { uid } = server.deliver(ANN.address, mime, { folder: "Whole", internalDate, flags: ["\\Seen", "Demo"] });
    const client = await connect();
    await client.mailboxOpen("Whole");
    const message = await client.fetchOne(
      String(uid),
      {
        source: true,
        envelope: true,
        bodyStructure: true,
        size: true,
        internalDate: true,
        flags: true,
        bodyParts: ["TEXT", { key: "1", start: 7, maxLength: 5 }],
      },
      { uid: true },
    );
    assert.ok(message);
    assert.equal(message.source?.toString(), mime);
    assert.equal(message.size, mime.length);
    assert.deepEqual(message.internalDate, internalDate);
    assert.deepEqual([...(message.flags ?? [])], ["\\Seen", "Demo"]);
    assert.equal(message.envelope?.subject, "whole");
    assert.deepEqual(message.envelope?.from, [{ name: "Bob", address: "bob@customer.test" }]);
    assert.equal(message.bodyStructure?.type, "text/plain");
    assert.deepEqual(message.bodyStructure?.parameters, { charset: "utf-8" });
    assert.equal(message.bodyParts?.get("text")?.toString(), "Hello, whole\r\n");
    assert.equal(message.bodyParts?.get("1")?.toString(), "whole");
    const downloaded = await client.download(String(uid), undefined, { uid: true });
    assert.equal((await downloaded.content?.toArray())?.join(""), mime);
  });

  it("searches by received date, header, flag and words, encoded ones too", async () => {
    const old = { folder: "Search", internalDate: new Date("2026-01-10T12:00:00Z") };
    const recent = { folder: "Search", internalDate: new Date("2026-02-10T12:00:00Z"), flags: ["\\Seen"] };
    const first = server.deliver(ANN.address, mail("first"), old).uid;
    const second = server.deliver(ANN.address, mail("=?utf-8?Q?Gr=C3=BC=C3=9Fe?="), recent).uid;
    const client = await connect();
    await client.mailboxOpen("Search");
    const search = (query: Parameters<typeof client.search>[0]) => client.search(query, { uid: true });
    assert.deepEqual(await search({ since: new Date("2026-02-01") }), [second]);
    assert.deepEqual(await search({ before: new Date("2026-02-01") }), [first]);
    assert.deepEqual(await search({ header: { "message-id": "first@customer.test" } }), [first]);
    assert.deepEqual(await search({ seen: false }), [first]);
    assert.deepEqual(await search({ subject: "grüße" }), [second]);
    assert.deepEqual(await search({ or: [{ subject: "first" }, { seen: true }] }), [first, second]);
    assert.deepEqual(await search({ not: { from: "bob@customer" } }), []);
    assert.deepEqual(await search({ uid: `${second}:*` }), [second]);
  });

  it("appends with flags, date and keyword, and tells the UID", async () => {
    const client = await connect();
    const date = new Date("2026-02-03T04:05:06Z");
    const appended = await client.append("Sent", mail("appended"), ["\\Seen", "Waypost"], date);
    assert.ok(appended);
    const [kept] = server.messages(ANN.address, "Sent");
    assert.equal(kept?.uid, appended.uid);
    assert.deepEqual(kept?.flags, ["\\Seen", "Waypost"]);
    assert.deepEqual(kept?.internalDate, date);
    assert.equal(kept?.mime.toString(), mail("appended"));
  });

  it("moves and copies with the UIDs on both sides, and refuses unknown folders with TRYCREATE", async () => {
    const { uid } = server.deliver(ANN.address, mail("moving"), { folder: "From here" });
    const client = await connect();
    await client.mailboxCreate("Zu Köln/Müller & Co");
    await client.mailboxOpen("From here");
    const copied = await client.messageCopy(String(uid), "Zu Köln/Müller & Co", { uid: true });
    const moved = await client.messageMove(String(uid), "Zu Köln/Müller & Co", { uid: true });
    assert.ok(copied && moved);
    assert.equal(copied.uidMap?.get(uid), 1);
    assert.equal(moved.uidMap?.get(uid), 2);
    assert.equal(server.messages(ANN.address, "From here").length, 0);
    assert.equal(server.messages(ANN.address, "Zu Köln/Müller & Co").length, 2);
    await client.mailboxOpen("Zu Köln/Müller & Co");
    assert.equal(await client.messageMove("1", "Nowhere", { uid: true }), false);
    await assert.rejects(client.mailboxOpen("Nowhere"), { serverResponseCode: "NONEXISTENT" });
  });

  it("wakes an idling client at once for arrivals, flags and expunges of others", async () => {
    const folder = "Idle";
    const { uid } = server.deliver(ANN.address, mail("idle-1"), { folder });
    const idler = await connect();
    await idler.mailboxOpen(folder);
    const news: string[] = [];
    const woken = new Promise<void>((resolve) => {
      const note = (what: string) => {
        news.push(what);
        if (what === "expunge") resolve();
      };
      idler.on("exists", ({ count }) => note(`exists ${count}`));
      idler.on("flags", ({ seq, flags }) => note(`flags ${seq} ${[...flags].join(" ")}`));
      idler.on("expunge", () => note("expunge"));
    });
    const idling = idler.idle();
    const other = await connect();
    await other.mailboxOpen(folder);
    server.deliver(ANN.address, mail("idle-2"), { folder });
    await other.messageFlagsAdd(String(uid), ["\\Flagged"], { uid: true });
    await other.messageDelete(String(uid), { uid: true });
    await woken;
    assert.deepEqual(news, ["exists 2", "flags 1 \\Flagged", "flags 1 \\Flagged \\Deleted", "expunge"]);
    await idler.noop();
    await idling;
  });

  it("tells only what changed and what vanished since a mod-sequence", async () => {
    const folder = "Changes";
    const uids = ["c-1", "c-2", "c-3"].map((subject) => server.deliver(ANN.address, mail(subject), { folder }).uid);
    const client = await connect({ qresync: true });
    const opened = await client.mailboxOpen(folder);
    const since = opened.highestModseq ?? 0n;
    await client.messageFlagsAdd(String(uids[1]), ["\\Seen"], { uid: true });
    await client.messageDelete(String(uids[0]), { uid: true });
    await client.mailboxClose();
    const vanished: number[] = [];
    client.on("expunge", (event) => vanished.push(event.uid ?? 0));
    await client.mailboxOpen(folder, { changedSince: since, uidValidity: opened.uidValidity });
    assert.deepEqual(vanished, [uids[0]]);
    const changed = await client.fetchAll("1:*", { flags: true }, { uid: true, changedSince: since });
    assert.deepEqual([...new Set(changed.map((message) => message.uid))], [uids[1]]);
  });

  it("keeps accounts apart", async () => {
    const client = await connect({ auth: { user: SALES.address, pass: SALES.password } });
    const folders = await client.list();
    assert.ok(!folders.some((folder) => folder.path === "Heads"));
  });
});

describe("demo mail server, SMTP with nodemailer", () => {
  let server: DemoMailServer;
  let deliveries: Delivery[];

  before(async () => {
    server = await startMailServer({ accounts: [ANN, SALES], domains: ["demo.test"] });
    deliveries = [];
    server.onDelivery((delivery) => deliveries.push(delivery));
  });

  after(() => server.close());

  function transport(auth?: { user: string; pass: string }) {
    return nodemailer.createTransport({ host: "127.0.0.1", port: server.smtpPort, secure: false, ...(auth ? { auth } : {}) });
  }

  it("delivers to the inboxes of its accounts, keeps copies for outside, and announces both", async () => {
    const auth = { user: ANN.address, pass: ANN.password };
    await transport(auth).sendMail({ from: ANN.address, to: [SALES.address, "bob@customer.test"], subject: "Offer", text: "Hi" });
    const [inbox] = server.messages(SALES.address, "INBOX");
    assert.match(inbox?.mime.toString() ?? "", /^Return-Path: <ann@demo\.test>\r\nDelivered-To: sales@demo\.test\r\nReceived: from .*\r\n/);
    assert.match(inbox?.mime.toString() ?? "", /\r\nSubject: Offer\r\n/);
    const [submitted] = server.submitted;
    assert.deepEqual(submitted?.to, [SALES.address, "bob@customer.test"]);
    assert.equal(submitted?.user, ANN.address);
    assert.deepEqual(
      server.outside.map(({ address }) => address),
      ["bob@customer.test"],
    );
    assert.deepEqual(
      deliveries.map(({ kind, address }) => [kind, address]),
      [
        ["local", SALES.address],
        ["outside", "bob@customer.test"],
      ],
    );
  });

  it("takes mail from strangers for its accounts, and nothing for other domains", async () => {
    const stranger = transport();
    await stranger.sendMail({ from: "bob@customer.test", to: ANN.address, subject: "Question", text: "?" });
    assert.equal(server.messages(ANN.address, "INBOX").length, 1);
    await assert.rejects(stranger.sendMail({ from: "bob@customer.test", to: "eve@elsewhere.test", text: "?" }), { responseCode: 550 });
  });

  it("refuses an unknown recipient by itself and takes the message for the others", async () => {
    const auth = { user: ANN.address, pass: ANN.password };
    const result = await transport(auth).sendMail({ from: ANN.address, to: ["nobody@demo.test", SALES.address], text: "x" });
    assert.deepEqual(result.rejected, ["nobody@demo.test"]);
    assert.deepEqual(result.accepted, [SALES.address]);
    await assert.rejects(transport(auth).sendMail({ from: ANN.address, to: "nobody@demo.test", text: "x" }), { responseCode: 550 });
  });

  it("refuses a wrong password", async () => {
    await assert.rejects(transport({ user: ANN.address, pass: "guess" }).verify(), { responseCode: 535 });
  });
});

describe("demo mail server, called directly", () => {
  it("says which account or folder is missing, stores lines ended by CRLF, and frees its ports", async (t) => {
    const server = await startMailServer({ accounts: [ANN], domains: ["demo.test"] });
    t.after(() => server.close());
    const { uid } = server.deliver("ANN@demo.test", "Subject: x\n\nline\n", { flags: ["\\Seen"] });
    assert.equal(
      server
        .messages(ANN.address, "inbox")
        .find((message) => message.uid === uid)
        ?.mime.toString(),
      "Subject: x\r\n\r\nline\r\n",
    );
    assert.deepEqual(server.folders(ANN.address)[0], { path: "INBOX", specialUse: null, messages: 1, unseen: 0 });
    assert.throws(
      () => server.deliver("eve@demo.test", "x"),
      (error) => error instanceof Failure && error.code === "mailbox unknown",
    );
    assert.throws(
      () => server.messages(ANN.address, "Nowhere"),
      (error) => error instanceof Failure && error.scope === "mailbox",
    );
    assert.throws(
      () => server.deliver(ANN.address, "x", { flags: ["two words"] }),
      (error) => error instanceof Failure && error.serverSaid === "CANNOT",
    );
    const ports = { imap: server.imapPort, smtp: server.smtpPort };
    await assert.rejects(startMailServer({ accounts: [ANN], domains: [], ports: { smtp: ports.smtp } }), { code: "EADDRINUSE" });
    await server.close();
    const again = await startMailServer({ accounts: [ANN], domains: ["demo.test"], ports });
    assert.equal(again.imapPort, ports.imap);
    await again.close();
  });
});
