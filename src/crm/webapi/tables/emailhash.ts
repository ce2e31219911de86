import { instant, key, long, lookup, readable, version } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** The hashes of addresses and subjects by which smart matching finds emails (product-behaviour 4.7). Kept by the CRM. */
export const EMAILHASH: TableDefinition = {
  name: "emailhash",
  set: "emailhashes",
  key: "emailhashid",
  title: null,
  from: "crm.emailhashrow",
  base: null,
  columns: [
    key("emailhashid", { create: false }),
    version(),
    ...readable([
      lookup("activityid", { email: ["activityid_email"] }),
      long("hash"),
      instant("createdon", { read: "row.at", computed: true }),
    ]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: false,
  versioned: true,
  ownership: "organization",
  privilege: "EmailHash",
};
