import { choice, creatable, id, instant, key, lookup, memo, readable, text, version, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Teams, which can own rows and hold roles for their members. They are made where the organization is set up, not over the Web API. */
export const TEAM: TableDefinition = {
  name: "team",
  set: "teams",
  key: "teamid",
  title: "name",
  from: "crm.team",
  base: "principal",
  columns: [
    key("teamid"),
    version(),
    ...writable([
      lookup("administratorid", { systemuser: ["administratorid", "lk_teambase_administratorid"] }),
      lookup("businessunitid", { businessunit: ["businessunitid", "business_unit_teams"] }),
      memo("description", 2_000),
      text("emailaddress", 100),
      text("name", 160),
    ]),
    ...creatable([choice("teamtype", "0 Owner | 1 Access | 2 AAD Security Group | 3 AAD Office Group")]),
    ...readable([
      instant("createdon"),
      instant("modifiedon"),
      id("organizationid", { read: "(select organizationid from crm.organization)", computed: true }),
    ]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "Team",
};
