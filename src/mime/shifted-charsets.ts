const ESCAPE = 0x1b;
const SHIFT_OUT = 0x0e;
const SHIFT_IN = 0x0f;
const LINE_FEED = 0x0a;
const TILDE = 0x7e;
const OPENS = 0x7b;
const CLOSES = 0x7d;

/**
 * ISO-2022-KR (RFC 1557) as the same text in EUC-KR: Korean letters stand in seven bits between SO and SI, and a line begins without. Each byte
 * becomes at most one.
 */
export function fromIso2022Kr(bytes: Uint8Array): Buffer {
  const plain = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let shifted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const byte = bytes[at] ?? 0;
    // The announcement of the set: ESC $ ) C.
    if (byte === ESCAPE && bytes[at + 1] === 0x24 && bytes[at + 2] === 0x29 && bytes[at + 3] === 0x43) at += 3;
    else if (byte === SHIFT_OUT || byte === SHIFT_IN) shifted = byte === SHIFT_OUT;
    else {
      if (byte === LINE_FEED) shifted = false;
      plain[length++] = shifted && byte > 0x20 ? byte | 0x80 : byte;
    }
  }
  return plain.subarray(0, length);
}

/** HZ (RFC 1843) as the same text in GBK: Chinese letters stand in seven bits between `~{` and `~}`; `~~` is a tilde, and one at the end of a line joins it to the next. */
export function fromHz(bytes: Uint8Array): Buffer {
  const plain = Buffer.allocUnsafe(bytes.length);
  let length = 0;
  let shifted = false;
  for (let at = 0; at < bytes.length; at += 1) {
    const [byte = 0, next] = [bytes[at], bytes[at + 1]];
    const isSign = byte === TILDE && (shifted ? next === CLOSES : next === OPENS || next === TILDE || next === LINE_FEED);
    if (isSign) {
      at += 1;
      if (next === TILDE) plain[length++] = TILDE;
      else if (next !== LINE_FEED) shifted = next === OPENS;
      continue;
    }
    if (byte === LINE_FEED) shifted = false;
    plain[length++] = shifted && byte > 0x20 ? byte | 0x80 : byte;
  }
  return plain.subarray(0, length);
}
