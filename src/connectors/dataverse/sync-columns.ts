import type {
  CredentialRetrieval,
  EmailServerType,
  IncomingMethod,
  OutgoingMethod,
  SyncApproval,
  SyncAuthentication,
  SyncFilter,
  SyncOrganization,
} from "../../model/server-side-sync.ts";

/** The columns of server-side synchronization and the numbers of their choices (product-behaviour 3.1 to 3.3). */

export const ORGANIZATION_COLUMNS = ["name", "emailconnectionchannel", "requireapprovalforuseremail", "requireapprovalforqueueemail"];

export const PROFILE_COLUMNS = [
  "emailserverprofileid",
  "name",
  "statecode",
  "servertype",
  "useautodiscover",
  "defaultserverlocation",
  "usesamesettingsforoutgoingconnections",
  "processemailsreceivedafter",
  "maxconcurrentconnections",
  "timeoutmailboxconnection",
  "timeoutmailboxconnectionafteramount",
  "minpollingintervalinminutes",
  "moveundeliveredemails",
  "sendemailalert",
  "encodingcodepage",
  "exchangeonlinetenantid",
  "oauthclientid",
  ...["incoming", "outgoing"].flatMap((direction) =>
    ["serverlocation", "portnumber", "usessl", "credentialretrieval", "authenticationprotocol", "useimpersonation", "username"].map(
      (column) => `${direction}${column}`,
    ),
  ),
];

/** What decides whether Dynamics itself works on a mailbox. */
export const ENABLED_COLUMNS = [
  "mailboxid",
  "emailaddress",
  "statecode",
  "regardingobjectid",
  "emailserverprofile",
  "incomingemaildeliverymethod",
  "outgoingemaildeliverymethod",
  "enabledforincomingemail",
  "enabledforoutgoingemail",
  "emailrouteraccessapproval",
];

export const MAILBOX_COLUMNS = [
  ...ENABLED_COLUMNS,
  "name",
  "isforwardmailbox",
  "actdeliverymethod",
  "processanddeleteemails",
  "processemailreceivedafter",
  "lastsyncstartedon",
  "lastsuccessfulsynccompletedon",
  "allowemailconnectortousecredentials",
  "username",
  "ewsurl",
];

export const USER_COLUMNS = ["systemuserid", "fullname", "internalemailaddress", "isdisabled"];
export const USER_SETTINGS_COLUMNS = ["systemuserid", "incomingemailfilteringmethod"];
export const QUEUE_COLUMNS = ["queueid", "name", "emailaddress", "statecode", "incomingemailfilteringmethod"];

/** `statecode` of rows that are in use. */
export const ACTIVE = 0;

/** Choices by their numbers; a number that is not among them means nothing here. */
type Choices<Word> = Readonly<Record<number, Word>>;

export const CHANNELS: Choices<NonNullable<SyncOrganization["channel"]>> = { 0: "server-side synchronization", 1: "email router" };
export const SERVER_TYPES: Choices<EmailServerType> = {
  0: "exchange",
  1: "pop3",
  2: "exchange hybrid",
  3: "exchange online hybrid",
  4: "imap",
};
export const CREDENTIALS: Choices<CredentialRetrieval> = {
  0: "user or queue",
  1: "profile",
  2: "server to server",
  3: "windows integrated",
  4: "none",
  5: "gmail oauth",
  6: "exchange hybrid modern authentication",
  7: "entra oauth",
};
export const AUTHENTICATION: Choices<SyncAuthentication> = { 0: "auto", 1: "negotiate", 2: "ntlm", 3: "basic", 4: "oauth" };
export const INCOMING_METHODS: Choices<IncomingMethod> = { 0: "none", 1: "outlook", 2: "server", 3: "forward mailbox" };
export const OUTGOING_METHODS: Choices<OutgoingMethod> = { 0: "none", 1: "outlook", 2: "server" };
export const FILTERS: Choices<SyncFilter> = {
  0: "all email messages",
  1: "answers to CRM email",
  2: "email from leads, contacts and accounts",
  3: "email from email-enabled records",
  4: "no email messages",
};
export const APPROVALS: Choices<SyncApproval> = { 0: "empty", 1: "approved", 2: "pending", 3: "rejected" };
/** `actdeliverymethod`: the numbers differ from those of email. */
export const ITEMS_BY_SERVER = 1;
