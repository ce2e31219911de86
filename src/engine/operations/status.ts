import { type Alert, openAlerts } from "../../ledger/alerts.ts";
import { listFolders } from "../../ledger/folders.ts";
import { listMailboxes, type MailboxRow, type ProfileRow, readProfile, type TroubleNote } from "../../ledger/mailboxes.ts";
import { unknownSendings } from "../../ledger/outbox.ts";
import { type TokenFailure, type TokenState, tokenStates } from "../../ledger/tokens.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { EngineContext } from "../context.ts";
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
  /** Weaknesses of the way to its server that an administrator chose. */
  readonly weaknesses: readonly string[];
  /** How its access token stands; null where it signs in with a password. */
  readonly token: TokenStatus | null;
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
  readonly alerts: readonly Alert[];
}

/** How everything stands, from the ledger alone: nothing is connected to. */
export async function status(context: EngineContext, organizations: readonly string[]): Promise<Status> {
  const outcomes = await outcomesByMailbox(context);
  const alerts = await openAlerts(context.database);
  const mailboxes: MailboxStatus[] = [];
  const rows = await listMailboxes(context.database);
  const tokens = await tokensByMailbox(context, rows);
  for (const mailbox of rows) {
    const profile = await readProfile(context.database, mailbox.profile);
    if (profile)
      mailboxes.push({
        ...(await mailboxStatus(context, mailbox, profile, { messages: outcomes.get(mailbox.id), alerts })),
        token: tokens.get(mailbox.id) ?? null,
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
    alerts,
  };
}

async function mailboxStatus(
  context: EngineContext,
  mailbox: MailboxRow,
  profile: ProfileRow,
  { messages, alerts }: { readonly messages: MailboxStatus["messages"] | undefined; readonly alerts: readonly Alert[] },
): Promise<Omit<MailboxStatus, "token">> {
  return {
    address: mailbox.address,
    organization: mailbox.organization,
    profile: mailbox.profile,
    receiving: directionStatus("receive", mailbox, profile),
    sending: directionStatus("send", mailbox, profile),
    emailrouteraccessapproval: mailbox.approval,
    test: testState(mailbox, profile),
    startDate: mailbox.startDate,
    folders: await folderStatus(context, mailbox, alerts),
    messages: messages ?? { tracked: 0, skipped: 0, duplicate: 0, quarantined: 0 },
    weaknesses: weaknessesOf(profile),
  };
}

/** Every folder that is there, and those that are not shown any more and of which somebody is to know. */
async function folderStatus(context: EngineContext, mailbox: MailboxRow, alerts: readonly Alert[]): Promise<FolderStatus[]> {
  const told = new Map(alerts.flatMap((alert) => (alert.scope === "folder" ? [[alert.subject, alert.message] as const] : [])));
  return (await listFolders(context.database, mailbox.id)).flatMap(({ name, stream, messages, notReadBecause, missingSince }) => {
    if (missingSince === null) return [{ name, messages, read: notReadBecause === null, because: notReadBecause }];
    const because = told.get(`${mailbox.id}/${stream}`);
    return because === undefined ? [] : [{ name, messages: null, read: false, because }];
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

async function outcomesByMailbox(context: EngineContext): Promise<Map<string, MailboxStatus["messages"]>> {
  const { rows } = await context.database.query<{ mailboxId: string; outcome: keyof MailboxStatus["messages"]; messages: number }>(
    `select mailbox_id as "mailboxId", outcome, count(*) as messages from waypost.decision group by mailbox_id, outcome`,
  );
  const counts = new Map<string, Record<keyof MailboxStatus["messages"], number>>();
  for (const row of rows) {
    const one = counts.get(row.mailboxId) ?? { tracked: 0, skipped: 0, duplicate: 0, quarantined: 0 };
    one[row.outcome] = row.messages;
    counts.set(row.mailboxId, one);
  }
  return counts;
}
