import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Failure } from "../model/failure.ts";
import type { NeededSecret } from "../model/server-side-sync.ts";

/** Writes what was taken over, and the secrets that belong to it. Nothing that is there is written over without being told to. */

/**
 * Writes a configuration file. Throws a Failure `file exists` where there is one already, unless it is to be written over, which happens in one step; and
 * `file elsewhere` where it is not in the folder of the configuration: paths in it would mean other files.
 */
export function writeConfiguration(
  file: string,
  text: string,
  { beside, overwrite }: { readonly beside: string; readonly overwrite: boolean },
): void {
  if (path.dirname(path.resolve(file)) !== path.dirname(path.resolve(beside)))
    throw failure(
      "file elsewhere",
      `${file} is not in the folder of ${beside}, from which the paths in it are taken.`,
      `Name a file in ${path.dirname(path.resolve(beside))}.`,
    );
  if (!overwrite) {
    writeNew(file, text, 0o666);
    return;
  }
  const draft = `${file}.${process.pid}.new`;
  try {
    writeFileSync(draft, text, { flag: "wx" });
    renameSync(draft, file);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Secrets whose files are not there yet; `configuration` is the file that names them. */
export function missingSecrets(secrets: readonly NeededSecret[], configuration: string): NeededSecret[] {
  return secrets.filter(({ file }) => !existsSync(placeOf(file, configuration)));
}

/** Writes one secret, readable for its owner only; never over another. Returns where. */
export function writeSecret({ file }: NeededSecret, secret: string, configuration: string): string {
  const place = placeOf(file, configuration);
  mkdirSync(path.dirname(place), { recursive: true, mode: 0o700 });
  writeNew(place, `${secret}\n`, 0o600);
  return place;
}

function placeOf(file: string, configuration: string): string {
  return path.resolve(path.dirname(path.resolve(configuration)), file);
}

function writeNew(file: string, text: string, mode: number): void {
  try {
    writeFileSync(file, text, { flag: "wx", mode });
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "EEXIST")) throw error;
    throw failure("file exists", `${file} is there already, and is not written over.`, "Name another file, or add --overwrite.");
  }
}

function failure(code: string, message: string, remedy: string): Failure {
  return new Failure({ scope: "process", code, message, remedy, waitingHelps: false });
}
