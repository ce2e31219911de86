/**
 * Whose trouble is it when a server refuses a service account that signs in for many mailboxes: the account's, so that none of them can be
 * reached, or that of one mailbox, whose user the server does not know or does not give to the account? Most servers say the same to both
 * (RFC 5530 AUTHENTICATIONFAILED: "unwilling to elaborate"). What they say to the same account for another mailbox tells.
 */

/** How many other mailboxes are tried: one more may be unknown to the server, and each refusal counts where servers lock out. */
const TRIED = 2;

interface SignsIn<Secret> {
  current(): Promise<Secret>;
}

/** One for each server: those that are refused at the same moment get one answer. */
export class Witnesses<Secret> {
  #asked: Promise<boolean> | null = null;

  /**
   * Whether the server accepts the account for one of some other mailboxes, chosen by chance, so that whichever cannot speak for it is not asked
   * each time. `accepts` signs in and says whether that worked.
   */
  speakFor(others: readonly SignsIn<Secret>[], accepts: (secret: Secret) => Promise<boolean>): Promise<boolean> {
    this.#asked ??= ask(chosen(others), accepts).finally(() => {
      this.#asked = null;
    });
    return this.#asked;
  }
}

async function ask<Secret>(witnesses: readonly SignsIn<Secret>[], accepts: (secret: Secret) => Promise<boolean>): Promise<boolean> {
  for (const witness of witnesses) if (await accepts(await witness.current())) return true;
  return false;
}

function chosen<T>(list: readonly T[]): readonly T[] {
  const left = [...list];
  return Array.from({ length: Math.min(TRIED, left.length) }, () => left.splice(Math.floor(Math.random() * left.length), 1)).flat();
}

/** How to find out, on behalf of one mailbox, what the server thinks of the service account itself. */
export interface Asking<Credentials> {
  readonly witnesses: Witnesses<Credentials>;
  /** Whether it is signed in with these. */
  readonly accepts: (credentials: Credentials) => Promise<boolean>;
}
