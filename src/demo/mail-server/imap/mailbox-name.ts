/**
 * Folder paths on the wire are modified UTF-7 (RFC 3501 5.1.3): printable ASCII as it is, `&` as `&-`, everything else as
 * UTF-16BE in a base64 with `,` for `/`.
 */
export function encodeMailboxName(path: string): string {
  return path.replace(/&|[^ -~]+/g, (run) => {
    if (run === "&") return "&-";
    const base64 = Buffer.from(run, "utf16le").swap16().toString("base64");
    return `&${base64.replace(/=+$/, "").replaceAll("/", ",")}-`;
  });
}

/** The path, or null when the text is not modified UTF-7. */
export function decodeMailboxName(wire: string): string | null {
  if (/[^ -~]/.test(wire)) return null;
  let broken = false;
  const path = wire.replace(/&([^-]*)(-?)/g, (_whole, base64: string, closed: string) => {
    if (closed === "") broken = true;
    if (base64 === "") return "&";
    const bytes = Buffer.from(base64.replaceAll(",", "/"), "base64");
    if (!/^[A-Za-z0-9+,]+$/.test(base64) || bytes.length % 2 !== 0 || bytes.length === 0) {
      broken = true;
      return "";
    }
    return bytes.swap16().toString("utf16le");
  });
  return broken || !path.isWellFormed() ? null : path;
}

/** Whether a path fits a LIST pattern: `*` stands for anything, `%` for anything within one level (RFC 3501 6.3.8). */
export function matchesPattern(path: string, pattern: string, delimiter: string): boolean {
  // Row by row instead of a regular expression: many stars in a row would make that one backtrack.
  let reachable: boolean[] = [true, ...Array<boolean>(path.length).fill(false)];
  for (const symbol of pattern) {
    const next = Array<boolean>(path.length + 1).fill(false);
    for (let at = 0; at <= path.length; at++) {
      const before = path.charAt(at - 1);
      if (symbol === "*" || symbol === "%") {
        const extends_ = at > 0 && next[at - 1] === true && (symbol === "*" || before !== delimiter);
        next[at] = reachable[at] === true || extends_;
      } else {
        next[at] = at > 0 && reachable[at - 1] === true && before === symbol;
      }
    }
    reachable = next;
  }
  return reachable[path.length] === true;
}
