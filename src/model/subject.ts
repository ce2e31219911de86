/** Longer subjects are compared by their beginning; no honest subject is longer (RFC 5322 2.1.1). */
const COMPARED = 998;

/** `[External]`, `[list-name]`: what gateways and lists write before a subject. */
const TAG = String.raw`\[[^\]]{0,80}\]`;

/** `Re:`, `AW:`, `Fwd[2]:`, `回复：`, `External:`: any short word with a colon, as mail programs of all languages mark answers and forwards. */
const MARK = String.raw`\p{L}{1,8}(?:[\[(]\d{1,3}[\])])?\s?[:：]`;

const LEADING_MARKS = new RegExp(`^(?:\\s*(?:${TAG}|${MARK}))+`, "u");

/**
 * Words that mark a forwarded message in common mail programs (English, German, French, Spanish, Portuguese, Italian, Dutch, Swedish, Finnish,
 * Danish, Polish, Hungarian, Turkish, Chinese, Japanese). `VS` is missing: it forwards in Danish and answers in Finnish.
 */
const FORWARD_WORDS = "fw|fwd|wg|tr|rv|enc|i|doorst|vb|vl|pd|tov|[iİ]lt|转发|轉寄|転送";
const FORWARDED = new RegExp(`^(?:\\s*${TAG})*\\s*(?:${FORWARD_WORDS})(?:[\\[(]\\d{1,3}[\\])])?\\s?[:：]`, "iu");

/** Whether the first mark of a subject is a forward mark: `Fwd: Re: x` is a forward, `Re: Fwd: x` an answer. */
export function isForward(subject: string): boolean {
  return FORWARDED.test(subject.slice(0, COMPARED));
}

/** Subjects that agree up to here may differ behind it: stores cut them, none before this. */
export const NEVER_CUT_BEFORE = 150;

/** Whether two copies of one message can have these subjects: equal but for what a gateway wrote before one, or a store cut off. */
export function isSameSubject(a: string, b: string): boolean {
  const [shorter = "", longer = ""] = [baseSubject(a, []), baseSubject(b, [])].sort((x, y) => x.length - y.length);
  return shorter === longer || (shorter.length >= NEVER_CUT_BEFORE && longer.startsWith(shorter));
}

/** A subject without the marks before it and the tracking tokens in it, in the form in which two of them are compared. */
export function baseSubject(subject: string, tokens: readonly string[]): string {
  let bare = subject.slice(0, COMPARED).toLowerCase();
  for (const token of tokens) bare = bare.replaceAll(token.toLowerCase(), " ");
  return bare.replace(LEADING_MARKS, "").replace(/\s+/g, " ").trim();
}
