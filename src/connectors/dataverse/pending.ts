import { addressKey } from "../../model/address.ts";
import { PARTICIPATION } from "../../model/decision.ts";
import { type PendingEmail, type PendingSender, STATUS } from "../../model/email.ts";
import { dueFrom, GENERATION_COLUMNS, generationOf } from "./generation.ts";
import { readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { addressesOfParties, readParties } from "./outgoing-parties.ts";
import { readRows } from "./read.ts";
import { instantOf, keyOf, type Row, textOf } from "./row.ts";

/** Emails in Pending Send that are looked at in one go, those that wait longest first; the others' turn comes when these are done. */
const MOST_PENDING = 5_000;

/** An email whose time has come, with the address from which it will be sent (key form; null: it has none). */
interface Due {
  readonly id: string;
  readonly generation: number;
  readonly senderAddress: string | null;
  readonly since: number;
  readonly created: number;
}

/** Who has due emails, and how many. */
export async function pendingSenders(organization: Organization, now: Date): Promise<PendingSender[]> {
  const due = await dueEmails(organization, now);
  return [...Map.groupBy(due, ({ senderAddress }) => senderAddress)].map(([senderAddress, its]) => ({ senderAddress, emails: its.length }));
}

/** Due emails of one sender, by the time at which they became due, then by age. */
export async function pendingEmails(organization: Organization, senderAddress: string, limit: number, now: Date): Promise<PendingEmail[]> {
  const key = addressKey(senderAddress);
  const its = (await dueEmails(organization, now)).filter((one) => one.senderAddress === key);
  return its
    .sort((one, other) => one.since - other.since || one.created - other.created || (one.id < other.id ? -1 : 1))
    .slice(0, limit)
    .map(({ id, generation }) => ({ id, generation }));
}

async function dueEmails(organization: Organization, now: Date): Promise<Due[]> {
  const tables = await organization.tables();
  const select = tables.select("email", ["activityid", "createdon", ...GENERATION_COLUMNS]);
  const filter = `statuscode eq ${STATUS.pendingSend} and directioncode eq true`;
  const [[rows = []], self] = await Promise.all([
    readRows(organization.client, [{ set: tables.set("email"), select, filter, orderby: "createdon asc", top: MOST_PENDING }]),
    organization.self(),
  ]);
  const ready = rows.flatMap((row) => timeOf(row, now) ?? []);
  const ids = ready.map(({ row }) => keyOf(row, "activityid"));
  const parties = await readParties(organization, ids, [PARTICIPATION.sender]);
  const addresses = await addressesOfParties(organization, [...parties.values()].flat());
  return ready.map(({ row, since, created }) => {
    const id = keyOf(row, "activityid");
    const [from] = parties.get(id) ?? [];
    const address = from === undefined ? "" : addressKey(addresses(from));
    const generation = generationOf(row, readMark(textOf(row, "activityadditionalparams")), self);
    return { id, generation, senderAddress: address === "" ? null : address, since, created };
  });
}

/** Since when an email is due; null: it is not yet. */
function timeOf(row: Row, now: Date): { readonly row: Row; readonly since: number; readonly created: number } | null {
  const from = dueFrom(row, readMark(textOf(row, "activityadditionalparams")));
  if (from !== null && from > now) return null;
  const created = instantOf(row, "createdon")?.getTime() ?? 0;
  return { row, since: from?.getTime() ?? created, created };
}
