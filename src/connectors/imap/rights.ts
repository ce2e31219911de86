/** Access rights to folders (RFC 4314): what somebody may do, for the words about what they may not. */
import type { ImapFlow } from "imapflow";
import { encodePath } from "imapflow/lib/tools.js";
import { z } from "zod";
import { Failure } from "../../model/failure.ts";
import { execute } from "./execute.ts";
import { isRefusal } from "./failures.ts";

/** The rights that Waypost may need, as people call them. */
const NAMES = { l: "see the folder", r: "read", i: "insert", t: "mark as deleted", e: "expunge", d: "delete" } as const;

export type Right = keyof typeof NAMES;

/** Needed to read a folder. */
export const TO_READ: readonly Right[] = ["l", "r"];
/** Needed to file a copy: the folder is searched first. */
export const TO_FILE: readonly Right[] = ["r", "i"];
/**
 * Needed to delete messages: each is looked at before. Where a server knows only the rights of RFC 2086, one letter (d) stands for both marking and
 * expunging (RFC 4314 2.1.1); its letters are told from the others by RIGHTS=, which it does not announce.
 */
export function toDelete({ capabilities }: Pick<ImapFlow, "capabilities">): readonly Right[] {
  return [...capabilities.keys()].some((name) => name.startsWith("RIGHTS=")) ? ["r", "t", "e"] : ["r", "d"];
}

const Answer = z.object({ attributes: z.array(z.object({ value: z.union([z.string(), z.instanceof(Buffer)]).nullish() }).nullable()) });

/** The rights that whoever is signed in has to a folder; null where the server knows no such rights (no ACL). */
export async function rightsOf(client: ImapFlow, path: string): Promise<string | null> {
  if (!client.capabilities.has("ACL")) return null;
  let rights: string | null = null;
  const heard = async (answer: unknown) => {
    const told = Answer.safeParse(answer).data?.attributes[1]?.value;
    rights = told === undefined || told === null ? rights : told.toString();
  };
  try {
    await execute(client, "MYRIGHTS", [{ type: "STRING", value: encodePath(client, path) }], { untagged: { MYRIGHTS: heard } });
  } catch (error) {
    // To somebody without any right a server need not say that there is such a folder (RFC 4314 6).
    if (!isRefusal(error)) throw error;
    return "";
  }
  return rights;
}

/** The failure of somebody who lacks a right to a folder, with the right that is to be granted. */
export function withRights(failure: Failure, path: string, who: string, rights: string | null, needed: readonly Right[]): Failure {
  const { has, lacks } = lackingRights(who, rights, needed);
  return new Failure({
    ...failure,
    message: `${failure.message}${has}`,
    remedy: `Have ${lacks} granted on the folder ${path} (SETACL, RFC 4314).`,
    cause: failure.cause,
  });
}

/** Whether it is known that one of the needed rights is lacking. */
export function isLacking(rights: string | null, needed: readonly Right[]): boolean {
  return rights !== null && needed.some((right) => !rights.includes(right));
}

/** Which of the needed rights are lacking, and who has which. `rights` null: it is not known. */
export function lackingRights(
  who: string,
  rights: string | null,
  needed: readonly Right[],
): { readonly has: string; readonly lacks: string } {
  const missing = needed.filter((right) => !rights?.includes(right));
  const lacks = missing.length > 0 ? missing : needed;
  const named = lacks.map((right) => `${right} (${NAMES[right]})`).join(" and ");
  return {
    has: rights === null ? "" : ` ${who} has ${rights === "" ? "no right" : `only the rights "${rights}"`} there.`,
    lacks: `${lacks.length === 1 ? "the right" : "the rights"} ${named} for ${who}`,
  };
}
