import { addressKey, domainOf } from "../model/address.ts";
import type { ForwardTrace, ForwardTrust, TraceField } from "../model/forwarded.ts";
import { liesWithin } from "../model/network.ts";
import { provenBy } from "./authentication-results.ts";
import { handoverOf } from "./received-line.ts";
import { quote } from "./sentence.ts";

/** Whose forward a message in a forward mailbox is. */
export type ForwarderFound =
  /** `attached`: the original hangs on it. `redirected`: the message is the original itself. */
  | { readonly way: "attached" | "redirected"; readonly forwarder: string; readonly because: string }
  | { readonly way: null; readonly because: string };

/** Local delivery agents: the server's own hop into the mailbox, behind the one that tells where the message came from. */
const LOCAL_DELIVERY = /^lmtps?a?$/;

/** Addresses of one message that are looked at. */
const ADDRESSES_READ = 50;

/** Key forms of the addresses of which one may be the forwarder's. */
export function possibleForwarders({ fields, from }: ForwardTrace): string[] {
  const named = REDIRECTORS.flatMap(({ field }) => valuesOf(fields, field).flatMap(addressesIn));
  return [...new Set([...from, ...named].slice(0, ADDRESSES_READ).map(addressKey))];
}

/** Whether it may be anybody's forward: whoever sent it, or the server that handed it over, is proven. */
export function isProven(trace: ForwardTrace, trust: ForwardTrust): boolean {
  const [author] = trace.from;
  return (
    handedOverBy(trace.fields, trust.forwardingServers) !== null || (author !== undefined && provenAuthor(trace, trust, author) !== null)
  );
}

/**
 * Whose forward a message in a forward mailbox is, as far as it is proven. The address of a forward mailbox becomes known, so nothing counts that a stranger
 * can write: the servers named as forwarding must have handed the message over, as the topmost Received field tells, which the receiving server wrote; or
 * that server must have found the author's address genuine. The redirecting server's own trace fields count above the next Received field only: what
 * stands below was in the message when it came there. Pure.
 * @param users key forms of the addresses of the users whose incoming delivery method is Forward Mailbox, of those that may be meant
 */
export function forwarderOf(trace: ForwardTrace, trust: ForwardTrust, users: ReadonlySet<string>): ForwarderFound {
  const handedOver = handedOverBy(trace.fields, trust.forwardingServers);
  const redirector = handedOver === null ? null : redirectedBy(handedOver.above, users);
  if (handedOver !== null && redirector !== null)
    return amongUsers(
      "redirected",
      redirector.address,
      users,
      `${handedOver.because}, and its ${redirector.name} names ${quote(redirector.address)}.`,
    );
  const [author, ...others] = trace.from;
  if (author === undefined || others.length > 0)
    return { way: null, because: "The message in the forward mailbox names no single author." };
  if (handedOver !== null) return amongUsers("attached", author, users, `${handedOver.because}, and it is from ${quote(author)}.`);
  const { authenticationResults: server } = trust;
  const how = provenAuthor(trace, trust, author);
  if (how !== null)
    return amongUsers("attached", author, users, `It is from ${quote(author)}, and ${quote(server ?? "")} found that ${how}.`);
  return { way: null, because: unproven(author, trace, trust) };
}

function amongUsers(way: "attached" | "redirected", forwarder: string, users: ReadonlySet<string>, because: string): ForwarderFound {
  const key = addressKey(forwarder);
  if (users.has(key)) return { way, forwarder: key, because };
  return {
    way: null,
    because: `${because} But ${quote(key)} is no mailbox of a user or queue whose incoming delivery method is Forward Mailbox, so nothing is taken from it.`,
  };
}

function provenAuthor({ fields }: ForwardTrace, { authenticationResults: server }: ForwardTrust, author: string): string | null {
  return server === null ? null : provenBy(valuesOf(fields, "authentication-results"), server, author);
}

interface HandedOver {
  /** Half a sentence. */
  readonly because: string;
  /** The fields above the one that the redirecting server wrote when the message came to it. */
  readonly above: readonly TraceField[];
}

function handedOverBy(fields: readonly TraceField[], servers: readonly string[]): HandedOver | null {
  for (const [index, [name, value]] of fields.entries()) {
    if (name !== "received") continue;
    const { addresses, isLocal, protocol } = handoverOf(value);
    if (LOCAL_DELIVERY.test(protocol ?? "")) continue;
    const clients = isLocal ? ["127.0.0.1"] : addresses;
    const [first] = clients;
    if (first === undefined || !clients.every((one) => liesWithin(one, servers))) return null;
    const next = fields.findIndex(([other], at) => at > index && other === "received");
    return { because: `The forwarding server ${first} handed it over`, above: next < 0 ? fields : fields.slice(0, next) };
  }
  return null;
}

/**
 * Fields in which servers write for whom they redirect a message: Pigeonhole, Gmail, and whoever resends one as RFC 5322 3.6.6 has it. Delivered-To is
 * written for aliases too, on the way to the forward mailbox: there only users count.
 */
const REDIRECTORS = [
  { field: "x-sieve-redirected-from", name: "X-Sieve-Redirected-From", isExplicit: true },
  { field: "resent-from", name: "Resent-From", isExplicit: true },
  { field: "x-forwarded-for", name: "X-Forwarded-For", isExplicit: true },
  { field: "delivered-to", name: "Delivered-To", isExplicit: false },
] as const;

function redirectedBy(
  fields: readonly TraceField[],
  users: ReadonlySet<string>,
): { readonly address: string; readonly name: string } | null {
  for (const { field, name, isExplicit } of REDIRECTORS) {
    const addresses = valuesOf(fields, field).flatMap(addressesIn);
    const address = addresses.find((one) => users.has(addressKey(one))) ?? (isExplicit ? addresses[0] : undefined);
    if (address !== undefined) return { address, name };
  }
  return null;
}

/** Addresses that a trace field holds, each a word of its own, in angle brackets or not. */
function addressesIn(value: string): string[] {
  return value.split(/[\s,<>]+/).filter((word) => word.length <= 320 && /^[^@\s]+@[^@\s]+$/.test(word));
}

function valuesOf(fields: readonly TraceField[], name: string): string[] {
  return fields.flatMap(([other, value]) => (other === name ? [value] : []));
}

function unproven(author: string, { fields }: ForwardTrace, { authenticationResults, forwardingServers }: ForwardTrust): string {
  const who = `Nothing proves that the message is a forward of ${quote(author)}`;
  const server = authenticationResults === null ? null : `${quote(authenticationResults)} did not find ${quote(domainOf(author))} genuine`;
  const [envelope] = valuesOf(fields, "return-path");
  const servers = forwardingServers.length === 0 ? null : "no forwarding server handed it over";
  const why = [server, servers].filter((one) => one !== null).join(", and ");
  return `${who}: ${why === "" ? "nothing is named that proves it" : why}.${envelope === undefined ? "" : ` Its envelope sender is ${quote(envelope)}.`}`;
}
