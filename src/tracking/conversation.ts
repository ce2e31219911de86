/** The head of a conversation index: one reserved byte, five of a date, sixteen of a GUID (MS-OXOMSG 2.2.1.3). Answers append to it. */
const BASE_BYTES = 22;
/** 22 bytes take thirty base64 characters and two of padding. */
const BASE_CHARACTERS = 30;
/** White space that folding may have left in; more of it is no index. */
const LOOKED_AT = 200;

/**
 * What all messages of an Outlook conversation share: the first 22 bytes of the conversation index (Thread-Index), as base64 with
 * padding. Null when there is none or it is too short or not base64.
 */
export function conversationBase(index: string | null): string | null {
  if (index === null) return null;
  const text = index.slice(0, LOOKED_AT).replace(/\s+/g, "").slice(0, BASE_CHARACTERS);
  if (text.length < BASE_CHARACTERS || !/^[A-Za-z0-9+/]+$/.test(text)) return null;
  return Buffer.from(text, "base64").subarray(0, BASE_BYTES).toString("base64");
}
