/** What can be said against an envelope before anything is sent. Pure. */
import { domainToASCII } from "node:url";
import type { Envelope, RecipientRefusal, Submission } from "../../ports.ts";
import type { ContentFacts } from "./content.ts";
import type { Extensions } from "./extensions.ts";

export type Refused = Extract<Submission, { kind: "refused" }>;

/** RFC 5321 4.5.3.1.3: 256 octets for a path, less the angle brackets. */
const MAXIMUM_ADDRESS = 254;
/** What would end a command line or a path, or be read differently by two machines. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused.
const UNSAFE = /[\u0000-\u001f\u007f-\u00a0<>\u2028\u2029]/;
/** RFC 5321 4.1.2: a space stands in a quoted local part only. */
const BARE_SPACE = /^(?!"[^@]*"@[^ ]*$).* /;

/** Why these addresses cannot be put into SMTP commands, or null. An empty sender is the null path of RFC 5321 4.5.5. */
export function envelopeRefusal({ from, recipients }: Envelope): Refused | null {
  const bad = recipients.filter((address) => !fits(address));
  if (from !== "" && !fits(from)) {
    return refusal(`The sender address ${JSON.stringify(from)} cannot be used in SMTP.`);
  }
  if (recipients.length === 0) {
    return refusal("The message has no recipients.");
  }
  const response = `Cannot be used in SMTP: ${bad.map((address) => JSON.stringify(address)).join(", ")}.`;
  const refused: readonly RecipientRefusal[] = bad.map((address) => ({ address, permanent: true, response }));
  return bad.length === 0 ? null : refusal(response, refused);
}

function fits(address: string): boolean {
  const at = address.lastIndexOf("@");
  return (
    at > 0 &&
    at < address.length - 1 &&
    address.isWellFormed() &&
    !UNSAFE.test(address) &&
    !BARE_SPACE.test(address) &&
    Buffer.byteLength(address) <= MAXIMUM_ADDRESS
  );
}

/** Some address needs SMTPUTF8 (RFC 6531), or its composer says that a header does. */
export function needsSmtpUtf8({ from, recipients, needsSmtpUtf8 }: Envelope): boolean {
  return needsSmtpUtf8 || [from, ...recipients].some(isInternational);
}

/** Why this server cannot take the message, from what it said in EHLO; null when it can. */
export function unsuitable(server: string, extensions: Extensions, envelope: Envelope, content: ContentFacts): Refused | null {
  const { limit } = extensions.size;
  if (limit !== null && content.size > limit) {
    return refusal(`The message has ${content.size} bytes and ${server} takes at most ${limit}.`);
  }
  if (needsSmtpUtf8(envelope) && !extensions.smtpUtf8) {
    const addresses = [envelope.from, ...envelope.recipients].filter(isInternational).join(", ");
    return refusal(`${server} cannot send to or from international addresses (SMTPUTF8)${addresses === "" ? "" : `: ${addresses}`}.`);
  }
  if (content.eightBit && !extensions.eightBitMime) {
    return refusal(`The message holds 8-bit text and ${server} takes only 7-bit (no 8BITMIME).`);
  }
  return null;
}

function isInternational(address: string): boolean {
  return /[\u0080-\uffff]/.test(wireAddress(address));
}

/** The address as it stands in a command: an international domain in its ASCII form, which every server takes (RFC 5891); the local part has none. */
export function wireAddress(address: string): string {
  const at = address.lastIndexOf("@");
  const domain = address.slice(at + 1);
  const local = address.slice(0, at + 1);
  // With an international local part SMTPUTF8 is needed anyway, and the address stays as people write it.
  if (!/[\u0080-\uffff]/.test(domain) || /[\u0080-\uffff]/.test(local)) return address;
  return local + (domainToASCII(domain) || domain);
}

function refusal(response: string, refused: readonly RecipientRefusal[] = []): Refused {
  return { kind: "refused", permanent: true, response, refused };
}
