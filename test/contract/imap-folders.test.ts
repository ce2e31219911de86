/** Folders of real servers: names, roles, rights, and what becomes of them. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Folder } from "../../src/model/message.ts";
import type { MailSource } from "../../src/ports.ts";
import { setRights } from "../servers/access-rights.ts";
import type { Dovecot, DovecotOptions } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { access, imapEndpoint, profileWith, startImapServer } from "./imap-rig.ts";
import { drain, idOf, message } from "./mail-source-rig.ts";

const skip = missingServers(["dovecot"]);
const OPTIONS = { limit: 100, since: new Date("2001-01-01") };

const open = (dovecot: Dovecot, user: string): MailSource =>
  imapSystem({ profile: profileWith(imapEndpoint(dovecot.ports.imap)) }).source(access(user));

async function streamsOf(dovecot: Dovecot, user: string): Promise<Map<string, Folder>> {
  const source = open(dovecot, user);
  try {
    return new Map((await source.folders()).map((stream) => [stream.name, stream]));
  } finally {
    await source.close();
  }
}

async function withServer(options: DovecotOptions, work: (dovecot: Dovecot) => Promise<void>): Promise<void> {
  await using dovecot = await startImapServer(options);
  await work(dovecot);
}

describe("IMAP folders", { skip }, () => {
  test("roles come from the server, and below the inbox is what lies there", async () => {
    await withServer({}, async (dovecot) => {
      for (const folder of ["INBOX/Customers", "INBOX/Customers/Größe", "Projects", "Trash/Old"])
        await dovecot.append("user0", folder, message("x"));
      const told = [...(await streamsOf(dovecot, "user0")).values()].map((one) => [one.name, one.role, one.underInbox, one.messages]);
      assert.deepEqual(
        new Set(told.map((one) => one.join(" "))),
        new Set([
          "INBOX inbox true 0",
          "INBOX/Customers none true 1",
          "INBOX/Customers/Größe none true 1",
          "Projects none false 1",
          "Sent sent false 0",
          "Drafts drafts false 0",
          "Junk junk false 0",
          "Trash trash false 0",
          "Trash/Old none false 1",
        ]),
      );
    });
  });

  test("where all folders hang below INBOX., those of special use and what lies below them are not below the inbox", async () => {
    await withServer({ prefix: "INBOX.", separator: "." }, async (dovecot) => {
      for (const folder of ["INBOX.Customers", "INBOX.Sent.2025"]) await dovecot.append("user0", folder, message("x"));
      const under = [...(await streamsOf(dovecot, "user0")).values()].flatMap((one) => (one.underInbox ? [one.name] : []));
      assert.deepEqual(under.sort(), ["INBOX", "INBOX/Customers"]);
    });
  });

  test("a folder that only holds folders is not selectable", async () => {
    await withServer({ format: "sdbox" }, async (dovecot) => {
      await dovecot.append("user0", "Clients/North", message("x"));
      const streams = await streamsOf(dovecot, "user0");
      assert.deepEqual(
        [streams.get("Clients")?.selectable, streams.get("Clients")?.unreadable, streams.get("Clients/North")?.selectable],
        [false, null, true],
      );
    });
  });

  test("other people's folders are told apart, and those without the right to read are told with the server's words", async () => {
    for (const options of [{}, { prefix: "INBOX.", separator: "." as const }]) {
      await withServer({ shared: true, ...options }, async (dovecot) => {
        const prefix = "prefix" in options ? options.prefix : "";
        await dovecot.append("user0", `${prefix}Open`, message("open"));
        await dovecot.append("user0", `${prefix}Closed`, message("closed"));
        await setRights(dovecot, "user0", `${prefix}Open`, "user1", "lr");
        await setRights(dovecot, "user0", `${prefix}Closed`, "user1", "l");
        const streams = await streamsOf(dovecot, "user1");
        const opened = [...streams.values()].find((one) => one.name.endsWith("/Open"));
        const closed = [...streams.values()].find((one) => one.name.endsWith("/Closed"));
        assert.deepEqual(
          [opened?.namespace, opened?.unreadable, opened?.messages, opened?.underInbox],
          ["other", null, 1, false],
          [...streams.keys()].join(", "),
        );
        assert.match(closed?.unreadable ?? "", /[Pp]ermission/);
        const source = open(dovecot, "user1");
        try {
          assert.deepEqual(
            (await drain(() => open(dovecot, "user1"), opened?.id ?? "", null)).heads.map((head) => head.messageId),
            [idOf("open")],
          );
          await assert.rejects(source.pull(closed?.id ?? "", null, OPTIONS), { scope: "folder", code: "no right" });
        } finally {
          await source.close();
        }
      });
    }
  });

  describe("what becomes of a folder", () => {
    let dovecot: Dovecot;
    before(async () => {
      dovecot = await startImapServer();
    });
    after(() => dovecot?.[Symbol.asyncDispose]());

    test("one that was deleted is a failure of that folder", async () => {
      await dovecot.append("user0", "Temporary", message("x"));
      const source = open(dovecot, "user0");
      try {
        const pull = await source.pull("Temporary", null, OPTIONS);
        assert.equal(pull.kind, "page");
        await dovecot.withImap("user0", (client) => client.mailboxDelete("Temporary"));
        await assert.rejects(source.pull("Temporary", pull.cursor, OPTIONS), { scope: "folder", code: "folder gone" });
        assert.equal((await source.pull("INBOX", null, OPTIONS)).kind, "page", "the others go on");
      } finally {
        await source.close();
      }
    });

    test("one that was deleted and made again is a lost cursor, though its messages have the same UIDs", async () => {
      await dovecot.append("user1", "Again", message("old"));
      const { cursor } = await drain(() => open(dovecot, "user1"), "Again", null);
      await dovecot.withImap("user1", (client) => client.mailboxDelete("Again"));
      // UIDVALIDITY comes from the clock, in seconds.
      await new Promise((resolve) => setTimeout(resolve, 1100));
      await dovecot.append("user1", "Again", message("new"));
      const source = open(dovecot, "user1");
      try {
        const lost = await source.pull("Again", cursor, OPTIONS);
        assert.equal(lost.kind, "reset");
        assert.match(lost.kind === "reset" ? lost.reason : "", /UIDVALIDITY/);
        assert.deepEqual(
          (await drain(() => open(dovecot, "user1"), "Again", null)).heads.map((head) => head.messageId),
          [idOf("new")],
        );
      } finally {
        await source.close();
      }
    });
  });
});
