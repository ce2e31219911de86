import type { Collection, Column, Table, TableDefinition } from "./table.ts";
import { ACCOUNT } from "./tables/account.ts";
import { ACTIVITYMIMEATTACHMENT } from "./tables/activitymimeattachment.ts";
import { ACTIVITYPARTY } from "./tables/activityparty.ts";
import { ACTIVITYPOINTER } from "./tables/activitypointer.ts";
import { ANNOTATION } from "./tables/annotation.ts";
import { APPOINTMENT } from "./tables/appointment.ts";
import { ASYNCOPERATION } from "./tables/asyncoperation.ts";
import { BUSINESSUNIT } from "./tables/businessunit.ts";
import { CAMPAIGNRESPONSE } from "./tables/campaignresponse.ts";
import { CONTACT } from "./tables/contact.ts";
import { EMAIL } from "./tables/email.ts";
import { EMAILHASH } from "./tables/emailhash.ts";
import { EMAILSEARCH } from "./tables/emailsearch.ts";
import { EMAILSERVERPROFILE } from "./tables/emailserverprofile.ts";
import { EXCHANGESYNCIDMAPPING } from "./tables/exchangesyncidmapping.ts";
import { FAX } from "./tables/fax.ts";
import { LEAD } from "./tables/lead.ts";
import { LETTER } from "./tables/letter.ts";
import { MAILBOX } from "./tables/mailbox.ts";
import { MAILBOXSTATISTICS } from "./tables/mailboxstatistics.ts";
import { MAILBOXTRACKINGFOLDER } from "./tables/mailboxtrackingfolder.ts";
import { ORGANIZATION } from "./tables/organization.ts";
import { PHONECALL } from "./tables/phonecall.ts";
import { QUEUE } from "./tables/queue.ts";
import { QUEUEITEM } from "./tables/queueitem.ts";
import { QUEUEMEMBERSHIP } from "./tables/queuemembership.ts";
import { RECURRENCERULE } from "./tables/recurrencerule.ts";
import { RECURRINGAPPOINTMENTMASTER } from "./tables/recurringappointmentmaster.ts";
import { ROLE } from "./tables/role.ts";
import { SAVEDQUERY } from "./tables/savedquery.ts";
import { SERVICEAPPOINTMENT } from "./tables/serviceappointment.ts";
import { SYNCATTRIBUTEMAPPING } from "./tables/syncattributemapping.ts";
import { SYNCATTRIBUTEMAPPINGPROFILE } from "./tables/syncattributemappingprofile.ts";
import { SYNCERROR } from "./tables/syncerror.ts";
import { SYSTEMUSER } from "./tables/systemuser.ts";
import { TASK } from "./tables/task.ts";
import { TEAM } from "./tables/team.ts";
import { TEMPLATE } from "./tables/template.ts";
import { TRACELOG } from "./tables/tracelog.ts";
import { UNRESOLVEDADDRESS } from "./tables/unresolvedaddress.ts";
import { USERQUERY } from "./tables/userquery.ts";
import { USERSETTINGS } from "./tables/usersettings.ts";

const DEFINITIONS: readonly TableDefinition[] = [
  ACCOUNT,
  ACTIVITYMIMEATTACHMENT,
  ACTIVITYPARTY,
  ACTIVITYPOINTER,
  ANNOTATION,
  APPOINTMENT,
  ASYNCOPERATION,
  BUSINESSUNIT,
  CAMPAIGNRESPONSE,
  CONTACT,
  EMAIL,
  EMAILHASH,
  EMAILSEARCH,
  EMAILSERVERPROFILE,
  EXCHANGESYNCIDMAPPING,
  FAX,
  LEAD,
  LETTER,
  MAILBOX,
  MAILBOXSTATISTICS,
  MAILBOXTRACKINGFOLDER,
  ORGANIZATION,
  PHONECALL,
  QUEUE,
  QUEUEITEM,
  QUEUEMEMBERSHIP,
  RECURRENCERULE,
  RECURRINGAPPOINTMENTMASTER,
  ROLE,
  SAVEDQUERY,
  SERVICEAPPOINTMENT,
  SYNCATTRIBUTEMAPPING,
  SYNCATTRIBUTEMAPPINGPROFILE,
  SYNCERROR,
  SYSTEMUSER,
  TASK,
  TEAM,
  TEMPLATE,
  TRACELOG,
  UNRESOLVEDADDRESS,
  USERQUERY,
  USERSETTINGS,
];

/** Every table that the Web API serves (product-behaviour 10.1), with the rows of other tables that refer to it. */
export const TABLES: readonly Table[] = withCollections(DEFINITIONS);

const BY_NAME = new Map(TABLES.map((one) => [one.name, one]));
const BY_SET = new Map(TABLES.map((one) => [one.set, one]));

/** The table with this logical name, as it is written. */
export function tableNamed(logicalName: string): Table | undefined {
  return BY_NAME.get(logicalName);
}

/** The table whose entity set this is. */
export function tableOfSet(set: string): Table | undefined {
  return BY_SET.get(set);
}

/**
 * Tables with their collections: each lookup's partner is a collection of the table referred to, without those that no table here holds. What activities
 * inherit from activitypointer, collections too, stands once. Rows can be given with the row that they belong to wherever rows can be made at all; parties
 * only so.
 */
function withCollections(definitions: readonly TableDefinition[]): Table[] {
  const collections = new Map<string, Collection[]>(definitions.map(({ name }) => [name, []]));
  for (const { name, base, columns, allows } of definitions) {
    const inherited = new Set(definitions.find((one) => one.name === base)?.columns.flatMap(partnersOf));
    for (const column of columns) {
      for (const { table, partner } of column.targets ?? []) {
        if (partner === undefined || inherited.has(partner)) continue;
        const deepInsert = allows.includes("create") || name === "activityparty";
        collections.get(table)?.push({ navigation: partner, table: name, column: column.name, ...(deepInsert && { deepInsert }) });
      }
    }
  }
  return definitions.map((one) => ({ ...one, collections: collections.get(one.name) ?? [] }));
}

function partnersOf({ targets = [] }: Column): string[] {
  return targets.flatMap(({ partner }) => partner ?? []);
}
