import { missingServers } from "../servers/needs.ts";
import { crmContract } from "./crm.contract.ts";
import { DATAVERSE_LACKS, dataverseUnderTest } from "./dataverse-under-test.ts";

for (const engine of ["pglite", "postgres"] as const) {
  const skip = engine === "postgres" && !process.env.WAYPOST_TEST_DATABASE_URL && missingServers(["postgres"]);
  crmContract(`Dataverse over HTTP, a CRM on ${engine}`, () => dataverseUnderTest(engine), { skip, lacks: DATAVERSE_LACKS });
}
