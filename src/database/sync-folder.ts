import { open, readdir, stat } from "node:fs/promises";
import path from "node:path";

/** Files at a time. */
const AT_ONCE = 16;

/** File systems keep times in steps, FAT of two seconds. */
const TIMES_DIFFER_BY = 10_000;

/** Opening a directory to sync it is not possible there, nor needed: NTFS keeps its own journal of names. */
const SYNCS_DIRECTORIES = process.platform !== "win32";

/** Flushes the files of a folder, and the names in it, to the disk (fsync). Remembers what it has flushed; the next time only what changed since is. */
export class FolderSync {
  readonly #folder: string;
  #flushedUpTo = 0;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Resolves when all that was written before is on the disk. Throws what the system says when it cannot be. */
  async flush(): Promise<void> {
    const begun = Date.now();
    const entries = await readdir(this.#folder, { recursive: true, withFileTypes: true });
    const paths = [
      ...entries
        .filter((one) => one.isFile() || (SYNCS_DIRECTORIES && one.isDirectory()))
        .map((one) => path.join(one.parentPath, one.name)),
      ...(SYNCS_DIRECTORIES ? [this.#folder] : []),
    ];
    let next = 0;
    const work = async () => {
      for (let file = paths[next++]; file !== undefined; file = paths[next++]) await this.#flushOne(file);
    };
    await Promise.all(Array.from({ length: AT_ONCE }, work));
    this.#flushedUpTo = begun - TIMES_DIFFER_BY;
  }

  async #flushOne(file: string): Promise<void> {
    try {
      const facts = await stat(file);
      // A file can also have been renamed into its place, which the second time tells.
      if (Math.max(facts.mtimeMs, facts.ctimeMs) < this.#flushedUpTo) return;
      // Windows flushes only what is open for writing.
      const handle = await open(file, facts.isDirectory() ? "r" : "r+");
      try {
        await handle.sync();
      } finally {
        await handle.close();
      }
    } catch (error) {
      // The database removed it meanwhile: nothing in it counts any more.
      if (!(error instanceof Error && "code" in error && error.code === "ENOENT")) throw error;
    }
  }
}
