import { z } from "zod";
import { addressKey } from "../model/address.ts";
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
export function forwardProblems(configuration: Configuration): { index: number; field: string; problem: string }[] {
  return configuration.mailboxes.flatMap((mailbox, index) => problemsOf(mailbox, configuration).map((one) => ({ index, ...one })));
}

type Mailbox = Configuration["mailboxes"][number];

function problemsOf(mailbox: Mailbox, configuration: Configuration): { field: string; problem: string }[] {
  const hasForward = configuration.mailboxes.some((one) => one.forward);
  const isThere = mailbox.incoming === FORWARD_MAILBOX;
  if (!mailbox.forward)
    return [
      ...wrongIf(mailbox.trust !== undefined, "trust", "is for forward mailboxes"),
      ...wrongIf(isThere && !hasForward, "incoming", "needs a forward mailbox, and there is none: no mailbox has forward: true"),
      ...(isThere && isEmbedded(mailbox, configuration) ? forwarderProblems(mailbox, configuration) : []),
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

/** Users and queues of Dynamics 365 stand there, and are looked up there. */
function isEmbedded(mailbox: Mailbox, { organizations }: Configuration): boolean {
  const organization =
    mailbox.organization === undefined ? organizations[0] : organizations.find((one) => one.name === mailbox.organization);
  return organization?.kind === "embedded";
}

/** Forwards tell whose they are by an address alone, and by it the user or queue is looked for in the CRM. */
function forwarderProblems(
  { address, user, queue = "" }: Mailbox,
  { users, queues }: Configuration,
): { field: "user" | "queue"; problem: string }[] {
  const field = user === undefined ? "queue" : "user";
  const told = `the address ${address}, by which forwards are known`;
  const having = [
    ...users.map(({ name, email, otherEmails, aliases }) => ({
      type: "user",
      name,
      email,
      addresses: [email, ...otherEmails, ...aliases],
    })),
    ...queues.map(({ name, email, aliases }) => ({ type: "queue", name, email, addresses: [email, ...aliases] })),
  ].filter(({ addresses }) => addresses.some((one) => addressKey(one) === addressKey(address)));
  const isOwner = ({ type, email }: { type: string; email: string }) => type === field && addressKey(email) === addressKey(user ?? queue);
  if (!having.some(isOwner)) return [{ field, problem: `does not have ${told}: add it to the aliases` }];
  // Of a user and a queue with one address the user counts.
  const other = having.find((one) => !isOwner(one) && (one.type === "user" || field === "queue"));
  return other === undefined ? [] : [{ field, problem: `is not the only one that has ${told}: ${other.name} has it too` }];
}

function wrongIf(isWrong: boolean, field: string, problem: string): { field: string; problem: string }[] {
  return isWrong ? [{ field, problem }] : [];
}
