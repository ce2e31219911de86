import { instant, key, lookup, owner, owningBusinessUnit, owningTeam, readable, text, version, whole, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

export const MAILBOXTRACKINGFOLDER: TableDefinition = {
  name: "mailboxtrackingfolder",
  set: "mailboxtrackingfolders",
  key: "mailboxtrackingfolderid",
  title: null,
  from: "crm.mailboxtrackingfolder",
  base: null,
  columns: [
    key("mailboxtrackingfolderid", { create: false }),
    version(),
    ...writable([
      text("exchangefolderid", 120),
      text("exchangefoldername", 256),
      whole("folderonboardingstatus", 0),
      lookup("mailboxid", { mailbox: ["mailboxid", "Mailbox_MailboxTrackingFolder"] }),
      owner(),
      lookup(
        "regardingobjectid",
        {
          account: ["regardingobjectid_account", "Account_MailboxTrackingFolder"],
          asyncoperation: ["regardingobjectid_asyncoperation"],
          campaignresponse: ["regardingobjectid_campaignresponse"],
          contact: ["regardingobjectid_contact", "Contact_MailboxTrackingFolder"],
          lead: ["regardingobjectid_lead", "Lead_MailboxTrackingFolder"],
          serviceappointment: ["regardingobjectid_serviceappointment", "serviceappointment_MailboxTrackingFolders"],
        },
        { readTarget: "row.regardingobjecttypecode", storedTarget: "regardingobjecttypecode" },
      ),
    ]),
    ...readable([
      lookup("createdby", { systemuser: ["createdby", "lk_mailboxtrackingfolder_createdby"] }),
      instant("createdon"),
      lookup("createdonbehalfby", { systemuser: ["createdonbehalfby", "lk_mailboxtrackingfolder_createdonbehalfby"] }),
      lookup("modifiedby", { systemuser: ["modifiedby", "lk_mailboxtrackingfolder_modifiedby"] }),
      instant("modifiedon"),
      lookup("modifiedonbehalfby", { systemuser: ["modifiedonbehalfby", "lk_mailboxtrackingfolder_modifiedonbehalfby"] }),
      lookup(
        "organizationid",
        { organization: ["organizationid", "Organization_MailboxTrackingFolder"] },
        { read: "(select organizationid from crm.organization)", computed: true },
      ),
      owningBusinessUnit("owningbusinessunit", "businessunit_mailboxtrackingfolder"),
      owningTeam("owningteam", "team_mailboxtrackingfolder"),
    ]),
  ],
  alternateKeys: [],
  allows: ["create", "update", "delete"],
  tracksChanges: true,
  versioned: true,
  ownership: "owned",
  privilege: "MailboxTrackingFolder",
};
