import { addressKey } from "../model/address.ts";
import type { ForwardTrust } from "../model/forwarded.ts";
import type { Direction, Endpoint, FolderChoice, Mailbox, MailboxOwner, ServerProfile } from "../model/mailbox.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { type ApprovalInFile, type ApprovalSource, approvalOf, knownAddresses } from "./approvals.ts";
import { ownerOf, type StoredOwner } from "./mailbox-owner.ts";
import { forgetTestsOfChangedMailboxes, forgetTestsOfChangedProfiles, type TestStatus } from "./mailbox-tests.ts";
import { reviveUnfinished, type Unfinished } from "./unfinished.ts";

/** Delivery methods of a mailbox (product-behaviour 3.3), as far as Waypost acts on them. */
export const METHOD = { none: 0, waypost: 2, forwardMailbox: 3 } as const;

/** A mailbox as an administrator describes it. */
export interface MailboxSetting {
  readonly id: string;
  readonly organization: string;
  readonly address: string;
  readonly profile: string;
  readonly owner: MailboxOwner;
  readonly username: string;
  /** `forward mailbox`: it is not read itself; a rule forwards its mail to one. */
  readonly incoming: boolean | "forward mailbox";
  readonly outgoing: boolean;
  readonly active: boolean;
  readonly approvedInFile: ApprovalInFile;
  /** False: mailboxes of its kind are worked on whatever their approval is. */
  readonly approvalRequired: boolean;
  /** A direction is worked on only once its test has passed. */
  readonly requireTest: boolean;
  /** Null: the moment at which the mailbox is first stored. */
  readonly readFrom: Date | null;
  /** Delete from it what is in the CRM (`processanddeleteemails`); never for a user's mailbox. */
  readonly deleteAfterProcessing: boolean;
  /** Of a forward mailbox; left out: nothing proves who forwarded a message. */
  readonly forwardTrust?: ForwardTrust | null;
}

/** A mailbox with its state in both directions. */
export interface MailboxRow extends Mailbox {
  readonly incomingMethod: number;
  readonly outgoingMethod: number;
  readonly approval: number;
  readonly approvalRequired: boolean;
  readonly approvalSource: ApprovalSource;
  readonly active: boolean;
  /** Stands in the configuration; one that was taken out is inactive, and its history stays. */
  readonly inFile: boolean;
  readonly requireTest: boolean;
  readonly incomingStatus: TestStatus;
  readonly outgoingStatus: TestStatus;
  readonly actStatus: TestStatus;
  readonly enabledForIncoming: boolean;
  readonly enabledForOutgoing: boolean;
  /** When the last test ended. */
  readonly testedAt: Date | null;
  /** What is processed from then on is deleted from the mailbox; null: nothing is. */
  readonly deleteSince: Date | null;
  /** What proves who forwarded a message to a forward mailbox; null for all others. */
  readonly forwardTrust: ForwardTrust | null;
  /** Where reading it goes on that gave way to others, but for its folders, which have cursors; null: nothing did. */
  readonly unfinished: Unfinished | null;
  /** When it was last compared with the CRM to the end, or else first stored. */
  readonly auditedAt: Date;
  readonly receiveDueAt: Date;
  /** The mail system asked to be left alone until then. */
  readonly receiveNotBefore: Date | null;
  readonly receiveFailures: number;
  readonly receivedAt: Date | null;
  readonly receiveError: TroubleNote | null;
  readonly sendFailures: number;
  readonly sendNotBefore: Date | null;
  readonly sentAt: Date | null;
  readonly sendError: TroubleNote | null;
}

/** The last failure of one direction, for `status`. */
export interface TroubleNote {
  readonly code: string;
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy: string;
  /** A wake is no reason to try before this: what failed does not mend itself (a password), and tries can lock an account. */
  readonly until?: string | undefined;
}

