import type { MailboxRow, ProfileRow } from "../ledger/mailboxes.ts";

/**
 * Who works on which server: mailboxes of one profile at a time, so that a server that is slow, or holds its connections for ever, takes only its
 * own share of the workers, and is not asked for more connections than it gives (`maxconcurrentconnections`).
 */
export class ProfileSlots {
  readonly #share: number;
  readonly #busy = new Map<string, number>();
  readonly #waiting = new Map<string, Set<string>>();
  readonly #wake: (mailboxId: string) => void;

  /** `share`: mailboxes of one profile that may be in work at a time. `wake` is called for a mailbox that had to wait, when there is room. */
  constructor(share: number, wake: (mailboxId: string) => void) {
    this.#share = share;
    this.#wake = wake;
  }

  /** Does the work if the profile has room; else the mailbox waits for it, and is woken then. */
  async work(
    mailbox: Pick<MailboxRow, "id">,
    profile: Pick<ProfileRow, "name" | "maxConcurrentConnections">,
    work: () => Promise<void>,
  ): Promise<void> {
    const busy = this.#busy.get(profile.name) ?? 0;
    if (busy >= Math.min(this.#share, profile.maxConcurrentConnections)) {
      this.#waiting.set(profile.name, (this.#waiting.get(profile.name) ?? new Set()).add(mailbox.id));
      return;
    }
    this.#busy.set(profile.name, busy + 1);
    try {
      await work();
    } finally {
      this.#busy.set(profile.name, (this.#busy.get(profile.name) ?? 1) - 1);
      this.#next(profile.name);
    }
  }

  #next(profile: string): void {
    const waiting = this.#waiting.get(profile);
    const [next] = waiting ?? [];
    if (!waiting || next === undefined) return;
    waiting.delete(next);
    this.#wake(next);
  }
}
