import { addressKey } from "../../model/address.ts";
import { PARTICIPATION } from "../../model/decision.ts";
import type { AddressMatch } from "../../model/record.ts";
import { recordsByAddress } from "../address-index.ts";
import { fault } from "./error-codes.ts";
import type { NewRow } from "./new-row.ts";
import type { Row } from "./record.ts";
import type { Turn } from "./service.ts";
import type { Specials } from "./special.ts";

/** Kinds of parties that follow from columns of the activity: what it is about, and whose it is. */
export const KEPT_PARTIES: readonly number[] = [PARTICIPATION.regarding, PARTICIPATION.owner];

/** What no address holds: it would be a second header when the email is written (DESIGN 10). */
const CONTROL = /\p{Cc}/u;

/** Activities whose parties are resolved by their addresses. */
const EMAIL = "email";

export const PARTY_SPECIALS: Specials = {
  async beforeCreate(turn, rows) {
    for (const { record } of rows) check(record);
    const activities = await activitiesOf(turn, rows);
    const ordinals = new Map<unknown, number>();
    for (const { record } of rows) {
      const ordinal = (ordinals.get(record.activityid) ?? activities.get(String(record.activityid))?.ordinal ?? 0) + 1;
      ordinals.set(record.activityid, ordinal);
      record.ordinal = ordinal;
    }
    await resolve(turn, rows, activities);
  },
};

function check({ partyid, addressused }: Row): void {
  const address = text(addressused);
  if ((partyid ?? null) === null && address.trim() === "") throw fault("unManagedidsactivitypartyobjectidortypemissing");
  if (CONTROL.test(address)) throw fault("InvalidActivityPartyAddress");
}

interface Activity {
  /** That of its last party. */
  readonly ordinal: number;
  readonly outgoing: boolean;
}

/** What is known of the activities that stand already, by id. */
async function activitiesOf(turn: Turn, rows: readonly NewRow[]): Promise<ReadonlyMap<string, Activity>> {
  const ids = new Set(rows.flatMap(({ belongsTo, record }) => (belongsTo ? [] : [String(record.activityid)])));
  if (ids.size === 0) return new Map();
  const { rows: found } = await turn.sql.query<{ id: string; ordinal: number; outgoing: boolean }>(
    `select asked.id, coalesce((select max(ordinal) from crm.activityparty party where party.activityid = asked.id), 0) as ordinal,
       coalesce((select directioncode from crm.email where email.activityid = asked.id), true) as outgoing
     from unnest($1::uuid[]) asked (id)`,
    [[...ids]],
  );
  return new Map(found.map((activity) => [activity.id, activity]));
}

/**
 * On an outgoing email an address that exactly one active record bears stands for that record, as on drafts made in process (see createEmails); as the sender only a user
 * or queue. Parties of an incoming email stay as they are given: whoever delivers it has resolved them by the organization's rules, or left them unresolved by these.
 */
async function resolve(turn: Turn, rows: readonly NewRow[], activities: ReadonlyMap<string, Activity>): Promise<void> {
  const open = rows.filter(
    (row) =>
      (row.record.activitytypecode ?? EMAIL) === EMAIL &&
      (row.record.partyid ?? null) === null &&
      text(row.record.addressused) !== "" &&
      isOutgoing(row, activities),
  );
  if (open.length === 0) return;
  const matches = await recordsByAddress(turn.sql, [...new Set(open.map(({ record }) => addressKey(text(record.addressused))))]);
  for (const { record } of open) {
    const sends = record.participationtypemask === PARTICIPATION.sender;
    const match = onlyOne(matches.get(addressKey(text(record.addressused))) ?? [], sends);
    if (!match) continue;
    record.partyid = match.record.id;
    record.partyobjecttypecode = match.record.type;
    record.partyidname = match.record.name || null;
    record.addressusedemailcolumnnumber = match.column;
  }
}

function isOutgoing({ belongsTo, record }: NewRow, activities: ReadonlyMap<string, Activity>): boolean {
  return belongsTo ? belongsTo.row.record.directioncode !== false : (activities.get(String(record.activityid))?.outgoing ?? true);
}

function onlyOne(matches: readonly AddressMatch[], sends: boolean): AddressMatch | null {
  const suitable = matches.filter(({ active, record }) => active && (!sends || record.type === "systemuser" || record.type === "queue"));
  const [first] = suitable;
  return first && suitable.every(({ record }) => record.id === first.record.id) ? first : null;
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}
