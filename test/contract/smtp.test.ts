import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import { smtpSystem } from "../../src/connectors/smtp/system.ts";
import { startDovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { startPostfix } from "../servers/postfix.ts";
import { startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { startSmtpRelay } from "../servers/smtp-relay.ts";
import { type Arrived, type MailSenderRig, mailSenderContract } from "./mail-sender.contract.ts";
import { mailboxOf, profileOf } from "./smtp-setting.ts";

const SIZE_LIMIT = 100_000;
/** Fewer than the messages that the contract sends at once. */
const CONNECTIONS = 3;
const DELIVERED_WITHIN_MS = 20_000;

mailSenderContract(
  "SMTP to Postfix, delivered to Dovecot",
  async (): Promise<MailSenderRig> => {
    await using stack = new AsyncDisposableStack();
    const good = ["bob@example.test", "cleo@example.test"] as const;
    const dovecot = stack.use(await startDovecot({ users: { alice: "secret", bob: "secret", cleo: "secret" } }));
    const postfix = stack.use(
      await startPostfix({
        deliverTo: { lmtp: dovecot.ports.lmtp },
        messageSizeLimit: SIZE_LIMIT,
        sasl: { port: dovecot.ports.sasl },
        requireSignIn: true,
        replies: { "gone@example.test": "550 5.1.1 Nobody here", "later@example.test": "450 4.2.1 Mailbox busy" },
        extra: "smtputf8_enable = no",
      }),
    );
    const mailbox = mailboxOf("alice@example.test", "alice", "secret");
    const system = stack.use(smtpSystem({ profile: profileOf(postfix.ports.smtp, {}, CONNECTIONS) }));
    const arrivedWith = (recipient: string) =>
      dovecot.withImap(recipient.slice(0, recipient.indexOf("@")), async (client): Promise<Arrived[]> => {
        const { exists } = await client.mailboxOpen("INBOX", { readOnly: true });
        const messages = exists === 0 ? [] : await client.fetchAll("1:*", { source: true });
        return messages.map(({ source }) => ({ recipient, mime: source?.toString("utf8") ?? "" }));
      });
    const owned = stack.move();
    return {
      from: mailbox.address,
      good,
      refusedForGood: "gone@example.test",
      refusedForNow: "later@example.test",
      sizeLimit: SIZE_LIMIT,
      refusesInternational: true,
      async sender(fault) {
        if (fault === undefined) return system.sender(mailbox);
        const cut = fault === "cut before the content" ? "before the content" : "after the content";
        const relay = owned.use(await startSmtpRelay(postfix.ports.smtp, cut));
        return owned.use(smtpSystem({ profile: profileOf(relay.port) })).sender(mailbox);
      },
      async arrived() {
        const deadline = Date.now() + DELIVERED_WITHIN_MS;
        while (postfix.queue().length > 0) {
          assert.ok(Date.now() < deadline, `still in the queue: ${JSON.stringify(postfix.queue())}`);
          await sleep(50);
        }
        return [...(await arrivedWith(good[0])), ...(await arrivedWith(good[1]))];
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  },
  { skip: missingServers(["postfix", "dovecot"]) },
);

for (const pipelining of [true, false]) {
  mailSenderContract(`SMTP to a scripted server ${pipelining ? "with" : "without"} pipelining`, async (): Promise<MailSenderRig> => {
    await using stack = new AsyncDisposableStack();
    const good = ["bob@example.test", "cleo@example.test"] as const;
    let cut: "nowhere" | "DATA" | "content" = "nowhere";
    const server = stack.use(
      await startScriptedSmtp({
        users: { alice: "secret" },
        extensions: [`SIZE ${SIZE_LIMIT}`, "8BITMIME", ...(pipelining ? ["PIPELINING"] : [])],
        script({ step, line }) {
          if (step === cut) {
            cut = "nowhere";
            return { cut: true };
          }
          if (step !== "RCPT") return undefined;
          if (line.includes("gone@")) return { say: "550 5.1.1 nobody here\r\n" };
          return line.includes("later@") ? { say: "450 4.2.1 busy\r\n" } : undefined;
        },
      }),
    );
    const mailbox = mailboxOf("alice@example.test", "alice", "secret");
    const system = stack.use(smtpSystem({ profile: profileOf(server.port, {}, CONNECTIONS) }));
    const owned = stack.move();
    return {
      from: mailbox.address,
      good,
      refusedForGood: "gone@example.test",
      refusedForNow: "later@example.test",
      sizeLimit: SIZE_LIMIT,
      refusesInternational: true,
      async sender(fault) {
        cut = fault === undefined ? "nowhere" : fault === "cut before the content" ? "DATA" : "content";
        // A connection of its own: one that was open before is tried again when it breaks.
        return fault === undefined ? system.sender(mailbox) : owned.use(smtpSystem({ profile: profileOf(server.port) })).sender(mailbox);
      },
      async arrived() {
        assert.ok(server.mostConnections() <= CONNECTIONS + 1, "no more connections than the profile allows, and the one to be cut");
        return server.received.flatMap(({ recipients, content }) => recipients.map((recipient) => ({ recipient, mime: content })));
      },
      [Symbol.asyncDispose]: () => owned.disposeAsync(),
    };
  });
}
