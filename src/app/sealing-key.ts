import { readFileSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { type Configuration, readSecret } from "../config.ts";
import { type KeyRing, keyRing, newKey } from "../ledger/sealing.ts";
import { Failure } from "../model/failure.ts";

/** Environment variable with the key, where the configuration names no other place. */
const VARIABLE = "WAYPOST_KEY";
/** File beside the embedded database. */
const FILE = "waypost.key";
const OTHERS = 0o077;

/**
 * The keys that seal secrets: those that the configuration refers to, else `WAYPOST_KEY`, else a file in the data folder, which is made when it
 * is not there. PostgreSQL may be shared by processes on several machines, which all need the same key, so nothing is made up there.
 * Throws a Failure when there is none, it is none, or its file is open to others.
 */
export function sealingKeys({ key, database }: Configuration): KeyRing {
  if (key !== undefined) {
    if ("file" in key) refuseOpenFile(key.file);
    return ringOf(
      readSecret(key, "The key that seals secrets"),
      "env" in key ? `the environment variable ${key.env}` : `the file ${key.file}`,
    );
  }
  const given = process.env[VARIABLE];
  if (given !== undefined && given !== "") return ringOf(given, `the environment variable ${VARIABLE}`);
  if (!("folder" in database)) throw missing();
  return ringOf(fileKey(path.join(database.folder, FILE)), `the file ${FILE}`);
}

/** Only one process has the folder at a time, so nobody else makes the file between the two steps. */
function fileKey(file: string): string {
  try {
    writeFileSync(file, `${newKey()}\n`, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw unreadable(file, error);
  }
  refuseOpenFile(file);
  try {
    return readFileSync(file, "utf8");
  } catch (error) {
    throw unreadable(file, error);
  }
}

/** Windows has no such permissions: who may read a file there is inherited from its folder. */
function refuseOpenFile(file: string): void {
  if (process.platform === "win32") return;
  const found = statSync(file, { throwIfNoEntry: false });
  if (found !== undefined && (found.mode & OTHERS) !== 0)
    throw keyFailure(
      "key open to others",
      `The file ${file} with the key that seals secrets can be read by other users of this machine.`,
      `Take their rights away (chmod 600 ${file}).`,
    );
}

function ringOf(text: string, place: string): KeyRing {
  const ring = keyRing(text);
  if (ring !== null) return ring;
  throw keyFailure(
    "key not usable",
    `What stands in ${place} is no key to seal secrets with.`,
    "Put a key there that `waypost config key` made: 32 bytes in base64; after a change of keys the old one behind the new one, with a comma between.",
  );
}

function missing(): Failure {
  return keyFailure(
    "key missing",
    "There is no key to seal access tokens with, and on PostgreSQL Waypost makes none up: all processes need the same one.",
    `Make one with \`waypost config key\` and give it to all processes in ${VARIABLE}, or in a file that \`key\` in the configuration names.`,
  );
}

function unreadable(file: string, cause: unknown): Failure {
  return keyFailure(
    "key missing",
    `The file ${file} with the key that seals secrets cannot be read: ${cause instanceof Error ? cause.message : String(cause)}.`,
    "Let the user that runs Waypost read it, or put it back from a backup: without it, mailboxes have to be authorized again.",
  );
}

function keyFailure(code: string, message: string, remedy: string): Failure {
  return new Failure({ scope: "process", code, message, remedy, waitingHelps: false });
}
