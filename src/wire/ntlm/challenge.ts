/** Bytes of a message that are looked at; Windows' own have a few hundred. */
const LARGEST_MESSAGE = 8 * 1024;
const SIGNATURE = "NTLMSSP\0";

export const FLAGS = {
  unicode: 0x0000_0001,
  requestTarget: 0x0000_0004,
  ntlm: 0x0000_0200,
  alwaysSign: 0x0000_8000,
  extendedSessionSecurity: 0x0008_0000,
  targetInfo: 0x0080_0000,
  version: 0x0200_0000,
  keyOf128: 0x2000_0000,
} as const;

/** MS-NLMP 2.2.2.1. */
export const PAIRS = { end: 0, flags: 6, timestamp: 7, targetName: 9, channelBindings: 10 } as const;

/** What the server says of itself: kind and value, as they came. */
export interface Pair {
  readonly kind: number;
  readonly value: Buffer;
}

/** The server's question (CHALLENGE_MESSAGE, MS-NLMP 2.2.1.2). */
export interface Challenge {
  readonly flags: number;
  /** 8 bytes. */
  readonly nonce: Buffer;
  readonly pairs: readonly Pair[];
  /** As it came: what is answered is sealed with it. */
  readonly message: Buffer;
}

/** Null where it is no such message, or one that cannot be read to its end. Foreign bytes: nothing outside of them is looked at. */
export function readChallenge(message: Buffer): Challenge | null {
  if (message.length < 48 || message.length > LARGEST_MESSAGE) return null;
  if (message.toString("latin1", 0, 8) !== SIGNATURE || message.readUInt32LE(8) !== 2) return null;
  const [length, offset] = [message.readUInt16LE(40), message.readUInt32LE(44)];
  if (offset + length > message.length) return null;
  const pairs = pairsIn(message.subarray(offset, offset + length));
  return pairs === null ? null : { flags: message.readUInt32LE(20), nonce: message.subarray(24, 32), pairs, message };
}

function pairsIn(info: Buffer): readonly Pair[] | null {
  const pairs: Pair[] = [];
  for (let at = 0; at + 4 <= info.length; ) {
    const [kind, length] = [info.readUInt16LE(at), info.readUInt16LE(at + 2)];
    if (kind === PAIRS.end) return pairs;
    if (at + 4 + length > info.length) return null;
    pairs.push({ kind, value: info.subarray(at + 4, at + 4 + length) });
    at += 4 + length;
  }
  return info.length === 0 ? pairs : null;
}

/** The message with which a client begins (NEGOTIATE_MESSAGE, MS-NLMP 2.2.1.1). Names neither machine nor domain. */
export function negotiateMessage(): Buffer {
  const message = Buffer.alloc(40);
  message.write(SIGNATURE, 0, "latin1");
  message.writeUInt32LE(1, 8);
  message.writeUInt32LE(OURS, 12);
  VERSION.copy(message, 32);
  return message;
}

const { unicode, requestTarget, ntlm, alwaysSign, extendedSessionSecurity, targetInfo, version, keyOf128 } = FLAGS;
export const OURS = unicode | requestTarget | ntlm | alwaysSign | extendedSessionSecurity | targetInfo | version | keyOf128;

/** MS-NLMP 2.2.2.10: for the eyes of people who debug; the last byte is the revision of NTLM. */
export const VERSION = Buffer.from([10, 0, 0, 0, 0, 0, 0, 15]);
