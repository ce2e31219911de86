import assert from "node:assert/strict";
import { chmod, chown, mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import os from "node:os";
import path from "node:path";
import { type TestContext, test } from "node:test";
import { lockFolder } from "./lock-file.ts";
import { makePrivateFolder } from "./private-folder.ts";

const skip = process.platform === "win32" && "Windows has no such permissions";
const open = { name: "Failure", code: "folder open to others" };

async function folderWith(context: TestContext, mode: number): Promise<string> {
  const parent = await mkdtemp(path.join(os.tmpdir(), "waypost-private-"));
  context.after(() => rm(parent, { recursive: true, force: true }));
  const folder = path.join(parent, "data");
  await mkdir(folder);
  await chmod(folder, mode);
  return folder;
}

const modeOf = async (folder: string): Promise<number> => (await stat(folder)).mode & 0o7777;

test("locking a data folder that was open to everybody closes it to all but its owner", { skip }, async (context) => {
  const folder = await folderWith(context, 0o755);
  const lock = await lockFolder(folder);
  assert.equal(await modeOf(folder), 0o700);
  await lock.release();
});

test("a missing folder is made for its owner alone", { skip }, async (context) => {
  const folder = path.join(await folderWith(context, 0o755), "new");
  await makePrivateFolder(folder);
  assert.equal(await modeOf(folder), 0o700);
});

test("a folder that everybody shares by intent is refused and left as it is", { skip }, async (context) => {
  const folder = await folderWith(context, 0o1777);
  await assert.rejects(makePrivateFolder(folder), open);
  assert.equal(await modeOf(folder), 0o1777);
});

test("another user's folder is refused while everybody may enter it, and taken when only we may", {
  skip: process.getuid?.() !== 0 && "only root can give a folder away",
}, async (context) => {
  const folder = await folderWith(context, 0o755);
  await chown(folder, 12_345, 12_345);
  await assert.rejects(makePrivateFolder(folder), open);
  await chmod(folder, 0o750);
  await makePrivateFolder(folder);
  assert.equal(await modeOf(folder), 0o750);
});
