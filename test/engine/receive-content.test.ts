import assert from "node:assert/strict";
import { after, before } from "node:test";
import { messageClass, messageWith, tnef, tnefFile, wideText } from "../../src/mime/test-data.ts";
import { missingServers } from "../servers/needs.ts";
import { emailsIn, explained, letter } from "./incoming.ts";
import { OVER_DYNAMICS } from "./over-web-api.ts";
import { addressOf, type EngineRig, engineRig, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const LONG_NAME = 0x3707;

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

/** The letter's head with this content. */
const withContent = (id: string, to: string, mime: Buffer): Buffer =>
  Buffer.concat([Buffer.from(letter({ id, to: [to] }).split("\r\n\r\n")[0] ?? ""), Buffer.from("\r\nMIME-Version: 1.0\r\n"), mime]);

onOneDatabaseEach("content of received messages", servers, (promise) => {
  promise("what is blocked or too large inside a winmail.dat is not stored, the rest is, and explain names each", async (database) => {
    const [user = ""] = rig.newUsers(1);
    await using app = await rig.open(database, rig.configurationFor([user]));
    const winmail = tnef(
      messageClass("IPM.Note"),
      tnefFile("OFFER~1.PDF", Buffer.from("%PDF"), wideText(LONG_NAME, "offer for May.pdf")),
      tnefFile("RUN.EXE", Buffer.from("MZ"), wideText(LONG_NAME, "a\u202efdp.exe")),
      tnefFile("film.bin", Buffer.alloc(5121 * 1024)),
    );
    await rig.dovecot.deliver(user, withContent(`${user}-winmail`, addressOf(user), messageWith(winmail, "as promised")));
    const { counts, failures } = await receive(app, user);
    assert.deepEqual([counts.tracked, failures], [1, []]);
    const [row] = await emailsIn(database, user);
    const email = await app.crm.readEmail(row?.id ?? "");
    assert.deepEqual(
      [email?.text, email?.notifications, email?.attachments.map(({ filename }) => filename)],
      ["as promised", 1, ["offer for May.pdf"]],
    );
    const told = (await explained(app, `${user}-winmail`, user)).sentences;
    assert.match(told, /"afdp\.exe" was left out.*blockedattachments/);
    assert.match(told, /"film\.bin" was left out.*5121 KB; the setting maxuploadfilesize allows 5120 KB/);
  });

  promise("of an answer the email has the whole text, and what is new in it", async (database) => {
    const [user = ""] = rig.newUsers(1);
    await using app = await rig.open(database, rig.configurationFor([user]));
    const body = "Yes, please.\r\n\r\n-- \r\nCarla\r\n\r\nOn 2 March 2026, Ann <ann@crm.example> wrote:\r\n\r\n> Shall we send it?";
    await rig.dovecot.deliver(user, letter({ id: `${user}-answer`, to: [addressOf(user)], body }));
    await receive(app, user);
    const [row] = await emailsIn(database, user);
    const email = await app.crm.readEmail(row?.id ?? "");
    assert.equal(email?.text?.trimEnd(), body.replaceAll("\r\n", "\n"));
    // Dynamics has no place for it.
    assert.equal(email?.reply, OVER_DYNAMICS ? null : "Yes, please.");
  });
});
