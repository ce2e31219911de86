import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { openDataverse } from "../../src/connectors/dataverse/dataverse.ts";
import type { Behaviour } from "../../src/crm/webapi/behaviour.ts";
import type { Database } from "../../src/database/database.ts";
import { openKeyIndex } from "../../src/ledger/key-index.ts";
import { sendingNotes } from "../../src/ledger/sending-notes.ts";
import type { OrganizationSettings } from "../../src/model/settings.ts";
import { serveOrganization } from "../webapi/served-organization.ts";
import { readAsKept } from "./kept-in-dynamics.ts";
import type { RigApp } from "./rig.ts";

/** The tests of the engine have the connector for Dynamics and a real Web API between it and the CRM (WAYPOST_TEST_CRM=dataverse). */
export const OVER_DYNAMICS = process.env.WAYPOST_TEST_CRM === "dataverse";

/** Dynamics decides, as it does where the configuration says nothing else; with WAYPOST_TEST_DECIDES=waypost the rules here do. */
export const DYNAMICS_DECIDES = OVER_DYNAMICS && process.env.WAYPOST_TEST_DECIDES !== "waypost";

/** For reading an organization that a test fills. */
const KEEP_MILLISECONDS = 60_000;

const ALL_AT_ONCE = { concurrent: 8, budget: null, batch: 1000 };

/**
 * The same app, whose engine reaches its CRM over HTTP, as a plain configuration would have it reach one that stands elsewhere (app/crms.ts): with the index of keys. The CRM is in the same database, where tests look at it: whoever asks
 * over HTTP inside a transaction (invariant 14) waits for ever on PGlite. Closing the app ends both.
 */
export async function overWebApi(app: RigApp, database: Database, behaviour: Partial<Behaviour> = {}): Promise<RigApp> {
  // The same user at each start: what another changed counts as a person's doing.
  const served = await serveOrganization(database, { address: "waypost@crm.test", behaviour });
  const client = openClient({
    address: `${served.url}/api/data/v9.2/`,
    signIn: { kind: "token", credentials: served.credentials },
    limits: ALL_AT_ONCE,
    certificateAuthorities: null,
  });
  const [organization] = app.configuration.organizations;
  const { CategoryKeyword, SkipAutomaticReplies, AutoRouteToOwnerQueue, PlusAddressSeparator } =
    organization?.kind === "embedded" ? (organization.settings as Partial<OrganizationSettings>) : {};
  const { now, wake } = app.context;
  const keys = openKeyIndex({ database, organization: "CRM", now, wake: (mailboxId) => wake("receive", mailboxId) });
  const crm = openDataverse({
    ...{ client, now, notes: sendingNotes(database, "CRM"), decides: DYNAMICS_DECIDES },
    // Tests change people, emails and settings in the middle: each page is judged by what there is then.
    ...{ index: { keys, milliseconds: 0 }, settingsMilliseconds: 0, watchMilliseconds: 200 },
    ownSettings: () => ({
      ...(CategoryKeyword !== undefined && { CategoryKeyword }),
      ...(SkipAutomaticReplies !== undefined && { SkipAutomaticReplies }),
      ...(AutoRouteToOwnerQueue !== undefined && { AutoRouteToOwnerQueue }),
      ...(PlusAddressSeparator !== undefined && { PlusAddressSeparator }),
    }),
  });
  await crm.keepIndex?.(AbortSignal.timeout(KEEP_MILLISECONDS));
  const embedded = app.context.crm;
  app.context.crm = (organization) => {
    embedded(organization);
    return crm;
  };
  const close = async () => {
    await app.close();
    await crm.close();
    await served[Symbol.asyncDispose]();
    if (served.faults.length > 0) throw new AggregateError(served.faults, "the Web API met faults of its own");
  };
  const read = app.crm.readEmail;
  const readEmail = async (id: string) => readAsKept(database, await read(id));
  return Object.assign(Object.create(app), { crm: { ...app.crm, readEmail }, close, [Symbol.asyncDispose]: close });
}
