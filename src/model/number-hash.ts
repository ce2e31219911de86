import { hash } from "node:crypto";

/** The first 64 bits of a text's SHA-256, as a decimal number with a sign: what fits into a `bigint` of the database. */
export function numberHash(text: string): string {
  return BigInt.asIntN(64, BigInt(`0x${hash("sha256", text.toWellFormed()).slice(0, 16)}`)).toString();
}
