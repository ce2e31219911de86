import type { Table } from "../../src/crm/webapi/table.ts";

/** A table without columns, for tests of what goes by its name, ownership and privilege alone. */
export function bareTable(given: Pick<Table, "name" | "set" | "key" | "from" | "ownership" | "privilege">): Table {
  return {
    title: null,
    base: null,
    columns: [],
    collections: [],
    alternateKeys: [],
    allows: [],
    tracksChanges: true,
    versioned: true,
    ...given,
  };
}

export const BARE_CONTACT = bareTable({
  name: "contact",
  set: "contacts",
  key: "contactid",
  from: "crm.contact",
  ownership: "owned",
  privilege: "Contact",
});
