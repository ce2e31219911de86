import { choice, flag, id, instant, key, lookup, readable, text, version, whole } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

export const MAILBOXSTATISTICS: TableDefinition = {
  name: "mailboxstatistics",
  set: "mailboxstatistics",
  key: "mailboxstatisticsid",
  title: null,
  from: "crm.mailboxstatistics",
  base: null,
  columns: [
    key("mailboxstatisticsid", { create: false }),
    version(),
    ...readable([
      id("asynceventid"),
      whole("crmitemsbacklog", -1),
      text("individualstepdurations", 160),
      whole("itemsfailed", -1),
      whole("itemsprocessed", -1),
      lookup("mailboxid", { mailbox: ["mailboxid", "mailbox_mailboxstatistics"] }),
      instant("mailboxprocesscompletedon"),
      instant("mailboxprocessscheduledon"),
      instant("mailboxprocessstartedon"),
      choice("operationtypeid", "0 Incoming Email | 1 Outgoing Email | 2 ACT"),
      lookup(
        "organizationid",
        { organization: ["organizationid", "organization_mailboxstatistics"] },
        { read: "(select organizationid from crm.organization)", computed: true },
      ),
      flag("processresult", "0 Failure | 1 Success"),
      whole("processtimeintervalinminutes", -1),
      whole("scheduledtimeintervalinminutes", -1),
    ]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: false,
  versioned: true,
  ownership: "organization",
  privilege: "Mailbox",
};
