import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError } from "../config.ts";
import { Failure } from "../model/failure.ts";
import { EXIT, exitCodeOf } from "./exit-codes.ts";

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
