import { pause } from "../database/patience.ts";

export interface Clock {
  /** Runs the work now, or once more when it is running. */
  tick(): void;
  /** No new run; resolves when the running one has ended. */
  stop(): Promise<void>;
}

export interface ClockOptions {
  /** From the end of one run to the start of the next. */
  readonly everyMs: number;
  /** Share of the time by which each wait varies, so that many processes do not ask in the same instant. Default 0.1. */
  readonly jitter?: number;
  /** Told of errors; the clock goes on. */
  readonly report: (error: unknown) => void;
}

/** Calls `work` at once and then again and again, never two runs at a time. `signal` aborts when the clock is stopped. */
export function startClock(options: ClockOptions, work: (signal: AbortSignal) => Promise<void>): Clock {
  const stopped = new AbortController();
  let early = new AbortController();
  const run = async (): Promise<void> => {
    while (!stopped.signal.aborted) {
      early = new AbortController();
      try {
        await work(stopped.signal);
      } catch (error) {
        if (!stopped.signal.aborted) options.report(error);
      }
      await pause(varied(options), AbortSignal.any([stopped.signal, early.signal]));
    }
  };
  const ended = run();
  return {
    tick: () => early.abort(),
    async stop() {
      stopped.abort();
      await ended;
    },
  };
}

function varied({ everyMs, jitter = 0.1 }: ClockOptions): number {
  return everyMs * (1 + jitter * (2 * Math.random() - 1));
}
