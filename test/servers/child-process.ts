import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { allocator } from "../../bin/allocator.mjs";

/** A real second process that runs a TypeScript file and tells what it does line by line. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** All lines so far. */
  readonly lines: readonly string[];
  /** Resolves when a line holds the text; rejects with everything it said when it ends without. */
  until(text: string): Promise<string>;
  /** kill -9, nothing is tidied up. Resolves when it is gone. */
  kill(): Promise<void>;
  /** Resolves with the exit code. */
  readonly ended: Promise<number | null>;
}

export function startChild(script: URL, args: readonly string[]): Child {
  // As the `waypost` command starts itself.
  const env = { ...process.env, ...allocator };
  const child = spawn(process.execPath, [fileURLToPath(script), ...args], { stdio: ["ignore", "pipe", "pipe"], env });
  const lines: string[] = [];
  const listeners = new Set<() => void>();
  const hear = (line: string): void => {
    lines.push(line);
    for (const listener of [...listeners]) listener();
  };
  createInterface(child.stdout).on("line", hear);
  createInterface(child.stderr).on("line", hear);
  let over = false;
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", (code) => {
      over = true;
      resolve(code);
      for (const listener of [...listeners]) listener();
    });
  });
  const kill = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
  };
  return {
    pid: child.pid ?? 0,
    lines,
    ended,
    kill,
    until: (text) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          const found = lines.find((line) => line.includes(text));
          if (found === undefined && !over) return;
          listeners.delete(look);
          if (found === undefined) reject(new Error(`The child never said "${text}" but:\n${lines.join("\n")}`));
          else resolve(found);
        };
        listeners.add(look);
        look();
      }),
    [Symbol.asyncDispose]: kill,
  };
}
