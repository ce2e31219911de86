import { choice, flag, instant, key, LONGEST, lookup, readable, setting, text, version, whole } from "../columns.ts";
import type { Column, TableDefinition } from "../table.ts";

/** As in Dynamics: what was set, each in an element of its name. */
const ORGDBORGSETTINGS = `(select '<OrgSettings>' || coalesce(string_agg(
    format('<%1$s>%2$s</%1$s>', one.key, replace(replace(replace(one.value, '&', '&amp;'), '<', '&lt;'), '>', '&gt;')), '' order by one.key), '') || '</OrgSettings>'
  from jsonb_each_text(row.settings) one where one.key ~ '^[A-Z][A-Za-z0-9]*$')`;

/** The setting counts kilobytes, Dynamics' column bytes (see write-organization.ts). */
function inBytes(one: Column): Column {
  return { ...one, read: `(${one.read} * 1024)` };
}

/**
 * The one row of the organization. Its settings (product-behaviour 3.1, 4.6, 4.7 and 6.8) are no columns of the database, and those of
 * product-behaviour 10.2 stand in `orgdborgsettings`: see `setting`, and crm/settings.ts for writing them.
 */
export const ORGANIZATION: TableDefinition = {
  name: "organization",
  set: "organizations",
  key: "organizationid",
  title: "name",
  from: "crm.organization",
  base: null,
  columns: [
    key("organizationid", { create: false }),
    version(),
    ...readable([
      text("name", 160),
      lookup("createdby", { systemuser: ["createdby", "lk_organizationbase_createdby"] }),
      instant("createdon"),
      lookup("modifiedby", { systemuser: ["modifiedby", "lk_organizationbase_modifiedby"] }),
      instant("modifiedon"),
      { ...whole("nexttrackingnumber"), update: true },
    ]),
    setting(flag("allowunresolvedpartiesonemailsend", "0 No | 1 Yes")),
    setting(flag("appointmentricheditorexperience", "0 No | 1 Yes"), false),
    setting(text("blockedattachments", LONGEST)),
    setting(
      lookup("defaultemailserverprofileid", { emailserverprofile: ["defaultemailserverprofileid", "EmailServerProfile_Organization"] }),
    ),
    setting(text("defaultemailsettings", LONGEST)),
    setting(
      choice("emailconnectionchannel", "0 Server-Side Synchronization | 1 Microsoft Dynamics 365 for Customer Engagement Email Router"),
      0,
    ),
    setting(flag("emailcorrelationenabled", "0 No | 1 Yes")),
    setting(whole("emailsendpollingperiod")),
    setting(flag("enablesmartmatching", "0 No | 1 Yes")),
    setting(whole("expirechangetrackingindays", 0, 365), 30),
    setting(whole("futureexpansionwindow", 1, 140)),
    setting(whole("hashdeltasubjectcount", 0)),
    setting(text("hashfilterkeywords", LONGEST)),
    setting(whole("hashmaxcount", 0)),
    setting(whole("hashminaddresscount", 0)),
    setting(flag("ignoreinternalemail", "0 No | 1 Yes")),
    setting(whole("incomingemailexchangeemailretrievalbatchsize", 1)),
    setting(flag("isappointmentattachmentsyncenabled", "0 No | 1 Yes"), false),
    setting(flag("isassignedtaskssyncenabled", "0 No | 1 Yes"), false),
    setting(flag("iscontactmailingaddresssyncenabled", "0 No | 1 Yes"), false),
    setting(flag("isfolderbasedtrackingenabled", "0 No | 1 Yes"), true),
    setting(flag("ismailboxforcedunlockingenabled", "0 No | 1 Yes")),
    setting(flag("ismailboxinactivebackoffenabled", "0 No | 1 Yes")),
    setting(flag("isresourcebookingexchangesyncenabled", "0 No | 1 Yes"), false),
    setting(whole("mailboxintermittentissueminrange")),
    setting(whole("mailboxpermanentissueminrange")),
    setting(whole("maxappointmentdurationdays", 0)),
    setting(whole("maxfolderbasedtrackingmappings", 1, 25)),
    setting(whole("maximumtrackingnumber", 0)),
    inBytes(setting(whole("maxuploadfilesize", 0))),
    { ...setting(whole("maxverboseloggingmailbox")), update: false },
    { ...setting(whole("maxverboseloggingsynccycles")), update: false },
    setting(flag("notifymailboxownerofemailserverlevelalerts", "0 No | 1 Yes"), false),
    setting(whole("pastexpansionwindow", 1, 120)),
    setting(whole("recurrenceexpansionjobbatchinterval", 0)),
    setting(whole("recurrenceexpansionjobbatchsize", 0)),
    setting(whole("recurrenceexpansionsynchcreatemax", 1, 1_000)),
    setting(flag("rendersecureiframeforemail", "0 No | 1 Yes"), true),
    setting(flag("requireapprovalforqueueemail", "0 No | 1 Yes")),
    setting(flag("requireapprovalforuseremail", "0 No | 1 Yes")),
    setting(flag("resolvesimilarunresolvedemailaddress", "0 No | 1 Yes")),
    setting(text("trackingprefix", 256)),
    setting(whole("trackingtokenidbase", 0)),
    setting(whole("trackingtokeniddigits")),
    setting(flag("unresolveemailaddressifmultiplematch", "0 No | 1 Yes")),
    { ...text("orgdborgsettings", LONGEST, { read: ORGDBORGSETTINGS, filter: false, computed: true }), update: true },
  ],
  alternateKeys: [],
  allows: ["update"],
  tracksChanges: false,
  versioned: true,
  ownership: "organization",
  privilege: "Organization",
};
