import { MAXIMUM_KEYWORDS } from "./limits.ts";

/** The system flags that a client may set (RFC 3501 2.3.2). `\Recent` is the server's own and never set by this one. */
export const SYSTEM_FLAGS = ["\\Answered", "\\Flagged", "\\Deleted", "\\Seen", "\\Draft"] as const;

const canonical = new Map<string, string>(SYSTEM_FLAGS.map((flag) => [flag.toLowerCase(), flag]));

/** RFC 3501 section 9, `flag-keyword`: an atom. */
const KEYWORD = /^[!#$&'+,\-./0-9:;<=>?@A-Z[^_`a-z|}~]+$/;

/** The flag as this server spells it; null for a system flag that no client may set and for what is no flag. Keywords stay as they are. */
export function canonicalFlag(flag: string): string | null {
  if (!flag.startsWith("\\")) return KEYWORD.test(flag) ? flag : null;
  return canonical.get(flag.toLowerCase()) ?? null;
}

export type FlagChange = "replace" | "add" | "remove";

/** The flags after a change; keywords are compared without regard to case (RFC 9051 2.3.2). Keywords over the limit are left out. */
export function changedFlags(before: ReadonlySet<string>, change: FlagChange, flags: readonly string[]): ReadonlySet<string> {
  const byKey = new Map<string, string>();
  if (change !== "replace") for (const flag of before) byKey.set(flag.toLowerCase(), flag);
  for (const flag of flags) {
    const key = flag.toLowerCase();
    if (change === "remove") byKey.delete(key);
    else if (!byKey.has(key) && byKey.size < MAXIMUM_KEYWORDS + SYSTEM_FLAGS.length) byKey.set(key, flag);
  }
  return new Set(byKey.values());
}

/** Whether the message has the flag, in whatever case it is asked for. */
export function hasFlag(flags: ReadonlySet<string>, flag: string): boolean {
  if (flags.has(flag)) return true;
  const key = flag.toLowerCase();
  for (const candidate of flags) if (candidate.toLowerCase() === key) return true;
  return false;
}

export function sameFlags(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  return left.size === right.size && [...left].every((flag) => right.has(flag));
}
