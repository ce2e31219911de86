/** Summary of the sample traffic: the last line of `waypost demo --once`. */
export interface DemoSummary {
  /** Messages decided about: the sum of tracked, skipped, duplicate and quarantined. */
  readonly received: number;
  readonly tracked: number;
  readonly skipped: number;
  /** The same message in a second mailbox: one email, not two. */
  readonly duplicate: number;
  /** Emails that the mail server accepted. */
  readonly sent: number;
  readonly quarantined: number;
  /** From the start of the command. */
  readonly seconds: number;
}

/** What the sample traffic leads to when everything works (traffic.ts). */
export const EXPECTED = { received: 5, tracked: 3, skipped: 1, duplicate: 1, sent: 2, quarantined: 0 } as const satisfies Omit<
  DemoSummary,
  "seconds"
>;

/** Everything arrived, and was decided as it should be. */
export function isComplete({ seconds: _, ...found }: DemoSummary): boolean {
  return (Object.keys(EXPECTED) as (keyof typeof EXPECTED)[]).every((name) => found[name] === EXPECTED[name]);
}
