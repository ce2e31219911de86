/** The commands by which a person overrules the rules for one message: by themselves, and through a running service. */
import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { describe, test } from "node:test";
import { z } from "zod";
import { readAudit } from "../../src/ledger/audit.ts";
import { ANN, BEN, doorOf, type Office, openOffice } from "./office.ts";
import { errorShape, explainedShape, json, until } from "./results.ts";

const messages = z.array(z.object({ decisionId: z.number(), mailbox: z.string() }));
const record = z.object({ type: z.string(), id: z.string(), name: z.string() });
const trackShape = z.object({
  state: z.string(),
  messages,
  emailId: z.string().nullable(),
  regarding: record.nullable(),
  left: z.array(z.string()),
});
const untrackShape = z.object({ messages, emailId: z.string().nullable(), email: z.string() });
const OFFER = "offer@stranger.test";

async function outcome(office: Office): Promise<string | undefined> {
  return json(explainedShape, await office.run("--json", "explain", OFFER)).incoming[0]?.outcome;
}

/** Makes a contact with the stranger's address. */
async function carl(office: Office): Promise<string> {
  return office.inDatabase(async (_, crm) => {
    const [made] = await crm.createRecords([{ type: "contact", lastname: "Carl", addresses: ["carl@stranger.test"] }]);
    return made?.id ?? "";
  });
}

describe("track, untrack and regarding on the command line", { concurrency: 2 }, () => {
  test("without a service: the next receive does it; what is wrong has its exit code, its message and its remedy", async () => {
    await using office = await openOffice("pglite");
    office.arrive(BEN, OFFER);
    await office.run("receive");
    await carl(office);
    const number = /`waypost track (\d+)`/.exec((await office.run("explain", OFFER)).out)?.[1] ?? "";
    const tracked = await office.run("track", number, "--regarding", "carl@stranger.test");
    assert.deepEqual([tracked.code, tracked.error], [0, ""]);
    assert.match(tracked.out, /^Message <offer@stranger\.test> in ben@office\.test: it becomes an email; it is about the contact Carl \(/);
    await office.run("receive");
    assert.match((await office.run("explain", OFFER)).out, /is tracked, because a person asked for it/);
    const again = await office.run("track", `<${OFFER}>`);
    assert.deepEqual([again.code, /it is the email \S+ already\.\n$/.test(again.out)], [0, true]);
    const nothing = await office.run("regarding", number, "none");
    assert.deepEqual([nothing.code, /is about no record now\.\n$/.test(nothing.out)], [0, true]);
    const untracked = await office.run("untrack", number, "--delete-email");
    assert.match(
      untracked.out,
      /not tracked any more; its email was deleted from the CRM \(\S+\)\. Nothing but `waypost track` brings it back\.\n$/,
    );
    const entries = await office.inDatabase((database) => readAudit(database, `decision ${number}`));
    assert.deepEqual(
      entries.map(({ action }) => action),
      ["delete email", "untrack", "regarding", "track"],
    );
    assert.deepEqual(new Set(entries.map(({ actor }) => actor)), new Set([`${userInfo().username} on the command line`]));

    const wrong: readonly (readonly [readonly string[], number, string])[] = [
      [["track", "never-seen@stranger.test"], 4, "message unknown"],
      [["untrack", "99"], 4, "message unknown"],
      [["track", number, "--regarding", "nobody@stranger.test"], 4, "record unknown"],
      [["regarding", number, "none"], 1, "no email"],
      [["regarding", number], 2, "usage"],
    ];
    for (const [args, code, word] of wrong) {
      const ended = await office.run("--json", ...args);
      assert.deepEqual([ended.code, json(errorShape, ended).error.code], [code, word], args.join(" "));
    }
    await office.run("reject", BEN);
    const off = await office.run("track", number);
    assert.deepEqual([off.code, /^off +The address ben@office\.test was rejected/m.test(off.out)], [3, true]);
  });

  test("through a running service: it is done at once, and the API answers with the status of its kind", async () => {
    await using office = await openOffice("pglite");
    office.arrive(BEN, OFFER);
    office.arrive(ANN, "other@stranger.test");
    await office.run("receive");
    const contact = await carl(office);
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    const asked = json(trackShape, await office.run("--json", "track", OFFER, "--regarding", `contact:${contact}`));
    assert.deepEqual([asked.state, asked.regarding?.id, asked.left], ["asked", contact, []]);
    await until(async () => (await outcome(office)) === "tracked");
    const known = json(trackShape, await office.run("--json", "track", OFFER));
    assert.equal(known.state, "an email already");
    assert.ok(known.emailId);
    const untracked = json(untrackShape, await office.run("--json", "untrack", OFFER));
    assert.deepEqual([untracked.email, untracked.emailId], ["stays", known.emailId]);
    assert.equal(await outcome(office), "skipped");
    assert.equal((await office.run("track", "never-seen@stranger.test")).code, 4);

    const { url, token } = doorOf(office);
    const status = async (name: string, given: readonly unknown[], authorization = `Bearer ${token}`) =>
      (
        await fetch(new URL(`/api/operations/${name}`, url), {
          method: "POST",
          headers: { authorization, "content-type": "application/json" },
          body: JSON.stringify({ arguments: given }),
        })
      ).status;
    assert.deepEqual(
      [
        await status("untrack", ["never-seen@stranger.test", false, "api"]),
        await status("regarding", [OFFER, "none", "api"]),
        await status("track", [OFFER, null]),
        await status("track", [OFFER, null, "api"], "Bearer nobody"),
        await status("regarding", ["other@stranger.test", `contact:${contact}`, "api"]),
      ],
      [404, 409, 400, 401, 200],
    );
    serving.kill("SIGTERM");
    assert.equal((await serving.ended).code, 0);
    const [entry] = await office.inDatabase((database) => readAudit(database, `decision ${untracked.messages[0]?.decisionId}`));
    assert.equal(entry?.action, "untrack");
  });
});
