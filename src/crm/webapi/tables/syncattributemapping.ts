import { choice, flag, instant, key, lookup, readable, text, version, whole, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

const DIRECTIONS = "0 None | 1 To Exchange | 2 To CRM | 3 Bidirectional";

/** Which property of an item is synchronized with which column, and in which direction (product-behaviour 6.5). */
export const SYNCATTRIBUTEMAPPING: TableDefinition = {
  name: "syncattributemapping",
  set: "syncattributemappings",
  key: "syncattributemappingid",
  title: "mappingname",
  from: "crm.syncattributemapping",
  base: null,
  columns: [
    key("syncattributemappingid"),
    version(),
    ...writable([
      choice("allowedsyncdirection", DIRECTIONS),
      text("attributecrmname", 160),
      text("attributeexchangename", 160),
      choice("defaultsyncdirection", DIRECTIONS),
      whole("entitytypecode"),
      flag("iscomputed", "0 No | 1 Yes"),
      text("mappingname", 160),
      lookup("parentsyncattributemappingid", {
        syncattributemapping: ["parentsyncattributemappingid", "syncattributemapping_parent_syncattributemapping"],
      }),
      lookup("syncattributemappingprofileid", {
        syncattributemappingprofile: ["syncattributemappingprofileid", "syncattributemappingprofile_syncattributemapping"],
      }),
      choice("syncdirection", DIRECTIONS),
    ]),
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
  privilege: "SyncAttributeMapping",
};
