/** Who wrote and of what, in mail that is no email, is nobody's business: planted words must appear nowhere. */
import assert from "node:assert/strict";
import { asJson } from "../../src/command-line/json.ts";
import { quarantineLines } from "../../src/command-line/print.ts";
import { createMetrics } from "../../src/server/metrics.ts";
import { type Server, startServer } from "../../src/server/server.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { SILENT } from "../e2e/sample.ts";
import { type MemoryBox, type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const SECRET = /plum/i;
const ADMINISTRATOR = "root on the command line";

/** A message without an email: its subject, who sent it and to whom else are secret. */
function plant(box: MemoryBox, id: string, headers: readonly string[] = [], size = 0): void {
  const mime = [
    "From: Paula Plum <plum@stranger.test>",
    `To: ${box.stored.address}`,
    "Cc: Peter Plum <peter.plum@elsewhere.test>",
    "Subject: The plum affair",
    "Date: Mon, 02 Mar 2026 10:00:00 +0000",
    `Message-ID: <${id}@stranger.test>`,
    ...headers,
    "",
    `About plums. ${"x".repeat(size)}`,
  ];
  box.stored.put([box.stored.folder("INBOX").id], Buffer.from(mime.join("\r\n")), new Date());
}

/** What `explain` says to anybody and to somebody who is named, and what the pages, the other operations, the log and the figures tell. */
async function everythingTold({ app, database }: MemoryWorld): Promise<string> {
  const metrics = createMetrics();
  const { crm, operations } = app;
  const server = await startServer({ database, crm, operations, metrics, log: SILENT, host: "127.0.0.1", port: 0 });
  try {
    const cookie = await signedIn(server);
    const page = async (path: string) => {
      const answer = await fetch(`${server.url}${path}`, { headers: { cookie } });
      assert.equal(answer.status, 200, path);
      return answer.text();
    };
    const { rows } = await database.query<{ id: number }>("select id from waypost.decision order by id");
    const told: unknown[] = [];
    for (const { id } of rows) {
      told.push(await operations.explain(String(id)), await operations.explain(String(id), ADMINISTRATOR), await page(`/decisions/${id}`));
      const call = { method: "POST", headers: { authorization: `Bearer ${server.operationsToken}`, "content-type": "application/json" } };
      const answer = await fetch(`${server.url}/api/operations/explain`, {
        ...call,
        body: JSON.stringify({ arguments: [String(id), "me"] }),
      });
      assert.equal(answer.status, 200);
      told.push(await answer.text());
    }
    const quarantine = await operations.quarantineList();
    told.push(await page("/"), await page("/decisions"), await operations.status(), quarantine, quarantineLines(asJson(quarantine)));
    told.push(await (await fetch(`${server.url}/metrics`)).text(), app.logged);
    told.push((await database.query("select * from waypost.alert")).rows, (await database.query("select * from waypost.audit")).rows);
    return told.map((one) => (typeof one === "string" ? one : JSON.stringify(one))).join("\n");
  } finally {
    await server.close();
  }
}

async function signedIn(server: Server): Promise<string> {
  const key = new URL(server.oneTimeLink()).searchParams.get("key") ?? "";
  const entered = await fetch(`${server.url}/enter`, {
    method: "POST",
    headers: { origin: server.url },
    body: new URLSearchParams({ key }),
    redirect: "manual",
  });
  return entered.headers.get("set-cookie")?.split(";")[0] ?? "";
}

onOneDatabaseEach("what is told of mail that is no email", [], (promise) => {
  promise("subject and counterpart appear nowhere, whatever became of the message", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const box = world.nextBox();
    plant(box, "skipped");
    plant(box, "private", ["Sensitivity: Private"]);
    plant(box, "answer", ["In-Reply-To: <nobody@example.test>"]);
    plant(box, "list", ["List-Id: The plum affair <list.example>", "Precedence: list"]);
    assert.equal((await box.round()).skipped, 4);
    const told = await everythingTold(world);
    assert.match(told, /…@stranger\.test/, "something is told");
    assert.doesNotMatch(told, SECRET);
    const tracked = await world.app.operations.track("answer@stranger.test", null, ADMINISTRATOR);
    assert.doesNotMatch(JSON.stringify(tracked), SECRET);
    assert.doesNotMatch(JSON.stringify(await world.app.operations.untrack("answer@stranger.test", false, ADMINISTRATOR)), SECRET);
    assert.doesNotMatch(await everythingTold(world), SECRET);
  });

  promise("a message in quarantine is told of by the domain of its sender only", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "all" });
    const box = world.nextBox();
    plant(box, "large", [], 41 * 1024 * 1024);
    assert.equal((await box.round()).quarantined, 1);
    const told = await everythingTold(world);
    assert.match(told, /…@stranger\.test/, "something is told");
    assert.doesNotMatch(told, SECRET);
  });

  promise(
    "administrators see it where somebody switched that on, each look is audited, and private mail stays private",
    async (database) => {
      await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
      const { operations } = world.app;
      const box = world.nextBox();
      plant(box, "shown");
      for (const kind of ["Private", "Company-Confidential", "Personal"]) plant(box, kind, [`Sensitivity: ${kind}`]);
      await box.round();
      const from = async (id: string, actor?: string) => (await operations.explain(`${id}@stranger.test`, actor)).incoming[0]?.from;
      const audit = async () =>
        (
          await database.query<{ actor: string; action: string; subject: string }>(
            "select actor, action, subject from waypost.audit where action like '%untracked mail' order by id",
          )
        ).rows;
      const before = (await audit()).length;
      const [on] = await operations.showUntracked(true, "ann");
      assert.deepEqual([on?.by, on?.since], ["ann", world.clock.now()]);
      assert.equal(await from("shown", "ben"), "plum@stranger.test");
      assert.equal(await from("shown"), "…@stranger.test", "who is not named sees nothing");
      for (const kind of ["Private", "Company-Confidential", "Personal"]) assert.equal(await from(kind, "ben"), null, kind);
      const { rows } = await database.query<{ id: number }>("select id from waypost.decision where message_id = 'shown@stranger.test'");
      assert.deepEqual((await audit()).slice(before), [
        { actor: "ann", action: "show untracked mail", subject: "organization CRM" },
        { actor: "ben", action: "look at untracked mail", subject: `decision ${rows[0]?.id}` },
      ]);
      await operations.showUntracked(false, "ann");
      assert.equal(await from("shown", "ben"), "…@stranger.test");
      assert.deepEqual(
        (await operations.privacy()).map(({ by, since }) => [by, since]),
        [[null, null]],
      );
    },
  );
});

