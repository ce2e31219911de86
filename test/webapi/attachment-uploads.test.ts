import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { type CallOptions, caller, messagesRig } from "./messages-rig.ts";

const ANN = "ann@crm.test";
const NOW = new Date("2026-03-10T09:00:00Z");

async function world(database: TestDatabase) {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([
    { name: "Ann", address: ANN },
    { name: "Ben", address: "ben@crm.test" },
  ]);
  const rig = messagesRig(database, caller(users.get(ANN) ?? ""));
  const [email = ""] = await crm.createEmails([{ subject: "Offer", from: { address: { name: "", address: ANN } } }]);
  const target = (filename: string, more: Record<string, unknown> = {}) => ({
    "@odata.type": "Microsoft.Dynamics.CRM.activitymimeattachment",
    filename,
    mimetype: "application/pdf",
    objecttypecode: "email",
    "objectid_email@odata.bind": `/emails(${email})`,
    ...more,
  });
  const begin = (Target: unknown, options: CallOptions = { now: NOW }) =>
    rig.call("POST", "InitializeAttachmentBlocksUpload", { Target }, options);
  const block = (FileContinuationToken: unknown, id: string, bytes: Buffer, options: CallOptions = { now: NOW }) =>
    rig.call(
      "POST",
      "UploadBlock",
      { BlockId: Buffer.from(id).toString("base64"), BlockData: bytes.toString("base64"), FileContinuationToken },
      options,
    );
  const commit = (FileContinuationToken: unknown, Target: unknown, ids: readonly string[], options: CallOptions = { now: NOW }) =>
    rig.call(
      "POST",
      "CommitAttachmentBlocksUpload",
      { Target, BlockList: ids.map((id) => Buffer.from(id).toString("base64")), FileContinuationToken },
      options,
    );
  return { crm, email, target, begin, block, commit, ben: caller(users.get("ben@crm.test") ?? "") };
}

onBothEngines("Blocks become one attachment in the order of the list, or the new body of one that is there", async (database) => {
  const { crm, email, target, begin, block, commit } = await world(database);
  const token = (await begin(target("large.pdf"))).body.FileContinuationToken;
  assert.equal((await block(token, "b", Buffer.from("world"))).status, 204);
  assert.equal((await block(token, "a", Buffer.from("nonsense"))).status, 204);
  assert.equal((await block(token, "a", Buffer.from("Hello "))).status, 204);
  const made = await commit(token, target("large.pdf"), ["a", "b"]);
  assert.deepEqual([made.status, made.body.FileSizeInBytes], [200, 11], made.message);
  const whole = await crm.readEmail(email);
  const [attachment] = whole?.attachments ?? [];
  assert.deepEqual([attachment?.filename, attachment?.mimetype, whole?.attachmentCount], ["large.pdf", "application/pdf", 1]);
  assert.equal((await crm.attachment(attachment?.hash ?? "")).toString(), "Hello world");
  const again = (await begin(target("large.pdf"))).body.FileContinuationToken;
  await block(again, "a", Buffer.from("New"));
  const replaced = await commit(again, target("large.pdf", { activitymimeattachmentid: made.body.ActivityMimeAttachmentId }), ["a"]);
  assert.equal(replaced.body.ActivityMimeAttachmentId, made.body.ActivityMimeAttachmentId);
  const after = await crm.readEmail(email);
  assert.deepEqual(
    after?.attachments.map(({ size }) => size),
    [3],
  );
  assert.equal((await commit(again, target("large.pdf"), ["a"])).code, "0x80040203", "the upload is over");
});

onBothEngines("Attachments of an email that is closed are neither changed nor added to by blocks", async (database) => {
  const { crm, email, target, begin, block, commit } = await world(database);
  const upload = async (to: unknown, text: string) => {
    const token = (await begin(to)).body.FileContinuationToken;
    await block(token, "a", Buffer.from(text));
    return commit(token, to, ["a"]);
  };
  const made = await upload(target("contract.pdf"), "I owe you all");
  await database.query("update crm.email set statuscode = 3 where activityid = $1", [email]);
  const replaced = await upload(
    target("contract.pdf", { activitymimeattachmentid: made.body.ActivityMimeAttachmentId }),
    "I owe you nothing",
  );
  const added = await upload(target("more.pdf"), "and more");
  assert.deepEqual([replaced.code, added.code], ["0x8004022e", "0x8004022e"]);
  const [only, ...others] = (await crm.readEmail(email))?.attachments ?? [];
  assert.deepEqual([(await crm.attachment(only?.hash ?? "")).toString(), others], ["I owe you all", []]);
});

onBothEngines("Uploads have limits: blocks, files, names, their number, and an end", async (database) => {
  const { crm, target, begin, block, commit, ben } = await world(database);
  assert.equal((await begin(target("run.exe"))).code, "0x80043e09");
  await crm.putSettings({ maxuploadfilesize: 6 * 1024 });
  const token = (await begin(target("a.pdf"))).body.FileContinuationToken;
  assert.equal((await block(token, "a", Buffer.alloc(4 * 1024 * 1024 + 1))).code, "0x80043e09");
  assert.equal((await block(token, "a", Buffer.alloc(4 * 1024 * 1024))).code, null);
  assert.equal((await block(token, "b", Buffer.alloc(4 * 1024 * 1024))).code, "0x80043e09");
  assert.equal((await commit(token, target("a.pdf"), ["a", "b"])).code, "0x80040203");
  assert.equal((await commit(token, target("a.pdf"), ["a", "a"])).code, "0x80040203");
  assert.equal((await commit(token, target("run.exe"), ["a"])).code, "0x80043e09");
  assert.equal((await commit(token, { ...target("a.pdf"), "objectid_email@odata.bind": `/emails(${randomUUID()})` }, ["a"])).status, 404);
  assert.equal((await block(token, "c", Buffer.from("x"), { now: NOW, as: ben })).code, "0x80040203", "it is Ann's upload");
  const later = new Date(NOW.getTime() + 60 * 60 * 1000 + 1);
  assert.equal((await block(token, "c", Buffer.from("x"), { now: later })).code, "0x80040203");
  for (let count = 1; count < 20; count++) assert.equal((await begin(target("a.pdf"))).code, null);
  assert.equal((await begin(target("a.pdf"))).code, "0x8004023b");
  assert.equal((await begin(target("a.pdf"), { now: later })).code, null);
  const { rows } = await database.query<{ uploads: number; blocks: number }>(
    "select (select count(*)::int from crm.attachmentupload) as uploads, (select count(*)::int from crm.attachmentblock) as blocks",
  );
  assert.deepEqual(rows, [{ uploads: 1, blocks: 0 }], "what was forgotten is gone");
});
