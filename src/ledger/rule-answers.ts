import { hash } from "node:crypto";
import type { RuleAnswer } from "../model/decision.ts";

/** An answer as a decision holds it: whole, or the id of one that is kept once for all decisions. */
export type StoredAnswer = Omit<RuleAnswer, "isGeneral"> | string;

/** An answer that is kept once. */
export interface KeptAnswer {
  readonly id: string;
  readonly answer: Omit<RuleAnswer, "isGeneral">;
}

/** Characters of an id: 96 bits of the SHA-256, so that no two answers share one. */
const ID_LENGTH = 16;

/** General answers differ by settings only; more than so many texts are not to be remembered. */
const REMEMBERED = 1000;

/** Ids of general answers by their text: to hash them anew for each message would cost more than to write them. */
const idsByText = new Map<string, string>();

/** How the answers of a decision are stored; general ones are added to `kept`, by id. */
export function storedAnswers(rules: readonly RuleAnswer[], kept: Map<string, KeptAnswer>): StoredAnswer[] {
  return rules.map(({ isGeneral, ...answer }) => {
    if (isGeneral !== true) return answer;
    const id = idOf(JSON.stringify(answer));
    if (!kept.has(id)) kept.set(id, { id, answer });
    return id;
  });
}

function idOf(text: string): string {
  const known = idsByText.get(text);
  if (known !== undefined) return known;
  const id = hash("sha256", text, "base64url").slice(0, ID_LENGTH);
  if (idsByText.size >= REMEMBERED) idsByText.clear();
  idsByText.set(text, id);
  return id;
}
