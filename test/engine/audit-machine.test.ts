/** Whatever befell a mailbox: an audit finds a gap where there is one and nowhere else, and what repair delivers is missing no more. */
import assert from "node:assert/strict";
import fc from "fast-check";
import type { MailboxReport } from "../../src/engine/operations/audit.ts";
import { exchangeKind } from "../contract/memory/exchange-kind.ts";
import { graphKind } from "../contract/memory/graph-kind.ts";
import { labelKind } from "../contract/memory/label-kind.ts";
import { alertHistory, mailboxId } from "./alerts.ts";
import { action, perform } from "./mailbox-life.ts";
import { type MemoryBox, openMemoryWorld } from "./memory-world.ts";
import { addressOf } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const RUNS = 8;

async function audit({ app, name }: MemoryBox, repair = false): Promise<MailboxReport> {
  const { reports, failures } = await app.operations.audit([addressOf(name)], repair, new AbortController().signal, () => {});
  assert.deepEqual(failures, []);
  const [report, ...others] = reports;
  assert.ok(report && others.length === 0);
  return report;
}

async function isAlerted({ app, name }: MemoryBox): Promise<boolean> {
  const alerts = await alertHistory(app.database, await mailboxId(app.database, addressOf(name)));
  return alerts.includes("auditing: messages missing open");
}

const gap = fc.constantFrom("email" as const, "place" as const, "decision" as const, "forgotten email" as const);

/** What chance takes away of what Waypost knows or made: of a message with that number among the decisions of the mailbox. */
async function tear({ app, name }: MemoryBox, what: "email" | "place" | "decision" | "forgotten email", which: number): Promise<void> {
  const { database } = app;
  const mailbox = await mailboxId(database, addressOf(name));
  const { rows } = await database.query<{ id: number; emailId: string | null }>(
    `select id, email_id as "emailId" from waypost.decision where mailbox_id = $1 order by id`,
    [mailbox],
  );
  const torn = rows[which % Math.max(1, rows.length)];
  if (torn === undefined) return;
  if (what.endsWith("email")) await database.query("delete from crm.email where activityid = $1", [torn.emailId]);
  if (what === "place") await database.query("delete from waypost.location where decision_id = $1", [torn.id]);
  if (what === "decision" || what === "forgotten email") await database.query("delete from waypost.decision where id = $1", [torn.id]);
}

for (const kind of [exchangeKind, graphKind(), labelKind]) {
  onOneDatabaseEach(`audits, ${kind.name}`, [], (promise) => {
    promise("nothing is missing in a mailbox that nothing was torn out of, whatever its user did", async (database) => {
      await using world = await openMemoryWorld(database, kind, { mailboxes: RUNS + 100 });
      world.server.pageLimit = 3;
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 4, maxLength: 20 }), async (actions) => {
          const box = world.nextBox();
          for (const one of actions) await perform(box, one, kind === labelKind);
          box.nothingWrong();
          const report = await audit(box);
          assert.deepEqual([report.missing, report.notReadYet, report.seen], [0, 0, report.there], JSON.stringify(report));
          assert.equal(report.tracked, report.there, "all mail is wanted here");
        }),
        { numRuns: RUNS, endOnFailure: false },
      );
    });

    promise("what was torn out is found and delivered, nothing is doubled, and a second repair does nothing", async (database) => {
      await using world = await openMemoryWorld(database, kind, { mailboxes: RUNS + 100 });
      world.server.pageLimit = 3;
      const tears = fc.array(fc.record({ what: gap, which: fc.nat(20) }), { minLength: 1, maxLength: 4 });
      await fc.assert(
        fc.asyncProperty(fc.array(action, { minLength: 4, maxLength: 20 }), tears, async (actions, torn) => {
          const box = world.nextBox();
          for (const one of actions) await perform(box, one, kind === labelKind);
          box.nothingWrong();
          await box.round();
          for (const { what, which } of torn) await tear(box, what, which);
          const seen = await audit(box);
          assert.deepEqual(await isAlerted(box), seen.missing > 0);
          const repaired = await audit(box, true);
          assert.equal(repaired.repaired, repaired.missing, JSON.stringify(repaired));
          // Of copies in several folders the first to be repaired makes the email of all.
          assert.equal(repaired.missing > 0, seen.missing > 0);
          assert.ok(repaired.missing <= seen.missing);
          assert.equal(await isAlerted(box), false, "the alert is closed");
          await box.assertComplete();
          const again = await audit(box, true);
          assert.deepEqual([again.missing, again.repaired, again.tracked], [0, 0, again.there]);
          await box.assertComplete();
        }),
        { numRuns: RUNS, endOnFailure: false },
      );
    });
  });
}
