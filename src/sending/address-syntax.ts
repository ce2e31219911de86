/** Octets (RFC 5321 4.5.3.1): the path of 256 with its angle brackets, the local part, the domain. */
const LONGEST_ADDRESS = 254;
const LONGEST_LOCAL = 64;
const LONGEST_DOMAIN = 253;

/**
 * Anything but white space, control characters and the specials. Dots are taken wherever they stand: mobile carriers have given out
 * addresses like `a..b@` and their servers take mail for them.
 */
const DOT_STRING = /^[^\p{Cc}\p{Z}()<>[\]:;@\\,"]+$/u;
/** A quoted local part (RFC 5321 4.1.2) without angle brackets, which would end the path for a careless server. */
const QUOTED = /^"(?:[^\p{Cc}"\\<>]|\\[^\p{Cc}<>])+"$/u;
const LABEL = /^[\p{L}\p{N}](?:[\p{L}\p{M}\p{N}_-]{0,61}[\p{L}\p{M}\p{N}])?$/u;
const LITERAL = /^\[(?:\d{1,3}(?:\.\d{1,3}){3}|IPv6:[0-9a-f:.]+)\]$/i;

/** A line break smuggles a header or a command. */
export function hasLineBreak(text: string): boolean {
  return /[\r\n\u0085\u2028\u2029]/u.test(text);
}

/** Whether a mail system can be given the address at all (RFC 5321 4.1.2, internationalized RFC 6531 3.3). */
export function isSendable(address: string): boolean {
  const at = address.lastIndexOf("@");
  const local = address.slice(0, Math.max(0, at));
  const domain = address.slice(at + 1);
  if (at < 1 || octets(address) > LONGEST_ADDRESS || octets(local) > LONGEST_LOCAL) return false;
  return (DOT_STRING.test(local) || QUOTED.test(local)) && isDomain(domain);
}

function isDomain(domain: string): boolean {
  if (LITERAL.test(domain)) return true;
  return octets(domain) <= LONGEST_DOMAIN && domain.split(".").every((label) => LABEL.test(label));
}

/** A local part outside ASCII needs SMTPUTF8 (RFC 6531); an international domain has an ASCII form. */
export function needsSmtpUtf8(address: string): boolean {
  return /[^\p{ASCII}]/u.test(address.slice(0, address.lastIndexOf("@")));
}

function octets(text: string): number {
  return Buffer.byteLength(text);
}
