import { Failure } from "../../model/failure.ts";
import { DEFAULT_SETTINGS, type OrganizationSettings, OWN_SETTINGS } from "../../model/settings.ts";
import type { Step } from "../../ports.ts";
import { answered } from "./client/client.ts";
import { synchronizedElsewhere } from "./elsewhere.ts";
import { indexStanding } from "./index-standing.ts";
import type { Organization } from "./organization.ts";
import { choosePath } from "./path.ts";
import { proveStatuses } from "./prove-status.ts";
import { readRow, readRows } from "./read.ts";
import { unreadTables } from "./readable-tables.ts";
import { textOf } from "./row.ts";
import { organizationOf } from "./server-side-sync.ts";
import type { ReplacedSetting } from "./setting-values.ts";
import { rememberStatuses } from "./statuses.ts";
import { ORGANIZATION_COLUMNS } from "./sync-columns.ts";
import type { Tables } from "./tables.ts";

/** Tables without which nothing works. */
const TABLES = ["email", "activityparty", "activitymimeattachment", "systemuser", "usersettings", "queue", "queueitem", "contact"] as const;
/** Where Waypost remembers what no other column takes; see Mark. */
const MARK_COLUMN = "activityadditionalparams";

/**
 * Tries what Waypost must be able to do in the organization, step by step up to the first that fails, and says how it works with it and why. What it makes for that it
 * deletes again.
 */
export async function* check(organization: Organization, signal: AbortSignal): AsyncGenerator<Step> {
  const steps = organization.index === null ? STEPS : [...STEPS, { name: "mail of strangers", run: indexStanding }];
  for (const { name, run } of steps) {
    signal.throwIfAborted();
    try {
      yield { name, ...(await run(organization)) };
    } catch (error) {
      if (!(error instanceof Failure)) throw error;
      const { code, message, serverSaid, remedy } = error;
      yield { name, result: "failed", code, message, serverSaid, remedy };
      return;
    }
  }
}

type Outcome = Omit<Step, "name">;

const STEPS: readonly { readonly name: string; readonly run: (organization: Organization) => Promise<Outcome> }[] = [
  { name: "sign in", run: signIn },
  { name: "tables and columns", run: tablesAndColumns },
  { name: "settings", run: settings },
  { name: "other programs", run: otherPrograms },
  { name: "addresses", run: addresses },
  { name: "incoming mail", run: incoming },
  { name: "outgoing mail", run: outgoing },
];

async function signIn(organization: Organization): Promise<Outcome> {
  const self = await organization.self();
  const [version, tables] = await Promise.all([organization.client.version(), organization.tables()]);
  const row = await readRow(organization.client, tables.set("systemuser"), self, tables.select("systemuser", ["fullname"]));
  const name = (row && textOf(row, "fullname")) || self;
  return { result: "ok", message: `Waypost is signed in as ${name}. The organization is of version ${version}.` };
}

async function tablesAndColumns(organization: Organization): Promise<Outcome> {
  const tables = await organization.tables();
  const missing = TABLES.filter((table) => !tables.has(table));
  if (missing.length > 0)
    return {
      result: "failed",
      code: "table missing",
      message: `The organization has no table ${missing.join(", ")}.`,
      remedy: "Check that the address leads to a Dynamics 365 organization with sales or customer service, of version 8.2 or later.",
    };
  if (!tables.has("email", MARK_COLUMN))
    return {
      result: "failed",
      code: "column missing",
      message: `The emails of the organization have no column ${MARK_COLUMN}, in which Waypost remembers how far an email is.`,
      remedy: "Install the updates of the organization.",
    };
  return { result: "ok", message: newerColumns(tables) };
}

/** Which of Microsoft's programs process the organization's email. Its mailboxes are looked at one by one where they are tested. */
async function otherPrograms(organization: Organization): Promise<Outcome> {
  const tables = await organization.tables();
  const [[row = {}] = []] = await readRows(organization.client, [
    { set: tables.set("organization"), select: tables.select("organization", ORGANIZATION_COLUMNS) },
  ]);
  if (organizationOf(row).channel === "email router")
    return {
      result: "warning",
      code: "email router possible",
      message:
        "The organization has its email processed by a router. Whether the Email Router of Microsoft is running cannot be seen from here.",
      remedy: "Stop the Email Router's service: of one organization's email only one router may take care.",
    };
  const elsewhere = await synchronizedElsewhere(organization);
  return {
    result: "ok",
    message: `Its server-side synchronization works on ${elsewhere.size === 0 ? "no mailbox" : `${elsewhere.size} mailboxes, which Waypost leaves to it`}.`,
  };
}

function newerColumns(tables: Tables): string {
  const lacking = ["correlatedactivityid", "acceptingentityid", "isduplicatesenderunresolved"].filter(
    (column) => !tables.has("email", column),
  );
  return lacking.length === 0
    ? "It has all tables and columns."
    : `It has all tables. What its emails have no column for is left out: ${lacking.join(", ")}.`;
}

