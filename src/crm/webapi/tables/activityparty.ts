import { choice, creatable, double, flag, id, instant, lookup, readable, text, version, whole, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Who takes part in an activity. Parties have no key of their own in the database: theirs is made of the activity and their place in it. */
export const ACTIVITYPARTY: TableDefinition = {
  name: "activityparty",
  set: "activityparties",
  key: "activitypartyid",
  title: null,
  from: "crm.activityparty",
  base: null,
  columns: [
    version(),
    ...writable([
      lookup(
        "activityid",
        {
          activitypointer: ["activityid_activitypointer", "activitypointer_activity_parties"],
          appointment: ["activityid_appointment", "appointment_activity_parties"],
          campaignresponse: ["activityid_campaignresponse", "campaignresponse_activity_parties"],
          email: ["activityid_email", "email_activity_parties"],
          fax: ["activityid_fax", "fax_activity_parties"],
          letter: ["activityid_letter", "letter_activity_parties"],
          phonecall: ["activityid_phonecall", "phonecall_activity_parties"],
          recurringappointmentmaster: ["activityid_recurringappointmentmaster", "recurringappointmentmaster_activity_parties"],
          serviceappointment: ["activityid_serviceappointment", "serviceappointment_activity_parties"],
          task: ["activityid_task", "task_activity_parties"],
        },
        { readTarget: "row.activitytypecode", storedTarget: "activitytypecode" },
      ),
      text("addressused", 200),
      double("effort", 0, 1_000_000_000),
      text("exchangeentryid", 1_024),
      choice(
        "participationtypemask",
        "1 Sender | 2 To Recipient | 3 CC Recipient | 4 BCC Recipient | 5 Required attendee | 6 Optional attendee | 7 Organizer | 8 Regarding | 9 Owner | 10 Resource | 11 Customer",
        { required: true },
      ),
      lookup(
        "partyid",
        {
          account: ["partyid_account", "account_activity_parties"],
          contact: ["partyid_contact", "contact_activity_parties"],
          lead: ["partyid_lead", "lead_activity_parties"],
          queue: ["partyid_queue", "queue_activity_parties"],
          systemuser: ["partyid_systemuser", "system_user_activity_parties"],
        },
        { readTitle: "row.partyidname", readTarget: "row.partyobjecttypecode", storedTarget: "partyobjecttypecode" },
      ),
    ]),
    ...creatable([id("activitypartyid", { read: "md5(row.activityid::text || '/' || row.ordinal::text)::uuid", computed: true })]),
    ...readable([
      whole("addressusedemailcolumnnumber", 1),
      flag("donotemail", "0 Allow | 1 Do Not Allow", {
        read: "coalesce((select one.donotemail from crm.addressee one where one.id = row.partyid and one.type = row.partyobjecttypecode), false)",
        computed: true,
      }),
      flag("donotfax", "0 Allow | 1 Do Not Allow", { read: "false", computed: true }),
      flag("donotphone", "0 Allow | 1 Do Not Allow", { read: "false", computed: true }),
      flag("donotpostalmail", "0 Allow | 1 Do Not Allow", { read: "false", computed: true }),
      choice(
        "instancetypecode",
        "0 Not Recurring | 1 Recurring Master | 2 Recurring Instance | 3 Recurring Exception | 4 Recurring Future Exception",
        { read: "0", computed: true },
      ),
      flag("ispartydeleted", "0 No | 1 Yes", { read: "false", computed: true }),
      instant("scheduledend", {
        read: "(select one.scheduledend from crm.activitypointer one where one.activityid = row.activityid)",
        computed: true,
      }),
      instant("scheduledstart", {
        read: "(select one.scheduledstart from crm.activitypointer one where one.activityid = row.activityid)",
        computed: true,
      }),
    ]),
  ],
  alternateKeys: [],
  allows: [],
  tracksChanges: false,
  versioned: true,
  ownership: "organization",
  privilege: "Activity",
};
