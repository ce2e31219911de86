/** How many deletions at once are too many to be believed. */
export interface DeletionLimit {
  /** Of all pairs of the mailbox and kind, 0 to 1. */
  readonly share: number;
  /** So many are never too many: of three items two may go. */
  readonly always: number;
}

/**
 * Whether the deletions of one round stop until a person has looked at them: a server that lost its data, a filter that somebody emptied and a right that was taken
 * away all look like many deletions.
 */
export function isMassDeletion(deletions: number, pairs: number, { share, always }: DeletionLimit): boolean {
  return deletions > always && deletions > pairs * share;
}
