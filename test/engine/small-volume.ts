import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { giveToAccount } from "../servers/processes.ts";

/** A file system of its own and of limited size, in memory. */
export interface SmallVolume extends Disposable {
  readonly folder: string;
  /** Leaves that many bytes free. */
  fill(left: number): void;
  /** Takes away what filled it. */
  free(): void;
}

/** Why this machine makes no small volumes; false where it does. */
export function cannotMount(): string | false {
  try {
    mountSmallVolume(1024 * 1024)[Symbol.dispose]();
    return false;
  } catch (error) {
    return `mounting a small volume (tmpfs) is not permitted here: ${error instanceof Error ? error.message.split("\n").join(" ") : String(error)}`;
  }
}

export function mountSmallVolume(bytes: number): SmallVolume {
  const folder = mkdtempSync(path.join(tmpdir(), "waypost-small-"));
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", folder], { stdio: "pipe" });
  } catch (error) {
    rmSync(folder, { recursive: true });
    throw error;
  }
  giveToAccount(folder);
  const ballast = path.join(folder, "ballast");
  mkdirSync(ballast);
  return {
    folder,
    fill(left) {
      const { bavail, bsize } = statfsSync(folder);
      const size = Math.max(0, bavail * bsize - left);
      writeFileSync(path.join(ballast, "full"), Buffer.alloc(size, 1));
    },
    free: () => rmSync(path.join(ballast, "full"), { force: true }),
    [Symbol.dispose]() {
      // Lazily, because a server that is being stopped may still hold a file.
      execFileSync("umount", ["-l", folder], { stdio: "pipe" });
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
