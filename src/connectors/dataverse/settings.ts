import { Failure } from "../../model/failure.ts";
import { DEFAULT_SETTINGS, type OrganizationSettings, type OwnSettings } from "../../model/settings.ts";
import type { DataverseClient } from "./client/client.ts";
import { readOrgDbSettings } from "./org-db-settings.ts";
import { readAll } from "./read.ts";
import { type Row, textOf } from "./row.ts";
import {
  flag,
  oneOf,
  pattern,
  type Readers,
  type ReplacedSetting,
  readEach,
  size,
  text,
  truth,
  whole,
  writtenNumber,
} from "./setting-values.ts";
import type { Tables } from "./tables.ts";

/** Columns of the table `organization` (wire 8.4). */
const COLUMNS = {
  emailcorrelationenabled: flag,
  trackingprefix: text(/^[^\p{Cc}]{0,256}$/u),
  enablesmartmatching: flag,
  ignoreinternalemail: flag,
  allowunresolvedpartiesonemailsend: flag,
  unresolveemailaddressifmultiplematch: flag,
  resolvesimilarunresolvedemailaddress: flag,
  maxfolderbasedtrackingmappings: whole(1, 25),
  maxuploadfilesize: size(131_072),
  blockedattachments: text(),
} satisfies Readers;

/**
 * What nothing depends on here: Dynamics makes tracking tokens and the hashes of smart matching itself, and approves its own mailboxes. It is known as far as
 * Waypost has words for it, and nobody is told where it has not.
 */
const LEFT_TO_DYNAMICS = {
  trackingtokenidbase: whole(0, 2_147_483_647),
  trackingtokeniddigits: whole(1, 10),
  maximumtrackingnumber: whole(1, 999_999_999),
  hashfilterkeywords: pattern,
  hashmaxcount: whole(1, 50),
  hashdeltasubjectcount: whole(0, 2),
  hashminaddresscount: whole(1, 50),
  requireapprovalforuseremail: flag,
  requireapprovalforqueueemail: flag,
} satisfies Readers;

/** Switches of OrgDbOrgSettings (product-behaviour 10.2). */
const SWITCHES = {
  DisableSmartMatching: truth,
  DisableSmartMatchingEmailHashCreation: truth,
  DoNotAutoTrackEmail: truth,
  AutoTrackSentFolderItems: truth,
  TrackCategorizedItems: truth,
  DoNotCorrelateForwardedEmailsAsReplies: truth,
  IgnoreConversationIndexAndInReplyToForCorrelation: truth,
  UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: truth,
  OverrideV5SenderConflictResolution: truth,
  UnresolveSenderInCaseOfMultipleMatch: truth,
  ResolveForInactiveEntities: truth,
  IgnoreInternalEmailDetectionEnhancement: truth,
  DoNotIgnoreInternalEmailToQueues: truth,
  IgnoreInternalEmailFromQueues: truth,
  CreateQueueItemsForAcceptingQueueRecipients: truth,
  CreateQueueItemForSynchronizingMailbox: truth,
  SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: truth,
  AutoCreateContactOnPromote: truth,
  // Filters have nothing between them: one that there is not stands for no other.
  SSSForceFilteringMethodForUserMailboxes: oneOf(-1, 0, 1, 2, 3, 4),
  BackgroundSendBatchSize: writtenNumber(1, 255),
  MaximumSubjectLengthOnMailServer: writtenNumber(255, 400),
  SSSSaveOutgoingEmailToExchangeSentFolder: truth,
} satisfies Readers;

export interface ReadSettings {
  readonly settings: OrganizationSettings;
  /** What is set otherwise in Dynamics than Waypost can work with. */
  readonly replaced: readonly ReplacedSetting[];
}

/**
 * The organization's settings: columns of its row and its OrgDbOrgSettings, those that are not set at Dynamics' defaults. What nobody here knows is left out, and a
 * value that Waypost cannot work with is replaced: Dynamics works with it, and no mail stops for it.
 * @throws Failure when nobody can say what is set at all: guessing would track what the organization does not want tracked
 */
export async function readSettings(client: DataverseClient, tables: Tables, own: OwnSettings): Promise<ReadSettings> {
  const names = [...Object.keys(COLUMNS), ...Object.keys(LEFT_TO_DYNAMICS)];
  const select = tables.select("organization", [...names, "orgdborgsettings"]);
  const [row = {}] = await readAll(client, [{ set: tables.set("organization"), select }]);
  const written = readOrgDbSettings(textOf(row, "orgdborgsettings"));
  if (written === null) throw unreadable();
  const values = given(row, names);
  const columns = readEach(COLUMNS, values);
  const left = readEach(LEFT_TO_DYNAMICS, values);
  const switches = readEach(SWITCHES, Object.fromEntries(written));
  const settings = { ...DEFAULT_SETTINGS, ...own, ...left.read, ...columns.read, ...switches.read };
  // An empty prefix switches tokens off; Dynamics has no other switch.
  const trackingtokensenabled = row.trackingprefix !== null && settings.trackingprefix !== "";
  return { settings: { ...settings, trackingtokensenabled }, replaced: [...columns.replaced, ...switches.replaced] };
}

/** What is set of these columns. */
function given(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.flatMap((name) => (row[name] === null || row[name] === undefined ? [] : [[name, row[name]]])));
}

function unreadable(): Failure {
  return new Failure({
    scope: "organization",
    code: "settings invalid",
    message: "The settings of the organization cannot be used: orgdborgsettings is no XML",
    remedy: "Correct these settings of the organization; until then none of its mail is processed.",
    waitingHelps: false,
  });
}
