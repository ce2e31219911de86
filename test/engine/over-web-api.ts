import { openClient } from "../../src/connectors/dataverse/client/open-client.ts";
import { openDataverse } from "../../src/connectors/dataverse/dataverse.ts";
import type { Database } from "../../src/database/database.ts";
import { serveOrganization } from "../webapi/served-organization.ts";
import type { RigApp } from "./rig.ts";

/** `dataverse`: the tests of the engine have the connector for Dynamics and a real Web API between it and the CRM. */
export const CRM_IN_TESTS = process.env.WAYPOST_TEST_CRM ?? "embedded";

const ALL_AT_ONCE = { concurrent: 8, budget: null, batch: 1000 };

/**
 * The same app, whose engine reaches its CRM over HTTP, as it would one that stands elsewhere. The CRM is in the same database, where tests look at it: whoever asks
 * over HTTP inside a transaction (invariant 14) waits for ever on PGlite. Closing the app ends both.
 */
export async function overWebApi(app: RigApp, database: Database): Promise<RigApp> {
  const served = await serveOrganization(database);
  const client = openClient({
    address: `${served.url}/api/data/v9.2/`,
    signIn: { kind: "token", credentials: served.credentials },
    limits: ALL_AT_ONCE,
    certificateAuthorities: null,
  });
  // Tests change settings in the middle, and ask what the rules here said.
  const crm = openDataverse({ client, decides: false, settingsMilliseconds: 0, watchMilliseconds: 200 });
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
  return Object.assign(Object.create(app), { close, [Symbol.asyncDispose]: close });
}
