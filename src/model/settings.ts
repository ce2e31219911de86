/**
 * Organization settings that decide about email, under their Dynamics names with Dynamics' defaults
 * (product-behaviour 3.1, 4.6, 10.2). OrgDbOrgSettings keep their CamelCase.
 */
export interface OrganizationSettings {
  readonly emailcorrelationenabled: boolean;
  /** False switches tokens off. Dynamics has no column of this name; there an empty prefix does it. */
  readonly trackingtokensenabled: boolean;
  readonly trackingprefix: string;
  /** Prefixes of earlier times; they still match. */
  readonly trackingprefixhistory: readonly string[];
  readonly trackingtokenidbase: number;
  readonly trackingtokeniddigits: number;
  readonly maximumtrackingnumber: number;
  /** Smart matching: emails that belong together are also found by the words of their subjects and their addresses (product-behaviour 4.7). */
  readonly enablesmartmatching: boolean;
  /** What is no word of a subject: a regular expression in .NET syntax. */
  readonly hashfilterkeywords: string;
  /** Words, and addresses, that count of one email. */
  readonly hashmaxcount: number;
  /** Words by which two subjects may differ. */
  readonly hashdeltasubjectcount: number;
  /** Addresses that two emails must share. */
  readonly hashminaddresscount: number;
  readonly DisableSmartMatching: boolean;
  readonly DisableSmartMatchingEmailHashCreation: boolean;
  readonly ignoreinternalemail: boolean;
  readonly allowunresolvedpartiesonemailsend: boolean;
  readonly unresolveemailaddressifmultiplematch: boolean;
  /** What a person resolves an address to holds for all emails on which it is unresolved. */
  readonly resolvesimilarunresolvedemailaddress: boolean;
  readonly requireapprovalforuseremail: boolean;
  readonly requireapprovalforqueueemail: boolean;
  /** Rules about folders that a mailbox may have. */
  readonly maxfolderbasedtrackingmappings: number;
  /** Kilobytes. */
  readonly maxuploadfilesize: number;
  /** Semicolon list of extensions. */
  readonly blockedattachments: string;
  readonly DoNotAutoTrackEmail: boolean;
  /** The sent mail of mailboxes becomes emails too. */
  readonly AutoTrackSentFolderItems: boolean;
  /** A message that is given the category in a mail program is tracked. */
  readonly TrackCategorizedItems: boolean;
  /** No setting of Dynamics, where the category has a fixed identity: its name in mail programs, a keyword of IMAP. */
  readonly CategoryKeyword: string;
  readonly DoNotCorrelateForwardedEmailsAsReplies: boolean;
  readonly IgnoreConversationIndexAndInReplyToForCorrelation: boolean;
  readonly UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: boolean;
  readonly OverrideV5SenderConflictResolution: boolean;
  readonly UnresolveSenderInCaseOfMultipleMatch: boolean;
  readonly ResolveForInactiveEntities: boolean;
  readonly IgnoreInternalEmailDetectionEnhancement: boolean;
  readonly DoNotIgnoreInternalEmailToQueues: boolean;
  readonly IgnoreInternalEmailFromQueues: boolean;
  readonly CreateQueueItemsForAcceptingQueueRecipients: boolean;
  readonly CreateQueueItemForSynchronizingMailbox: boolean;
  readonly SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: boolean;
  /** In Dynamics a switch of the table, not of the organization. */
  readonly AutoRouteToOwnerQueue: boolean;
  readonly AutoCreateContactOnPromote: boolean;
  readonly SSSForceFilteringMethodForUserMailboxes: number;
  /** No setting of Dynamics, which tracks them: automatic replies are left alone. */
  readonly SkipAutomaticReplies: boolean;
  /** No setting of Dynamics: what parts the name of a user or queue from the detail in `name+detail@domain` (RFC 5233); empty: nothing does. */
  readonly PlusAddressSeparator: string;
  readonly BackgroundSendBatchSize: number;
  readonly MaximumSubjectLengthOnMailServer: number;
  readonly SSSSaveOutgoingEmailToExchangeSentFolder: boolean;
}

/** The settings that no Dynamics has: Waypost's own, or in Dynamics a switch of a table. */
export type OwnSettings = Partial<Pick<OrganizationSettings, (typeof OWN_SETTINGS)[number]>>;
export const OWN_SETTINGS = [
  "trackingprefixhistory",
  "CategoryKeyword",
  "AutoRouteToOwnerQueue",
  "SkipAutomaticReplies",
  "PlusAddressSeparator",
] as const satisfies readonly (keyof OrganizationSettings)[];

