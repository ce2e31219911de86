import { type Alert, openAlerts } from "../../ledger/alerts.ts";
import {
  type Capacity,
  isAnyWatching,
  type LearnedLimit,
  listLearnedLimits,
  listWatches,
  readCapacities,
} from "../../ledger/connections.ts";
import { countDecisions, NO_DECISIONS } from "../../ledger/decision-counts.ts";
import { countDeletions, type DeletionCount } from "../../ledger/deletions.ts";
import { type FolderRow, foldersByMailbox } from "../../ledger/folders.ts";
import { listMailboxes, type MailboxRow, type ProfileRow, readProfiles, type TroubleNote } from "../../ledger/mailboxes.ts";
import { unknownSendings } from "../../ledger/outbox.ts";
import { type TokenFailure, type TokenState, tokenStates } from "../../ledger/tokens.ts";
import type { Direction } from "../../model/mailbox.ts";
import { whyNotWatchedNow } from "../connections/why-not-watched.ts";
import type { EngineContext, Work } from "../context.ts";
import { type Opening, openingWords } from "../opening.ts";
import { whyNot } from "../why-not.ts";
import { type TestState, testState } from "./test-state.ts";

export interface DirectionStatus {
  /** `works`: the last run was good. `new`: there was none yet. `failing`: tried again at `next`. `off`: not touched, see `because`. */
  readonly state: "works" | "new" | "failing" | "off";
  readonly because: string | null;
  readonly lastSuccess: Date | null;
  readonly next: Date | null;
  readonly error: TroubleNote | null;
}

export interface FolderStatus {
  readonly name: string;
  readonly messages: number | null;
  readonly read: boolean;
  /** Why it is not read. */
  readonly because: string | null;
  /** What people should know of it as the mail system keeps it. */
  readonly remark: string | null;
}

export interface MailboxStatus {
  readonly address: string;
  readonly organization: string;
  readonly profile: string;
  readonly receiving: DirectionStatus;
  readonly sending: DirectionStatus;
  /** `emailrouteraccessapproval`: 0 Empty, 1 Approved, 2 Pending Approval, 3 Rejected. */
  readonly emailrouteraccessapproval: number;
  readonly test: TestState;
  readonly startDate: Date;
  readonly folders: readonly FolderStatus[];
  readonly messages: Readonly<Record<"tracked" | "skipped" | "duplicate" | "quarantined", number>>;
  /** What was deleted of processed messages; null where nothing is and nothing was. */
  readonly deleting: DeletingStatus | null;
  /** Why nobody waits on its server for new mail, which is then found by the slow pull alone; null when somebody does, or it receives none. */
  readonly notWatchedBecause: string | null;
  /** Weaknesses of the way to its server that an administrator chose. */
  readonly weaknesses: readonly string[];
  /** How it is opened on its server; null in a direction for which its profile has no server. */
  readonly opened: Readonly<Record<"receiving" | "sending", MailboxOpening | null>>;
  /** How its access token stands; null where it signs in with a password. */
  readonly token: TokenStatus | null;
}

export interface DeletingStatus {
  /** Since when what is processed is deleted; null: not any more. */
  readonly since: Date | null;
  readonly deleted: number;
  readonly lastAt: Date | null;
  /** Messages that stay because their content is not proven to be in the CRM: `explain` names the reason of each. */
  readonly kept: number;
}

export interface MailboxOpening extends Opening {
  /** The same for people: "as ann, with its own password". */
  readonly words: string;
}

export interface TokenStatus {
  /** `missing`: nobody authorized it yet. `failing`: the last try to renew it failed, see `error`. */
  readonly state: "valid" | "missing" | "failing";
  /** When the token at hand expires; it is renewed by itself before, unless it is not `renewable`. */
  readonly expiresAt: Date | null;
  readonly renewable: boolean;
  readonly authorizedAt: Date | null;
  readonly error: TokenFailure | null;
}

export interface Status {
  readonly mailboxes: readonly MailboxStatus[];
  readonly pendingEmails: number;
  readonly unknownEmails: readonly {
    readonly emailId: string;
    readonly messageId: string;
    readonly since: Date;
    readonly note: string | null;
  }[];
  readonly quarantined: number;
  /** What mail servers taught by refusing connections for their number: fewer are opened there for a while than the server profile allows. */
  readonly limits: readonly LearnedLimit[];
  readonly alerts: readonly Alert[];
}

/** How everything stands, from the ledger alone: nothing is connected to. */
export async function status(context: EngineContext, organizations: readonly string[]): Promise<Status> {
  const { database } = context;
  const outcomes = await countDecisions(database);
  const profiles = new Map((await readProfiles(database)).map((one) => [one.name, one]));
  const folders = await foldersByMailbox(database);
  const watched = new Set((await listWatches(database)).map((one) => one.mailboxId));
  const watching = {
    isWatching: await isAnyWatching(database, await database.presence.living()),
    capacities: await readCapacities(database, context.now()),
  };
  const mailboxes: MailboxStatus[] = [];
  const alerts = await openAlerts(database);
  const rows = await listMailboxes(database);
  const tokens = await tokensByMailbox(context, rows);
  const deletions = await countDeletions(database);
  for (const mailbox of rows) {
    const { id } = mailbox;
    const profile = profiles.get(mailbox.profile);
    if (!profile) continue;
    const notWatchedBecause = watched.has(id) ? null : whyNotWatched(context, { mailbox, profile }, watching);
    mailboxes.push({
      ...mailboxStatus(mailbox, profile, { folders: folders.get(id) ?? [], alerts, messages: outcomes.get(id) ?? NO_DECISIONS }),
      deleting: deletingStatus(mailbox, deletions.get(id)),
      notWatchedBecause,
      opened: {
        receiving: profile.incoming === null || !mailbox.inFile ? null : openingOf(context, mailbox, "receive"),
        sending: profile.outgoing === null || !mailbox.inFile ? null : openingOf(context, mailbox, "send"),
      },
      token: tokens.get(id) ?? null,
    });
  }
  let pendingEmails = 0;
  for (const organization of organizations) {
    for (const sender of await context.crm(organization).pendingSenders(context.now())) pendingEmails += sender.emails;
  }
  const unknown = await unknownSendings(context.database);
  return {
    mailboxes,
    pendingEmails,
    unknownEmails: unknown.map((row) => ({ emailId: row.emailId, messageId: row.messageId, since: row.changedAt, note: row.response })),
    quarantined: mailboxes.reduce((sum, one) => sum + one.messages.quarantined, 0),
    limits: await listLearnedLimits(database, context.now()),
    alerts,
  };
}

