import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdirSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect, createServer, type Server } from "node:net";
import path from "node:path";
import { after, before } from "node:test";
import { createTransport } from "nodemailer";
import { sieveScript } from "../../src/command-line/forward-rule.ts";
import type { TestDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { giveToAccount } from "../servers/processes.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { untilDelivered } from "./outgoing.ts";
import { addressOf, type EngineRig, engineRig, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

/** Where Pigeonhole, and users' mail programs, hand over; and where the rest of the world comes from. */
const INSIDE = "127.0.0.1";
const OUTSIDE = "127.0.0.2";

/** What the receiving server finds of everybody from outside. */
const FOUND = "mx.example.test; dmarc=none header.from=evil.test";

const servers = ["dovecot", "sieve", "postfix"] as const;
let rig: EngineRig;
let submission: Server;

before(async () => {
  if (missingServers(servers)) return;
  // Dovecot is told where to hand over before Postfix has a port.
  submission = createServer((client) => {
    const server = connect(rig.postfix.ports.smtp, INSIDE);
    client.pipe(server).pipe(client);
    for (const one of [client, server]) one.on("error", () => [client, server].forEach((other) => void other.destroy()));
  }).listen(0, INSIDE);
  await once(submission, "listening");
  const { port } = submission.address() as AddressInfo;
  rig = await engineRig({
    dovecot: {
      extra: `submission_host = ${INSIDE}:${port}\nprotocol lmtp {\n  mail_plugins = $mail_plugins sieve\n}\nplugin {\n  sieve = file:~/sieve/forward.sieve\n}\n`,
    },
    postfix: {
      extra: `smtpd_peername_lookup = no\nsmtpd_client_restrictions = check_client_access inline:{ {${OUTSIDE} = PREPEND Authentication-Results: ${FOUND}} }\n`,
    },
  });
  const mail = path.join(rig.dovecot.folder, "mail");
  mkdirSync(mail, { recursive: true });
  giveToAccount(mail);
});
after(async () => {
  await rig?.[Symbol.asyncDispose]();
  submission?.close();
});

function install(user: string, script: string): void {
  const folder = path.join(rig.dovecot.folder, "mail", user);
  mkdirSync(path.join(folder, "sieve"), { recursive: true });
  writeFileSync(path.join(folder, "sieve", "forward.sieve"), script);
  giveToAccount(folder);
}

interface Submitted {
  readonly from: typeof INSIDE | typeof OUTSIDE;
  readonly to: string;
  readonly mime: string;
  readonly sender?: string;
}

async function submit({ from, to, mime, sender = "carla@customer.test" }: Submitted): Promise<void> {
  const { host, ports } = rig.postfix;
  // It greets as if it were the server inside.
  const transport = createTransport({ host, port: ports.smtp, localAddress: from, name: `[${INSIDE}]`, ignoreTLS: true });
  try {
    await transport.sendMail({ envelope: { from: sender, to: addressOf(to) }, raw: mime });
  } finally {
    transport.close();
  }
}

type Protocol = "imap" | "pop3";

/** A forward mailbox and users whose rules feed it; `carl` has the rule too, and is no user of the CRM. */
function sinkFor(protocol: Protocol) {
  const [sink = "", ann = "", ben = "", carl = ""] = rig.newUsers(4);
  for (const user of [ann, ben, carl]) install(user, sieveScript(addressOf(user), addressOf(sink)));
  const mailbox = { incoming: "forward mailbox", outgoing: false } as const;
  const configuration = rig.configurationFor(
    [ann, ben].map((name) => ({ name, mailbox })),
    {
      incoming: { protocol, port: rig.dovecot.ports[protocol] },
      sinks: [
        {
          name: sink,
          mailbox: {
            trust: { forwardingServers: [INSIDE], authenticationResults: "mx.example.test" },
            readFrom: "2026-01-01T00:00:00Z",
          },
        },
      ],
    },
  );
  const open = (database: TestDatabase) => rig.open(database, configuration);
  return { sink, ann, ben, carl, open };
}

/** A forward with these attached, with more header fields on top. */
function forward(author: string, sink: string, originals: readonly string[], ...fields: readonly string[]): string {
  const parts = originals.map((one) => `--outer\r\nContent-Type: message/rfc822\r\n\r\n${one}\r\n`).join("");
  return `${[
    ...fields,
    `From: ${addressOf(author)}`,
    `To: ${addressOf(sink)}`,
    "Subject: FW: what came",
    "Date: Mon, 02 Mar 2026 10:00:00 +0000",
    `Message-ID: <${crypto.randomUUID()}@example.test>`,
    "MIME-Version: 1.0",
    "Content-Type: multipart/mixed; boundary=outer",
  ].join("\r\n")}\r\n\r\n${parts}--outer--\r\n`;
}

/** Messages that a stranger writes to the forward mailbox so that something of his would count as what a user got. */
function forgeries(sink: string, user: string): string[] {
  const ann = addressOf(user);
  let count = 0;
  const original = (): string => {
    count += 1;
    return letter({ id: `${sink}-forged-${count}`, to: [ann] });
  };
  const attached = (...fields: readonly string[]) => forward(user, sink, [original()], ...fields);
  const redirected = (...fields: readonly string[]) => `${fields.join("\r\n")}\r\n${original()}`;
  const inside = `Received: from mx.example.test (localhost [${INSIDE}]) by mx.example.test (Postfix) with ESMTP id 1; Mon, 02 Mar 2026 10:00:02 +0000`;
  const pickedUp = "Received: by mx.example.test (Postfix, from userid 107) id 2; Mon, 02 Mar 2026 10:00:01 +0000";
  const delivered = "Received: from mx.example.test by mx.example.test with LMTP id 3; Mon, 02 Mar 2026 10:00:00 +0000";
  const genuine = "Authentication-Results: mx.example.test; dmarc=pass header.from=example.test; dkim=pass header.d=example.test";
  const folded = `Authentication-Results:\r\n mx.example.test;\r\n\tdmarc=pass\r\n header.from=example.test`;
  const long = (field: string, value: string) => `${field}: ${value}${"\r\n (long)".repeat(600)}`;
  return [
    attached(),
    attached(`Return-Path: <${ann}>`, `Return-Path: <${ann}>`),
    attached(inside, inside, inside),
    attached(pickedUp, delivered),
    attached(delivered, inside, pickedUp),
    attached(long("Received", `from [${INSIDE}] by mx.example.test`), inside),
    attached(`RECEIVED : from [${INSIDE}]\r\n ([${INSIDE}])\r\n\tby mx.example.test`),
    redirected(`X-Sieve-Redirected-From: ${ann}`, delivered),
    redirected(inside, `X-Sieve-Redirected-From: ${ann}`, `X-Sieve-Redirected-From: <${ann}>`, delivered),
    redirected(`Delivered-To: ${ann}`, pickedUp, `Resent-From: ${ann}`, `Resent-To: ${addressOf(sink)}`, `Resent-From: ${ann}`, delivered),
    redirected(`X-Forwarded-For: ${ann} ${addressOf(sink)}`, `X-Forwarded-To: ${addressOf(sink)}`, inside, delivered),
    attached(genuine, genuine, genuine),
    attached(folded, inside, folded),
    attached(long("Authentication-Results", "mx.example.test; dmarc=none"), genuine),
    attached(genuine, `From: ${addressOf("mallory")}`),
    forward(user, sink, Array.from({ length: 1_000 }, original), inside, genuine),
    forward(user, sink, [forward(user, sink, [attached(inside)], inside)], genuine, inside),
    `${genuine}\r\n${attached().replace("message/rfc822", "application/octet-stream; name=a.eml")}`,
  ];
}

for (const protocol of ["imap", "pop3"] as const)
  onOneDatabaseEach(`from the user's server to a forward mailbox over ${protocol}`, servers, (promises) => {
    promises("what users get from outside is theirs, whatever its sender wrote on top", async (database) => {
      const { sink, ann, ben, open } = sinkFor(protocol);
      const id = (user: string) => `${sink}-to-${user}`;
      const mime = (user: string) => letter({ id: id(user), to: ["team@list.test"] });
      const forged = ["X-Sieve-Redirected-From", "Resent-From", "X-Forwarded-For", "Delivered-To"].map(
        (name) => `${name}: ${addressOf(ben)}\r\n`,
      );
      await submit({ from: OUTSIDE, to: ann, mime: forged.join("") + mime(ann) });
      await submit({ from: OUTSIDE, to: ben, mime: mime(ben) });
      await untilDelivered(rig.dovecot, sink, 2);
      for (const user of [ann, ben]) assert.equal((await untilDelivered(rig.dovecot, user)).length, 1);
      await using app = await open(database);
      const { counts, failures } = await receive(app, sink);
      assert.deepEqual([failures, counts.tracked], [[], 2]);
      for (const user of [ann, ben])
        assert.deepEqual(
          (await emailsIn(app.database, user)).map(({ messageId }) => messageId),
          [messageIdOf(id(user))],
        );
    });

    promises("nothing that a stranger writes to it counts as what a user got, whatever it says of itself", async (database) => {
      const { sink, ann, open } = sinkFor(protocol);
      const forged = forgeries(sink, ann);
      for (const [index, mime] of forged.entries())
        await submit({ from: OUTSIDE, to: sink, mime, sender: index % 3 === 0 ? "" : addressOf(ann) });
      // The same in the user's own name is taken.
      await submit({ from: INSIDE, to: sink, mime: forward(ann, sink, [letter({ id: `${sink}-own`, to: [addressOf(ann)] })]) });
      await untilDelivered(rig.dovecot, sink, forged.length + 1);
      await using app = await open(database);
      const { counts, failures } = await receive(app, sink);
      const decided = await decisionsIn(app.database, sink);
      assert.deepEqual([failures, counts.tracked, counts.skipped], [[], 1, forged.length], JSON.stringify(decided, null, 1));
      for (const { outcome, because } of decided)
        if (outcome === "skipped") assert.match(because, /^(Nothing proves|The message .* no single author)/);
      assert.deepEqual(
        (await emailsIn(app.database, ann)).map(({ messageId }) => messageId),
        [messageIdOf(`${sink}-own`)],
      );
    });

    promises(
      "what a stranger sends to somebody whose rule feeds it too, in a user's name, is not that user's forward",
      async (database) => {
        const { sink, ann, carl, open } = sinkFor(protocol);
        const mime = forward(
          ann,
          sink,
          [letter({ id: `${sink}-forged`, to: [addressOf(ann)] })],
          `X-Sieve-Redirected-From: ${addressOf(ann)}`,
        );
        await submit({ from: OUTSIDE, to: carl, mime, sender: addressOf(ann) });
        await untilDelivered(rig.dovecot, sink);
        await using app = await open(database);
        const { counts, failures } = await receive(app, sink);
        assert.deepEqual([failures, counts.tracked, counts.skipped], [[], 0, 1]);
        const [decision] = await decisionsIn(app.database, sink);
        assert.match(decision?.because ?? "", new RegExp(`${addressOf(carl)} is no mailbox of a user`));
      },
    );
  });