async function settings(organization: Organization): Promise<Outcome> {
  const { settings, replaced } = await organization.readSettings();
  const { emailcorrelationenabled, trackingtokensenabled, trackingprefix, enablesmartmatching } = settings;
  const tokens = trackingtokensenabled ? `Tracking tokens begin with ${trackingprefix}.` : "Tracking tokens are switched off.";
  const correlation = emailcorrelationenabled ? "Emails are correlated." : "Correlation of emails is switched off.";
  const warnings = [...(replaced.length === 0 ? [] : [replacedSettings(replaced)]), ...(enablesmartmatching ? [NO_SMART_MATCHING] : [])];
  const message = [correlation, tokens, ...ownTold(settings), ...warnings.map((one) => one.message)].join(" ");
  const [first] = warnings;
  if (first === undefined) return { result: "ok", message };
  return { result: "warning", code: first.code, message, remedy: warnings.map(({ remedy }) => remedy).join(" ") };
}

/** Those of Waypost's own settings that are not at their defaults. */
function ownTold(settings: OrganizationSettings): string[] {
  const set = OWN_SETTINGS.filter((name) => String(settings[name]) !== String(DEFAULT_SETTINGS[name]));
  return set.length === 0
    ? []
    : [`Set in the configuration: ${set.map((name) => `${name} ${JSON.stringify(settings[name])}`).join(", ")}.`];
}

const NO_SMART_MATCHING = {
  code: "no smart matching",
  message: "Smart matching is switched on, but the Web API does not show by which hashes: Waypost finds no email by it.",
  remedy: "Nothing, where answers name the message that they answer; most do. Else leave tracking tokens switched on.",
} as const;

function replacedSettings(replaced: readonly ReplacedSetting[]): Pick<Required<Step>, "code" | "message" | "remedy"> {
  const told = replaced.map(({ name, value, taken }) => `${name} is ${value}, and Waypost takes ${taken}.`);
  return {
    code: "settings replaced",
    message: `Some settings of the organization are beyond what Waypost can work with. ${told.join(" ")}`,
    remedy: `If that is not what you want, change ${replaced.map(({ name }) => name).join(", ")} in Dynamics. Nothing waits for it.`,
  };
}

async function addresses(organization: Organization): Promise<Outcome> {
  const tables = await organization.tables();
  const unread = unreadTold([...(await unreadTables(organization))]);
  if (tables.has("emailsearch")) {
    const query = { $select: tables.select("emailsearch", ["emailaddress"]), $top: "1" };
    const answer = await organization.client.send({ method: "GET", path: tables.set("emailsearch"), query });
    if (answer.kind === "answered") return { result: "ok", message: `People are found by Dynamics' index of addresses.${unread}` };
    if (answer.kind !== "refused") answered(answer);
  }
  return { result: "ok", message: `People are found table by table: the organization shows no index of addresses.${unread}` };
}

function unreadTold(names: readonly string[]): string {
  return names.length === 0 ? "" : ` Addresses of rows of ${names.join(" and ")} stand for nobody: Waypost's user may not read these.`;
}

async function incoming(organization: Organization): Promise<Outcome> {
  const { reason } = await choosePath(organization);
  return { result: "ok", message: reason };
}

async function outgoing(organization: Organization): Promise<Outcome> {
  const { refusal, notRecorded, takesMessageId } = await proveStatuses(organization);
  await rememberStatuses(organization, refusal !== null);
  if (refusal === null)
    return {
      result: "ok",
      message:
        "Emails to be sent are claimed in Dynamics itself: Pending Send, Sending and Sent could be written. Several routers can work side by side.",
    };
  const { from, to, serverSaid } = refusal;
  const recorded =
    notRecorded === null
      ? "What has left is recorded as sent by SendEmail (IssueSend false)."
      : "Nor does SendEmail (IssueSend false) record one as sent: what has left stays in Pending Send in Dynamics, with an alert, and is not sent again.";
  const found = takesMessageId ? "" : " Message-IDs cannot be written either: answers are found by their tracking token alone.";
  return {
    result: "warning",
    code: "one router only",
    message: `An email cannot be brought from status ${from} to ${to} by writing it. Waypost claims emails to be sent in its own ledger instead, and they stay in Pending Send while they are sent, wait for another try, or have failed. ${recorded}${found} Only one router may run for this organization: another one would send every email a second time.`,
    serverSaid: notRecorded === null ? serverSaid : `${serverSaid} ${notRecorded}`,
    remedy:
      "Run one Waypost for this organization (of several processes, on one database), and no Email Router and no server-side synchronization of outgoing email. If statuses should be changeable, give Waypost's user the right to write activities of everybody, and look for a plug-in that forbids it.",
  };
}
