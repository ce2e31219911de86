/** Longest Message-ID kept: the longest line of a message (RFC 5322 2.1.1). A longer one is no id that a reply could quote. */
export const MESSAGE_ID_LENGTH = 998;

/** References kept, besides the first: the end of the chain finds the parent, its head finds the thread. */
export const REFERENCES_KEPT = 100;

export interface MessageIds {
  readonly ids: readonly string[];
  /** True when a limit left an id out. */
  readonly truncated: boolean;
}

/**
 * The message ids in a Message-ID, In-Reply-To or References value, in order, without angle brackets and without doubles.
 *
 * Blanks inside the brackets are left out: they come from folding, and the program that answers may fold elsewhere. Without any
 * brackets each word that holds an `@` counts, or the first word where none does (RFC 5322 4.5.4 lets In-Reply-To hold phrases).
 */
export function messageIds(value: string): MessageIds {
  const bracketed = [...value.matchAll(/<([^<>]*)>/g)].map((match) => (match[1] ?? "").replace(/\s+/g, ""));
  const found = [...new Set((bracketed.length > 0 ? bracketed : looseIds(value)).filter((id) => id !== ""))];
  const ids = found.filter((id) => id.length <= MESSAGE_ID_LENGTH);
  return { ids, truncated: ids.length < found.length };
}

/** The ids of a References value, the first and the last {@link REFERENCES_KEPT}. */
export function references(value: string): MessageIds {
  const { ids, truncated } = messageIds(value);
  if (ids.length <= REFERENCES_KEPT + 1) return { ids, truncated };
  return { ids: [...ids.slice(0, 1), ...ids.slice(-REFERENCES_KEPT)], truncated: true };
}

function looseIds(value: string): string[] {
  const words = value.split(/[\s,<>]+/).filter((word) => word !== "");
  const likely = words.filter((word) => word.includes("@"));
  return likely.length > 0 ? likely : words.slice(0, 1);
}