const COLUMNS = `id, organization, address, profile, owner_type as "ownerType", owner_id as "ownerId", owner_address as "ownerAddress", username, incoming_method as "incomingMethod",
  outgoing_method as "outgoingMethod", approval, approval_required as "approvalRequired", approval_source as "approvalSource", active, in_file as "inFile", require_test as "requireTest",
  incoming_status as "incomingStatus", outgoing_status as "outgoingStatus", act_status as "actStatus", enabled_for_incoming as "enabledForIncoming",
  enabled_for_outgoing as "enabledForOutgoing", tested_at as "testedAt", delete_since as "deleteSince", forward_trust as "forwardTrust", unfinished, audited_at as "auditedAt", start_date as "startDate", receive_due_at as "receiveDueAt", receive_not_before as "receiveNotBefore", receive_failures as "receiveFailures",
  received_at as "receivedAt", receive_error as "receiveError", send_failures as "sendFailures", send_not_before as "sendNotBefore", sent_at as "sentAt", send_error as "sendError"`;

interface Row extends Omit<MailboxRow, "owner">, StoredOwner {}

function fromRow({ ownerType, ownerId, ownerAddress, ...row }: Row): MailboxRow {
  const unfinished = reviveUnfinished(row.unfinished);
  return {
    ...row,
    unfinished,
    owner: ownerOf({ ownerType, ownerId, ownerAddress }),
  };
}

/**
 * Brings the mailboxes into line with their description; those no longer described become inactive, and their history stays.
 * A mailbox that comes back, or is enabled for the first time, starts at `now` unless told otherwise; one that stays keeps its start.
 * The start is a whole second: mail servers give received dates without fractions (RFC 3501 2.3.3), and mail of that very second counts.
 */
export async function storeMailboxes(tx: Transaction, settings: readonly MailboxSetting[], now: Date): Promise<void> {
  const known = await knownAddresses(tx);
  const rows = settings.map((one) => {
    const { approval, source } = approvalOf(one, known, settings);
    return {
      id: one.id,
      organization: one.organization,
      address: addressKey(one.address),
      profile: one.profile,
      ownerType: one.owner.type,
      ownerId: "id" in one.owner ? one.owner.id : null,
      ownerAddress: "address" in one.owner ? addressKey(one.owner.address) : null,
      username: one.username,
      incomingMethod: incomingMethodOf(one),
      outgoingMethod: one.outgoing ? METHOD.waypost : METHOD.none,
      approval,
      approvalSource: source,
      approvalInFile: one.approvedInFile,
      approvalRequired: one.approvalRequired,
      requireTest: one.requireTest,
      active: one.active,
      readFrom: one.readFrom,
      deleteAfterProcessing: one.deleteAfterProcessing,
      forwardTrust: one.owner.type === "forward" ? (one.forwardTrust ?? null) : null,
    };
  });
  await readHistory(tx, settings);
  await forgetTestsOfChangedMailboxes(tx, rows);
  await tx.query(
    `insert into waypost.mailbox (id, organization, address, profile, owner_type, owner_id, owner_address, username, incoming_method, outgoing_method, approval, approval_source, approval_in_file,
       approval_required, require_test, active, forward_trust, delete_since, enabled_at, start_date, start_is_set, audited_at, receive_due_at)
     select id, organization, address, profile, "ownerType", "ownerId", "ownerAddress", username, "incomingMethod", "outgoingMethod", approval, "approvalSource", "approvalInFile",
       "approvalRequired", "requireTest", active, "forwardTrust", case when "deleteAfterProcessing" then $2::timestamptz end, $2, coalesce("readFrom", date_trunc('second', $2::timestamptz)), "readFrom" is not null, $2, $2
     from jsonb_to_recordset($1::jsonb) as setting (id uuid, organization text, address text, profile text, "ownerType" text, "ownerId" uuid, "ownerAddress" text, username text,
       "incomingMethod" smallint, "outgoingMethod" smallint, approval smallint, "approvalSource" text, "approvalInFile" text, "approvalRequired" boolean, "requireTest" boolean,
       active boolean, "readFrom" timestamptz, "deleteAfterProcessing" boolean, "forwardTrust" jsonb)
     on conflict (organization, address) do update set profile = excluded.profile, owner_type = excluded.owner_type, owner_id = excluded.owner_id, owner_address = excluded.owner_address, username = excluded.username,
       incoming_method = excluded.incoming_method, outgoing_method = excluded.outgoing_method, approval = excluded.approval, approval_source = excluded.approval_source,
       approval_in_file = excluded.approval_in_file, approval_required = excluded.approval_required, require_test = excluded.require_test, active = excluded.active, forward_trust = excluded.forward_trust, in_file = true,
       receive_due_at = $2, start_is_set = excluded.start_is_set,
       -- What was processed before it was switched on stays.
       delete_since = case when excluded.delete_since is not null then coalesce(mailbox.delete_since, excluded.delete_since) end,
       -- History is read only by choice: time in which the mailbox was not read stays unread, unless the start is set.
       start_date = case when excluded.start_is_set then excluded.start_date
         when ${isRead("excluded")} and not ${isRead("mailbox")} then excluded.start_date else mailbox.start_date end`,
    [storableJson(rows), now],
  );
  await tx.query(
    "update waypost.mailbox set active = false, in_file = false where in_file and not ((organization, address) in (select organization, address from jsonb_to_recordset($1::jsonb) as kept (organization text, address text)))",
    [storableJson(settings.map((one) => ({ organization: one.organization, address: addressKey(one.address) })))],
  );
}

