import { flag, instant, key, lookup, readable, text, updatable, version, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Units of the organization. They are made where the organization is set up, not over the Web API. */
export const BUSINESSUNIT: TableDefinition = {
  name: "businessunit",
  set: "businessunits",
  key: "businessunitid",
  title: "name",
  from: "crm.businessunit",
  base: null,
  columns: [
    key("businessunitid"),
    version(),
    ...writable([
      text("name", 160),
      lookup("parentbusinessunitid", { businessunit: ["parentbusinessunitid", "business_unit_parent_business_unit"] }),
    ]),
    ...updatable([flag("isdisabled", "0 No | 1 Yes")]),
    ...readable([instant("createdon"), instant("modifiedon")]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "BusinessUnit",
};
