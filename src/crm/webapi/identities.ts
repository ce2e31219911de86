import type { Sql } from "../../model/sql.ts";
import { storableJson } from "../../model/text.ts";

/** How a user is known to the directory that signs tokens; null: not so. */
export interface Identity {
  readonly objectId: string | null;
  readonly applicationId: string | null;
  /** UPN. */
  readonly domainName: string | null;
}

/** Gives these users these identities, by ids. What one of them had and another gets changes hands. Must run in a transaction. */
export async function putIdentities(sql: Sql, identities: ReadonlyMap<string, Identity>): Promise<void> {
  const rows = storableJson([...identities].map(([id, identity]) => ({ id, ...identity })));
  const given = 'jsonb_to_recordset($1::jsonb) given (id uuid, "objectId" uuid, "applicationId" uuid, "domainName" text)';
  const differs = `(azureactivedirectoryobjectid, applicationid, domainname) is distinct from ("objectId", "applicationId", "domainName")`;
  // Two steps, because none of these may stand on two users at any moment.
  for (const values of ["null, null, null", '"objectId", "applicationId", "domainName"'])
    await sql.query(
      `update crm.systemuser set (azureactivedirectoryobjectid, applicationid, domainname) = row(${values}) from ${given} where systemuserid = id and ${differs}`,
      [rows],
    );
}
