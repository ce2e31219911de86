/** Longest piece of a stranger's text that a sentence repeats: enough to know it again, too short to flood a table. */
const MAXIMUM_QUOTE = 120;

/** A stranger's or a record's words inside a sentence: on one line, without control characters, cut to a bearable length. */
export function quote(text: string, { longest = MAXIMUM_QUOTE }: { readonly longest?: number } = {}): string {
  const line = text.replace(/[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}]+/gu, " ").trim();
  return line.length <= longest ? line : `${line.slice(0, longest)}…`;
}

/** A moment in UTC to the second; total also for dates that are none. */
export function when(date: Date): string {
  return Number.isNaN(date.getTime()) ? "an unreadable date" : `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** `a`, `a and b`, `a, b and c`; past `most` names only their number is given. */
export function listing(names: readonly string[], most = 5): string {
  const shown = names.length > most ? [...names.slice(0, most), `${names.length - most} more`] : names;
  return shown.length < 2 ? (shown[0] ?? "nobody") : `${shown.slice(0, -1).join(", ")} and ${shown.at(-1)}`;
}

/** A command about an address, ready to be copied; null where the address holds what a shell could read as something else. */
export function commandAbout(address: string, command: (address: string) => string): string | null {
  return /^[a-z0-9](?:[\w.+-]*@)[a-z0-9.-]+$/i.test(address) ? `\`${command(address)}\`` : null;
}
