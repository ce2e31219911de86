import type { ImapFlow } from "imapflow";
import type { Step } from "../../ports.ts";

/** From this part of its quota on a mailbox is as good as full: a large message is refused already. */
const AS_GOOD_AS_FULL = 0.95;

/** What is said of a mailbox that has little room left (RFC 9208), else null: there is room, or its server knows no quotas. */
export async function quotaStep(client: ImapFlow, address: string): Promise<Step | null> {
  const quota = await client.getQuota("INBOX");
  const { usage, limit } = quota === false ? {} : (quota.storage ?? {});
  if (usage === undefined || limit === undefined || usage < limit * AS_GOOD_AS_FULL) return null;
  return {
    name: "look at the quota",
    result: "warning",
    code: "mailbox full",
    message: `${address} has used ${megabytes(usage)} of the ${megabytes(limit)} MB of its quota.`,
    remedy: "Delete or archive messages there, or have the quota raised: its server refuses or holds back what has no room.",
  };
}

function megabytes(bytes: number): string {
  return (bytes / 1024 / 1024).toFixed(1);
}
