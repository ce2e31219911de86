import { createHash, randomBytes } from "node:crypto";

/** How long a one-time link works. */
export const LINK_LIFETIME = 60 * 60 * 1000;
/** How long a reader stays signed in. */
export const SESSION_LIFETIME = 12 * 60 * 60 * 1000;

/**
 * One-time links and the sessions they open, in this process's memory: a restart signs everybody out. Keys are random, 256 bits, and
 * only their hashes are kept, so that neither a dump of the memory nor the time a look-up takes tells one.
 */
export class SignIn {
  readonly #now: () => number;
  /** Ends by hash of the key. */
  readonly #links = new Map<string, number>();
  readonly #sessions = new Map<string, number>();

  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** The key of a new link. */
  offer(): string {
    return this.#add(this.#links, LINK_LIFETIME);
  }

  /** Whether {@link enter} would take the key. Uses nothing up: programs that look at mail open every link. */
  opens(linkKey: string): boolean {
    return this.#isAlive(this.#links, linkKey);
  }

  /** Uses the link up. Returns the key of a new session, or null when the link was used, is too old, or was never given. */
  enter(linkKey: string): string | null {
    if (!this.#isAlive(this.#links, linkKey)) return null;
    this.#links.delete(hash(linkKey));
    return this.#add(this.#sessions, SESSION_LIFETIME);
  }

  isSignedIn(sessionKey: string | undefined): boolean {
    return sessionKey !== undefined && this.#isAlive(this.#sessions, sessionKey);
  }

  leave(sessionKey: string): void {
    this.#sessions.delete(hash(sessionKey));
  }

  #isAlive(keys: ReadonlyMap<string, number>, key: string): boolean {
    return (keys.get(hash(key)) ?? 0) > this.#now();
  }

  #add(keys: Map<string, number>, lifetime: number): string {
    for (const [old, end] of keys) if (end <= this.#now()) keys.delete(old);
    const key = randomBytes(32).toString("base64url");
    keys.set(hash(key), this.#now() + lifetime);
    return key;
  }
}

function hash(key: string): string {
  return createHash("sha256").update(key).digest("base64url");
}