function incomingMethodOf({ incoming }: MailboxSetting): number {
  if (incoming === "forward mailbox") return METHOD.forwardMailbox;
  return incoming ? METHOD.waypost : METHOD.none;
}

/** The condition under which a row is read, so far as the file and approvals decide. */
function isRead(row: string): string {
  return `(${row}.active and ${row}.incoming_method = ${METHOD.waypost} and (${row}.approval = 1 or not ${row}.approval_required))`;
}

/**
 * A start that is set back asks for history that was passed over: the folders are read from their beginning again, where known messages are
 * recognized, and what was left alone for its age only is decided as if never seen; not so that of which a person spoke, or that was seen with the category or
 * given it: what is known of that is kept. No place counts by itself without the position that vouches for
 * it: nobody would notice that a number stands for another message now.
 */
export async function readHistory(
  tx: Transaction,
  settings: readonly Pick<MailboxSetting, "organization" | "address" | "readFrom">[],
): Promise<void> {
  await tx.query(
    `with earlier as (
       select mailbox.id, setting."readFrom" as since, mailbox.start_date as until from waypost.mailbox
         join jsonb_to_recordset($1::jsonb) as setting (organization text, address text, "readFrom" timestamptz) using (organization, address)
       where setting."readFrom" < mailbox.start_date),
     left_alone as (
       delete from waypost.decision using earlier where mailbox_id = earlier.id and outcome = 'skipped' and received >= since and received < until
         and not exists (select from waypost.wish where wish.organization = decision.organization and message = decision.mailbox_id || ' ' || decision.identity)
         and not exists (select from waypost.categorized where decision_id = decision.id)
         and not exists (select from waypost.marking where decision_id = decision.id)
       returning decision.id),
     places as (
       delete from waypost.location using earlier where mailbox_id = earlier.id returning mailbox_id, stream_id, ref_id, decision_id, gone_at),
     former as (
       insert into waypost.former_place (mailbox_id, stream_id, ref_id, decision_id)
       select mailbox_id, stream_id, ref_id, decision_id from places where gone_at is null and decision_id not in (select id from left_alone)
       on conflict (mailbox_id, stream_id, ref_id) do update set decision_id = excluded.decision_id)
     delete from waypost.stream using earlier where mailbox_id = earlier.id`,
    [storableJson(settings.map((one) => ({ organization: one.organization, address: addressKey(one.address), readFrom: one.readFrom })))],
  );
}

