import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { onBothEngines } from "../../test/databases.ts";
import { Failure } from "../model/failure.ts";
import { alertPendingApprovals, openAlerts } from "./alerts.ts";
import { APPROVAL, type ApprovalInFile, approvalOf, decideApproval, type KnownAddress } from "./approvals.ts";
import { readAudit } from "./audit.ts";
import { readMailbox } from "./mailboxes.ts";
import { ANN, ANN_SETTING, BEN_SETTING, describeMailboxes, later, mailboxSetting, NOW, ORGANIZATION } from "./test-data.ts";

const owner = { type: "systemuser", id: ANN } as const;
const described = (address: string, approvedInFile: ApprovalInFile = "yes") => ({
  ...{ organization: ORGANIZATION, address, owner, approvedInFile },
});
const known = (address: string, change: Partial<KnownAddress> = {}): KnownAddress => ({
  ...{ organization: ORGANIZATION, address, owner, active: true, approval: APPROVAL.approved, source: "file" as const },
  ...change,
});
const decide = (one: ReturnType<typeof described>, ledger: readonly KnownAddress[]) => approvalOf(one, ledger, [one]);

describe("the approval of an address in the file", () => {
  test("a first address is approved by the file's word; one that takes another's place waits for approval", () => {
    assert.deepEqual(decide(described("ann@a.test"), []), { approval: APPROVAL.approved, source: "file" });
    const changed = { approval: APPROVAL.pending, source: "change" };
    assert.deepEqual(decide(described("ann@b.test"), [known("ann@a.test")]), changed);
    assert.deepEqual(decide(described("ann@b.test"), [known("ann@a.test", { active: false })]), changed);
    assert.deepEqual(decide(described("ann@b.test"), [known("ann@b.test", { owner: { type: "queue", id: ANN } })]), changed);
    assert.deepEqual(decide(described("ann@b.test"), [known("ann@a.test"), known("ann@b.test", { active: false })]), changed);
  });

  test("a second address beside the first, and a slip of the pen taken back, are no change", () => {
    const both = [described("ann@a.test"), described("ann@b.test")];
    assert.equal(approvalOf(described("ann@b.test"), [known("ann@a.test")], both).approval, APPROVAL.approved);
    const slip = known("ann@typo.test", { approval: APPROVAL.pending, source: "change" });
    assert.equal(decide(described("ann@a.test"), [known("ann@a.test", { active: false }), slip]).approval, APPROVAL.approved);
  });

  test("named in the file it is approved whatever was before; without approval in the file it is not", () => {
    const rejected = known("ann@b.test", { approval: APPROVAL.rejected, source: "command" });
    assert.equal(decide(described("ann@b.test", "this address"), [known("ann@a.test"), rejected]).approval, APPROVAL.approved);
    assert.equal(decide(described("ann@b.test", "no"), []).approval, APPROVAL.pending);
    assert.equal(decide(described("ann@b.test", "no"), [rejected]).approval, APPROVAL.rejected);
    const byFile = known("ann@b.test", { approval: APPROVAL.pending });
    assert.equal(decide(described("ann@b.test"), [byFile]).approval, APPROVAL.approved, "the file changed its mind");
  });

  test("the word of a command holds for as long as the address stays", () => {
    for (const approval of [APPROVAL.approved, APPROVAL.rejected]) {
      const decided = known("ann@b.test", { approval, source: "command" });
      assert.deepEqual(decide(described("ann@b.test"), [decided]), { approval, source: "command" });
    }
  });
});

onBothEngines("a changed address waits with one alert, is approved by command, and begins at that moment", async (database) => {
  await describeMailboxes(database);
  const moved = mailboxSetting("77777777-7777-4777-8777-777777777777", "ann@new.test", { owner: { type: "systemuser", id: ANN } });
  await describeMailboxes(database, [moved, BEN_SETTING], later(60));
  assert.deepEqual(
    [await readMailbox(database, moved.id)].map((one) => [one?.approval, one?.approvalSource, one?.active]),
    [[APPROVAL.pending, "change", true]],
  );
  for (const seconds of [60, 120]) await alertPendingApprovals(database, later(seconds));
  assert.deepEqual(
    (await openAlerts(database)).map((alert) => [alert.subject, alert.code]),
    [[moved.id, "approval: pending"]],
  );
  const ids = await database.transaction((tx) => decideApproval(tx, "Ann@New.test", "approve", "ann", later(3600)));
  assert.deepEqual(ids, [moved.id]);
  const approved = await readMailbox(database, moved.id);
  assert.deepEqual([approved?.approval, approved?.startDate], [APPROVAL.approved, new Date("2026-03-10T10:00:00Z")]);
  await describeMailboxes(database, [moved, BEN_SETTING], later(7200));
  assert.equal((await readMailbox(database, moved.id))?.approval, APPROVAL.approved, "a new start of the service changes nothing");
  const [entry] = await readAudit(database, "ann@new.test");
  assert.deepEqual([entry?.actor, entry?.action, entry?.at], ["ann", "approve", later(3600)]);
});

onBothEngines("what the file decides about approval no command overrides", async (database) => {
  const settings = (approvedInFile: ApprovalInFile) => [{ ...ANN_SETTING, approvedInFile }];
  const decided = (verdict: "approve" | "reject") =>
    database.transaction((tx) => decideApproval(tx, "ann@example.test", verdict, "ben", NOW));
  const inFile = (error: unknown) => error instanceof Failure && error.code === "approval in the file";
  await describeMailboxes(database, settings("no"));
  await assert.rejects(decided("approve"), inFile);
  await describeMailboxes(database, settings("this address"));
  await assert.rejects(decided("reject"), inFile);
  assert.deepEqual(await readAudit(database, "ann@example.test"), []);
  assert.deepEqual(await database.transaction((tx) => decideApproval(tx, "nobody@example.test", "approve", "ben", NOW)), []);
});
