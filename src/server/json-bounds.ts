/** Levels of arrays and objects in a body; rows within rows have a limit of their own. */
const MOST_LEVELS = 100;
/** Values of a body, members and properties of all levels: four times the properties of the most parties that an email may have. */
const MOST_VALUES = 100_000;

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
/** `[` and `{`, `]` and `}`. */
const OPENS = new Set([0x5b, 0x7b]);
const CLOSES = new Set([0x5d, 0x7d]);

/**
 * Why JSON would make more of its bytes than anybody should have to hold or walk through: more levels than a stack takes, more values than can be handed over without
 * keeping others waiting. Null: it may be read. Looks at each byte once, past texts at the speed of memory.
 */
export function problemOfBounds(bytes: Uint8Array): string | null {
  let [levels, values] = [0, 1];
  for (let at = 0; at < bytes.length; at++) {
    const one = bytes[at];
    if (one === QUOTE) {
      at = endOfText(bytes, at + 1);
    } else if (one === COMMA || (one !== undefined && OPENS.has(one))) {
      values += 1;
      if (values > MOST_VALUES) return `it holds more than ${MOST_VALUES} values`;
      if (one !== COMMA && ++levels > MOST_LEVELS) return `it is nested more than ${MOST_LEVELS} levels deep`;
    } else if (one !== undefined && CLOSES.has(one)) {
      levels -= 1;
    }
  }
  return null;
}

/** Where the quotation mark stands that ends the text. */
function endOfText(bytes: Uint8Array, from: number): number {
  for (let at = bytes.indexOf(QUOTE, from); at >= 0; at = bytes.indexOf(QUOTE, at + 1)) {
    let backslashes = 0;
    while (at - backslashes > from && bytes[at - 1 - backslashes] === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at;
  }
  return bytes.length;
}
