import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";

const sample = `
import { describe, test } from "node:test";
test("good", () => {});
test("bad", () => { throw new Error("on purpose"); });
test("late", { timeout: 20 }, () => new Promise((resolve) => setTimeout(resolve, 200)));
test("not now", { skip: "no reason" }, () => {});
describe("not here", { skip: "no server" }, () => { test("inner", () => {}); });
describe("suite", () => { test("outer", async (t) => { await t.test("inner", () => {}); }); });
`;

for (const isolation of ["none", "process"]) {
  test(`the counts of a run are those of the test runner, and what was left out is named (isolation ${isolation})`, () => {
    const folder = mkdtempSync(path.join(tmpdir(), "waypost-counts-"));
    try {
      const file = path.join(folder, "sample.test.mjs");
      writeFileSync(file, sample);
      const reporter = path.join(import.meta.dirname, "counts-reporter.ts");
      // Without this variable, which marks a test process, the inner run is one of its own.
      const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
      const args = ["--test", `--test-isolation=${isolation}`, `--test-reporter=${reporter}`, "--test-reporter-destination=stdout", file];
      const { stdout } = spawnSync(process.execPath, args, { encoding: "utf8", env: environment });
      const lines = stdout.trim().split("\n");
      const of = (kind: string) => lines.filter((line) => line.includes(`"kind":"${kind}"`));
      assert.equal(lines.at(-1), '{"kind":"counts","passed":3,"failed":2,"skipped":1}', stdout);
      assert.deepEqual([of("passed").length, of("failed").length], [3, 2]);
      if (isolation === "process") assert.match(of("file").join("\n"), /^[^\n]*sample\.test\.mjs","seconds":[\d.]+\}$/);
      assert.match(of("skipped").join("\n"), /not now.*"no reason"[\s\S]*not here.*"no server"/);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
}
