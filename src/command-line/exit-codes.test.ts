import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../config.ts";
import { Failure } from "../model/failure.ts";
import { EXIT, exitCodeOf, exitCodeOfLeft } from "./exit-codes.ts";

test("a failure's code decides the exit code; what is not named failed", () => {
  const failure = (code: string) => new Failure({ scope: "process", code, message: "", remedy: "", waitingHelps: false });
  assert.equal(exitCodeOf(new ConfigurationError([])), EXIT.usage);
  assert.deepEqual(
    ["configuration missing", "mailbox unknown", "not unknown", "database unavailable", "toString"].map((code) =>
      exitCodeOf(failure(code)),
    ),
    [EXIT.usage, EXIT.notFound, EXIT.notFound, EXIT.failed, EXIT.failed],
  );
  assert.equal(exitCodeOf(null), EXIT.failed);
});

test("a mailbox that waits was not worked on; one that is off needs somebody only where it was named", () => {
  const waits = { state: "waits", named: false } as const;
  const off = { state: "off", named: true } as const;
  assert.equal(exitCodeOfLeft([]), EXIT.ok);
  assert.equal(exitCodeOfLeft([{ ...off, named: false }]), EXIT.ok);
  assert.equal(exitCodeOfLeft([off]), EXIT.attention);
  assert.equal(exitCodeOfLeft([off, waits]), EXIT.failed);
});