function openingOf(context: EngineContext, mailbox: MailboxRow, direction: Direction): MailboxOpening {
  const opening = context.opening(mailbox, direction);
  return { ...opening, words: openingWords(opening) };
}

function whyNotWatched(
  context: EngineContext,
  { mailbox, profile }: Work,
  { isWatching, capacities }: { readonly isWatching: boolean; readonly capacities: readonly Capacity[] },
): string | null {
  if (whyNot("receive", mailbox, profile) !== null) return null;
  if (!context.mailSystem(profile).capabilities.push)
    return "Its mail system tells nobody of new mail: it is found when the mailbox is read next.";
  if (!isWatching)
    return "No running service waits for new mail: it is found when the mailbox is read next. With `waypost serve` it is found at once.";
  return whyNotWatchedNow(context.connections.wantedBy({ mailbox, profile }, "watch"), capacities);
}

function mailboxStatus(
  mailbox: MailboxRow,
  profile: ProfileRow,
  {
    folders,
    alerts,
    messages,
  }: { readonly folders: readonly FolderRow[]; readonly alerts: readonly Alert[]; readonly messages: MailboxStatus["messages"] },
): Omit<MailboxStatus, "token" | "notWatchedBecause" | "deleting" | "opened"> {
  return {
    address: mailbox.address,
    organization: mailbox.organization,
    profile: mailbox.profile,
    receiving: directionStatus("receive", mailbox, profile),
    sending: directionStatus("send", mailbox, profile),
    emailrouteraccessapproval: mailbox.approval,
    test: testState(mailbox, profile),
    startDate: mailbox.startDate,
    folders: folderStatus(mailbox, folders, alerts),
    messages,
    weaknesses: mailbox.inFile ? weaknessesOf(profile) : [],
  };
}

/** Every folder that is there, and those that are not shown any more and of which somebody is to know. */
function folderStatus(mailbox: MailboxRow, folders: readonly FolderRow[], alerts: readonly Alert[]): FolderStatus[] {
  const told = new Map(alerts.flatMap((alert) => (alert.scope === "folder" ? [[alert.subject, alert.message] as const] : [])));
  return folders.flatMap(({ name, stream, messages, notReadBecause, missingSince, remark }) => {
    if (missingSince === null) return [{ name, messages, read: notReadBecause === null, because: notReadBecause, remark }];
    const because = told.get(`${mailbox.id}/${stream}`);
    return because === undefined ? [] : [{ name, messages: null, read: false, because, remark: null }];
  });
}

function directionStatus(direction: Direction, mailbox: MailboxRow, profile: ProfileRow): DirectionStatus {
  const off = whyNot(direction, mailbox, profile);
  const lastSuccess = direction === "receive" ? mailbox.receivedAt : mailbox.sentAt;
  const error = direction === "receive" ? mailbox.receiveError : mailbox.sendError;
  const next = direction === "receive" ? mailbox.receiveDueAt : mailbox.sendNotBefore;
  if (off !== null) return { state: "off", because: off, lastSuccess, next: null, error: null };
  if (error !== null) return { state: "failing", because: error.message, lastSuccess, next, error };
  return { state: lastSuccess === null ? "new" : "works", because: null, lastSuccess, next, error: null };
}

function deletingStatus({ deleteSince }: MailboxRow, count: DeletionCount | undefined): DeletingStatus | null {
  if (count === undefined) return null;
  const { deleted, lastAt, kept } = count;
  return { since: deleteSince, deleted, lastAt, kept };
}

function weaknessesOf(profile: ProfileRow): string[] {
  return (["incoming", "outgoing"] as const).flatMap((direction) => {
    const endpoint = profile[direction];
    if (endpoint === null) return [];
    return [
      ...(endpoint.security === "none" ? [`${direction}: passwords and mail travel in plain text`] : []),
      ...(endpoint.security !== "none" && !endpoint.verifyCertificate ? [`${direction}: the server's certificate is not verified`] : []),
    ];
  });
}

async function tokensByMailbox(
  { database, authorizations }: EngineContext,
  rows: readonly MailboxRow[],
): Promise<Map<string, TokenStatus>> {
  const names = new Map(
    rows.flatMap(({ id, address }) => [authorizations.tokenName(address)].flatMap((name) => (name === null ? [] : [[id, name]]))),
  );
  const states = new Map((await tokenStates(database, [...new Set(names.values())])).map((one) => [one.name, one]));
  return new Map([...names].map(([id, name]) => [id, tokenStatus(states.get(name))]));
}

function tokenStatus(known: TokenState | undefined): TokenStatus {
  if (known === undefined) return { state: "missing", expiresAt: null, renewable: false, authorizedAt: null, error: null };
  const { failure, version, expiresAt, renewable, authorizedAt } = known;
  return { state: failure !== null ? "failing" : version === 0 ? "missing" : "valid", expiresAt, renewable, authorizedAt, error: failure };
}
