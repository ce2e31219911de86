/** The commands that compare mailboxes with the CRM and have mail decided anew: by themselves, and through a running service. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { ANN, BEN, doorOf, type Office, openOffice } from "./office.ts";
import { errorShape, explainedShape, json, until } from "./results.ts";

const auditShape = z.object({
  reports: z.array(
    z.object({
      mailbox: z.string(),
      there: z.number(),
      tracked: z.number(),
      skipped: z.number(),
      missing: z.number(),
      repaired: z.number(),
      examples: z.array(z.object({ messageId: z.string().nullable(), why: z.string() })),
    }),
  ),
});
const replayShape = z.object({ counts: z.object({ tracked: z.number(), skipped: z.number() }) });
const senderShape = z.object({ sender: z.string(), messages: z.number() });
const OFFER = "offer@stranger.test";
const QUESTION = "question@stranger.test";

const lose = (office: Office, messageId: string) =>
  office.inDatabase((database) => database.query("delete from crm.email where messageid = $1", [messageId]));

async function outcome(office: Office, messageId: string): Promise<string | undefined> {
  return json(explainedShape, await office.run("--json", "explain", messageId)).incoming[0]?.outcome;
}

/** From now on Ben takes the mail of contacts. */
function takesContacts(office: Office): void {
  const users = (office.configuration.users ?? []).map((user) => (user.email === BEN ? { ...user, filter: "contacts" as const } : user));
  office.write({ ...office.configuration, users });
}

async function addCarl(office: Office): Promise<void> {
  await office.inDatabase((_, crm) => crm.createRecords([{ type: "contact", lastname: "Carl", addresses: ["carl@stranger.test"] }]));
}

describe("audit and replay on the command line", { concurrency: 2 }, () => {
  test("without a service: what is missing is named and makes code 3, the repair delivers it, and what is wrong says so", async () => {
    await using office = await openOffice("pglite");
    office.arrive(ANN, OFFER);
    office.arrive(BEN, QUESTION);
    await office.run("receive");
    const whole = await office.run("audit");
    assert.deepEqual([whole.code, whole.error], [0, ""]);
    assert.match(whole.out, /^whole {3}ann@office\.test: 1 message in the folders that are read\n {2}seen 1, qualified 1, tracked 1,/);
    assert.match(whole.out, /^ {2}not counted Sent, \d+ messages: It holds sent mail\.$/m);
    await lose(office, OFFER);
    const found = await office.run("audit", ANN);
    assert.equal(found.code, 3);
    assert.match(found.out, /^MISSING ann@office\.test/);
    assert.match(found.out, /^ {4}<offer@stranger\.test> in INBOX, received .* UTC: its email is gone, and nobody deleted it$/m);
    assert.match((await office.run("status")).out, /`waypost audit ann@office\.test --repair`/);
    const repaired = await office.run("audit", ANN, "--repair");
    assert.deepEqual([repaired.code, /^ {2}read again, and missing no more: 1$/m.test(repaired.out)], [0, true]);
    assert.equal((await office.run("audit")).code, 0);

    takesContacts(office);
    await addCarl(office);
    const replayed = await office.run("replay", BEN, "--from", "2020-01-01");
    assert.deepEqual([replayed.code, /1 tracked/.test(replayed.out)], [0, true]);
    assert.equal(await outcome(office, QUESTION), "tracked");

    const wrong: readonly (readonly [readonly string[], number, string])[] = [
      [["audit", "nobody@office.test"], 4, "mailbox unknown"],
      [["replay", "--from", "2026-01-01"], 2, "usage"],
      [["replay", ANN, "--from", "yesterday"], 2, "usage"],
      [["replay", ANN, "--from", "2026-01-02", "--to", "2026-01-01"], 2, "usage"],
    ];
    for (const [args, code, word] of wrong) {
      const ended = await office.run("--json", ...args);
      assert.deepEqual([ended.code, json(errorShape, ended).error.code], [code, word], args.join(" "));
    }
  });

  test("through a running service, and over its API", async () => {
    await using office = await openOffice("pglite");
    office.arrive(ANN, OFFER);
    office.arrive(BEN, QUESTION);
    await office.run("receive");
    await lose(office, OFFER);
    takesContacts(office);
    await addCarl(office);
    const serving = office.start(["serve"]);
    await serving.until("open this link once");
    // While the service reads the mailbox by itself there is no report.
    const reportOf = async (...args: readonly string[]) => {
      const reports: z.infer<typeof auditShape>["reports"] = [];
      await until(async () => reports.push(...json(auditShape, await office.run("--json", "audit", ANN, ...args)).reports) > 0);
      return reports[0];
    };
    const report = await reportOf();
    assert.deepEqual([report?.there, report?.missing, report?.examples], [1, 1, [{ messageId: OFFER, why: "lost" }]]);
    assert.deepEqual([(await reportOf("--repair"))?.repaired, (await reportOf())?.tracked], [1, 1]);
    const asked = json(senderShape, await office.run("--json", "replay", "--sender", "Carl@Stranger.test"));
    assert.deepEqual(asked, { sender: "carl@stranger.test", messages: 1 });
    await until(async () => (await outcome(office, QUESTION)) === "tracked");
    const { counts } = json(replayShape, await office.run("--json", "replay", ANN, BEN, "--from", "2020-01-01T00:00:00+01:00"));
    assert.deepEqual([counts.tracked, counts.skipped], [0, 0]);

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
        await status("audit", [[ANN], false]),
        await status("audit", [[ANN]]),
        await status("audit", [["nobody@office.test"], false]),
        await status("replay", [[ANN], { from: "2026-01-01T00:00:00Z", to: null }]),
        await status("replay", [[ANN], { from: "yesterday", to: null }]),
        await status("replaySender", [[], "carl@stranger.test", null]),
      ],
      [200, 400, 404, 200, 400, 200],
    );
    serving.kill("SIGTERM");
    assert.equal((await serving.ended).code, 0);
  });
});
