/** The command by which a person says whose an unresolved address is: by itself, and through a running service. */
import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { describe, test } from "node:test";
import { z } from "zod";
import { readAudit } from "../../src/ledger/audit.ts";
import { BEN, doorOf, type Office, openOffice } from "./office.ts";
import { errorShape, json } from "./results.ts";

const shape = z.object({
  record: z.object({ id: z.string() }),
  place: z.string(),
  emails: z.number(),
  spreads: z.boolean(),
  unfinished: z.boolean(),
});

/** Two contacts that do not have the stranger's address. Ids. */
function people(office: Office): Promise<[string, string]> {
  return office.inDatabase(async (_, crm) => {
    const [carl, dan] = await crm.createRecords([
      { type: "contact", lastname: "Carl", addresses: ["carl@home.test"] },
      { type: "contact", lastname: "Dan" },
    ]);
    return [carl?.id ?? "", dan?.id ?? ""];
  });
}

/** Ben has two emails of one stranger. Returns the stranger's address. */
async function strangerWrote(office: Office): Promise<string> {
  for (const id of ["one@stranger.test", "two@stranger.test"]) office.arrive(BEN, id);
  await office.run("receive");
  for (const id of ["one@stranger.test", "two@stranger.test"]) await office.run("track", id);
  await office.run("receive");
  return office.inDatabase(async (database) => {
    const { rows } = await database.query<{ sender: string }>(
      "select distinct sender from crm.email where messageid like '%@stranger.test'",
    );
    assert.equal(rows.length, 1);
    return rows[0]?.sender ?? "";
  });
}

describe("resolve on the command line", { concurrency: 2 }, () => {
  test("without a service: all emails have the record then, and what is wrong has its exit code", async () => {
    await using office = await openOffice("pglite");
    const stranger = await strangerWrote(office);
    await people(office);
    const contact = await office.run("contact", "eve@home.test", "--name", "Eve Stone");
    assert.deepEqual([contact.code, contact.error], [0, ""]);
    assert.match(contact.out, /^eve@home\.test is the contact Eve Stone \(\S+\) now\..*\n.*`waypost replay --sender eve@home\.test`\.\n/);
    assert.match((await office.run("contact", "Eve@Home.test")).out, /already: nothing was made/);
    const done = await office.run("resolve", stranger.toUpperCase(), "carl@home.test");
    assert.deepEqual([done.code, done.error], [0, ""]);
    assert.match(
      done.out,
      /is the contact Carl \(\S+\)\. It stands in an e-mail column of the record now; it was unresolved on 2 emails and is the record there\.\n$/,
    );
    const entries = await office.inDatabase((database) => readAudit(database, `address ${stranger}`));
    assert.deepEqual(
      entries.map(({ action, actor }) => [action, actor]),
      [["resolve", `${userInfo().username} on the command line`]],
    );
    const wrong: readonly (readonly [readonly string[], number, string])[] = [
      [["resolve", stranger, "nobody@home.test"], 4, "record unknown"],
      [["resolve", stranger, "carl@home.test", "--message", "never@seen.test"], 4, "message unknown"],
      [["resolve", "no address", "carl@home.test"], 1, "address not usable"],
      [["resolve", stranger], 2, "usage"],
      [["contact", "nobody"], 1, "address not usable"],
      [["contact", "x@home.test", "--organization", "Other"], 2, "organization not clear"],
    ];
    for (const [args, code, word] of wrong) {
      const ended = await office.run("--json", ...args);
      assert.deepEqual([ended.code, json(errorShape, ended).error.code], [code, word], args.join(" "));
    }
  });

  test("through a running service, and over the API", async () => {
    await using office = await openOffice("pglite");
    const stranger = await strangerWrote(office);
    const [, dan] = await people(office);
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    const result = json(shape, await office.run("--json", "resolve", stranger, `contact:${dan}`, "--beside"));
    assert.deepEqual(result, { record: { id: dan }, place: "beside the columns", emails: 2, spreads: true, unfinished: false });
    const { url, token } = doorOf(office);
    const status = async (given: readonly unknown[]) =>
      (
        await fetch(new URL("/api/operations/resolve", url), {
          method: "POST",
          headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
          body: JSON.stringify({ arguments: given }),
        })
      ).status;
    const options = { message: null, beside: false };
    assert.deepEqual(
      [
        await status([stranger, `contact:${dan}`, options, "api"]),
        await status([stranger, "nobody@home.test", options, "api"]),
        await status(["no address", `contact:${dan}`, options, "api"]),
        await status([stranger, `contact:${dan}`, "api"]),
      ],
      [200, 404, 409, 400],
    );
    serving.kill("SIGTERM");
    assert.equal((await serving.ended).code, 0);
  });
});
