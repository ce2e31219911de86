/** A mailbox whose owner sends mail with a mail program, for tests. */
import assert from "node:assert/strict";
import type { Database } from "../../src/database/database.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { letter, makeFolders } from "./incoming.ts";
import { addressOf, type EngineRig, type RigApp, type RigChanges, type RigUser, receive } from "./rig.ts";

/** A folder below the inbox. */
export const MILL = "INBOX/Mill";

/** Ann's filter is for contacts, and Carl is one; Ben takes all mail. Letters are named for the test. */
export interface Office extends AsyncDisposable {
  readonly app: RigApp;
  readonly ann: string;
  readonly ben: string;
  readonly carl: string;
  readonly id: (name: string) => string;
  /** A mail program files what Ann sent. */
  readonly sends: (name: string, to: readonly string[], more?: Sending) => Promise<void>;
  readonly arrives: (name: string, to: string, more?: Sending) => Promise<void>;
  readonly round: (...users: readonly string[]) => ReturnType<typeof round>;
  /** Emails of its letters, by name. */
  readonly emails: () => Promise<readonly SeenEmail[]>;
}

export interface Sending {
  readonly from?: string;
  readonly cc?: readonly string[];
  readonly bcc?: readonly string[];
  readonly answers?: string;
  readonly folder?: string;
}

export interface SeenEmail {
  readonly id: string;
  readonly name: string;
  readonly outgoing: boolean;
  readonly status: number;
  readonly owner: string | null;
  readonly correlatedTo: string | null;
  readonly regarding: string | null;
}

export interface Opening extends RigChanges {
  readonly annIs?: Partial<Omit<RigUser, "name">>;
  readonly isForeign?: boolean;
}

/** Sent mail is read. */
export const ON = { AutoTrackSentFolderItems: true };

export async function openSentOffice(
  rig: EngineRig,
  database: Database,
  { annIs = {}, isForeign = false, settings = ON, ...changes }: Opening = {},
): Promise<Office> {
  const [ann, ben] = [rig.newUser(), rig.newUser()];
  const carl = `${ann}-carl@customer.test`;
  const readers: RigUser[] = [{ name: ann, filter: "contacts", ...annIs }, { name: ben }];
  const app = await rig.open(database, rig.configurationFor(readers, { settings, ...changes }));
  const elsewhere = isForeign ? foreignCrm(app.context.crm("CRM")) : null;
  if (elsewhere !== null) app.context.crm = () => elsewhere;
  await app.crm.createRecords([{ type: "contact", lastname: `Carl of ${ann}`, addresses: [carl] }]);
  for (const user of [ann, ben]) await makeFolders(rig.dovecot, user, MILL);
  const own = (name: string) => `${ann}-${name}`;
  const written = (name: string, to: readonly string[], { answers, folder: _, ...more }: Sending) =>
    letter({ id: own(name), subject: own(name), to, ...more, ...(answers !== undefined && { answers: own(answers) }) });
  return {
    app,
    ann,
    ben,
    carl,
    id: own,
    async sends(name, to, more = {}) {
      await rig.dovecot.append(ann, more.folder ?? "Sent", written(name, to, { from: addressOf(ann), ...more }));
    },
    async arrives(name, to, more = {}) {
      await rig.dovecot.append(to, more.folder ?? "INBOX", written(name, [addressOf(to)], { from: carl, ...more }));
    },
    round: (...users) => round(app, ...(users.length === 0 ? [ann] : users)),
    async emails() {
      const { rows } = await database.query<SeenEmail>(
        `select activityid as id, substr(subject, length($1) + 2) as name, directioncode as outgoing, statuscode as status, ownerid as owner,
           correlatedactivityid as "correlatedTo", regardingobjectidname as regarding
         from crm.email where starts_with(subject, $1 || '-') order by subject, directioncode`,
        [ann],
      );
      return rows;
    },
    [Symbol.asyncDispose]: () => app.close(),
  };
}

/** One round, in which nothing fails. */
export async function round(app: RigApp, ...users: readonly string[]) {
  const { counts, failures } = await receive(app, ...users);
  assert.deepEqual(failures, []);
  return counts;
}
