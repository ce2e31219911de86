const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;
const OURS = /^([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})\.([1-9]\d{0,8})\.waypost@[^@\s<>]+$/i;

/** Reserved for names that are none (RFC 2606 2): better than a Message-ID that a server refuses. */
const NO_DOMAIN = "waypost.invalid";

export interface SentIdentity {
  readonly emailId: string;
  readonly generation: number;
}

/**
 * The Message-ID of an email, without angle brackets: the same for each attempt of one press of Send and another for the next
 * (invariant 8). `domain` is the sender's; it goes out in ASCII (RFC 5322 3.6.4). Throws RangeError for an id that is no UUID or a
 * generation that is no positive integer of at most nine digits: such an id could not be read back.
 */
export function messageIdFor(emailId: string, generation: number, domain: string): string {
  const id = `${emailId.toLowerCase()}.${generation}.waypost@${inAscii(domain) ?? NO_DOMAIN}`;
  if (!UUID.test(emailId) || !OURS.test(id)) throw new RangeError(`No Message-ID can be made of ${emailId} and generation ${generation}`);
  return id;
}

/** The email and generation that a Message-ID of messageIdFor was made from; null for anybody else's. */
export function parseMessageId(messageId: string): SentIdentity | null {
  const match = OURS.exec(messageId);
  const [, emailId, generation] = match ?? [];
  return emailId === undefined || generation === undefined ? null : { emailId: emailId.toLowerCase(), generation: Number(generation) };
}

/** A domain with its international labels in their ASCII form, or null when it is none. */
function inAscii(domain: string): string | null {
  const name = /^[\p{L}\p{M}\p{N}._-]+$/u.test(domain) ? URL.parse(`http://${domain}`)?.hostname : undefined;
  return name === undefined || name === "" ? null : name;
}
