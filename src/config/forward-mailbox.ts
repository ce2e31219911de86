import { z } from "zod";
import { isNetwork } from "../model/network.ts";
import { hostName } from "./fields.ts";
import type { Configuration } from "./schema.ts";

/** What a mailbox's `incoming` may be: a direct way, none, or by the copies that a rule sends to a forward mailbox (product-behaviour 3.3: 2, 0, 3). */
export const FORWARD_MAILBOX = "forward mailbox";

const network = z.string().trim().refine(isNetwork, { error: "must be an IP address or a network, like 192.0.2.7 or 192.0.2.0/24" });

export const incoming = z
  .union([z.boolean(), z.literal(FORWARD_MAILBOX)], { error: `must be true, false, or "${FORWARD_MAILBOX}"` })
  .default(true)
  .describe(`Delivery method: true, false (None), or "${FORWARD_MAILBOX}": what the user or queue gets is read in a forward mailbox only.`);

export const trust = z
  .strictObject({
    authenticationResults: hostName
      .optional()
      .describe(
        "The name under which the receiving mail server writes Authentication-Results, and removes those that others wrote under it (RFC 8601 5).",
      ),
    forwardingServers: z
      .array(network)
      .max(100)
      .default([])
      .describe(
        "Addresses and networks of servers that hand over forwards only, and nothing that strangers sent to the forward mailbox. 127.0.0.1: programs of the receiving server itself.",
      ),
  })
  .describe("Of a forward mailbox: what proves who forwarded a message.");

/** What is wrong with the forward mailboxes and with those whose mail they hold; Dynamics' error codes are those of product-behaviour 2.5. */
export function forwardProblems({ mailboxes }: Configuration): { index: number; field: string; problem: string }[] {
  const hasForward = mailboxes.some((one) => one.forward);
  return mailboxes.flatMap((mailbox, index) => problemsOf(mailbox, hasForward).map((one) => ({ index, ...one })));
}

function problemsOf(mailbox: Configuration["mailboxes"][number], hasForward: boolean): { field: string; problem: string }[] {
  const isThere = mailbox.incoming === FORWARD_MAILBOX;
  if (!mailbox.forward)
    return [
      ...wrongIf(mailbox.trust !== undefined, "trust", "is for forward mailboxes"),
      ...wrongIf(isThere && !hasForward, "incoming", "needs a forward mailbox, and there is none: no mailbox has forward: true"),
    ];
  return [
    ...wrongIf(isThere, "incoming", "of a forward mailbox is true or false: it is read itself (Dynamics refuses it as 8005E212)"),
    ...wrongIf(
      mailbox.outgoing === true,
      "outgoing",
      "of a forward mailbox is false: nobody sends from it (Dynamics refuses it as 8005E213)",
    ),
    ...wrongIf(
      (mailbox.trust?.authenticationResults ?? mailbox.trust?.forwardingServers[0]) === undefined,
      "trust",
      "must name authenticationResults or forwardingServers: strangers write to a forward mailbox too, and nothing else tells them from users",
    ),
  ];
}

function wrongIf(isWrong: boolean, field: string, problem: string): { field: string; problem: string }[] {
  return isWrong ? [{ field, problem }] : [];
}
