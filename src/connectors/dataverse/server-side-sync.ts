import type {
  EmailServerProfile,
  ServerSideSync,
  SyncFilter,
  SyncMailbox,
  SyncOrganization,
  SyncOwner,
  SyncServer,
} from "../../model/server-side-sync.ts";
import type { DataverseClient } from "./client/client.ts";
import { type Query, readRows } from "./read.ts";
import { flagOf, idOf, instantOf, keyOf, lookupOf, numberOf, type Row, textOf } from "./row.ts";
import {
  ACTIVE,
  APPROVALS,
  AUTHENTICATION,
  CHANNELS,
  CREDENTIALS,
  FILTERS,
  INCOMING_METHODS,
  ITEMS_BY_SERVER,
  MAILBOX_COLUMNS,
  ORGANIZATION_COLUMNS,
  OUTGOING_METHODS,
  PROFILE_COLUMNS,
  QUEUE_COLUMNS,
  SERVER_TYPES,
  USER_COLUMNS,
  USER_SETTINGS_COLUMNS,
} from "./sync-columns.ts";
import { Tables } from "./tables.ts";

/**
 * What the organization says of its server-side synchronization: six queries in one exchange, and further pages where there are any. Only columns that
 * its `$metadata` has are asked for (v8.2 knows fewer). Changes nothing. Passwords cannot be read and are not asked for.
 * @throws Failure of scope organization; the reason of `signal`
 */
export async function readServerSideSync(client: DataverseClient, signal: AbortSignal): Promise<ServerSideSync> {
  const tables = new Tables(await client.metadata({ signal }));
  const query = (table: string, columns: readonly string[]): Query => ({
    set: tables.set(table),
    select: tables.select(table, columns),
  });
  const [organizations = [], profiles = [], mailboxes = [], users = [], settings = [], queues = []] = await readRows(client, [
    query("organization", ORGANIZATION_COLUMNS),
    query("emailserverprofile", PROFILE_COLUMNS),
    query("mailbox", MAILBOX_COLUMNS),
    query("systemuser", USER_COLUMNS),
    query("usersettings", USER_SETTINGS_COLUMNS),
    query("queue", QUEUE_COLUMNS),
  ]);
  signal.throwIfAborted();
  const [organization = {}] = organizations;
  const filters = new Map(settings.map((row) => [keyOf(row, "systemuserid"), filterOf(row)]));
  const known = { user: users.map((row) => userOf(row, filters)), queue: queues.map(queueOf) };
  return {
    organization: organizationOf(organization),
    profiles: profiles.map(profileOf),
    mailboxes: mailboxes.map((row) => mailboxOf(row, known)),
    users: known.user,
    queues: known.queue,
  };
}

/** What an organization says of who processes its email. Approval is wanted where it does not say, as by default. */
export function organizationOf(row: Row): SyncOrganization {
  return {
    name: textOf(row, "name") ?? "",
    channel: choiceOf(row, "emailconnectionchannel", CHANNELS),
    approvalForUsers: flagOf(row, "requireapprovalforuseremail") ?? true,
    approvalForQueues: flagOf(row, "requireapprovalforqueueemail") ?? true,
  };
}

function profileOf(row: Row): EmailServerProfile {
  return {
    id: keyOf(row, "emailserverprofileid"),
    name: textOf(row, "name") ?? "",
    active: isActive(row),
    serverType: choiceOf(row, "servertype", SERVER_TYPES),
    usesAutodiscover: flagOf(row, "useautodiscover") ?? false,
    defaultLocation: filled(row, "defaultserverlocation"),
    incoming: serverOf(row, "incoming"),
    outgoing: serverOf(row, "outgoing"),
    outgoingAsIncoming: flagOf(row, "usesamesettingsforoutgoingconnections") ?? false,
    readFrom: instantOf(row, "processemailsreceivedafter"),
    maximumConnections: numberOf(row, "maxconcurrentconnections"),
    timeoutMilliseconds: flagOf(row, "timeoutmailboxconnection") === false ? null : numberOf(row, "timeoutmailboxconnectionafteramount"),
    minimumPollingMinutes: numberOf(row, "minpollingintervalinminutes") ?? 0,
    movesUndelivered: flagOf(row, "moveundeliveredemails") ?? false,
    sendsAlertMail: flagOf(row, "sendemailalert") ?? false,
    codePage: filled(row, "encodingcodepage"),
    tenant: filled(row, "exchangeonlinetenantid"),
    clientId: filled(row, "oauthclientid"),
  };
}

