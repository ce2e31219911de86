import path from "node:path";
import type { TestEvent } from "node:test/reporters";

/** One line of the report that the runner reads beside what a person reads; a test is named with its file. */
export type ReportLine =
  | { readonly kind: "counts"; readonly passed: number; readonly failed: number; readonly skipped: number }
  | { readonly kind: "started" | "passed" | "failed" | "suite ended"; readonly name: string }
  | { readonly kind: "file"; readonly name: string; readonly seconds: number }
  | { readonly kind: "skipped"; readonly name: string; readonly reason: string };

/**
 * A reporter of `node --test` that writes JSON lines: each test as it starts and ends, each file with its time, and at last the runner's own counts.
 * The single tests are there for a run that is killed before its end.
 */
export default async function* countsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const line = reportLine(event);
    if (line) yield `${JSON.stringify(line)}\n`;
  }
}

function reportLine(event: TestEvent): ReportLine | undefined {
  if (event.type === "test:dequeue") {
    // With process isolation each file is also a test, named by its path; it has no end of its own.
    return event.data.name === event.data.file ? undefined : { kind: "started", name: placed(event.data) };
  }
  if (event.type === "test:pass" || event.type === "test:fail") {
    const { skip, details } = event.data;
    const name = placed(event.data);
    if (skip !== undefined && skip !== false) return { kind: "skipped", name, reason: typeof skip === "string" ? skip : "" };
    if (details.type === "suite") return { kind: "suite ended", name };
    return { kind: event.type === "test:pass" ? "passed" : "failed", name };
  }
  if (event.type !== "test:summary") return undefined;
  const { file, duration_ms: milliseconds, counts } = event.data;
  // The summary of a single file names it; the one of the whole run does not.
  if (file !== undefined) return { kind: "file", name: withinRepository(file), seconds: milliseconds / 1000 };
  const { tests, passed, skipped, todo } = counts;
  return { kind: "counts", passed, failed: tests - passed - skipped - todo, skipped: skipped + todo };
}

function placed({ name, file }: { readonly name: string; readonly file?: string | undefined }): string {
  return file === undefined ? name : `${withinRepository(file)}: ${name}`;
}

function withinRepository(file: string): string {
  return path.relative(path.resolve(import.meta.dirname, ".."), file);
}
