import { addressKey } from "../../model/address.ts";
import { PARTICIPATION } from "../../model/decision.ts";
import { type PendingEmail, type PendingSender, STATUS } from "../../model/email.ts";
import { GENERATION_COLUMNS } from "./generation.ts";
import { readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { addressesOfParties, readParties } from "./outgoing-parties.ts";
import { readRows } from "./read.ts";
import { instantOf, keyOf, type Row, textOf } from "./row.ts";
import { readSendingNotes } from "./sending-note.ts";
import { standOf } from "./stand.ts";

/** Emails in Pending Send that are looked at in one go, those that wait longest first; the others' turn comes when these are done. */
const MOST_PENDING = 5_000;
/** So often the next ones are looked at where none of the first is due: they stand in Pending Send for good, because their status cannot be changed. */
const MOST_LOOKS = 20;

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
  const ready = await readyRows(organization, now);
  const parties = await readParties(
    organization,
    ready.map(({ id }) => id),
    [PARTICIPATION.sender],
  );
  const addresses = await addressesOfParties(organization, [...parties.values()].flat());
  return ready.map(({ id, ...rest }) => {
    const [from] = parties.get(id) ?? [];
    const address = from === undefined ? "" : addressKey(addresses(from));
    return { id, senderAddress: address === "" ? null : address, ...rest };
  });
}

type Ready = Omit<Due, "senderAddress">;

/** The oldest emails whose time has come. */
async function readyRows(organization: Organization, now: Date): Promise<Ready[]> {
  const tables = await organization.tables();
  const self = await organization.self();
  const select = tables.select("email", ["activityid", "createdon", ...GENERATION_COLUMNS]);
  const seen = new Set<string>();
  let from = "";
  for (let looks = 0; looks < MOST_LOOKS; looks++) {
    const filter = `statuscode eq ${STATUS.pendingSend} and directioncode eq true${from}`;
    const query = { set: tables.set("email"), select, filter, orderby: "createdon asc", top: MOST_PENDING };
    const [rows = []] = await readRows(organization.client, [query]);
    const fresh = rows.filter((row) => !seen.has(keyOf(row, "activityid")));
    for (const row of fresh) seen.add(keyOf(row, "activityid"));
    const ready = await readyOf(organization, fresh, self, now);
    const last = rows.at(-1);
    const until = last === undefined ? null : textOf(last, "createdon");
    if (ready.length > 0 || rows.length < MOST_PENDING || fresh.length === 0 || until === null) return ready;
    from = ` and createdon ge ${until}`;
  }
  return [];
}

async function readyOf(organization: Organization, rows: readonly Row[], self: string, now: Date): Promise<Ready[]> {
  const notes = await readSendingNotes(
    organization,
    rows.map((row) => keyOf(row, "activityid")),
  );
  return rows.flatMap((row): Ready[] => {
    const id = keyOf(row, "activityid");
    const { status, generation, due } = standOf(row, readMark(textOf(row, "activityadditionalparams")), notes.get(id), self);
    if (status !== STATUS.pendingSend || (due !== null && due > now)) return [];
    const created = instantOf(row, "createdon")?.getTime() ?? 0;
    return [{ id, generation, since: due?.getTime() ?? created, created }];
  });
}
