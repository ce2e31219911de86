import assert from "node:assert/strict";
import { cpSync, mkdirSync } from "node:fs";
import path from "node:path";
import { after, before, test } from "node:test";
import type { Database } from "../../src/database/database.ts";
import { openDatabase } from "../../src/database/open.ts";
import { STATUS } from "../../src/model/email.ts";
import { Failure } from "../../src/model/failure.ts";
import { testDatabase } from "../databases.ts";
import { missingServers } from "../servers/needs.ts";
import { startPostgres } from "../servers/postgres.ts";
import { giveToAccount } from "../servers/processes.ts";
import { openCodes } from "./alerts.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, pressSend, untilDelivered } from "./outgoing.ts";
import { type EngineRig, engineRig, receive, send } from "./rig.ts";
import { cannotMount, mountSmallVolume, type SmallVolume } from "./small-volume.ts";
import { onceAt } from "./steps.ts";

const skip = missingServers(["dovecot", "postfix", "postgres"]) || cannotMount();
let rig: EngineRig;
before(async () => {
  if (!skip) rig = await engineRig({ postfix: {} });
});
after(() => rig?.[Symbol.asyncDispose]());

const MEGABYTE = 1024 * 1024;
const MESSAGES = 12;
/** Milliseconds until somebody makes room. */
const UNTIL_FREED = 700;

/** A database whose data lie on the volume. */
const PLACES: Readonly<Record<string, (volume: SmallVolume, stack: AsyncDisposableStack) => Promise<Database>>> = {
  async pglite(volume, stack) {
    const made = stack.use(await testDatabase("pglite"));
    await made.close();
    if (!("folder" in made.place)) throw new Error("PGlite lies in a folder");
    const folder = path.join(volume.folder, "database");
    cpSync(made.place.folder, folder, { recursive: true });
    return openDatabase({ folder, report: () => {} });
  },
  async postgres(volume, stack) {
    const server = stack.use(await startPostgres({ fsync: false }));
    const folder = path.join(volume.folder, "tablespace");
    mkdirSync(folder);
    giveToAccount(folder);
    server.psql(`create tablespace small location '${folder}'`);
    server.psql("create database small tablespace small template template0");
    return openDatabase({ url: `postgresql://postgres@127.0.0.1:${server.port}/small`, report: () => {} });
  },
};

for (const [engine, open] of Object.entries(PLACES)) {
  test(`a full disk is told as such, and when there is room again all is there once (${engine})`, { skip }, async () => {
    using volume = mountSmallVolume(120 * MEGABYTE);
    await using stack = new AsyncDisposableStack();
    const database = await open(volume, stack);
    stack.use(database);
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(database, rig.configurationFor([ann]));
    await contactsFor(app, ben);
    const ids = Array.from({ length: MESSAGES }, (_, index) => `${ann}-${index}`);
    // Different and hardly compressible bodies: nothing is stored once for all.
    const body = (id: string) =>
      Array.from({ length: 400 }, (_, line) => `${id} ${line} ${Math.random()} ${Math.random()}`.repeat(4)).join("\r\n");
    await rig.dovecot.append(ann, "INBOX", ...ids.map((id) => letter({ id, body: body(id) })));

    volume.fill(MEGABYTE);
    for (let round = 0; round < 2; round++) {
      await assert.rejects(receive(app), (error) => {
        assert.ok(error instanceof Failure);
        assert.deepEqual([error.scope, error.code, error.waitingHelps], ["process", "disk full", true]);
        assert.match(error.serverSaid ?? "", /No space left on device/);
        assert.match(error.remedy, /Free space/);
        return true;
      });
    }
    assert.deepEqual((await app.operations.status()).quarantined, 0, "no message is blamed for it");
    volume.free();
    assert.deepEqual((await receive(app)).failures, []);
    assert.deepEqual((await emailsIn(database)).map((one) => one.messageId).sort(), ids.map(messageIdOf).sort());
    assert.deepEqual(
      (await decisionsIn(database)).map((one) => one.outcome),
      ids.map(() => "tracked"),
    );
    assert.deepEqual(await openCodes(app), []);

    // Full between the mail server's answer and its storing.
    const id = await pressSend(app, draftFrom(ann, [ben]));
    using moment = onceAt("send.answered", () => {
      volume.fill(0);
      setTimeout(() => volume.free(), UNTIL_FREED);
    });
    await send(app).catch(() => undefined);
    assert.ok(moment.reached());
    volume.free();
    await send(app);
    const email = await emailOf(app, id);
    assert.deepEqual([email.status, email.attempts], [STATUS.sent, 1], email.lastSendResponse ?? "");
    assert.equal((await untilDelivered(rig.dovecot, ben)).length, 1);
    assert.deepEqual(await openCodes(app), []);
  });
}
