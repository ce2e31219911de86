/** The commands for rules about folders: by themselves, and through a running service. */
import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { test } from "node:test";
import { z } from "zod";
import { BEN, doorOf, openOffice } from "./office.ts";
import { errorShape, explainedShape, json, until } from "./results.ts";

const folders = z.object({
  mailbox: z.string(),
  rules: z.array(
    z.object({ folder: z.string(), children: z.boolean(), regarding: z.object({ id: z.string() }).nullable(), by: z.string() }),
  ),
  folders: z.array(z.object({ name: z.string(), rule: z.string().nullable(), whyNone: z.string().nullable() })),
});

test("a rule about a folder is made, listed and taken away on the command line, and a running service carries it out at once", async () => {
  await using office = await openOffice("pglite");
  office.arrive(BEN, "offer@stranger.test");
  const early = await office.run("--json", "folder", "track", BEN, "INBOX");
  assert.deepEqual([early.code, json(errorShape, early).error.code], [4, "folder unknown"], "the mailbox was not read yet");
  await office.run("receive");
  const contact = await office.inDatabase(async (_, crm) => {
    const [made] = await crm.createRecords([{ type: "contact", lastname: "Carl", addresses: ["carl@stranger.test"] }]);
    return made?.id ?? "";
  });
  const made = await office.run("folder", "track", BEN, "INBOX", "--regarding", "carl@stranger.test", "--children");
  assert.equal(made.code, 0);
  assert.match(
    made.out,
    new RegExp(`^${BEN}: 1 rule about folders\\.\n {2}rule: +INBOX and those below it, about the contact Carl \\(${contact}\\); said by `),
  );
  await office.run("receive");
  assert.match((await office.run("explain", "offer@stranger.test")).out, /is tracked, because it lies in a folder with a rule/);
  const listed = await office.run("folder", "list", BEN);
  assert.deepEqual([listed.code, /^ {2}folder: +INBOX has a rule$/m.test(listed.out)], [0, true]);
  const again = await office.run("--json", "folder", "untrack", BEN, "Nowhere");
  assert.deepEqual([again.code, json(errorShape, again).error.code], [4, "no folder rule"]);
  assert.deepEqual(json(folders, await office.run("--json", "folder", "untrack", BEN, "INBOX")).rules, []);

  office.arrive(BEN, "second@stranger.test");
  const serving = office.start(["serve"]);
  await serving.until("open this link once");
  const outcome = async () => json(explainedShape, await office.run("--json", "explain", "second@stranger.test")).incoming[0]?.outcome;
  await until(async () => (await outcome()) === "skipped");
  const { rules } = json(folders, await office.run("--json", "folder", "track", BEN, "INBOX"));
  assert.deepEqual(rules, [{ folder: "INBOX", children: false, regarding: null, by: `${userInfo().username} on the command line` }]);
  await until(async () => (await outcome()) === "tracked");
  const { url, token } = doorOf(office);
  const status = async (name: string, given: readonly unknown[]) =>
    (
      await fetch(new URL(`/api/operations/${name}`, url), {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        body: JSON.stringify({ arguments: given }),
      })
    ).status;
  assert.deepEqual(
    [
      await status("folderList", [BEN]),
      await status("folderTrack", [BEN, "INBOX", { regarding: null }, "api"]),
      await status("folderTrack", [BEN, "Nowhere", { regarding: null, children: false }, "api"]),
      await status("folderUntrack", [BEN, "INBOX", "api"]),
    ],
    [200, 400, 404, 200],
  );
  serving.kill("SIGTERM");
  assert.equal((await serving.ended).code, 0);
});
