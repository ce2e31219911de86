import { chmod, mkdir, stat } from "node:fs/promises";
import { Failure } from "../model/failure.ts";

const EVERYBODY = 0o007;
const STICKY = 0o1000;

/**
 * Makes a folder for its owner's eyes alone (mode 0700), also one that was there before: the database's own files are readable and writable for
 * everybody (PGlite writes them so), and only the folder keeps other users of the machine out. A folder of somebody else that lets everybody in,
 * and one that is shared by intent (sticky, like /tmp), is refused with a `Failure`. On Windows folders inherit who may enter.
 */
export async function makePrivateFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const us = process.getuid?.();
  if (process.platform === "win32" || us === undefined) return;
  const { uid, mode } = await stat(folder);
  if ((mode & STICKY) !== 0) throw openFolder(folder, "it is shared by everybody on this machine");
  if (uid !== us) {
    if ((mode & EVERYBODY) !== 0) throw openFolder(folder, `it belongs to another user (id ${uid}) and lets everybody in`);
  } else if ((mode & 0o777) !== 0o700) {
    await chmod(folder, 0o700).catch((cause: unknown) => {
      throw openFolder(folder, "its permissions cannot be changed", cause);
    });
  }
}

function openFolder(folder: string, fault: string, cause?: unknown): Failure {
  return new Failure({
    scope: "process",
    code: "folder open to others",
    message: `The data folder ${folder} would show the mail to other users of this machine: ${fault}.`,
    remedy: "Choose a folder of its own for the user that runs Waypost, or take the others' permissions away (chmod 700).",
    waitingHelps: false,
    ...(cause !== undefined && { cause }),
  });
}
