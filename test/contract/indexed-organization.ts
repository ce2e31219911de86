import type { DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { ONLINE } from "../../src/connectors/dataverse/client/limits.ts";
import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { type Dataverse, openDataverse } from "../../src/connectors/dataverse/dataverse.ts";
import { completed } from "../../src/crm/webapi/answering.ts";
import { type ApiAnswer, ApiFault } from "../../src/crm/webapi/exchange.ts";
import { faultAnswer } from "../../src/crm/webapi/fault-answer.ts";
import type { Database } from "../../src/database/database.ts";
import { openKeyIndex } from "../../src/ledger/key-index.ts";
import { sendingNotes } from "../../src/ledger/sending-notes.ts";
import type { KeyIndex } from "../../src/model/key-index.ts";
import type { Crm } from "../../src/ports.ts";
import type { Asked, WebApiHook } from "../../src/server/web-api-hook.ts";
import { type ServedOptions, type ServedOrganization, serveOrganization } from "../webapi/served-organization.ts";

export type IndexedCrm = Crm & Dataverse & Required<Pick<Crm, "keepIndex">>;

/** An organization over HTTP whose keys are kept in the ledger of the same database. */
export interface IndexedOrganization extends AsyncDisposable {
  /** Judges by the index. */
  readonly crm: IndexedCrm;
  /** Asks for everything. */
  readonly plain: Crm & Dataverse;
  readonly keys: KeyIndex;
  /** Another process with these keys. */
  another(keys: KeyIndex): IndexedCrm;
  readonly served: ServedOrganization;
  /** Mailboxes that were woken, in order. */
  readonly woken: string[];
}

export interface IndexedOptions extends ServedOptions {
  /** Age of the index by which pages are judged. */
  readonly milliseconds: number;
  /** How long settings are kept. Default: they are not. */
  readonly settingsMilliseconds?: number;
  readonly organization?: string;
  readonly around?: (client: DataverseClient) => DataverseClient;
}

export async function indexedOrganization(
  database: Database,
  { milliseconds, settingsMilliseconds = 0, organization = "CRM", around = (client) => client, ...options }: IndexedOptions,
): Promise<IndexedOrganization> {
  await database.query("insert into waypost.organization (name, kind) values ($1, 'dataverse') on conflict do nothing", [organization]);
  const served = await serveOrganization(database, options);
  const woken: string[] = [];
  const wake = async (mailboxId: string) => void woken.push(mailboxId);
  const keys = openKeyIndex({ database, organization, now: () => new Date(), wake });
  const client = openClient({
    address: `${served.url}/api/data/v9.2/`,
    signIn: { kind: "token", credentials: served.credentials },
    limits: ONLINE,
    certificateAuthorities: null,
  });
  const common = { client: around(client), settingsMilliseconds, notes: sendingNotes(database, organization) };
  const another = (its: KeyIndex): IndexedCrm => {
    const crm = openDataverse({ ...common, index: { keys: its, milliseconds } });
    const { keepIndex } = crm;
    if (keepIndex === undefined) throw new Error("the connector keeps no index");
    return { ...crm, keepIndex };
  };
  return {
    ...{ crm: another(keys), plain: openDataverse(common), another, keys, served, woken },
    async [Symbol.asyncDispose]() {
      await client.close();
      await served[Symbol.asyncDispose]();
    },
  };
}

/** Whether a table's changes are begun to be followed. */
export function isBeginning({ headers }: Request): boolean {
  return headers?.Prefer?.includes("track-changes") ?? false;
}

/** A client that asks for beginnings of readings one by one, so that what stands before the organization sees each of them. */
export function withoutBatchedBeginnings(client: DataverseClient): DataverseClient {
  return {
    ...client,
    batch: (requests, options) =>
      requests.some(isBeginning) ? Promise.all(requests.map((one) => client.send(one, options))) : client.batch(requests, options),
  };
}

/** An organization whose own index of addresses can be read, but keeps no changes (0x80072491). */
export class SilentIndex implements WebApiHook {
  /** How often it was asked for changes. */
  asked = 0;
  /** The index holds an address of a table that Waypost does not know. */
  holdsOthers = false;

  async around({ path, query }: Asked, next: () => Promise<ApiAnswer>): Promise<ApiAnswer | "cut"> {
    if (!path.endsWith("emailsearches")) return next();
    if (this.holdsOthers && decodeURIComponent(query).includes("parentobjecttypecode ne"))
      return completed({ status: 200, headers: {}, body: { value: [{ parentobjecttypecode: "new_guest" }] } });
    // Only who follows it asks for the keys of its rows.
    if (!query.includes("emailsearchid")) return next();
    this.asked += 1;
    return completed(faultAnswer(new ApiFault(400, "0x80072491", "Change tracking is not enabled for the entity 'emailsearch'.")));
  }
}

/** The organization of a version that does not show Dynamics' own index of addresses: those of each table are followed. */
export function withoutAddressIndex(client: DataverseClient): DataverseClient {
  return {
    ...client,
    metadata: async (options) => {
      const known = await client.metadata(options);
      return { ...known, entities: new Map([...known.entities].filter(([name]) => name !== "emailsearch")) };
    },
  };
}
