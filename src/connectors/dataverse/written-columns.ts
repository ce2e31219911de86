import type { Tables } from "./tables.ts";

/**
 * Every property that the connector writes into Dynamics, by table: on creating a row, and on changing one. Lookups stand apart, because they are bound
 * by navigation names that only `$metadata` knows. A test compares this list with the schemas of the real thing; what an organization does not have is
 * left out when it is written.
 */
export const WRITTEN = {
  email: {
    create: [
      "activityid",
      "subject",
      "description",
      "directioncode",
      "sender",
      "torecipients",
      "submittedby",
      "messageid",
      "trackingtoken",
      "notifications",
      "prioritycode",
      "delayedemailsendtime",
      "actualend",
      "baseconversationindexhash",
      "activityadditionalparams",
      "isduplicatesenderunresolved",
    ],
    update: [
      "statecode",
      "statuscode",
      "subject",
      "messageid",
      "trackingtoken",
      "deliveryattempts",
      "actualend",
      "activityadditionalparams",
      "isduplicatesenderunresolved",
    ],
    lookups: {
      create: ["ownerid", "regardingobjectid", "parentactivityid", "correlatedactivityid", "acceptingentityid"],
      update: ["regardingobjectid"],
    },
  },
  activityparty: {
    create: ["participationtypemask", "addressused", "unresolvedpartyname"],
    update: ["participationtypemask", "addressused", "unresolvedpartyname"],
    lookups: { create: ["partyid"], update: ["partyid"] },
  },
  activitymimeattachment: {
    create: [
      "activitymimeattachmentid",
      "objecttypecode",
      "subject",
      "filename",
      "mimetype",
      "body",
      "attachmentnumber",
      "attachmentcontentid",
    ],
    update: [],
    lookups: { create: ["objectid"], update: [] },
  },
  queueitem: { create: [], update: [], lookups: { create: ["queueid", "objectid"], update: [] } },
  contact: {
    create: ["contactid", "firstname", "lastname", "emailaddress1"],
    update: ["emailaddress1", "emailaddress2", "emailaddress3"],
    lookups: { create: ["ownerid"], update: [] },
  },
  lead: {
    create: ["leadid", "firstname", "lastname", "subject", "emailaddress1"],
    update: ["emailaddress1", "emailaddress2", "emailaddress3"],
    lookups: { create: ["ownerid"], update: [] },
  },
  account: {
    create: [],
    update: ["emailaddress1", "emailaddress2", "emailaddress3"],
    lookups: { create: [], update: [] },
  },
} as const;

export type WrittenTable = keyof typeof WRITTEN;
type Column<Table extends WrittenTable, When extends "create" | "update"> = (typeof WRITTEN)[Table][When][number];
type Lookup<Table extends WrittenTable, When extends "create" | "update"> = (typeof WRITTEN)[Table]["lookups"][When][number];

/** Values of columns by name; undefined: not written. */
export type Values<Table extends WrittenTable, When extends "create" | "update"> = {
  readonly [Name in Column<Table, When>]?: string | number | boolean | null | undefined;
};

/** Rows that lookups shall refer to; null or undefined: nothing is written. */
export type References<Table extends WrittenTable, When extends "create" | "update"> = {
  readonly [Name in Lookup<Table, When>]?: { readonly type: string; readonly id: string } | null | undefined;
};

/** JSON of a row to be created or of the change of one, without what the organization does not have. */
export function written<Table extends WrittenTable, When extends "create" | "update">(
  tables: Tables,
  table: Table,
  _when: When,
  values: Values<Table, When>,
  references: References<Table, When> = {},
): Record<string, unknown> {
  const json: Record<string, unknown> = {};
  for (const [column, value] of Object.entries(values)) if (value !== undefined && tables.has(table, column)) json[column] = value;
  for (const [attribute, row] of Object.entries<unknown>(references)) {
    if (!isReference(row)) continue;
    const name = tables.navigation(table, attribute, row.type);
    if (name !== null) json[`${name}@odata.bind`] = tables.reference(row.type, row.id);
  }
  return json;
}

function isReference(value: unknown): value is { readonly type: string; readonly id: string } {
  return typeof value === "object" && value !== null && "type" in value && "id" in value;
}
