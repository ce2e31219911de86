import assert from "node:assert/strict";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, test } from "node:test";
import { type Configuration, configurationSchema } from "../config.ts";
import { newKey, seal, unseal } from "../ledger/sealing.ts";
import { Failure } from "../model/failure.ts";
import { sealingKeys } from "./sealing-key.ts";

let folder: string;
const before_ = process.env.WAYPOST_KEY;
before(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "waypost-sealing-key-"));
  delete process.env.WAYPOST_KEY;
});
after(() => {
  rmSync(folder, { recursive: true, force: true });
  if (before_ !== undefined) process.env.WAYPOST_KEY = before_;
});

const POSTGRES = { url: { env: "DATABASE_URL" } };
function configuration(changes: { database?: unknown; key?: unknown } = {}): Configuration {
  return configurationSchema.parse({
    organizations: [{ name: "office", kind: "embedded" }],
    serverProfiles: [{ name: "mail", incoming: { host: "imap.example.com" } }],
    database: { folder },
    ...changes,
  });
}

function failureOf(work: () => unknown): Failure {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof Failure, String(error));
    return error;
  }
  return assert.fail("it went well");
}

const inFolder = (name: string, text: string, mode = 0o600) => {
  const file = path.join(folder, name);
  writeFileSync(file, text);
  chmodSync(file, mode);
  return file;
};

test("beside the embedded database a key is made once, for its owner alone, and the same one opens what it sealed", () => {
  const sealed = seal(sealingKeys(configuration()), "token", "the text");
  const file = path.join(folder, "waypost.key");
  if (process.platform !== "win32") assert.equal(statSync(file).mode & 0o777, 0o600);
  assert.equal(unseal(sealingKeys(configuration()), "token", sealed), "the text");
  rmSync(file);
  assert.throws(() => unseal(sealingKeys(configuration()), "token", sealed), "another key opens nothing");
});

test("on PostgreSQL none is made up: processes of several machines need the same one", () => {
  const failure = failureOf(() => sealingKeys(configuration({ database: POSTGRES })));
  assert.deepEqual([failure.code, failure.scope], ["key missing", "process"]);
  assert.match(failure.remedy, /waypost config key.*WAYPOST_KEY/);
});

test("the configuration's key wins over WAYPOST_KEY, which wins over the file", () => {
  const [configured, given] = [newKey(), newKey()];
  const file = inFolder("configured.key", `${configured}\n`);
  process.env.WAYPOST_KEY = given;
  try {
    const sealedByConfigured = seal(sealingKeys(configuration({ key: { file } })), "token", "text");
    const sealedByGiven = seal(sealingKeys(configuration()), "token", "text");
    assert.notEqual(sealedByConfigured.keyId, sealedByGiven.keyId);
    process.env.WAYPOST_KEY = configured;
    assert.equal(unseal(sealingKeys(configuration({ database: POSTGRES })), "token", sealedByConfigured), "text");
  } finally {
    delete process.env.WAYPOST_KEY;
  }
});

test("after a change of keys the old one still opens what it sealed, and the new one seals", () => {
  const [old, fresh] = [newKey(), newKey()];
  const ring = (text: string) => sealingKeys(configuration({ key: { file: inFolder("changed.key", text) } }));
  const sealed = seal(ring(old), "token", "text");
  assert.equal(unseal(ring(`${fresh},${old}`), "token", sealed), "text");
  assert.equal(seal(ring(`${fresh},${old}`), "token", "text").keyId, seal(ring(fresh), "token", "text").keyId);
});

test("a key that others may read, or that is none, is refused with its place and never shown", {
  skip: process.platform === "win32",
}, () => {
  const key = newKey();
  const open = failureOf(() => sealingKeys(configuration({ key: { file: inFolder("open.key", key, 0o644) } })));
  assert.equal(open.code, "key open to others");
  assert.match(open.remedy, /chmod 600/);
  const broken = failureOf(() => sealingKeys(configuration({ key: { file: inFolder("broken.key", "my-short-secret") } })));
  assert.equal(broken.code, "key not usable");
  assert.match(broken.message, /broken\.key/);
  for (const { message, remedy } of [open, broken])
    assert.ok(!`${message}${remedy}`.includes(key) && !`${message}${remedy}`.includes("my-short-secret"));
  assert.equal(readFileSync(path.join(folder, "broken.key"), "utf8"), "my-short-secret", "what is there is left alone");
});
