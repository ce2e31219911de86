import { getDomain } from "tldts";
import type { MailProtocol, Settings } from "./found.ts";

/** RFC 1035 2.3.4, in characters without the dot at the end. */
const LONGEST_NAME = 253;
const LABEL = /^[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?$/;

/** A host name in lower case and ASCII, without the dot at the end; null where it is none, or an address. */
export function hostName(text: string): string | null {
  const name = asciiOf(text.trim().replace(/\.$/, ""));
  if (name === null || name.length > LONGEST_NAME || /^[\d.]+$/.test(name)) return null;
  return name.split(".").every((label) => LABEL.test(label)) ? name : null;
}

function asciiOf(text: string): string | null {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: what is outside ASCII is looked for.
  if (/^[\u0000-\u007f]*$/.test(text)) return text.toLowerCase();
  // The URL parser knows internationalized names (UTS 46); it takes no more than a host here.
  if (/[/?#@:\\[\]\s%]/.test(text)) return null;
  return URL.canParse(`https://${text}`) ? new URL(`https://${text}`).hostname : null;
}

/** The domain of a mail address in ASCII, or null when it is no address with a domain that can have servers. */
export function domainOf(address: string): string | null {
  const at = address.lastIndexOf("@");
  return at > 0 ? hostName(address.slice(at + 1)) : null;
}

/** Whether the host is the domain or lies below it: then the owner of the domain has it in hand. */
export function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`);
}

/** Whether both belong to the same registered domain, as the public suffix list knows them. */
export function isSameOwner(one: string, other: string): boolean {
  return one === other || (registeredDomain(one) !== null && registeredDomain(one) === registeredDomain(other));
}

/** `example.co.uk` for `mx1.mail.example.co.uk`; null for a public suffix. */
export function registeredDomain(host: string): string | null {
  return getDomain(host, { allowPrivateDomains: true });
}

/**
 * The domains under which a mail exchanger's operator may publish settings: its name without the first label, and its registered domain. Never a
 * public suffix: whoever registers `autoconfig.co.uk` would be asked about everybody's mail.
 */
export function operatorDomains(exchanger: string): readonly string[] {
  const registered = registeredDomain(exchanger);
  if (registered === null) return [];
  const parent = exchanger.split(".").slice(1).join(".");
  return [...new Set([...(isWithin(parent, registered) ? [parent] : []), registered])];
}

/** User names longer than this are nobody's. */
const LONGEST_USERNAME = 320;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f]/;

/** The placeholders of autoconfig filled in; null where one is left that the address does not answer. */
export function filledIn(text: string, address: string): string | null {
  const at = address.lastIndexOf("@");
  const values: Readonly<Record<string, string>> = {
    EMAILADDRESS: address,
    EMAILLOCALPART: address.slice(0, at),
    EMAILDOMAIN: address.slice(at + 1),
  };
  const parts = text.split(/%([A-Z0-9_]+)%/);
  const filled = parts.map((part, index) => (index % 2 === 0 ? part : values[part]));
  return filled.includes(undefined) ? null : filled.join("");
}

/** A user name as it can be used, or null. */
export function usernameOf(text: string, address: string): string | null {
  const name = filledIn(text.trim(), address);
  return name === null || name === "" || name.length > LONGEST_USERNAME || CONTROL.test(name) ? null : name;
}

export function portOf(text: string | number): number | null {
  const port = typeof text === "number" ? text : /^\s*\d{1,5}\s*$/.test(text) ? Number(text) : 0;
  return Number.isInteger(port) && port >= 1 && port <= 65_535 ? port : null;
}

/** RFC 8314 section 3: the ports of each protocol with TLS from the first byte, and with STARTTLS. */
export const STANDARD_PORTS: Readonly<Record<MailProtocol, Readonly<Record<"tls" | "starttls", number>>>> = {
  imap: { tls: 993, starttls: 143 },
  pop3: { tls: 995, starttls: 110 },
  smtp: { tls: 465, starttls: 587 },
};

/** The same server, whoever names it. */
export function serverKey({ protocol, host, port, security }: Settings): string {
  return `${protocol} ${host} ${port} ${security}`;
}
