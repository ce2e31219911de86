import { SingleBar } from "cli-progress";

export interface ProgressBar {
  update(done: number, of: number, what: string): void;
  stop(): void;
}

/** A progress bar on the error stream, where a person watches it; silent in scripts and with --json. */
export function progressBar(title: string, quiet: boolean): ProgressBar {
  if (quiet || !process.stderr.isTTY) return { update() {}, stop() {} };
  const bar = new SingleBar({
    format: `${title} {bar} {value}/{total} {what}`,
    hideCursor: true,
    clearOnComplete: true,
    stopOnComplete: true,
    stream: process.stderr,
  });
  let started = false;
  return {
    update(done, of, what) {
      if (!started) bar.start(of, 0, { what: "" });
      started = true;
      bar.update(done, { what });
    },
    stop() {
      if (started) bar.stop();
    },
  };
}