/** Stores the organizations and server profiles; those that are gone stay, as their mailboxes' history names them. */
export async function storeProfiles(
  tx: Transaction,
  organizations: readonly { name: string; kind: string }[],
  profiles: readonly ServerProfile[],
): Promise<void> {
  await tx.query(
    `insert into waypost.organization (name, kind) select name, kind from jsonb_to_recordset($1::jsonb) as one (name text, kind text)
     on conflict (name) do update set kind = excluded.kind`,
    [storableJson(organizations)],
  );
  await forgetMovedServers(tx, profiles);
  await forgetTestsOfChangedProfiles(tx, { profiles });
  await tx.query(
    `insert into waypost.server_profile (name, incoming, outgoing, folders, files_sent_copy, max_concurrent_connections, maximum_message_size, marks_tracked)
     select name, incoming, outgoing, folders, "filesSentCopy", "maxConcurrentConnections", "maximumMessageSize", coalesce("marksTracked", false)
     from jsonb_to_recordset($1::jsonb) as one (name text, incoming jsonb, outgoing jsonb, folders text, "filesSentCopy" boolean, "maxConcurrentConnections" int, "maximumMessageSize" bigint, "marksTracked" boolean)
     on conflict (name) do update set marks_tracked = excluded.marks_tracked, incoming = excluded.incoming, outgoing = excluded.outgoing, folders = excluded.folders, files_sent_copy = excluded.files_sent_copy,
       max_concurrent_connections = excluded.max_concurrent_connections, maximum_message_size = excluded.maximum_message_size,
       -- A changed way to the server deserves a try at once.
       receive_not_before = case when server_profile.incoming is distinct from excluded.incoming then null else server_profile.receive_not_before end,
       send_not_before = case when server_profile.outgoing is distinct from excluded.outgoing then null else server_profile.send_not_before end`,
    [storableJson(profiles)],
  );
}

/**
 * Another server gives its numbers anew: positions and places of the mailboxes of a profile that leads elsewhere now mean nothing there. The
 * folders are read from their start date again, where known messages are recognized by identity.
 */
async function forgetMovedServers(tx: Transaction, profiles: readonly ServerProfile[]): Promise<void> {
  const moved = `select mailbox.id from waypost.mailbox join waypost.server_profile old on old.name = mailbox.profile
      join jsonb_to_recordset($1::jsonb) as one (name text, incoming jsonb) on one.name = old.name
    where (old.incoming->>'host', old.incoming->>'port') is distinct from (one.incoming->>'host', one.incoming->>'port')`;
  const described = storableJson(
    profiles.map(({ name, incoming }) => ({ name, incoming: incoming && { host: incoming.host, port: incoming.port } })),
  );
  await tx.query(`delete from waypost.location where mailbox_id in (${moved})`, [described]);
  await tx.query(`delete from waypost.former_place where mailbox_id in (${moved})`, [described]);
  await tx.query(`delete from waypost.stream where mailbox_id in (${moved})`, [described]);
}

export async function readMailbox(sql: Sql, id: string): Promise<MailboxRow | null> {
  const { rows } = await sql.query<Row>(`select ${COLUMNS} from waypost.mailbox where id = $1`, [id]);
  return rows[0] ? fromRow(rows[0]) : null;
}

/** All mailboxes by address. */
export async function listMailboxes(sql: Sql): Promise<MailboxRow[]> {
  const { rows } = await sql.query<Row>(`select ${COLUMNS} from waypost.mailbox order by organization, address`);
  return rows.map(fromRow);
}

/** Mailboxes of an organization by the given addresses, whatever their state. */
export async function mailboxesByAddress(sql: Sql, organization: string, addresses: readonly string[]): Promise<MailboxRow[]> {
  const { rows } = await sql.query<Row>(`select ${COLUMNS} from waypost.mailbox where organization = $1 and address = any($2)`, [
    organization,
    addresses.map(addressKey),
  ]);
  return rows.map(fromRow);
}

