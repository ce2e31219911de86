import { closeAlerts } from "../../ledger/alerts.ts";
import { decideApproval } from "../../ledger/approvals.ts";
import { Failure } from "../../model/failure.ts";
import type { EngineContext } from "../context.ts";

/** Approves or rejects the address of a mailbox by somebody's word (product-behaviour 3.4) and closes the alert that asked for it. */
export async function approve(
  context: EngineContext,
  address: string,
  verdict: "approve" | "reject",
  actor: string,
): Promise<{ mailbox: string; approval: "approved" | "rejected" }> {
  const now = context.now();
  const ids = await context.database.transaction(async (tx) => {
    const decided = await decideApproval(tx, address, verdict, actor, now);
    for (const id of decided) await closeAlerts(tx, "mailbox", id, "approval", now);
    return decided;
  }, "decide approval");
  if (ids.length === 0) throw mailboxUnknown(address);
  if (verdict === "approve") {
    for (const id of ids) {
      await context.wake("receive", id);
      await context.wake("send", id);
    }
  }
  context.log.info({ mailbox: address, actor }, `address ${verdict === "approve" ? "approved" : "rejected"}`);
  return { mailbox: address, approval: verdict === "approve" ? "approved" : "rejected" };
}

function mailboxUnknown(address: string): Failure {
  return new Failure({
    scope: "mailbox",
    code: "mailbox unknown",
    message: `There is no active mailbox ${address}.`,
    remedy: "`waypost status` lists the mailboxes; add it to the configuration.",
    waitingHelps: false,
  });
}
