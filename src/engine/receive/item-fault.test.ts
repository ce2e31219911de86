import assert from "node:assert/strict";
import { test } from "node:test";
import { SqlError } from "../../database/sql-error.ts";
import { Failure, type Scope } from "../../model/failure.ts";
import { itemFault } from "./item-fault.ts";

test("a failure of the message itself is its own; a wider one aborts the page", () => {
  const failure = (scope: Scope) => new Failure({ scope, code: "c", message: "m", remedy: "r", waitingHelps: false });
  const own = failure("item");
  assert.equal(itemFault(own, "It failed"), own);
  for (const scope of ["folder", "mailbox", "profile", "organization", "process"] as const)
    assert.equal(itemFault(failure(scope), "It failed"), null);
});

test("what the database says against the data of a row is the message's fault, with the database's words and a remedy", () => {
  for (const code of ["22001", "22P05", "23514", "54000"]) {
    const fault = itemFault(new SqlError({ message: "value too long", code }), "The message <m@x> could not be stored");
    assert.ok(fault, code);
    assert.deepEqual([fault.scope, fault.message, fault.serverSaid], ["item", "The message <m@x> could not be stored.", "value too long"]);
    assert.match(fault.remedy, /waypost quarantine retry/);
  }
});

test("what says nothing about the data never blames the message: locks, lost connections, faults of the program", () => {
  for (const code of ["40P01", "57P01", "53100", "42P01", "08006"])
    assert.equal(itemFault(new SqlError({ message: "no", code }), "It failed"), null);
  for (const error of [
    new TypeError("x is not a function"),
    Object.assign(new Error("no"), { code: "ECONNRESET" }),
    "22001",
    null,
    { code: "22001" },
  ])
    assert.equal(itemFault(error, "It failed"), null);
});
