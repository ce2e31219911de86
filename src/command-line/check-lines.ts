import type { CheckEvent } from "../engine/operations/check.ts";
import type { Json } from "./json.ts";
import { checkEventLines } from "./print.ts";

/**
 * Writes what happens while mailboxes are tested side by side: one mailbox after the other, the first of them as it goes, and the lines of the others
 * when it is their turn.
 */
export function checkWriter(write: (lines: readonly string[]) => void): (event: Json<CheckEvent>) => void {
  /** Lines held back by mailbox, in the order in which the mailboxes were begun; the first of them is shown as it goes. */
  const begun = new Map<string, string[]>();
  const done = new Set<string>();
  return (event) => {
    const held = begun.get(event.mailbox) ?? [];
    begun.set(event.mailbox, held);
    held.push(...checkEventLines(event));
    if ("done" in event) done.add(event.mailbox);
    for (const [mailbox, lines] of begun) {
      if (lines.length > 0) write(lines.splice(0));
      if (!done.has(mailbox)) break;
      begun.delete(mailbox);
    }
  };
}
