import type { Decision } from "../../model/decision.ts";
import type { Transaction } from "../../model/sql.ts";
import type { Crm } from "../../ports.ts";

/** A queue that gets an item of an email that another mailbox made; see Decision. */
export interface Additional {
  readonly additionalQueueId?: Decision["additionalQueueId"] | undefined;
}

/** Adds the items that queues get of emails which were there already. One statement, and none where no queue gets one. */
export async function addQueueItems(
  crm: Crm,
  known: readonly (Additional & { readonly emailId: string | null })[],
  within?: Transaction,
): Promise<void> {
  const wanted = known.flatMap(({ emailId, additionalQueueId }) =>
    emailId !== null && additionalQueueId !== undefined ? [{ queueId: additionalQueueId, emailId }] : [],
  );
  // A mailbox is of one queue at most.
  const [first] = wanted;
  if (first === undefined) return;
  await crm.addQueueItems(
    first.queueId,
    wanted.map((one) => one.emailId),
    within,
  );
}
