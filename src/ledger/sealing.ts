/** How secrets are sealed before they are stored (AES-256-GCM), and with which keys. Pure: where keys come from is no matter here. */
import { createCipheriv, createDecipheriv, createHash, randomBytes } from "node:crypto";
import { Failure } from "../model/failure.ts";

const ALGORITHM = "aes-256-gcm";
const KEY_BYTES = 32;
/** NIST SP 800-38D 8.2: 96 bits, random, never used twice with one key. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;

/** One key, and the name by which a sealed secret tells it. */
interface SealingKey {
  readonly id: string;
  readonly key: Buffer;
}

/** The key that seals, first, and those before it, which still open what they sealed. */
export type KeyRing = readonly [SealingKey, ...SealingKey[]];

/** A secret as it is stored. */
export interface Sealed {
  readonly keyId: string;
  readonly nonce: Buffer;
  /** What was sealed, and behind it the tag that shows any change. */
  readonly sealed: Buffer;
}

/** A new key, as people keep it: 32 random bytes in base64. */
export function newKey(): string {
  return randomBytes(KEY_BYTES).toString("base64");
}

/** Reads keys separated by commas or white space, the one in use first; null when one of them is no 32 bytes in base64, or there is none. */
export function keyRing(text: string): KeyRing | null {
  const keys = text
    .split(/[\s,]+/)
    .filter((part) => part !== "")
    .map(keyOf);
  const [first, ...others] = keys.filter((one) => one !== null);
  return first === undefined || 1 + others.length < keys.length ? null : [first, ...others];
}

/** Seals a text so that only what has the key, and asks under the same name, can open it. */
export function seal([{ id, key }]: KeyRing, name: string, text: string): Sealed {
  const nonce = randomBytes(NONCE_BYTES);
  const cipher = createCipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES }).setAAD(boundTo(name, id));
  return { keyId: id, nonce, sealed: Buffer.concat([cipher.update(text, "utf8"), cipher.final(), cipher.getAuthTag()]) };
}

/** Opens what was sealed under that name. Throws a Failure `sealed with another key`, or `sealed secret damaged`; neither holds anything of it. */
export function unseal(ring: KeyRing, name: string, { keyId, nonce, sealed }: Sealed): string {
  const key = ring.find((one) => one.id === keyId)?.key;
  if (key === undefined) throw otherKey(name, keyId, ring[0].id);
  try {
    const decipher = createDecipheriv(ALGORITHM, key, nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(boundTo(name, keyId)).setAuthTag(sealed.subarray(-TAG_BYTES));
    return Buffer.concat([decipher.update(sealed.subarray(0, -TAG_BYTES)), decipher.final()]).toString("utf8");
  } catch {
    // Node says no more than that it does not fit.
    throw damaged(name);
  }
}

function keyOf(text: string): SealingKey | null {
  const key = Buffer.from(text, "base64");
  const isWhole = key.length === KEY_BYTES && /^[A-Za-z0-9+/_-]{43}=?$/.test(text);
  // A hash of the key names it and tells nothing of it.
  return isWhole ? { id: createHash("sha256").update("waypost key\0").update(key).digest("hex").slice(0, 16), key } : null;
}

/** Bound to its place: a sealed secret that is copied into another row does not open there. */
function boundTo(name: string, keyId: string): Buffer {
  return Buffer.from(`waypost secret 1\0${name}\0${keyId}`, "utf8");
}

function otherKey(name: string, keyId: string, ours: string): Failure {
  return new Failure({
    scope: "process",
    code: "sealed with another key",
    message: `The secret of ${name} was sealed with the key ${keyId}, and this process has ${ours}.`,
    remedy: "Give all processes the same key (docs/security.md); after a change of keys, the old one behind the new one.",
    waitingHelps: false,
  });
}

function damaged(name: string): Failure {
  return new Failure({
    scope: "process",
    code: "sealed secret damaged",
    message: `The secret of ${name} was changed in the database, or belongs to something else.`,
    remedy: `Restore the database from a backup, or bring a new secret with \`waypost authorize\`.`,
    waitingHelps: false,
  });
}
