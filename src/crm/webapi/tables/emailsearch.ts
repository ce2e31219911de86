import { key, lookup, readable, text, version, whole } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** The address index: every address of every record that can stand on an email. Kept by the CRM. */
export const EMAILSEARCH: TableDefinition = {
  name: "emailsearch",
  set: "emailsearches",
  key: "emailsearchid",
  title: "emailaddress",
  from: "crm.emailsearch",
  base: null,
  columns: [
    key("emailsearchid", { create: false }),
    version(),
    ...readable([
      text("emailaddress", 320),
      whole("emailcolumnnumber", 1),
      lookup(
        "parentobjectid",
        {
          account: ["parentobjectid_account"],
          contact: ["parentobjectid_contact"],
          lead: ["parentobjectid_lead"],
          queue: ["parentobjectid_queue"],
          systemuser: ["parentobjectid_systemuser"],
        },
        { readTarget: "row.parentobjecttypecode", readTitle: "row.parentobjectname", computed: true },
      ),
      text("parentobjecttypecode"),
    ]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "EmailSearch",
};
