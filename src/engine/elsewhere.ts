/**
 * A mailbox that the CRM's own program works on is left to it: both would make every email twice, and send every email twice. The CRM is asked for all its
 * mailboxes at once, and its answer counts for some minutes.
 */
import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import type { Direction } from "../model/mailbox.ts";
import type { Crm, Elsewhere } from "../ports.ts";
import { asFailure, type EngineContext, type Work } from "./context.ts";
import { ELSEWHERE, noteTrouble } from "./trouble.ts";

/** How long an answer counts. Whoever switches a mailbox on in the CRM meanwhile has both work on it so long. */
const KEPT_MS = 5 * 60_000;

interface Kept {
  readonly until: number;
  readonly mailboxes: Promise<ReadonlyMap<string, Elsewhere>>;
}

const answers = new WeakMap<Crm, Kept>();

/** The refusal of a mailbox, or null where Waypost may work on it. `fresh`: asked now, whatever is known. @throws Failure where the CRM cannot be asked */
export async function workedOnElsewhere(
  { context, work, fresh = false }: { readonly context: EngineContext; readonly work: Work; readonly fresh?: boolean },
  direction: Direction,
): Promise<Failure | null> {
  const { address, organization } = work.mailbox;
  const mailboxes = await mailboxesElsewhere(context.crm(organization), context.now().getTime(), fresh);
  const found = mailboxes.get(addressKey(address))?.[direction];
  return found === undefined
    ? null
    : new Failure({ scope: "mailbox", code: ELSEWHERE, message: found.because, remedy: found.remedy, waitingHelps: false });
}

/** Asks the CRM anew which mailboxes it works on itself: without an answer none of them can be worked on. @throws Failure where it cannot be asked */
export async function askElsewhere(context: EngineContext, organization: string): Promise<void> {
  await mailboxesElsewhere(context.crm(organization), context.now().getTime(), true);
}

/** As `workedOnElsewhere`, before mail is read: what keeps it from being read is noted in the ledger and returned for the command line. */
export async function keptFromReading(context: EngineContext, work: Work): Promise<Failure | null> {
  try {
    const refusal = await workedOnElsewhere({ context, work }, "receive");
    if (refusal !== null) await noteTrouble(context, "receive", work, refusal);
    return refusal;
  } catch (error) {
    await noteTrouble(context, "receive", work, error);
    return asFailure(error, work.mailbox.address);
  }
}

/** The last refusal for this reason still stands in the ledger: there is no use in waiting for news of the mailbox. */
export function wasElsewhere({ mailbox }: Work): boolean {
  return mailbox.receiveError?.code === ELSEWHERE;
}

function mailboxesElsewhere(crm: Crm, now: number, fresh: boolean): Promise<ReadonlyMap<string, Elsewhere>> {
  if (crm.synchronizedElsewhere === undefined) return Promise.resolve(new Map());
  const known = answers.get(crm);
  // A clock that was set back makes nothing last longer.
  if (!fresh && known !== undefined && known.until > now && known.until <= now + KEPT_MS) return known.mailboxes;
  const kept: Kept = { until: now + KEPT_MS, mailboxes: crm.synchronizedElsewhere() };
  answers.set(crm, kept);
  kept.mailboxes.catch(() => {
    // What failed is asked again by the next one; whoever waits for this one is told.
    if (answers.get(crm) === kept) answers.delete(crm);
  });
  return kept.mailboxes;
}
