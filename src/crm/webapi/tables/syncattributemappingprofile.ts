import { flag, instant, key, lookup, readable, text, version, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** A set of field maps (product-behaviour 6.5), for users who do not use the organization's. */
export const SYNCATTRIBUTEMAPPINGPROFILE: TableDefinition = {
  name: "syncattributemappingprofile",
  set: "syncattributemappingprofiles",
  key: "syncattributemappingprofileid",
  title: "name",
  from: "crm.syncattributemappingprofile",
  base: null,
  columns: [
    key("syncattributemappingprofileid"),
    version(),
    ...writable([text("name", 160), flag("isdefault", "0 No | 1 Yes")]),
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
  privilege: "SyncAttributeMappingProfile",
};
