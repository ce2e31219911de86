import assert from "node:assert/strict";
import type { DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { ONLINE, type ServiceLimits } from "../../src/connectors/dataverse/client/limits.ts";
import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { type Dataverse, openDataverse } from "../../src/connectors/dataverse/dataverse.ts";
import { type EmbeddedCrm, openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { WAYPOST_SERVICE } from "../../src/crm/webapi/roles/waypost-service.ts";
import type { Database } from "../../src/database/database.ts";
import { sendingNotes } from "../../src/ledger/sending-notes.ts";
import type { SendingNotes } from "../../src/model/sending-notes.ts";
import type { OwnSettings } from "../../src/model/settings.ts";
import type { Crm } from "../../src/ports.ts";
import { type EngineName, type TestDatabase, testDatabase } from "../databases.ts";
import { type ServedOptions, type ServedOrganization, serveOrganization } from "../webapi/served-organization.ts";
import type { CrmUnderTest, Lack } from "./crm-under-test.ts";

export interface DataverseUnderTest extends CrmUnderTest {
  readonly crm: Crm & Dataverse;
  /** The same organization, asked in its own process. */
  readonly embedded: Crm & EmbeddedCrm;
  readonly database: TestDatabase;
  readonly served: ServedOrganization;
  /** Another router at the same organization, with what stands between it and its client: with the notes of the first, another process of it. */
  another(through?: (client: DataverseClient) => DataverseClient, notes?: SendingNotes): Crm & Dataverse;
}

export interface DataverseOptions extends ServedOptions {
  /** What stands between the connector and its client. */
  readonly around?: (client: DataverseClient) => DataverseClient;
  /** What the connector takes for the organization's limits. */
  readonly limits?: ServiceLimits;
}

/** What Dynamics has no place for, or sees to by itself, however it is set up. */
export const DATAVERSE_LACKS: ReadonlySet<Lack> = new Set<Lack>([
  "beside the columns",
  "resolving parties",
  "privilege to send as others",
  "hashes",
]);

/** The connector over HTTP with the role that the documentation asks for, against the Web API of an embedded CRM. People who work in that CRM do so in its own process. */
export async function dataverseUnderTest(
  engine: EngineName,
  { around = (client) => client, limits = ONLINE, ...options }: DataverseOptions = {},
): Promise<DataverseUnderTest> {
  const database = await testDatabase(engine);
  const embedded = openEmbeddedCrm(database);
  const served = await serveOrganization(database, { role: WAYPOST_SERVICE.name, ...options });
  let own: OwnSettings = {};
  const opened: (Crm & Dataverse)[] = [];
  const another = (through = around, notes = sendingNotes(database, "CRM")) => {
    const client = openClient({
      address: `${served.url}/api/data/v9.2/`,
      signIn: { kind: "token", credentials: served.credentials },
      limits,
      certificateAuthorities: null,
    });
    const crm = openDataverse({ client: through(client), ownSettings: () => own, notes, settingsMilliseconds: 0, watchMilliseconds: 100 });
    opened.push(crm);
    return crm;
  };
  const only = <T>(values: Iterable<T>): T => {
    const [value] = values;
    assert.ok(value !== undefined);
    return value;
  };
  const at = (address: string) => ({ address: { name: "", address } });
  return {
    ...{ crm: another(), embedded, database, served, another },
    lacks: new Set<Lack>([
      ...DATAVERSE_LACKS,
      ...(options.behaviour?.changesCompletedStatus === false ? (["status of a completed email"] as const) : []),
    ]),
    user: async (entry) => only((await embedded.putUsers([{ name: entry.address, ...entry }])).values()),
    queue: async (entry) => only((await embedded.putQueues([{ name: entry.address, ...entry }])).values()),
    contact: async (entry) => only(await embedded.createRecords([{ type: "contact", lastname: entry.addresses[0] ?? "", ...entry }])),
    async settings(settings) {
      const { trackingprefixhistory, CategoryKeyword, AutoRouteToOwnerQueue, SkipAutomaticReplies, PlusAddressSeparator } = settings;
      const given = { trackingprefixhistory, CategoryKeyword, AutoRouteToOwnerQueue, SkipAutomaticReplies, PlusAddressSeparator };
      own = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
      await embedded.putSettings(settings);
    },
    draft: async ({ from, to = [], bcc = [], subject = "subject", ...rest }) =>
      only(await embedded.createEmails([{ from: at(from), to: to.map(at), bcc: bcc.map(at), subject, ...rest }])),
    async send(id, by) {
      await database.query("update crm.email set statuscode = 1 where activityid = $1 and statuscode = 6", [id]);
      await embedded.sendEmail(id, by);
      await pressedBy(database, id, by ?? served.userId);
    },
    async read(id) {
      const email = await embedded.readEmail(id);
      if (email === null) return null;
      return { ...email, queueIds: email.queues.map((queue) => queue.id), attachments: await attachmentsOf(database, id) };
    },
    async [Symbol.asyncDispose]() {
      for (const crm of opened) await crm.close();
      await served[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}

/** Who changed an email last, as Dynamics notes it of a press of Send. */
async function pressedBy(database: Database, id: string, userId: string): Promise<void> {
  await database.query("update crm.email set modifiedby = $2 where activityid = $1", [id, userId]);
}

/** Attachments with the keys by which the connector gives their bodies. */
async function attachmentsOf(database: Database, id: string): Promise<{ filename: string; hash: string }[]> {
  const { rows } = await database.query<{ filename: string; hash: string }>(
    "select filename, activitymimeattachmentid as hash from crm.activitymimeattachment where objectid = $1 order by attachmentnumber",
    [id],
  );
  return rows;
}
