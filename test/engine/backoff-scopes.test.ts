/** Trouble of one scope makes those wait whom it concerns, and nobody else. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { Failure, type Scope } from "../../src/model/failure.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { type TestDatabase, testDatabase } from "../databases.ts";
import { openCodes } from "./alerts.ts";
import { type MemoryWorld, openMemoryWorld } from "./memory-world.ts";
import { addressOf, receive } from "./rig.ts";

/** Four mailboxes: the one in trouble, one of the same server, one of the same CRM, and one that shares neither with it. */
const KINDS = ["itself", "same server", "same CRM", "neither"] as const;
type Kind = (typeof KINDS)[number];

/** Who is left alone after a failure of that scope, and asked again only when its time has come. */
const WAITS: readonly (readonly [scope: Scope, waiting: readonly Kind[]])[] = [
  ["folder", []],
  ["mailbox", ["itself"]],
  ["profile", ["itself", "same server"]],
  ["organization", ["itself", "same CRM"]],
  ["process", []],
];

describe("back-off", () => {
  let database: TestDatabase;
  before(async () => {
    database = await testDatabase("pglite");
    await database.query("insert into waypost.organization (name, kind) values ('Other', 'embedded')");
  });
  after(() => database?.[Symbol.asyncDispose]());

  for (const [scope, waiting] of WAITS) {
    test(`trouble of scope ${scope}: ${waiting.length === 0 ? "nobody waits" : `${waiting.join(" and ")} wait`}, and when it is over all are read`, async () => {
      await using world = await openMemoryWorld(database, labelKind, { mailboxes: KINDS.length });
      const boxes = new Map<Kind, string>(KINDS.map((kind) => [kind, world.nextBox().name]));
      await place(world, boxes);
      for (const name of boxes.values()) assert.deepEqual((await receive(world.app, name)).failures, []);
      const mend = breakFor(world, scope, boxes.get("itself") ?? "");
      const failed = (await receive(world.app, boxes.get("itself") ?? "")).failures.map((one) => one.code);
      assert.deepEqual(failed, scope === "folder" ? [] : ["made trouble"]);
      assert.deepEqual(await openCodes(world.app), ["receiving: made trouble"]);

      assert.deepEqual(
        await due(world, boxes, 1),
        KINDS.filter((kind) => !waiting.includes(kind)),
      );
      mend();
      assert.deepEqual(await due(world, boxes, 60), [...KINDS], "all are read when it is over");
      assert.deepEqual(await openCodes(world.app), []);
    });
  }
});

/** Gives the second mailbox another CRM, the third another server, the fourth both. */
async function place({ app, database }: MemoryWorld, boxes: ReadonlyMap<Kind, string>): Promise<void> {
  const crm = app.context.crm("CRM");
  app.context.crm = () => crm;
  await database.query(
    `insert into waypost.server_profile (name, incoming, outgoing, folders, files_sent_copy, max_concurrent_connections, maximum_message_size)
     select 'elsewhere', incoming, outgoing, folders, files_sent_copy, max_concurrent_connections, maximum_message_size
     from waypost.server_profile where name = 'memory' on conflict do nothing`,
  );
  const move = (column: "organization" | "profile", value: string, kinds: readonly Kind[]) =>
    database.query(`update waypost.mailbox set ${column} = $1 where address = any($2)`, [
      value,
      kinds.map((kind) => addressOf(boxes.get(kind) ?? "")),
    ]);
  await move("organization", "Other", ["same server", "neither"]);
  await move("profile", "elsewhere", ["same CRM", "neither"]);
}

/** Makes reading that mailbox fail with a trouble of that scope, and of the CRM of its organization whoever asks it. Returns what mends it. */
function breakFor(world: MemoryWorld, scope: Scope, name: string): () => void {
  const failure = new Failure({ scope, code: "made trouble", message: "It is made.", remedy: "Wait.", waitingHelps: true });
  let broken = true;
  const crmOf = world.app.context.crm;
  const away = foreignCrm(crmOf("CRM"), ({ verb }) => {
    if (broken && (verb === "facts" || verb === "organizationSettings")) throw failure;
  });
  if (scope === "organization") {
    world.app.context.crm = (organization) => (organization === "CRM" ? away : crmOf("CRM"));
    world.server
      .mailbox(addressOf(name))
      .put([inboxOf(world, name)], Buffer.from("Subject: x\r\nMessage-ID: <new@x.test>\r\n\r\nx\r\n"), world.clock.now());
  } else {
    world.server.onCall = ({ mailbox, verb }) => {
      if (broken && mailbox === addressOf(name) && verb === "pull") throw failure;
      return undefined;
    };
  }
  return () => {
    broken = false;
  };
}

function inboxOf({ server }: MemoryWorld, name: string): string {
  return server.mailbox(addressOf(name)).folder("INBOX").id;
}

/** Those whose mail system is asked when all that are due are read so many seconds later, as the service does. */
async function due({ app, clock, database, server }: MemoryWorld, boxes: ReadonlyMap<Kind, string>, seconds: number): Promise<Kind[]> {
  // Each is due by the slow pull but for what was put off.
  await database.query("update waypost.mailbox set receive_due_at = $1 where receive_error is null", [clock.now()]);
  clock.forward(seconds);
  const { rows } = await database.query<{ address: string }>("select address from waypost.mailbox where receive_due_at <= $1", [
    clock.now(),
  ]);
  const before = server.calls.length;
  for (const [, name] of boxes) if (rows.some(({ address }) => address === addressOf(name))) await receive(app, name);
  const asked = new Set(server.calls.slice(before).map((call) => call.mailbox));
  return KINDS.filter((kind) => asked.has(addressOf(boxes.get(kind) ?? "")));
}
