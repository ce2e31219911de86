import { choice, creatable, instant, key, lookup, readable, state, status, text, updatable, version, whole, writable } from "../columns.ts";
import type { TableDefinition } from "../table.ts";

/** Activities in queues. */
export const QUEUEITEM: TableDefinition = {
  name: "queueitem",
  set: "queueitems",
  key: "queueitemid",
  title: "title",
  from: "crm.queueitem",
  base: null,
  columns: [
    key("queueitemid"),
    version(),
    ...writable([
      whole("priority", 0, 1_000_000_000),
      text("sender", 250),
      whole("state", 0, 1_000_000_000),
      whole("status", 0, 1_000_000_000),
      status({ 0: "1 Active", 1: "2 Inactive" }),
      whole("timezoneruleversionnumber", -1),
      text("torecipients", 500),
      whole("utcconversiontimezonecode", -1),
      lookup("workerid", {
        systemuser: ["workerid_systemuser", "lk_queueitembase_workerid"],
        team: ["workerid_team", "team_queueitembase_workerid"],
      }),
    ]),
    ...creatable([
      whole("importsequencenumber"),
      lookup(
        "objectid",
        {
          activitypointer: ["objectid_activitypointer", "ActivityPointer_QueueItem"],
          appointment: ["objectid_appointment", "Appointment_QueueItem"],
          campaignresponse: ["objectid_campaignresponse", "CampaignResponse_QueueItem"],
          email: ["objectid_email", "Email_QueueItem"],
          fax: ["objectid_fax", "Fax_QueueItem"],
          letter: ["objectid_letter", "Letter_QueueItem"],
          phonecall: ["objectid_phonecall", "PhoneCall_QueueItem"],
          recurringappointmentmaster: ["objectid_recurringappointmentmaster", "RecurringAppointmentMaster_QueueItem"],
          serviceappointment: ["objectid_serviceappointment", "ServiceAppointment_QueueItem"],
          task: ["objectid_task", "Task_QueueItem"],
        },
        { required: true, readTarget: "row.objectidtypecode", storedTarget: "objectidtypecode" },
      ),
      instant("overriddencreatedon"),
      lookup("queueid", { queue: ["queueid", "queue_entries"] }, { required: true }),
    ]),
    ...updatable([state("0 Active | 1 Inactive", { 0: 1, 1: 2 })]),
    ...readable([
      lookup("createdby", { systemuser: ["createdby", "lk_queueitembase_createdby"] }),
      instant("createdon"),
      lookup("createdonbehalfby", { systemuser: ["createdonbehalfby", "lk_queueitem_createdonbehalfby"] }),
      instant("enteredon"),
      lookup("modifiedby", { systemuser: ["modifiedby", "lk_queueitembase_modifiedby"] }),
      instant("modifiedon"),
      lookup("modifiedonbehalfby", { systemuser: ["modifiedonbehalfby", "lk_queueitem_modifiedonbehalfby"] }),
      choice(
        "objecttypecode",
        "112 Case | 4200 Activity | 4201 Appointment | 4202 Email | 4204 Fax | 4207 Letter | 4210 Phone Call | 4212 Task | 4214 Service Activity | 4216 Social Activity | 4251 Recurring Appointment | 4401 Campaign Response | 4402 Campaign Activity | 4406 Quick Campaign | 9953 Knowledge Article | 10007 Booking Alert | 10027 Time Group | 10028 Time Group Detail | 10032 Approval | 10069 Project | 10074 Project Task | 10091 Resource Request | 10108 Agreement Booking Date | 10113 Agreement Booking Setup | 10114 Agreement Invoice Date | 10116 Agreement Invoice Setup | 10133 Inventory Adjustment | 10136 Inventory Transfer | 10176 Work Order | 10179 Work Order Incident | 10182 Work Order Service | 10183 Work Order Service Task | 10186 IoT Alert",
        {
          read: "(case row.objectidtypecode when 'appointment' then 4201 when 'email' then 4202 when 'fax' then 4204 when 'letter' then 4207 when 'phonecall' then 4210 when 'task' then 4212 when 'serviceappointment' then 4214 when 'recurringappointmentmaster' then 4251 when 'campaignresponse' then 4401 else 4200 end)",
          computed: true,
        },
      ),
      lookup(
        "organizationid",
        { organization: ["organizationid", "organization_queueitems"] },
        { read: "(select organizationid from crm.organization)", computed: true },
      ),
      text("title", 300),
      instant("workeridmodifiedon"),
    ]),
  ],
  alternateKeys: [],
  allows: ["create", "update", "delete"],
  tracksChanges: true,
  versioned: true,
  ownership: "organization",
  privilege: "Queue",
};
