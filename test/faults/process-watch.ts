import { readFileSync, writeFileSync } from "node:fs";
import { monitorEventLoopDelay, performance } from "node:perf_hooks";
import { setTimeout as sleep } from "node:timers/promises";

/** What a stretch of work cost the process that did it. */
export interface Cost {
  readonly seconds: number;
  /** Of the processor, all threads together: what hardly depends on what else the machine does. */
  readonly processorSeconds: number;
  /** Highest resident memory from the start of the process until it was ready; PGlite compiles itself in that time. */
  readonly startMegabytes: number;
  /** Highest resident memory of the work itself, database thread included. */
  readonly peakMegabytes: number;
  /** Resident memory at the beginning of the work and after each fifth of it. */
  readonly megabytes: readonly number[];
  /** Milliseconds that timers of the main thread came late. */
  readonly loopDelay: { readonly p50: number; readonly p99: number; readonly p999: number; readonly max: number };
  /** Longest run of the main thread without a turn of its event loop, in milliseconds of processor time: what other programs took is not in it. */
  readonly longestTask: number;
  /** Runs longer than 20 ms. */
  readonly longTasks: number;
}

/** Measures from when it resolves until the returned function is called. */
export async function watchProcess(): Promise<() => Cost> {
  await untilSettled();
  const startMegabytes = peakMegabytes();
  forgetPeak();
  const started = performance.now();
  const processor = process.cpuUsage();
  const delay = monitorEventLoopDelay({ resolution: 1 });
  delay.enable();
  const megabytes: number[] = [residentMegabytes()];
  const sampling = setInterval(() => megabytes.push(residentMegabytes()), 250);
  const tasks = watchTasks();
  return () => {
    const seconds = (performance.now() - started) / 1000;
    const { user, system } = process.cpuUsage(processor);
    delay.disable();
    clearInterval(sampling);
    const { longest, long } = tasks();
    const fifths = [0, 0.2, 0.4, 0.6, 0.8, 1].map((part) => megabytes[Math.round(part * (megabytes.length - 1))] ?? 0);
    return {
      seconds,
      processorSeconds: (user + system) / 1e6,
      startMegabytes,
      peakMegabytes: peakMegabytes(),
      megabytes: fifths,
      loopDelay: {
        p50: delay.percentile(50) / 1e6,
        p99: delay.percentile(99) / 1e6,
        p999: delay.percentile(99.9) / 1e6,
        max: delay.max / 1e6,
      },
      longestTask: longest,
      longTasks: long,
    };
  };
}

/** A timer that looks at the thread's own processor time: on a busy machine a late timer alone proves nothing. */
function watchTasks(): () => { longest: number; long: number } {
  let [longest, long] = [0, 0];
  let [wall, cpu] = [performance.now(), threadMilliseconds()];
  const timer = setInterval(() => {
    const [wallNow, cpuNow] = [performance.now(), threadMilliseconds()];
    const task = Math.min(wallNow - wall, cpuNow - cpu);
    [wall, cpu] = [wallNow, cpuNow];
    longest = Math.max(longest, task);
    if (task > 20) long += 1;
  }, 1);
  return () => {
    clearInterval(timer);
    return { longest, long };
  };
}

function threadMilliseconds(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}

/** Opening PGlite takes memory that comes back seconds later: waits until it is steady, ten seconds at most. */
export async function untilSettled(): Promise<void> {
  const samples: number[] = [];
  while (samples.length < 40) {
    samples.push(residentMegabytes());
    const last = samples.slice(-8);
    if (last.length === 8 && Math.max(...last) - Math.min(...last) < 3) return;
    await sleep(250);
  }
}

/** Where the kernel cannot be told (proc(5), clear_refs), the peak of the work is that of the whole process. */
function forgetPeak(): void {
  if (process.platform === "linux") writeFileSync("/proc/self/clear_refs", "5");
}

function residentMegabytes(): number {
  return process.memoryUsage.rss() / 1024 / 1024;
}

/** `maxRSS` would hold what the parent had at the moment of the fork. */
function peakMegabytes(): number {
  if (process.platform !== "linux") return process.resourceUsage().maxRSS / 1024;
  const [, kilobytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync("/proc/self/status", "utf8")) ?? [];
  return Number(kilobytes) / 1024;
}
