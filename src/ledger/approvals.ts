import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import type { MailboxOwner } from "../model/mailbox.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { writeAudit } from "./audit.ts";
import { isSameOwner, ownerOf, type StoredOwner } from "./mailbox-owner.ts";

/** `emailrouteraccessapproval` (product-behaviour 3.3). */
export const APPROVAL = { empty: 0, approved: 1, pending: 2, rejected: 3 } as const;
export type Approval = (typeof APPROVAL)[keyof typeof APPROVAL];

/** What the configuration file says of an address: approved as long as it does not change, not approved, or approved by name. */
export type ApprovalInFile = "yes" | "no" | "this address";

/** Who gave the approval its value: the file, a change of the address, or a command. */
export type ApprovalSource = "file" | "change" | "command";

export interface ApprovalState {
  readonly approval: Approval;
  readonly source: ApprovalSource;
}

/** What decides about the approval of a mailbox of the file. */
export interface DescribedAddress {
  readonly organization: string;
  readonly address: string;
  readonly owner: MailboxOwner;
  readonly approvedInFile: ApprovalInFile;
}

/** A mailbox as the ledger has it before the file is stored. */
export interface KnownAddress extends ApprovalState {
  readonly organization: string;
  readonly address: string;
  readonly owner: MailboxOwner;
  readonly active: boolean;
}

/**
 * The approval of an address that stands in the file. An address that is new to its user or queue, which had another one before, must be
 * approved again (product-behaviour 3.4): whoever changes it by mistake would have somebody else's mail filed. The word of a command holds until
 * the address changes or the file names the address. Pure.
 * @param known all mailboxes of the ledger
 * @param described all addresses of the file
 */
export function approvalOf(
  one: DescribedAddress,
  known: readonly KnownAddress[],
  described: readonly Pick<DescribedAddress, "organization" | "address">[],
): ApprovalState {
  const before = known.find((other) => isSame(other, one));
  if (one.approvedInFile === "this address") return { approval: APPROVAL.approved, source: "file" };
  if (one.approvedInFile === "no") return before?.approval === APPROVAL.rejected ? before : { approval: APPROVAL.pending, source: "file" };
  if (isNewToItsOwner(one, before, known, described)) return { approval: APPROVAL.pending, source: "change" };
  if (before === undefined || before.source === "file") return { approval: APPROVAL.approved, source: "file" };
  return { approval: before.approval, source: before.source };
}

function isNewToItsOwner(
  one: DescribedAddress,
  before: KnownAddress | undefined,
  known: readonly KnownAddress[],
  described: readonly Pick<DescribedAddress, "organization" | "address">[],
): boolean {
  // A forward mailbox is nobody's, so that no owner's address changes with it.
  if (one.owner.type === "forward") return false;
  if (before?.active) return !isSameOwner(one.owner, before.owner);
  const earlier = known.filter(
    (other) =>
      other.organization === one.organization && isSameOwner(one.owner, other.owner) && !described.some((kept) => isSame(kept, other)),
  );
  // One that comes back in the place of one that was never approved (a slip of the pen) was in force before, and is again.
  return before === undefined ? earlier.length > 0 : earlier.some((other) => other.active && other.approval === APPROVAL.approved);
}

function isSame(
  one: { readonly organization: string; readonly address: string },
  other: { readonly organization: string; readonly address: string },
): boolean {
  return one.organization === other.organization && addressKey(one.address) === addressKey(other.address);
}

/**
 * Approves or rejects an address by somebody's word, with an entry in the audit. Returns the ids of its mailboxes; none: there is no such
 * mailbox. Throws a Failure `approval in the file` when the file decides otherwise. A mailbox that begins to be read by it starts at `now`
 * unless its start is set.
 */
export async function decideApproval(
  tx: Transaction,
  address: string,
  verdict: "approve" | "reject",
  actor: string,
  now: Date,
): Promise<string[]> {
  const key = addressKey(address);
  const { rows } = await tx.query<{ id: string; inFile: ApprovalInFile }>(
    `select id, approval_in_file as "inFile" from waypost.mailbox where address = $1 and active for update`,
    [key],
  );
  const against: ApprovalInFile = verdict === "approve" ? "no" : "this address";
  if (rows.some((row) => row.inFile === against)) throw decidedInFile(key, verdict);
  if (rows.length === 0) return [];
  await tx.query(
    `update waypost.mailbox set approval = $2::smallint, approval_source = 'command', receive_due_at = $3,
       start_date = case when $2::smallint = 1 and approval <> 1 and approval_required and not start_is_set then date_trunc('second', $3::timestamptz) else start_date end
     where address = $1 and active`,
    [key, verdict === "approve" ? APPROVAL.approved : APPROVAL.rejected, now],
  );
  await writeAudit(tx, { at: now, actor, action: verdict, subject: key });
  return rows.map((row) => row.id);
}

function decidedInFile(address: string, verdict: "approve" | "reject"): Failure {
  const advice = verdict === "approve" ? notApprovedInFile(address) : approvedByName(address);
  return new Failure({ ...advice, scope: "mailbox", code: "approval in the file", waitingHelps: false });
}

/** What is said of an address wherever its approval comes up: what holds, and the next step. */
export interface ApprovalAdvice {
  readonly message: string;
  readonly remedy: string;
}

/** Of one that is new to its user or queue. */
export function newToItsOwner(address: string): ApprovalAdvice {
  return {
    message: `The address ${address} is new to its user or queue, and pending approval: no mail is read or sent there before.`,
    remedy: `Run \`waypost approve ${address}\` once you know that the mailbox is theirs, or \`waypost reject ${address}\`.`,
  };
}

/** Of one for which the file says `approved: false`, or names another address. */
export function notApprovedInFile(address: string): ApprovalAdvice {
  return {
    message: `The address ${address} is not approved: the configuration file says so.`,
    remedy: `Set "approved: ${address}" there once you know that the mailbox belongs to its user or queue.`,
  };
}

function approvedByName(address: string): ApprovalAdvice {
  return { message: `The address ${address} is approved by name in the configuration file.`, remedy: 'Set "approved: false" there.' };
}

/** All mailboxes with what their approval rests on. */
export async function knownAddresses(sql: Sql): Promise<KnownAddress[]> {
  const { rows } = await sql.query<Omit<KnownAddress, "owner"> & StoredOwner>(
    `select organization, address, owner_type as "ownerType", owner_id as "ownerId", owner_address as "ownerAddress", active, approval, approval_source as source from waypost.mailbox`,
  );
  return rows.map(({ ownerType, ownerId, ownerAddress, ...row }) => ({ ...row, owner: ownerOf({ ownerType, ownerId, ownerAddress }) }));
}
