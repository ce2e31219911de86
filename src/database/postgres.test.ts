import assert from "node:assert/strict";
import { test } from "node:test";
import { Failure } from "../model/failure.ts";
import { openDatabase } from "./open.ts";

test("an address that is no URL of PostgreSQL is refused at once, without a word of it", async () => {
  for (const url of [
    "hunter2",
    "",
    "db.hunter2.example/waypost",
    "host=db user=waypost password=hunter2",
    "mysql://waypost:hunter2@db.example/waypost",
    "postgres:waypost:hunter2@db.example/waypost",
    "postgres://waypost:hunter2/x@db.example/waypost",
    "postgres://waypost:hunter2@db.example:port/waypost",
    "postgres://waypost:hunter2%ff@db.example/waypost",
  ]) {
    await assert.rejects(openDatabase({ url, report: () => {} }), (error) => {
      assert.ok(error instanceof Failure, url);
      assert.equal(error.code, "database URL wrong");
      assert.match(error.message, /^DATABASE_URL is not a URL like postgres:\/\/user:password@host:5432\/name\.$/);
      assert.doesNotMatch(`${error.message}${error.remedy}`, /hunter2/);
      return true;
    });
  }
});

test("a URL of PostgreSQL is tried, and what cannot be reached is named without user and password", async () => {
  for (const scheme of ["postgres", "postgresql"]) {
    await assert.rejects(openDatabase({ url: `${scheme}://waypost:hunter2@127.0.0.1:1/name`, report: () => {} }), (error) => {
      assert.ok(error instanceof Failure);
      assert.equal(error.code, "database unavailable");
      assert.match(error.message, /127\.0\.0\.1:1\/name/);
      assert.doesNotMatch(error.message, /hunter2/);
      return true;
    });
  }
});