function serverOf(row: Row, direction: "incoming" | "outgoing"): SyncServer {
  return {
    location: filled(row, `${direction}serverlocation`),
    port: numberOf(row, `${direction}portnumber`),
    tls: flagOf(row, `${direction}usessl`) ?? true,
    credentials: choiceOf(row, `${direction}credentialretrieval`, CREDENTIALS),
    authentication: choiceOf(row, `${direction}authenticationprotocol`, AUTHENTICATION),
    impersonation: flagOf(row, `${direction}useimpersonation`) ?? false,
    username: filled(row, `${direction}username`),
  };
}

function mailboxOf(row: Row, known: Readonly<Record<"user" | "queue", readonly SyncOwner[]>>): SyncMailbox {
  const owner = ownerOf(row, known);
  return {
    id: keyOf(row, "mailboxid"),
    name: textOf(row, "name") ?? "",
    address: filled(row, "emailaddress"),
    ...mailboxStateOf(row),
    owner,
    // What belongs to nobody is one unless it says otherwise: the column's default is yes. One that has an owner is none (8005E207).
    forward: owner === null && (flagOf(row, "isforwardmailbox") ?? true),
    profileId: idOf(row, "_emailserverprofile_value"),
    synchronizesItems: numberOf(row, "actdeliverymethod") === ITEMS_BY_SERVER,
    deletesProcessed: flagOf(row, "processanddeleteemails") ?? false,
    readFrom: instantOf(row, "processemailreceivedafter"),
    lastSync: lastSyncOf(row),
    username: flagOf(row, "allowemailconnectortousecredentials") === true ? filled(row, "username") : null,
    ewsUrl: filled(row, "ewsurl"),
  };
}

/** What decides whether Dynamics itself works on a mailbox. */
type MailboxState = Pick<
  SyncMailbox,
  "active" | "owner" | "incoming" | "outgoing" | "enabledForIncoming" | "enabledForOutgoing" | "approval"
>;

/** Reads that of a row. */
export function mailboxStateOf(row: Row): MailboxState {
  return {
    active: isActive(row),
    owner: ownerOf(row, { user: [], queue: [] }),
    incoming: choiceOf(row, "incomingemaildeliverymethod", INCOMING_METHODS),
    outgoing: choiceOf(row, "outgoingemaildeliverymethod", OUTGOING_METHODS),
    enabledForIncoming: flagOf(row, "enabledforincomingemail") ?? false,
    enabledForOutgoing: flagOf(row, "enabledforoutgoingemail") ?? false,
    approval: choiceOf(row, "emailrouteraccessapproval", APPROVALS),
  };
}

/** Whether it is a user or a queue an annotation tells; without one, whose id it is. */
function ownerOf(row: Row, known: Readonly<Record<"user" | "queue", readonly SyncOwner[]>>): SyncMailbox["owner"] {
  const id = idOf(row, "_regardingobjectid_value");
  if (id === null) return null;
  const table = lookupOf(row, "regardingobjectid")?.type;
  const type = table === "queue" || (table === undefined && known.queue.some((one) => one.id === id)) ? "queue" : "user";
  return { type, id };
}

function lastSyncOf(row: Row): Date | null {
  const [started, completed] = [instantOf(row, "lastsyncstartedon"), instantOf(row, "lastsuccessfulsynccompletedon")];
  return completed !== null && started !== null && started < completed ? started : completed;
}

function userOf(row: Row, filters: ReadonlyMap<string, SyncFilter | null>): SyncOwner {
  const id = keyOf(row, "systemuserid");
  return {
    id,
    name: textOf(row, "fullname") ?? "",
    address: filled(row, "internalemailaddress"),
    active: flagOf(row, "isdisabled") !== true,
    filter: filters.get(id) ?? DEFAULT_FILTER,
  };
}

function queueOf(row: Row): SyncOwner {
  const address = filled(row, "emailaddress");
  return { id: keyOf(row, "queueid"), name: textOf(row, "name") ?? "", address, active: isActive(row), filter: filterOf(row) };
}

/** What a user has who never chose (product-behaviour 4.4). */
const DEFAULT_FILTER: SyncFilter = "answers to CRM email";

function filterOf(row: Row): SyncFilter | null {
  return choiceOf(row, "incomingemailfilteringmethod", FILTERS);
}

function isActive(row: Row): boolean {
  return (numberOf(row, "statecode") ?? ACTIVE) === ACTIVE;
}

function choiceOf<Word>(row: Row, column: string, choices: Readonly<Record<number, Word>>): Word | null {
  const value = numberOf(row, column);
  return value === null ? null : (choices[value] ?? null);
}

/** Text that says something; an empty column and one with blanks only are the same. */
export function filled(row: Row, column: string): string | null {
  const text = textOf(row, column)?.trim() ?? "";
  return text === "" ? null : text;
}
