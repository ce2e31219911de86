import type { TestEvent } from "node:test/reporters";

/** One line of the report that the runner reads beside what a person reads; a test is named with its file. */
export type ReportLine =
  | { readonly kind: "counts"; readonly passed: number; readonly failed: number; readonly skipped: number }
  | { readonly kind: "passed" | "failed" }
  | { readonly kind: "skipped"; readonly name: string; readonly reason: string };

/**
 * A reporter of `node --test` that writes JSON lines: each finished test, and at the end the test runner's own counts.
 * The single tests are there for a run that is killed before its end.
 */
export default async function* countsReporter(source: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  for await (const event of source) {
    const line = reportLine(event);
    if (line) yield `${JSON.stringify(line)}\n`;
  }
}

function reportLine(event: TestEvent): ReportLine | undefined {
  if (event.type === "test:pass" || event.type === "test:fail") {
    const { name, skip, details } = event.data;
    if (skip !== undefined && skip !== false) return { kind: "skipped", name, reason: typeof skip === "string" ? skip : "" };
    return details.type === "suite" ? undefined : { kind: event.type === "test:pass" ? "passed" : "failed" };
  }
  // The summary of a single file names it; the one of the whole run does not.
  if (event.type !== "test:summary" || event.data.file !== undefined) return undefined;
  const { passed, failed, cancelled, skipped, todo } = event.data.counts;
  return { kind: "counts", passed, failed: failed + cancelled, skipped: skipped + todo };
}
