import type { MailboxRow } from "../ledger/mailboxes.ts";

/**
 * Who works on which server: mailboxes of one profile at a time, so that a server that is slow, or holds its connections for ever, takes only its
 * own share of the workers of this process. How many connections it is asked for is another matter, and counted over all processes.
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
  async work(mailbox: Pick<MailboxRow, "id" | "profile">, work: () => Promise<void>): Promise<void> {
    const { id, profile } = mailbox;
    const busy = this.#busy.get(profile) ?? 0;
    if (busy >= this.#share) {
      this.#waiting.set(profile, (this.#waiting.get(profile) ?? new Set()).add(id));
      return;
    }
    this.#busy.set(profile, busy + 1);
    try {
      await work();
    } finally {
      this.#busy.set(profile, (this.#busy.get(profile) ?? 1) - 1);
      this.#next(profile);
    }
  }

  /** Whether a mailbox of the profile waits for a share. */
  isWanted(profile: string): boolean {
    return (this.#waiting.get(profile)?.size ?? 0) > 0;
  }

  #next(profile: string): void {
    const waiting = this.#waiting.get(profile);
    const [next] = waiting ?? [];
    if (!waiting || next === undefined) return;
    waiting.delete(next);
    this.#wake(next);
  }
}
