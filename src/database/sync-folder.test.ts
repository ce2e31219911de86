import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { FolderSync } from "./sync-folder.ts";

test("a folder is flushed with all that lies in it, and again after changes; one that is not there is told", async () => {
  const folder = mkdtempSync(path.join(os.tmpdir(), "waypost-sync-"));
  try {
    mkdirSync(path.join(folder, "deep/er"), { recursive: true });
    for (const name of ["one", "deep/two", "deep/er/three"]) writeFileSync(path.join(folder, name), name);
    const sync = new FolderSync(folder);
    await sync.flush();
    rmSync(path.join(folder, "deep/two"));
    await sync.flush();
    rmSync(folder, { recursive: true });
    await assert.rejects(sync.flush(), { code: "ENOENT" });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
