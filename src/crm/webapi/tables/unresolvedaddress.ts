import { instant, key, lookup, readable, text, version, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Addresses that stand for no record. */
export const UNRESOLVEDADDRESS: TableDefinition = {
  name: "unresolvedaddress",
  set: "unresolvedaddresses",
  key: "unresolvedaddressid",
  title: "fullname",
  from: "crm.unresolvedaddress",
  base: null,
  columns: [
    key("unresolvedaddressid"),
    version(),
    ...writable([text("emailaddress", 320), text("fullname", 160)]),
    ...readable([
      lookup("createdby", { systemuser: ["createdby"] }),
      instant("createdon"),
      lookup("modifiedby", { systemuser: ["modifiedby"] }),
      instant("modifiedon"),
    ]),
  ],
  alternateKeys: [],
  allows: ["create", "update", "delete"],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "UnresolvedAddress",
};
