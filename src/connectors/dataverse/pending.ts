import { addressKey } from "../../model/address.ts";
import { PARTICIPATION } from "../../model/decision.ts";
import { type PendingEmail, type PendingSender, STATUS } from "../../model/email.ts";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import { pages } from "./client/pages.ts";
import { GENERATION_COLUMNS } from "./generation.ts";
import { readKeptMarks } from "./kept-mark.ts";
import type { Organization } from "./organization.ts";
import { addressesOfParties, readParties } from "./outgoing-parties.ts";
import { instantOf, keyOf, type Row, textOf } from "./row.ts";
import { readSendingNotes } from "./sending-note.ts";
import { SharedReading } from "./shared-reading.ts";
import { standOf } from "./stand.ts";

/** Rows of a page: a few columns, of which one holds up to 8 KB in emails that were sent before. */
const PAGE_ROWS = 1_000;
/** Emails in Pending Send that are looked at in one reading, those that wait longest first; the next one goes on behind them. */
const MOST_LOOKED_AT = 20_000;
/** So many where none of them is due: they may stand in Pending Send for good, because their status cannot be changed. */
const MOST_IN_VAIN = 100_000;
/** Emails of one sender that a reading keeps; it is asked again when these are done. */
const MOST_OF_ONE = 500;
/** Milliseconds for which what a reading found is offered to its senders: from looking who has something to send until their mailboxes send it. */
const OFFERED_FOR = 5_000;

/** An email may wait in Sending, too; see KeptMark. */
const WAITING = `(statuscode eq ${STATUS.pendingSend} or statuscode eq ${STATUS.sending})`;

/** An email whose time has come. */
interface Due {
  readonly id: string;
  readonly generation: number;
  readonly since: number;
  readonly created: number;
}

interface DueOfSender {
  /** How many are due, of which some may not be kept. */
  emails: number;
  readonly kept: Due[];
}

/** Due emails by the address from which they will be sent (key form; null: they have none). */
type DueBySender = Map<string | null, DueOfSender>;

/** What is remembered of readings, for an organization. */
export class PendingReadings {
  readonly shared = new SharedReading<DueBySender>();
  /** What the last reading found, and nobody has taken yet. Whatever changed since, a claim finds out. */
  offered: { readonly readAt: number; readonly now: Date; readonly bySender: DueBySender } | null = null;
  /** When the last of those was created that the last reading looked at, where it did not come to the end. */
  from: string | null = null;
}

/** Who has due emails, and how many. */
export async function pendingSenders(organization: Organization, now: Date): Promise<PendingSender[]> {
  const due = await dueEmails(organization, now);
  return [...due].map(([senderAddress, { emails }]) => ({ senderAddress, emails }));
}

/**
 * Due emails of one sender, by the time at which they became due, then by age. What a reading found of a sender is given once, as much as is asked for at a time, so that
 * the senders of a round cost one reading; when nothing is left of it, or it is too old, there is a new one.
 */
export async function pendingEmails(organization: Organization, senderAddress: string, limit: number, now: Date): Promise<PendingEmail[]> {
  const key = addressKey(senderAddress);
  const offered = offeredTo(organization, key, now);
  const its = offered.length > 0 ? offered : ((await dueEmails(organization, now)).get(key)?.kept ?? []);
  return its.splice(0, limit).map(({ id, generation }) => ({ id, generation }));
}

/** What is left of the last reading for a sender: to be taken from it. */
function offeredTo({ pending }: Organization, key: string, now: Date): Due[] {
  const { offered } = pending;
  if (offered === null) return [];
  const ages = [performance.now() - offered.readAt, now.getTime() - offered.now.getTime()];
  return ages.some((age) => age < 0 || age > OFFERED_FOR) ? [] : (offered.bySender.get(key)?.kept ?? []);
}

function dueEmails(organization: Organization, now: Date): Promise<DueBySender> {
  const { pending } = organization;
  return pending.shared.read(() =>
    onBehalfOf("pending", async () => {
      const bySender = await readDue(organization, now);
      pending.offered = { readAt: performance.now(), now, bySender };
      return bySender;
    }),
  );
}

async function readDue(organization: Organization, now: Date): Promise<DueBySender> {
  const { client, pending } = organization;
  const tables = await organization.tables();
  const from = pending.from === null ? "" : ` and createdon ge ${pending.from}`;
  const query = {
    $select: tables.select("email", ["activityid", "createdon", ...GENERATION_COLUMNS]),
    $filter: `${WAITING} and directioncode eq true${from}`,
    $orderby: "createdon asc,activityid asc",
  };
  pending.from = null;
  const found: DueBySender = new Map();
  let [lookedAt, due] = [0, 0];
  for await (const rows of pages(client, { method: "GET", path: tables.set("email"), query }, { rows: PAGE_ROWS })) {
    const ready = await readyOf(organization, rows, now);
    for (const { senderAddress, ...one } of await withSenders(organization, ready)) {
      const its = found.get(senderAddress) ?? { emails: 0, kept: [] };
      its.emails++;
      if (its.kept.length < MOST_OF_ONE) its.kept.push(one);
      found.set(senderAddress, its);
    }
    lookedAt += rows.length;
    due += ready.length;
    if (lookedAt >= MOST_IN_VAIN || (lookedAt >= MOST_LOOKED_AT && due > 0)) {
      pending.from = textOf(rows.at(-1) ?? {}, "createdon");
      break;
    }
  }
  for (const { kept } of found.values())
    kept.sort((one, other) => one.since - other.since || one.created - other.created || (one.id < other.id ? -1 : 1));
  return found;
}

async function withSenders(
  organization: Organization,
  ready: readonly Due[],
): Promise<(Due & { readonly senderAddress: string | null })[]> {
  const parties = await readParties(
    organization,
    ready.map(({ id }) => id),
    [PARTICIPATION.sender],
  );
  const addresses = await addressesOfParties(organization, [...parties.values()].flat());
  return ready.map((one) => {
    const [from] = parties.get(one.id) ?? [];
    const address = from === undefined ? "" : addressKey(addresses(from));
    return { ...one, senderAddress: address === "" ? null : address };
  });
}

async function readyOf(organization: Organization, rows: readonly Row[], now: Date): Promise<Due[]> {
  const ids = rows.map((row) => keyOf(row, "activityid"));
  const [self, router, notes, marks] = await Promise.all([
    organization.self(),
    organization.router(),
    readSendingNotes(organization, ids),
    readKeptMarks(organization, ids),
  ]);
  return rows.flatMap((row): Due[] => {
    const id = keyOf(row, "activityid");
    const { status, generation, due } = standOf(row, { self, router, noted: notes.get(id) ?? null, kept: marks.get(id) ?? null });
    if (status !== STATUS.pendingSend || (due !== null && due > now)) return [];
    const created = instantOf(row, "createdon")?.getTime() ?? 0;
    return [{ id, generation, since: due?.getTime() ?? created, created }];
  });
}
