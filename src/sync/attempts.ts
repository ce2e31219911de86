import { type Fields, otherSide, type Side } from "../model/item.ts";

/**
 * The fields that were written on a side when nobody was told what came of it. It is noted before a write is tried, and taken away when the outcome is known. What such
 * a field holds there may be what the side made of the write, so that the side from which it came wins: else a text that was shortened would come back as somebody's edit.
 */
export type Attempts = Readonly<Record<Side, readonly string[]>>;

export const NO_ATTEMPTS: Attempts = { crm: [], server: [] };

/** Before a write. What it takes from the other side was read there just now, whatever was once tried to be written there. */
export function trying(attempts: Attempts, on: Side, fields: Fields): Attempts {
  const open = [...new Set([...attempts[on], ...Object.keys(fields)])];
  const read = without(attempts[otherSide(on)], fields);
  return on === "crm" ? { crm: open, server: read } : { crm: read, server: open };
}

/** After a write that was kept: of its fields it is known what the side has. */
export function known(attempts: Attempts, on: Side, fields: Fields): Attempts {
  return { ...attempts, [on]: without(attempts[on], fields) };
}

/** Whose value of a field is taken, where both sides have edited it. */
export function winnerWith(attempts: Attempts, winner: Side): (field: string) => Side {
  return (field) => (attempts[winner].includes(field) ? otherSide(winner) : winner);
}

function without(names: readonly string[], fields: Fields): string[] {
  return names.filter((name) => !Object.hasOwn(fields, name));
}
