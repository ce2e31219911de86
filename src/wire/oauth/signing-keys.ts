/** The public keys with which an authorization server signs (RFC 7517), kept and fetched anew when they change. */
import type { JsonWebKey } from "node:crypto";
import { z } from "zod";

/** Milliseconds after which the set is fetched anew, and before which no token, however strange, makes it be fetched again. */
const KEPT = 60 * 60 * 1000;
const SHORTEST_INTERVAL = 30 * 1000;
/** Keys of one set that are looked at. */
const MOST_KEYS = 50;

const keySet = z.object({ keys: z.array(z.looseObject({ kty: z.string(), kid: z.string().optional() })).max(MOST_KEYS) });

/** Where a set comes from: its JSON as text. */
export type LoadKeys = () => Promise<string>;

export class SigningKeys {
  readonly #load: LoadKeys;
  readonly #now: () => number;
  #keys: readonly JsonWebKey[] = [];
  #triedAt = Number.NEGATIVE_INFINITY;
  #loadedAt = Number.NEGATIVE_INFINITY;
  #loading: Promise<void> | null = null;

  constructor(load: LoadKeys, now: () => number = Date.now) {
    this.#load = load;
    this.#now = now;
  }

  /**
   * The keys with that id, or all where the token names none, of those that `fits`. The set is loaded at first, when it is an hour old, and when it has no
   * such key; at most every half minute. Throws what loading throws where there is no set at all.
   */
  async find(id: string | undefined, fits: (key: JsonWebKey) => boolean): Promise<readonly JsonWebKey[]> {
    const matching = () => this.#keys.filter((key) => (id === undefined || key.kid === id) && fits(key));
    const now = this.#now();
    const isMissing = matching().length === 0;
    if ((isMissing || now - this.#loadedAt > KEPT) && this.#loading === null && now - this.#triedAt > SHORTEST_INTERVAL) {
      this.#loading = this.#reload().finally(() => {
        this.#loading = null;
      });
      // Who has a key does not wait for newer ones, nor fails with them: what was published an hour ago is still better than nothing.
      this.#loading.catch(() => undefined);
    }
    if (!isMissing) return matching();
    try {
      await this.#loading;
    } catch (error) {
      if (this.#loadedAt === Number.NEGATIVE_INFINITY) {
        this.#triedAt = Number.NEGATIVE_INFINITY;
        throw error;
      }
    }
    return matching();
  }

  async #reload(): Promise<void> {
    this.#triedAt = this.#now();
    this.#keys = keySet.parse(JSON.parse(await this.#load())).keys;
    this.#loadedAt = this.#now();
  }
}
