/** What the mail servers say to an access token that has just come. */
import type { AuthorizedMailbox } from "../engine/authorizations.ts";
import { askedToWait, connectionForCheck, NO_CONNECTION_FREE, PATIENCE_SECONDS } from "../engine/connections/for-check.ts";
import { asFailure, type EngineContext, type Work } from "../engine/context.ts";
import { whyNotTested } from "../engine/why-not.ts";
import { type MailboxRow, type ProfileRow, readProfiles } from "../ledger/mailboxes.ts";
import type { Direction } from "../model/mailbox.ts";
import type { Credentials } from "../ports.ts";
import { OAUTH_TROUBLES } from "../wire/oauth/failures.ts";

/** Mailboxes of a shared token that are tried at once after it came; the others show in their next run. */
const TRIED = 10;
const DIRECTIONS = ["receive", "send"] as const;

export interface TriedMailbox extends AuthorizedMailbox {
  readonly code?: string | undefined;
}

/** A mailbox that may be signed in to, or why it may not. */
type Plan = (Work & { readonly direction: Direction }) | { readonly mailbox: MailboxRow; readonly because: string };

/** How long it may take, all mailboxes together. */
interface Bounds {
  readonly signal: AbortSignal;
  /** By the clock of `performance`: until then connections that are free are waited for. */
  readonly until: number;
}

/** Signs in to the first few mailboxes, one after the other; those that Waypost may not touch come last, and are not touched here either. */
export async function tryMailboxes(
  context: EngineContext,
  rows: readonly MailboxRow[],
  credentialsFor: (username: string) => Credentials,
  signal: AbortSignal,
): Promise<TriedMailbox[]> {
  const profiles = new Map((await readProfiles(context.database)).map((one) => [one.name, one]));
  const plans = rows.map((row) => planFor(row, profiles.get(row.profile), context.now()));
  const chosen = plans.toSorted((one, other) => Number("because" in one) - Number("because" in other)).slice(0, TRIED);
  const bounds = { signal, until: performance.now() + PATIENCE_SECONDS * 1000 };
  const tried: TriedMailbox[] = [];
  for (const plan of chosen) {
    const { address, username } = plan.mailbox;
    tried.push("because" in plan ? notTried(address, plan.because) : await tryMailbox(context, plan, credentialsFor(username), bounds));
  }
  return tried;
}

/** Pure. */
function planFor(mailbox: MailboxRow, profile: ProfileRow | undefined, now: Date): Plan {
  if (profile === undefined) return { mailbox, because: "It has no server to try." };
  const against = DIRECTIONS.map((direction) => ({ direction, because: whyNotSignedIn(direction, mailbox, profile) }));
  const free = against.find((one) => one.because === null);
  if (free !== undefined) {
    // A time that the sign-in service named is over with the new token.
    const isOfServer = !OAUTH_TROUBLES.includes(mailbox.receiveError?.code ?? "");
    const asked = isOfServer ? askedToWait(mailbox, free.direction, now) : null;
    return asked === null ? { mailbox, profile, direction: free.direction } : { mailbox, because: asked.message };
  }
  const main = profile.incoming === null ? "send" : "receive";
  return { mailbox, because: against.find((one) => one.direction === main)?.because ?? "" };
}

function whyNotSignedIn(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): string | null {
  const because = whyNotTested(direction, mailbox, profile);
  if (because !== null) return because;
  const endpoint = direction === "receive" ? profile.incoming : profile.outgoing;
  return endpoint?.authentication === "none" ? `Nobody signs in to ${endpoint.host}.` : null;
}

/** Signs in with the new token; the mailbox's other trouble is for `waypost check`. */
async function tryMailbox(
  context: EngineContext,
  { direction, ...work }: Work & { readonly direction: Direction },
  credentials: Credentials,
  { signal, until }: Bounds,
): Promise<TriedMailbox> {
  const { address } = work.mailbox;
  if (signal.aborted) return notTried(address, "The command was interrupted before.");
  const patience = Math.max(1, Math.round((until - performance.now()) / 1000));
  try {
    await using _ = await connectionForCheck(context, work, direction, patience, signal);
    for await (const step of context.mailSystem(work.profile).check({ address, credentials }, direction)) {
      if (step.result === "failed") return failed(address, step);
      if (signal.aborted) return notTried(address, "The command was interrupted meanwhile.");
    }
    return { mailbox: address, result: "ok", message: "The mail server accepts the access token." };
  } catch (error) {
    const failure = asFailure(error, address);
    if (failure.code !== NO_CONNECTION_FREE) return failed(address, failure);
    return notTried(address, signal.aborted ? "The command was interrupted before." : failure.message);
  }
}

type Trouble = Pick<TriedMailbox, "code" | "message" | "serverSaid" | "remedy">;

function failed(mailbox: string, { code, message, serverSaid, remedy }: Trouble): TriedMailbox {
  return { mailbox, result: "failed", code, message, serverSaid, remedy };
}

function notTried(mailbox: string, because: string): TriedMailbox {
  return { mailbox, result: "not tried", message: `Not tried. ${because}` };
}
