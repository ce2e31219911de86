import assert from "node:assert/strict";
import { test } from "node:test";
import { checkWriter } from "./check-lines.ts";

const step = (name: string) => ({ name, direction: "receive" as const, result: "ok" as const, message: "Good." });
const test0 = {
  ...({ incomingemailstatus: 0, outgoingemailstatus: 0, actstatus: 0, mailboxstatus: 0 } as const),
  ...{ enabledforincomingemail: false, enabledforoutgoingemail: false, testmailboxaccesscompletedon: null, because: null },
};
const doneWith = (mailbox: string) => ({ mailbox, done: { mailbox, steps: [], untouched: [], test: test0, folders: [] } });

test("mailboxes tested side by side are shown one after the other, the first as it goes", () => {
  const written: string[] = [];
  const tell = checkWriter((lines) => written.push(...lines.map((line) => line.trim()).filter(Boolean)));
  const since = () => written.splice(0);
  tell({ mailbox: "ann", begun: true });
  tell({ mailbox: "ben", begun: true });
  tell({ mailbox: "ann", step: step("one") });
  assert.deepEqual(since(), ["ann", "ok      incoming, one: Good."]);
  tell({ mailbox: "ben", step: step("two") });
  tell(doneWith("ben"));
  tell({ mailbox: "cem", begun: true });
  tell({ mailbox: "cem", step: step("three") });
  assert.deepEqual(since(), []);
  tell(doneWith("ann"));
  const end = "test:      incoming Not Run, outgoing Not Run";
  assert.deepEqual(since(), [end, "ben", "ok      incoming, two: Good.", end, "cem", "ok      incoming, three: Good."]);
  tell(doneWith("cem"));
  assert.deepEqual(since(), [end]);
});