/** What PlusAddressSeparator may be: one character of a local part that is no letter or digit, which would part every name; or nothing. */
export const PLUS_ADDRESS_SEPARATOR = /^[!#$%&'*+/=?^_`{|}~.-]?$/;

/** What CategoryKeyword may be: an atom (RFC 3501 9) that some mail program can show; what begins with a backslash is the server's. */
export const CATEGORY_KEYWORD = /^[\w$.+-]{1,64}$/;

/** Extensions that Dynamics refuses out of the box (Microsoft's list of files that run when opened). */
export const BLOCKED_EXTENSIONS =
  "ade;adp;app;asa;ashx;asmx;asp;bas;bat;cdx;cer;chm;class;cmd;com;config;cpl;crt;csh;dll;exe;fxp;hlp;hta;htr;htw;ida;idc;idq;inf;ins;isp;its;jar;js;jse;ksh;lnk;mad;maf;mag;mam;maq;mar;mas;mat;mau;mav;maw;mda;mdb;mde;mdt;mdw;mdz;msc;msh;msh1;msh1xml;msh2;msh2xml;mshxml;msi;msp;mst;ops;pcd;pif;prf;prg;printer;pst;reg;rem;scf;scr;sct;shb;shs;shtm;shtml;soap;stm;svg;tmp;url;vb;vbe;vbs;vsmacros;vss;vst;vsw;ws;wsc;wsf;wsh";

export const DEFAULT_SETTINGS: OrganizationSettings = {
  emailcorrelationenabled: true,
  trackingtokensenabled: true,
  trackingprefix: "CRM:",
  trackingprefixhistory: [],
  trackingtokenidbase: 0,
  trackingtokeniddigits: 3,
  maximumtrackingnumber: 999,
  // On until 2019, off in the documents of today.
  enablesmartmatching: false,
  hashfilterkeywords: String.raw`^[\s]*([\w]+\s?:[\s]*)+`,
  hashmaxcount: 20,
  hashdeltasubjectcount: 0,
  hashminaddresscount: 2,
  DisableSmartMatching: false,
  DisableSmartMatchingEmailHashCreation: false,
  ignoreinternalemail: false,
  allowunresolvedpartiesonemailsend: false,
  unresolveemailaddressifmultiplematch: false,
  resolvesimilarunresolvedemailaddress: true,
  requireapprovalforuseremail: true,
  requireapprovalforqueueemail: true,
  maxfolderbasedtrackingmappings: 10,
  maxuploadfilesize: 5120,
  blockedattachments: BLOCKED_EXTENSIONS,
  DoNotAutoTrackEmail: false,
  AutoTrackSentFolderItems: false,
  TrackCategorizedItems: true,
  CategoryKeyword: "TrackedToDynamics365",
  DoNotCorrelateForwardedEmailsAsReplies: false,
  IgnoreConversationIndexAndInReplyToForCorrelation: false,
  UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: false,
  OverrideV5SenderConflictResolution: false,
  UnresolveSenderInCaseOfMultipleMatch: false,
  ResolveForInactiveEntities: false,
  IgnoreInternalEmailDetectionEnhancement: true,
  DoNotIgnoreInternalEmailToQueues: true,
  IgnoreInternalEmailFromQueues: false,
  CreateQueueItemsForAcceptingQueueRecipients: true,
  CreateQueueItemForSynchronizingMailbox: true,
  SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: false,
  AutoRouteToOwnerQueue: false,
  AutoCreateContactOnPromote: true,
  SSSForceFilteringMethodForUserMailboxes: -1,
  SkipAutomaticReplies: false,
  PlusAddressSeparator: "+",
  BackgroundSendBatchSize: 10,
  MaximumSubjectLengthOnMailServer: 255,
  SSSSaveOutgoingEmailToExchangeSentFolder: true,
};

/** `autocreatecontactonpromote` of a user: what is made of the unresolved sender of an email that is tracked (product-behaviour 4.8). */
export const AUTO_CREATE = { nothing: 0, contact: 1, lead: 2 } as const;
export type AutoCreate = (typeof AUTO_CREATE)[keyof typeof AUTO_CREATE];

/** `incomingemailfilteringmethod` of a user or queue (product-behaviour 4.4). */
export type FilterMethod = 0 | 1 | 2 | 3 | 4;

export const FILTER_METHOD_NAMES: Readonly<Record<FilterMethod, string>> = {
  0: "All email messages",
  1: "Email messages in response to CRM email",
  2: "Email messages from leads, contacts and accounts",
  3: "Email messages from records that are email-enabled",
  4: "No email messages",
};