export interface ProfileRow extends ServerProfile {
  readonly receiveFailures: number;
  readonly receiveNotBefore: Date | null;
  readonly sendFailures: number;
  readonly sendNotBefore: Date | null;
}

type Profile = ProfileRow & { incoming: Endpoint | null; outgoing: Endpoint | null; folders: FolderChoice };

const PROFILE_COLUMNS = `name, incoming, outgoing, folders, files_sent_copy as "filesSentCopy", max_concurrent_connections as "maxConcurrentConnections", maximum_message_size as "maximumMessageSize", marks_tracked as "marksTracked",
  receive_failures as "receiveFailures", receive_not_before as "receiveNotBefore", send_failures as "sendFailures", send_not_before as "sendNotBefore"`;

export async function readProfile(sql: Sql, name: string): Promise<ProfileRow | null> {
  const [profile] = await readProfiles(sql, [name]);
  return profile ?? null;
}

/** The server profiles of these names, or all. */
export async function readProfiles(sql: Sql, names: readonly string[] | null = null): Promise<ProfileRow[]> {
  const { rows } = await sql.query<Profile>(
    `select ${PROFILE_COLUMNS} from waypost.server_profile where $1::text[] is null or name = any($1) order by name`,
    [names],
  );
  return rows;
}

/** The server profile of a mailbox. */
export async function readProfileOf(sql: Sql, mailboxId: string): Promise<ProfileRow | null> {
  const { rows } = await sql.query<Profile>(
    `select ${PROFILE_COLUMNS} from waypost.server_profile where name = (select profile from waypost.mailbox where id = $1)`,
    [mailboxId],
  );
  return rows[0] ?? null;
}

/** Takes the mailboxes whose pull is due and sets their next one; whoever gets an id enqueues it. */
export async function takeDueMailboxes(sql: Sql, now: Date, pullSeconds: number): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    `update waypost.mailbox set receive_due_at = $1::timestamptz + make_interval(secs => $2) where incoming_method = 2 and active and receive_due_at <= $1 returning id`,
    [now, pullSeconds],
  );
  return rows.map((row) => row.id);
}

const DONE_COLUMN = { receive: "received_at", send: "sent_at" } as const;

/** One direction of a mailbox worked: failures are forgotten. */
export async function noteSuccess(sql: Sql, direction: Direction, mailboxId: string, now: Date): Promise<void> {
  await sql.query(
    `update waypost.mailbox set ${direction}_failures = 0, ${direction}_error = null, ${direction}_not_before = null, ${DONE_COLUMN[direction]} = $2 where id = $1`,
    [mailboxId, now],
  );
}

/**
 * What stood in the way of these mailboxes is put right, as far as it was one of these troubles (codes): they and their profiles need not wait
 * any longer, and a wake counts again. That it works, only their next run shows.
 */
export async function forgetWaiting(sql: Sql, mailboxIds: readonly string[], codes: readonly string[], now: Date): Promise<void> {
  for (const direction of ["receive", "send"] as const) {
    await sql.query(
      `with freed as (
         update waypost.mailbox set ${direction}_error = ${direction}_error - 'until', ${direction}_not_before = null${direction === "receive" ? ", receive_due_at = $3" : ""}
         where id = any($1) and ${direction}_error->>'code' = any($2) and $3::timestamptz is not null returning profile)
       update waypost.server_profile set ${direction}_not_before = null where name in (select profile from freed)`,
      [mailboxIds, codes, now],
    );
  }
}

/**
 * One direction of a mailbox failed; it is tried again at `next`. Reading is tried earlier when a wake or a person asks for it, but not before
 * the mail system's own `notBefore`.
 */
export async function noteFailure(
  sql: Sql,
  direction: Direction,
  mailboxId: string,
  note: TroubleNote,
  next: Date,
  notBefore: Date | null = null,
): Promise<void> {
  const [times, values] =
    direction === "receive" ? ["receive_due_at = $3, receive_not_before = $4", [next, notBefore]] : ["send_not_before = $3", [next]];
  await sql.query(
    `update waypost.mailbox set ${direction}_failures = ${direction}_failures + 1, ${direction}_error = $2, ${times} where id = $1`,
    [mailboxId, storableJson(note), ...values],
  );
}

