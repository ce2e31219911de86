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

const DELIVERED_TO = "delivered-to";

/** Addresses of one message that are looked at. */
const ADDRESSES_READ = 50;

/** A forward mailbox. */
export interface ForwardSink {
  readonly address: string;
  readonly trust: ForwardTrust;
}

/** Key forms of the addresses of which one may be the forwarder's. */
export function possibleForwarders({ fields, from }: ForwardTrace): string[] {
  const named = fields.flatMap(([field, value]) => (REDIRECTORS.has(field) ? addressesIn(value) : []));
  return [...new Set([...from.slice(0, 1), ...named].slice(0, ADDRESSES_READ).map(addressKey))];
}

/** Whether messages attached to it may be originals: who sent it or handed it over is proven, and it is not itself the message that a user got. */
export function mayHoldOriginals(trace: ForwardTrace, sink: ForwardSink): boolean {
  const handedOver = handedOverBy(trace.fields, sink.trust.forwardingServers);
  if (handedOver !== null) return redirectedBy(handedOver, new Set()) === null;
  const [author] = trace.from;
  return author !== undefined && provenAuthor(trace, sink, author) !== null;
}

/**
 * Whose forward a message in a forward mailbox is, as far as it is proven. The address of a forward mailbox becomes known, so nothing counts that a stranger
 * can write: the servers named as forwarding must have handed the message over, as the topmost Received field tells, which the receiving server wrote; or
 * that server must have found the author's address genuine. The redirecting server's own trace fields count above the next Received field only: what
 * stands below was in the message when it came there. Pure.
 * @param users key forms of the addresses of the users whose incoming delivery method is Forward Mailbox, of those that may be meant
 */
export function forwarderOf(trace: ForwardTrace, sink: ForwardSink, users: ReadonlySet<string>): ForwarderFound {
  const handedOver = handedOverBy(trace.fields, sink.trust.forwardingServers);
  const redirector = handedOver === null ? null : redirectedBy(handedOver, users);
  if (handedOver !== null && redirector !== null) {
    const because = `${handedOver.because}, and its ${redirector.name} names ${quote(redirector.address)}.`;
    if (!handedOver.isBounded)
      return { way: null, because: `${because} But no Received field tells that it was written there, and not by the sender.` };
    return amongUsers("redirected", redirector.address, users, because);
  }
  const [author, ...others] = trace.from;
  if (author === undefined || others.length > 0)
    return { way: null, because: "The message in the forward mailbox names no single author." };
  if (handedOver !== null) return amongUsers("attached", author, users, `${handedOver.because}, and it is from ${quote(author)}.`);
  const how = provenAuthor(trace, sink, author);
  if (how !== null)
    return amongUsers(
      "attached",
      author,
      users,
      `It is from ${quote(author)}, and ${quote(sink.trust.authenticationResults ?? "")} found that ${how}.`,
    );
  return { way: null, because: unproven(author, trace, sink) };
}

function amongUsers(way: "attached" | "redirected", forwarder: string, users: ReadonlySet<string>, because: string): ForwarderFound {
  const key = addressKey(forwarder);
  if (users.has(key)) return { way, forwarder: key, because };
  return {
    way: null,
    because: `${because} But ${quote(key)} is no mailbox of a user or queue whose incoming delivery method is Forward Mailbox, so nothing is taken from it.`,
  };
}

interface HandedOver {
  /** Half a sentence. */
  readonly because: string;
  /** What the receiving server wrote above that. */
  readonly receiving: readonly TraceField[];
  /** What the forwarding server wrote after the message had come to it. */
  readonly forwarding: readonly TraceField[];
  /** The forwarding server wrote also that the message had come to it, so that nothing in `forwarding` is from somebody else. */
  readonly isBounded: boolean;
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
    return {
      because: `The forwarding server ${first} handed it over`,
      receiving: fields.slice(0, index),
      forwarding: fields.slice(index + 1, next < 0 ? undefined : next),
      isBounded: next >= 0,
    };
  }
  return null;
}

/**
 * Fields in which servers write for whom they redirect a message: Pigeonhole, Gmail, whoever resends one as RFC 5322 3.6.6 has it, and servers that deliver
 * to an address and find that it stands for another one.
 */
const REDIRECTORS: ReadonlyMap<string, string> = new Map([
  ["x-sieve-redirected-from", "X-Sieve-Redirected-From"],
  ["resent-from", "Resent-From"],
  ["x-forwarded-for", "X-Forwarded-For"],
  [DELIVERED_TO, "Delivered-To"],
]);

/** The topmost that names anybody: servers write above what the message holds. */
function redirectedBy(
  { receiving, forwarding }: HandedOver,
  users: ReadonlySet<string>,
): { readonly address: string; readonly name: string } | null {
  const isUser = (address: string) => users.has(addressKey(address));
  for (const [index, [field, value]] of [...receiving, ...forwarding].entries()) {
    const name = REDIRECTORS.get(field);
    if (name === undefined) continue;
    const addresses = addressesIn(value);
    // The receiving server writes so of the forward mailbox itself, and of its aliases.
    const countsAnybody = field !== DELIVERED_TO || index >= receiving.length;
    const address = addresses.find(isUser) ?? (countsAnybody ? addresses[0] : undefined);
    if (address !== undefined) return { address, name };
  }
  return null;
}

function provenAuthor(
  trace: ForwardTrace,
  { address, trust: { authenticationResults: server } }: ForwardSink,
  author: string,
): string | null {
  if (server === null || !isAddressedTo(trace, address)) return null;
  return provenBy(valuesOf(trace.fields, "authentication-results"), server, author);
}

/** What a user signed and sent to somebody, that one can send on as it is: then it is addressed otherwise. */
function isAddressedTo({ to }: ForwardTrace, address: string): boolean {
  return to.some((one) => addressKey(one) === addressKey(address));
}

/** Addresses that a trace field holds, each a word of its own, in angle brackets or not. */
function addressesIn(value: string): string[] {
  return value.split(/[\s,<>]+/).filter((word) => word.length <= 320 && /^[^@\s]+@[^@\s]+$/.test(word));
}

function valuesOf(fields: readonly TraceField[], name: string): string[] {
  return fields.flatMap(([other, value]) => (other === name ? [value] : []));
}

function unproven(
  author: string,
  trace: ForwardTrace,
  { address, trust: { authenticationResults, forwardingServers } }: ForwardSink,
): string {
  const who = `Nothing proves that the message is a forward of ${quote(author)}`;
  const server =
    authenticationResults === null
      ? null
      : isAddressedTo(trace, address)
        ? `${quote(authenticationResults)} did not find ${quote(domainOf(author))} genuine`
        : `it is not addressed to ${quote(address)}`;
  const [envelope] = valuesOf(trace.fields, "return-path");
  const servers = forwardingServers.length === 0 ? null : "no forwarding server handed it over";
  const why = [server, servers].filter((one) => one !== null).join(", and ");
  return `${who}: ${why === "" ? "nothing is named that proves it" : why}.${envelope === undefined ? "" : ` Its envelope sender is ${quote(envelope)}.`}`;
}
