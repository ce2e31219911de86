import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../model/failure.ts";
import { isTransient, isUnavailable, SqlError, toDatabaseError } from "./sql-error.ts";

const coded = (code: string, message = "said"): Error => Object.assign(new Error(message), { code });

test("a full disk is a Failure of the whole process for which waiting helps", () => {
  for (const code of ["53100", "ENOSPC"]) {
    const error = toDatabaseError(coded(code), "here");
    assert.ok(error instanceof Failure);
    assert.deepEqual([error.code, error.scope, error.waitingHelps, isTransient(error)], ["disk full", "process", true, true]);
    assert.equal(isUnavailable(error), false);
  }
});

test("whatever means that there is no connection is one Failure, with the words of the system", () => {
  for (const error of [
    coded("ECONNREFUSED"),
    coded("EPIPE"),
    coded("08006"),
    coded("57P01"),
    coded("53300"),
    new Error("Connection terminated"),
  ]) {
    const failure = toDatabaseError(error, "host:5432/waypost");
    assert.ok(failure instanceof Failure && isUnavailable(failure) && isTransient(failure));
    assert.match(failure.message, /host:5432\/waypost/);
    assert.equal(failure.serverSaid, error.message);
  }
});

test("a refused statement keeps its SQLSTATE; only conflicts with others are worth running again", () => {
  for (const [code, again] of [
    ["40001", true],
    ["40P01", true],
    ["55P03", true],
    ["23505", false],
    ["42P01", false],
  ] as const) {
    const error = toDatabaseError(coded(code), "here");
    assert.ok(error instanceof SqlError);
    assert.equal(error.code, code);
    assert.equal(isTransient(error), again);
  }
});

test("a programming error stays what it is", () => {
  const error = new TypeError("no SQL form");
  assert.equal(toDatabaseError(error, "here"), error);
});
