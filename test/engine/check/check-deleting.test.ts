/** What `check` says about deleting, of servers that tell it in their own ways; nothing is opened for writing. */
import assert from "node:assert/strict";
import { after, before, mock } from "node:test";
import type { Database } from "../../../src/database/database.ts";
import type { CheckStep } from "../../../src/engine/check/check-step.ts";
import { missingServers } from "../../servers/needs.ts";
import { startScriptedImap } from "../../servers/scripted-imap.ts";
import { letter } from "../incoming.ts";
import { check, type EngineRig, engineRig, type RigApp } from "../rig.ts";
import { onOneDatabaseEach } from "../shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig();
});
after(() => rig?.[Symbol.asyncDispose]());

interface Told {
  readonly step: CheckStep | undefined;
  readonly heard: readonly string[];
}

/** The step about deleting of a queue's mailbox on a server with these capabilities and, by folder, these rights. */
async function checked(
  database: Database,
  capabilities: readonly string[],
  rights: Readonly<Record<string, string>> = { INBOX: "" },
  prepare: (app: RigApp) => void = () => {},
): Promise<Told> {
  const queue = rig.newUser();
  const folders = Object.keys(rights);
  await using server = await startScriptedImap({
    capabilities: ["UIDPLUS", "ENABLE", ...capabilities],
    inbox: { uidNext: 2, messages: [{ uid: 1, mime: Buffer.from(letter({ id: `${queue}-1` })) }] },
    script(command) {
      if (command === 'LIST "" "*"') return `${folders.map((path) => `* LIST () "/" ${path}\r\n`).join("")}OK done`;
      const asked = /^MYRIGHTS "?([^"]+)"?/.exec(command)?.[1];
      return asked === undefined ? undefined : `* MYRIGHTS ${asked} ${rights[asked]}\r\nOK done`;
    },
  });
  const configuration = rig.configurationFor([], {
    queues: [{ name: queue, mailbox: { outgoing: false, deleteAfterProcessing: true } }],
    profile: { folders: "personal" },
    incoming: { port: server.port },
  });
  await using app = await rig.open(database, configuration);
  prepare(app);
  const [result] = await check(app, [queue], { testMessage: false });
  const heard = [...server.heard];
  assert.ok(!heard.some((command) => /^(SELECT|UID STORE|UID EXPUNGE)/.test(command)), "nothing is opened for writing");
  return { step: result?.steps.find(({ name }) => name === "look whether messages can be deleted"), heard };
}

onOneDatabaseEach(
  "check tells of deleting what it knows, and no more",
  servers,
  (promise) => {
    promise("of a server with the rights of RFC 2086, d stands for marking and expunging", async (database) => {
      const without = await checked(database, ["ACL"], { INBOX: "lrs" });
      assert.deepEqual([without.step?.result, without.step?.code], ["warning", "deleting: no right"]);
      assert.match(without.step?.message ?? "", /only the rights "lrs" there/);
      assert.match(without.step?.remedy ?? "", /^Have the right d \(delete\) for .* granted on the folder INBOX /);
      const having = await checked(database, ["ACL"], { INBOX: "lrsd" });
      assert.equal(having.step?.result, "ok");
      assert.match(having.step?.message ?? "", /has nothing against deleting/);
    });

    promise("of a server without rights it says that only deleting will tell", async (database) => {
      const { step, heard } = await checked(database, []);
      assert.equal(step?.result, "ok");
      assert.match(step?.message ?? "", /does not tell whether messages can be deleted from the folders of .* \(1\): only deleting will/);
      assert.doesNotMatch(step?.message ?? "", /nothing against/);
      assert.ok(!heard.some((command) => command.startsWith("MYRIGHTS")));
    });

    promise("each folder that lacks rights is told with its own rights and its own remedy", async (database) => {
      const { step } = await checked(database, ["ACL", "RIGHTS=texk"], { INBOX: "lrte", A: "lrt", B: "lr" });
      assert.match(step?.message ?? "", /folder A .*only the rights "lrt" there\. .*folder B .*only the rights "lr" there\.$/);
      assert.match(
        step?.remedy ?? "",
        /^Have the right e \(expunge\) for .* on the folder A \(.*\)\. Have the rights t .* and e .* for .* on the folder B \(.*\)\.$/,
      );
    });

    promise("of very many folders that lack rights it tells some, and how many more there are", async (database) => {
      const rights = Object.fromEntries(["INBOX", ...Array.from({ length: 20 }, (_, at) => `F${at}`)].map((path) => [path, "lr"]));
      const { step } = await checked(database, ["ACL", "RIGHTS=texk"], rights);
      assert.equal(step?.message.match(/only the rights/g)?.length, 10);
      assert.match(step?.message ?? "", /So it is with 11 more folders\.$/);
    });

    promise("where the database cannot make durable what the CRM holds, nothing is ever deleted, and it says so", async (database) => {
      const not = { reason: "The disk does not keep what it is given.", remedy: "Have the disk replaced." };
      const { step } = await checked(database, ["ACL", "RIGHTS=texk"], { INBOX: "lrte" }, (app) => {
        mock.method(app.context.database, "makeDurable", async () => not);
      });
      assert.deepEqual([step?.result, step?.code, step?.remedy], ["warning", "deleting: database not durable", not.remedy]);
      assert.match(step?.message ?? "", /cannot be deleted from the mailbox then: .*The disk does not keep what it is given\.$/);
    });
  },
  { engines: ["pglite"] },
);
