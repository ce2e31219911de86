import type { Sql } from "../../src/model/sql.ts";
import type { MadeMailbox } from "./mailboxes.ts";

/** Seconds from the arrival of a message to the decision about it, in one mailbox. */
export interface Delays {
  readonly mailbox: string;
  readonly median: number;
  readonly worst: number;
}

/** Those of the mailboxes in which mail arrives by and by, from `began` on (milliseconds of the epoch). */
export async function delaysOf(sql: Sql, mailboxes: readonly MadeMailbox[], began: number): Promise<Delays[]> {
  const { rows } = await sql.query<{ address: string; times: readonly Date[] }>(
    `select mailbox.address, array_agg(decided_at order by received) as times
     from waypost.decision join waypost.mailbox on mailbox.id = decision.mailbox_id group by mailbox.address`,
  );
  const decided = new Map(rows.map(({ address, times }) => [address, times]));
  return mailboxes.flatMap(({ address, every }) => {
    if (every === null) return [];
    const delays = (decided.get(address) ?? [])
      .map((at, number) => (at.getTime() - began - number * every) / 1000)
      .sort((one, other) => one - other);
    const at = (share: number) => delays[Math.min(delays.length - 1, Math.floor(delays.length * share))] ?? Number.NaN;
    return [{ mailbox: address, median: at(0.5), worst: at(1) }];
  });
}
