/** First wait after a failure, and the longest one. A password that is mended recovers within the longest wait, without a click. */
const FIRST_WAIT_SECONDS = 15;
const LONGEST_WAIT_SECONDS = 15 * 60;

/** When to try again after so many failures in a row (1 for the first): doubling, capped, and never before what the server asked for. */
export function nextTry(failures: number, now: Date, notBefore?: Date): Date {
  const seconds = Math.min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** Math.min(Math.max(failures - 1, 0), 16));
  return new Date(Math.max(now.getTime() + seconds * 1000, notBefore?.getTime() ?? 0));
}
