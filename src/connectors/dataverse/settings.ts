import { z } from "zod";
import { Failure } from "../../model/failure.ts";
import { LinearPattern } from "../../model/linear-pattern.ts";
import { DEFAULT_SETTINGS, type OrganizationSettings } from "../../model/settings.ts";
import type { DataverseClient } from "./client/client.ts";
import { readOrgDbSettings } from "./org-db-settings.ts";
import { readAll } from "./read.ts";
import { type Row, textOf } from "./row.ts";
import type { Tables } from "./tables.ts";

const flag = z.boolean();
const whole = (least: number, most: number) => z.number().int().min(least).max(most);
const pattern = z.string().superRefine((text, context) => {
  const read = LinearPattern.read(text);
  if ("problem" in read) context.addIssue({ code: "custom", message: `cannot be used: it ${read.problem}` });
});

/** Columns of the table `organization`, with the ranges that the rules can work with (wire 8.4). */
const COLUMNS = {
  emailcorrelationenabled: flag,
  trackingprefix: z
    .string()
    .max(256)
    .regex(/^[^\p{Cc}]*$/u, "must not hold control characters"),
  trackingtokenidbase: whole(0, 2_147_483_647),
  trackingtokeniddigits: whole(1, 10),
  maximumtrackingnumber: whole(1, 999_999_999),
  enablesmartmatching: flag,
  hashfilterkeywords: pattern,
  hashmaxcount: whole(1, 50),
  hashdeltasubjectcount: whole(0, 2),
  hashminaddresscount: whole(1, 50),
  ignoreinternalemail: flag,
  allowunresolvedpartiesonemailsend: flag,
  unresolveemailaddressifmultiplematch: flag,
  resolvesimilarunresolvedemailaddress: flag,
  requireapprovalforuseremail: flag,
  requireapprovalforqueueemail: flag,
  maxfolderbasedtrackingmappings: whole(1, 25),
  maxuploadfilesize: z.number().int().min(0),
  blockedattachments: z.string(),
} as const;

/** Whether text says yes or no, as Dynamics writes it: `true`, `1`. */
const said = z
  .string()
  .toLowerCase()
  .pipe(z.enum(["true", "false", "1", "0"]))
  .transform((text) => text === "true" || text === "1");
const number = (least: number, most: number) =>
  z
    .string()
    .regex(/^-?\d{1,9}$/, "must be a whole number")
    .transform(Number)
    .pipe(whole(least, most));

/** Switches of OrgDbOrgSettings (product-behaviour 10.2). */
const SWITCHES = {
  DisableSmartMatching: said,
  DisableSmartMatchingEmailHashCreation: said,
  DoNotAutoTrackEmail: said,
  AutoTrackSentFolderItems: said,
  TrackCategorizedItems: said,
  DoNotCorrelateForwardedEmailsAsReplies: said,
  IgnoreConversationIndexAndInReplyToForCorrelation: said,
  UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: said,
  OverrideV5SenderConflictResolution: said,
  UnresolveSenderInCaseOfMultipleMatch: said,
  ResolveForInactiveEntities: said,
  IgnoreInternalEmailDetectionEnhancement: said,
  DoNotIgnoreInternalEmailToQueues: said,
  IgnoreInternalEmailFromQueues: said,
  CreateQueueItemsForAcceptingQueueRecipients: said,
  CreateQueueItemForSynchronizingMailbox: said,
  SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: said,
  AutoCreateContactOnPromote: said,
  SSSForceFilteringMethodForUserMailboxes: number(-1, 4),
  BackgroundSendBatchSize: number(1, 255),
  MaximumSubjectLengthOnMailServer: number(255, 400),
  SSSSaveOutgoingEmailToExchangeSentFolder: said,
} as const;

/** The settings that no Dynamics has: Waypost's own, or a switch of a table there (model/settings.ts). */
export type OwnSettings = Partial<
  Pick<
    OrganizationSettings,
    "trackingprefixhistory" | "CategoryKeyword" | "AutoRouteToOwnerQueue" | "SkipAutomaticReplies" | "PlusAddressSeparator"
  >
>;

/**
 * The organization's settings: columns of its row and its OrgDbOrgSettings, those that are not set at Dynamics' defaults. What nobody here knows is left
 * out. @throws Failure when a value is none that the rules can work with: guessing would track what the organization does not want tracked
 */
export async function readSettings(client: DataverseClient, tables: Tables, own: OwnSettings): Promise<OrganizationSettings> {
  const names = Object.keys(COLUMNS);
  const select = tables.select("organization", [...names, "orgdborgsettings"]);
  const [row = {}] = await readAll(client, [{ set: tables.set("organization"), select }]);
  const switches = readOrgDbSettings(textOf(row, "orgdborgsettings"));
  if (switches === null) throw invalid("orgdborgsettings: is no XML");
  const columns = parse(COLUMNS, given(row, names));
  const read = { ...columns, ...parse(SWITCHES, Object.fromEntries(switches)) };
  return {
    ...DEFAULT_SETTINGS,
    ...own,
    ...read,
    // An empty prefix switches tokens off; Dynamics has no other switch.
    trackingtokensenabled: row.trackingprefix !== null && read.trackingprefix !== "",
    ...(columns.maxuploadfilesize !== undefined && { maxuploadfilesize: kilobytes(columns.maxuploadfilesize) }),
  };
}

/** What is set of these columns. */
function given(row: Row, names: readonly string[]): Row {
  return Object.fromEntries(names.flatMap((name) => (row[name] === null || row[name] === undefined ? [] : [[name, row[name]]])));
}

function parse<Shape extends z.ZodRawShape>(shape: Shape, values: Row): Partial<z.output<z.ZodObject<Shape>>> {
  const result = z.object(shape).partial().safeParse(values);
  if (!result.success) throw invalid(result.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
  const present = Object.entries(result.data).filter(([, value]) => value !== undefined);
  // The same properties, without those that are not there.
  return Object.fromEntries(present) as Partial<z.output<z.ZodObject<Shape>>>;
}

/** The column counts bytes: 5,242,880 by default. */
function kilobytes(size: number): number {
  return Math.min(Math.trunc(size / 1024), 131_072);
}

function invalid(faults: string): Failure {
  return new Failure({
    scope: "organization",
    code: "settings invalid",
    message: `The settings of the organization cannot be used: ${faults}`,
    remedy: "Correct these settings of the organization; until then none of its mail is processed.",
    waitingHelps: false,
  });
}
