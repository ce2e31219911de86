/** Names, addresses and hosts that people entered in Dynamics: foreign text, of which only what is understood becomes configuration. */

const LONGEST_NAME = 100;
const LONGEST_FILE_NAME = 80;
const LONGEST_USERNAME = 250;

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for.
const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: a line end would end a comment, and what follows would be configuration.
const CONTROLS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\ufeff]+/g;

/** On one line, and not longer than a name of the configuration may be; empty where nothing is left. */
export function oneLine(text: string, longest = LONGEST_NAME): string {
  return text.replace(CONTROLS, " ").trim().slice(0, longest).toWellFormed().trim();
}

/** An address as the configuration takes it; null where it is none. */
export function usableAddress(text: string | null): string | null {
  const address = text?.trim() ?? "";
  const isAddress = address.length <= 200 && /^[^\s@<>,;]+@[^\s@<>,;]+$/.test(address);
  return isAddress && isPlain(address) ? address : null;
}

/** A user name as it is; null where it holds what no mail server takes. */
export function usableUsername(text: string | null): string | null {
  return text !== null && text !== "" && text.length <= LONGEST_USERNAME && isPlain(text) ? text : null;
}

/** An id of an application or a directory as the configuration takes it. */
export function usableId(text: string | null): string | null {
  return text !== null && text.length <= 300 && /^[\w-]+(?:\.[\w-]+)*$/.test(text) ? text : null;
}

/** The host of a location, which is a host name, `host:port` or the address of a web service; null where there is none to be seen. */
export function hostOf(location: string | null): string | null {
  if (location === null || !isPlain(location)) return null;
  const withScheme = location.includes("://") ? location : `https://${location}`;
  if (!URL.canParse(withScheme)) return null;
  const { hostname } = new URL(withScheme);
  // Schemes that are not those of the web keep what they were given.
  const host = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return host.length <= 253 && /^(?:[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?|[0-9a-f:]*:[0-9a-f:.]*)$/u.test(host) ? host : null;
}

/** Hands out names of which none comes twice, in whatever letters. */
export class UniqueNames {
  readonly #taken: Set<string>;

  constructor(taken: Iterable<string> = []) {
    this.#taken = new Set([...taken].map((one) => one.trim().toLowerCase()));
  }

  /** `wanted`, or with a number behind it. */
  take(wanted: string, longest = LONGEST_NAME): string {
    for (let number = 1; ; number++) {
      const suffix = number === 1 ? "" : ` ${number}`;
      const name = `${wanted
        .slice(0, longest - suffix.length)
        .toWellFormed()
        .trim()}${suffix}`;
      if (this.#taken.has(name.toLowerCase())) continue;
      this.#taken.add(name.toLowerCase());
      return name;
    }
  }
}

/** A name for a file that every system takes and that leads out of no folder. */
export function fileName(text: string): string {
  const plain = text
    .toLowerCase()
    .replace(/[^a-z0-9@._-]+/g, "-")
    .slice(0, LONGEST_FILE_NAME)
    .replace(/^[.-]+|[.-]+$/g, "");
  // Windows keeps names like con and nul for devices, with whatever behind a dot.
  return plain === "" || /^(?:con|prn|aux|nul|com\d|lpt\d)(?:\.|$)/.test(plain) ? `secret-${plain}`.replace(/-$/, "") : plain;
}

function isPlain(text: string): boolean {
  return !CONTROL.test(text) && text.isWellFormed();
}