onOneDatabaseEach("a person who asks to be forgotten", [], (promise) => {
  promise("is in no mail that is no email any more; emails are listed, and the audit does not say who it was", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const { crm, operations } = world.app;
    const box = world.nextBox();
    plant(box, "skipped");
    await box.round();
    assert.deepEqual(await operations.forget(" PLUM@stranger.test", ADMINISTRATOR), {
      address: "plum@stranger.test",
      messages: 1,
      words: 0,
      waiting: 0,
      emails: [],
    });
    const [decision] = (await operations.explain("skipped@stranger.test")).incoming;
    assert.match(decision?.sentences.join("\n") ?? "", /was purged on/);
    await crm.createRecords([{ type: "contact", firstname: "Paula", addresses: ["plum@stranger.test"] }]);
    plant(box, "tracked");
    const { received, tracked } = await box.round();
    assert.deepEqual([received, tracked], [1, 1]);
    const { rows } = await database.query<{ id: string }>(
      "select activityid as id from crm.email where messageid = 'tracked@stranger.test'",
    );
    const again = await operations.forget("plum@stranger.test", ADMINISTRATOR);
    assert.deepEqual([again.messages, again.emails], [0, rows.map((row) => row.id)]);
    for (const { id } of rows) await world.app.context.crm("CRM").remove(id);
    const [deleted] = (await operations.explain("tracked@stranger.test", ADMINISTRATOR)).incoming;
    assert.deepEqual([deleted?.outcome, deleted?.from], ["tracked", "…@stranger.test"], "the email was deleted: it is none any more");
    assert.doesNotMatch(await everythingTold(world), SECRET);
    assert.deepEqual((await operations.forget("plum@stranger.test", ADMINISTRATOR)).messages, 1);
    const left = await database.query("select from waypost.decision one where one::text ~* 'plum'");
    assert.equal(left.rows.length, 0);
    assert.equal((await box.round()).tracked, 0, "nothing brings it back");
    const audit = (await database.query<{ action: string }>("select * from waypost.audit where action = 'forget address'")).rows;
    assert.equal(audit.length, 3);
    assert.doesNotMatch(JSON.stringify(audit), SECRET);
    await assert.rejects(operations.forget("plum", ADMINISTRATOR), /no e-mail address/);
  });

  promise("is known by an international domain in either form", async (database) => {
    await using world = await openMemoryWorld(database, exchangeKind, { filter: "contacts" });
    const box = world.nextBox();
    box.arrive("international", ["INBOX"], { from: "max@xn--mller-kva.test" });
    await box.round();
    assert.equal((await world.app.operations.forget("max@müller.test", ADMINISTRATOR)).messages, 1);
  });
});
