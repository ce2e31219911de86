import type { OutgoingEmail } from "../model/email.ts";

/** Ids in a References header: enough for every mail program to thread by, few enough for every server to take. */
export const MAXIMUM_REFERENCES = 20;

/** With its angle brackets an id must fit on one line of 998 characters (RFC 5322 2.1.1); whoever wrote a longer one broke it already. */
const LONGEST_ID = 900;

/** Printable ASCII without the angle brackets that would end the id. */
const MESSAGE_ID = /^[!-;=?-~]+$/;

/**
 * The ids for the References header of an answer, oldest first, without angle brackets: those of the answered email, then its own id
 * (RFC 5322 3.6.4). Of a long chain the first, which names the thread, and the last ones stay. Ids that no header can hold are left
 * out. Empty for an email that answers nothing.
 */
export function referencesFor(email: Pick<OutgoingEmail, "inReplyTo" | "references">): readonly string[] {
  if (email.inReplyTo === null) return [];
  const earlier = new Set(email.references);
  earlier.delete(email.inReplyTo);
  const chain = [...earlier, email.inReplyTo].filter(isMessageId);
  return chain.length <= MAXIMUM_REFERENCES ? chain : [...chain.slice(0, 1), ...chain.slice(1 - MAXIMUM_REFERENCES)];
}

function isMessageId(id: string): boolean {
  return id.length <= LONGEST_ID && MESSAGE_ID.test(id);
}
