const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/**
 * A signal that aborts when somebody presses Ctrl+C or ends the process: what is in hand is brought to a safe point. The second time the
 * process ends at once. Says so on the error stream, unless `quietly`.
 */
export function untilInterrupted(how?: "quietly"): AbortSignal {
  const interrupted = new AbortController();
  const interrupt = () => {
    for (const signal of SIGNALS) process.removeListener(signal, interrupt);
    if (how !== "quietly") process.stderr.write("\nEnding at the next safe point; once more ends at once.\n");
    interrupted.abort();
  };
  for (const signal of SIGNALS) process.on(signal, interrupt);
  return interrupted.signal;
}