/** A profile's server could not be reached in one direction, for the so many-th time, whichever mailboxes noticed: all of it waits until `next`. */
export async function noteProfileFailure(sql: Sql, direction: Direction, profile: string, failures: number, next: Date): Promise<void> {
  await sql.query(
    `update waypost.server_profile set ${direction}_failures = greatest(${direction}_failures, $3), ${direction}_not_before = $2 where name = $1`,
    [profile, next, failures],
  );
}

/** Mailboxes that were kept waiting are read within this time after their server has answered again, each at a moment of its own. */
const SPREAD_SECONDS = 30;
const SPREAD_A_MAILBOX = 0.1;

/** A profile's server answers: its failures are forgotten, and its mailboxes are read soon, but not all at once. */
export async function noteProfileSuccess(sql: Sql, direction: Direction, profile: string, now: Date): Promise<void> {
  const { rowCount } = await sql.query(
    `update waypost.server_profile set ${direction}_failures = 0, ${direction}_not_before = null where name = $1 and ${direction}_failures > 0`,
    [profile],
  );
  if (rowCount === 0 || direction === "send") return;
  // Whole milliseconds, so that whoever reads the time and asks what is due then is answered.
  await sql.query(
    `update waypost.mailbox set receive_due_at = least(receive_due_at, $2::timestamptz + date_trunc('milliseconds', make_interval(secs => random() * least($3, $4::float8 * count))))
     from (select count(*) as count from waypost.mailbox where profile = $1) as all_its where profile = $1 and active`,
    [profile, now, SPREAD_SECONDS, SPREAD_A_MAILBOX],
  );
}

/**
 * The right to try a server that failed, for one mailbox of the profile at a time; `until` it is not given again, should nothing come of the try.
 * False when another one has it, or when it is too early.
 */
export async function claimProbe(sql: Sql, direction: Direction, profile: string, now: Date, until: Date): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update waypost.server_profile set ${direction}_not_before = $3
     where name = $1 and ${direction}_failures > 0 and coalesce(${direction}_not_before, $2) <= $2`,
    [profile, now, until],
  );
  return rowCount > 0;
}

/** A mailbox was compared with the CRM to the end. */
export async function noteAudited(tx: Transaction, mailboxId: string, now: Date): Promise<void> {
  await tx.query("update waypost.mailbox set audited_at = $2 where id = $1", [mailboxId, now]);
}

/** Messages have arrived in a mailbox. */
export async function noteArrival(sql: Sql, mailboxId: string, now: Date): Promise<void> {
  await sql.query("update waypost.mailbox set arrived_at = $2 where id = $1", [mailboxId, now]);
}

/** Ids of the mailboxes that may receive, those first in which something arrived last. */
export async function mailboxesByArrival(sql: Sql): Promise<string[]> {
  const { rows } = await sql.query<{ id: string }>(
    "select id from waypost.mailbox where active and incoming_method = 2 order by arrived_at desc nulls last, id",
  );
  return rows.map((row) => row.id);
}

/** Asks for a mailbox to be pulled not before `at`. */
export async function postponeReceive(sql: Sql, mailboxId: string, at: Date): Promise<void> {
  await sql.query("update waypost.mailbox set receive_due_at = $2 where id = $1", [mailboxId, at]);
}

/** Everything is tried again at once: whoever starts the service anew may have mended what failed. What a mail system asked for itself stays. */
export async function forgetWaits(sql: Sql, now: Date): Promise<void> {
  await sql.query("update waypost.mailbox set receive_due_at = $1, send_not_before = null, receive_error = receive_error - 'until'", [now]);
  await sql.query("update waypost.server_profile set receive_not_before = null, send_not_before = null");
}
