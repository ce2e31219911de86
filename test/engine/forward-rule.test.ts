import assert from "node:assert/strict";
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { after, before } from "node:test";
import { sieveScript } from "../../src/command-line/forward-rule.ts";
import { missingServers } from "../servers/needs.ts";
import { giveToAccount, removeFolder, temporaryFolder } from "../servers/processes.ts";
import { emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** What Pigeonhole hands over to be sent. */
interface Sent {
  readonly to: readonly string[];
  readonly mime: string;
}

let rig: EngineRig;
let outbox: string;
const servers = ["dovecot", "sieve"] as const;

before(async () => {
  if (missingServers(servers)) return;
  outbox = temporaryFolder("sieve");
  const program = path.join(outbox, "send.sh");
  writeFileSync(program, `#!/bin/sh\ncat > "${outbox}/$$.eml"\nprintf '%s\\n' "$@" > "${outbox}/$$.args"\n`);
  chmodSync(program, 0o755);
  giveToAccount(outbox);
  rig = await engineRig({
    accounts: 20,
    dovecot: {
      extra: `sendmail_path = ${program}\nprotocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\nplugin {\n  sieve = file:~/sieve/forward.sieve\n}\n`,
    },
  });
});
after(async () => {
  await rig?.[Symbol.asyncDispose]();
  if (outbox !== undefined) removeFolder(outbox);
});

function install(user: string, script: string): void {
  const folder = path.join(rig.dovecot.folder, "mail", user);
  mkdirSync(path.join(folder, "sieve"), { recursive: true });
  writeFileSync(path.join(folder, "sieve", "forward.sieve"), script);
  giveToAccount(folder);
}

/** What was redirected since, oldest first. */
function takeSent(before: ReadonlySet<string>): Sent[] {
  const names = readdirSync(outbox).filter((name) => name.endsWith(".eml") && !before.has(name));
  return names.map((name) => ({
    mime: readFileSync(path.join(outbox, name), "latin1"),
    to: readFileSync(path.join(outbox, name.replace(".eml", ".args")), "utf8")
      .trim()
      .split("\n")
      .slice(-1),
  }));
}

async function redirected(user: string, mime: string): Promise<Sent[]> {
  const before = new Set(readdirSync(outbox));
  // Pigeonhole names the user as the recipient was given to it.
  await rig.dovecot.deliver(addressOf(user), mime);
  return takeSent(before);
}

/** As the mail server's own program takes what is handed over to it. */
const PICKED_UP = "Received: by mail.example.test (Postfix, from userid 107) id 7; Mon, 02 Mar 2026 10:00:01 +0000\r\n";

onOneDatabaseEach("the rule that feeds a forward mailbox", servers, (promises) => {
  promises("what a user gets is redirected once, stays with the user, and becomes an email from the forward mailbox", async (database) => {
    const [sink = "", ann = ""] = rig.newUsers(2);
    install(sink, "keep;\n");
    install(ann, sieveScript(addressOf(ann), addressOf(sink)));
    await using app = await rig.open(
      database,
      rig.configurationFor([{ name: ann, mailbox: { incoming: "forward mailbox", outgoing: false } }], {
        sinks: [{ name: sink, mailbox: { trust: { forwardingServers: ["127.0.0.1"] }, readFrom: "2026-01-01T00:00:00Z" } }],
      }),
    );
    const mime = letter({ id: `${sink}-in`, to: ["team@list.test"] });
    const [sent, ...others] = await redirected(ann, mime);
    assert.ok(sent && others.length === 0);
    assert.deepEqual(sent.to, [addressOf(sink)]);
    const plain = (text: string) => text.replaceAll("\r\n", "\n");
    assert.ok(plain(sent.mime).endsWith(plain(mime.slice(mime.indexOf("\r\n\r\n")))));
    assert.equal(await rig.dovecot.withImap(ann, async (client) => (await client.mailboxOpen("INBOX")).exists), 1);
    await rig.dovecot.deliver(sink, PICKED_UP + sent.mime.replace(/\r?\n/g, "\r\n"));
    const { counts, failures } = await receive(app, sink);
    assert.deepEqual([failures, counts.tracked], [[], 1]);
    assert.deepEqual(
      (await emailsIn(app.database, ann)).map(({ messageId }) => messageId),
      [messageIdOf(`${sink}-in`)],
    );
    // It comes round: the rule has seen it.
    assert.deepEqual(await redirected(ann, PICKED_UP + sent.mime.replace(/\r?\n/g, "\r\n")), []);
  });

  promises("what Waypost sent, and what came from the forward mailbox, is not redirected", async () => {
    const [sink = "", ann = ""] = rig.newUsers(2);
    install(sink, "keep;\n");
    install(ann, sieveScript(addressOf(ann), addressOf(sink)));
    for (const field of ["X-Waypost-Email: 1", `Delivered-To: ${addressOf(sink)}`, `Delivered-To: <${addressOf(sink)}>`])
      assert.deepEqual(await redirected(ann, `${field}\r\n${letter({ id: `${sink}-${field.length}` })}`), [], field);
  });

  promises("a stranger who writes to the forward mailbox in the way of a redirected message gets nothing in", async (database) => {
    const [sink = "", ann = ""] = rig.newUsers(2);
    install(sink, "keep;\n");
    await using app = await rig.open(
      database,
      rig.configurationFor([{ name: ann, mailbox: { incoming: "forward mailbox", outgoing: false } }], {
        sinks: [{ name: sink, mailbox: { trust: { forwardingServers: ["127.0.0.1"] }, readFrom: "2026-01-01T00:00:00Z" } }],
      }),
    );
    const line =
      "Received: from mail.example.test (unknown [203.0.113.9]) by mail.example.test (Postfix) with ESMTP id 8; Mon, 02 Mar 2026 10:00:02 +0000\r\n";
    await rig.dovecot.deliver(
      sink,
      `${line}${PICKED_UP}X-Sieve-Redirected-From: ${addressOf(ann)}\r\n${letter({ id: `${sink}-forged`, to: [addressOf(ann)] })}`,
    );
    const { counts, failures } = await receive(app, sink);
    assert.deepEqual([failures, counts.tracked, counts.skipped], [[], 0, 1]);
  });
});
