import { id, instant, key, lookup, readable, text, version } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Security roles. They come with the program or are made where the organization is set up, not over the Web API. */
export const ROLE: TableDefinition = {
  name: "role",
  set: "roles",
  key: "roleid",
  title: "name",
  from: "crm.role",
  base: null,
  columns: [
    key("roleid", { create: false }),
    version(),
    ...readable([
      lookup("businessunitid", { businessunit: ["businessunitid", "business_unit_roles"] }),
      instant("createdon"),
      instant("modifiedon"),
      text("name", 100),
      id("organizationid", { read: "(select organizationid from crm.organization)", computed: true }),
    ]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "Role",
};
