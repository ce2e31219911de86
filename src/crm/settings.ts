import { z } from "zod";
import { Failure } from "../model/failure.ts";
import { LinearPattern } from "../model/linear-pattern.ts";
import { CATEGORY_KEYWORD, DEFAULT_SETTINGS, type OrganizationSettings, PLUS_ADDRESS_SEPARATOR } from "../model/settings.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { hashesAreMade, hashesDiffer } from "../tracking/smart-matching.ts";
import { hashAnew } from "./email-hashes.ts";

const flag = z.boolean();
const whole = (least: number, most: number) => z.number().int().min(least).max(most);
const prefix = z
  .string()
  .max(20)
  .regex(/^[^\p{Cc}]*$/u, "must not hold control characters");

const separator = z.string().regex(PLUS_ADDRESS_SEPARATOR, "must be one character like + or -, or nothing");
const keyword = z
  .string()
  .regex(CATEGORY_KEYWORD, "must be a keyword of IMAP: at most 64 letters, digits and any of $ . _ + - without spaces");

const pattern = z.string().superRefine((text, context) => {
  const read = LinearPattern.read(text);
  if ("problem" in read) context.addIssue({ code: "custom", message: `cannot be used: it ${read.problem}` });
});

/** Ranges as documented (product-behaviour 3.1, 4.2, 4.6, 10.2). An empty prefix switches tokens off, as in Dynamics. */
const SCHEMA = z.object({
  emailcorrelationenabled: flag,
  trackingtokensenabled: flag,
  trackingprefix: prefix,
  trackingprefixhistory: z.array(prefix),
  trackingtokenidbase: whole(0, 2_147_483_647),
  trackingtokeniddigits: whole(1, 10),
  maximumtrackingnumber: whole(1, 999_999_999),
  enablesmartmatching: flag,
  hashfilterkeywords: pattern,
  hashmaxcount: whole(1, 50),
  // Each further word multiplies the hashes of an email.
  hashdeltasubjectcount: whole(0, 2),
  hashminaddresscount: whole(1, 50),
  DisableSmartMatching: flag,
  DisableSmartMatchingEmailHashCreation: flag,
  ignoreinternalemail: flag,
  allowunresolvedpartiesonemailsend: flag,
  unresolveemailaddressifmultiplematch: flag,
  resolvesimilarunresolvedemailaddress: flag,
  requireapprovalforuseremail: flag,
  requireapprovalforqueueemail: flag,
  maxfolderbasedtrackingmappings: whole(1, 25),
  maxuploadfilesize: whole(1, 131_072),
  blockedattachments: z.string(),
  DoNotAutoTrackEmail: flag,
  AutoTrackSentFolderItems: flag,
  TrackCategorizedItems: flag,
  CategoryKeyword: keyword,
  DoNotCorrelateForwardedEmailsAsReplies: flag,
  IgnoreConversationIndexAndInReplyToForCorrelation: flag,
  UseFilteringMethodOfSyncingMailboxOnlyForCorrelation: flag,
  OverrideV5SenderConflictResolution: flag,
  UnresolveSenderInCaseOfMultipleMatch: flag,
  ResolveForInactiveEntities: flag,
  IgnoreInternalEmailDetectionEnhancement: flag,
  DoNotIgnoreInternalEmailToQueues: flag,
  IgnoreInternalEmailFromQueues: flag,
  CreateQueueItemsForAcceptingQueueRecipients: flag,
  CreateQueueItemForSynchronizingMailbox: flag,
  SSSCreateAdditionalQueueItemsForAlreadyTrackedEmail: flag,
  AutoRouteToOwnerQueue: flag,
  AutoCreateContactOnPromote: flag,
  SSSForceFilteringMethodForUserMailboxes: whole(-1, 4),
  SkipAutomaticReplies: flag,
  PlusAddressSeparator: separator,
  BackgroundSendBatchSize: whole(1, 255),
  MaximumSubjectLengthOnMailServer: whole(255, 400),
  SSSSaveOutgoingEmailToExchangeSentFolder: flag,
} satisfies Record<keyof OrganizationSettings, z.ZodType>);
const KNOWN = SCHEMA.partial();
const STORED = KNOWN.loose();

export interface StoredSettings {
  readonly settings: OrganizationSettings;
  /** Names that stand in the organization and mean nothing here; they are kept. */
  readonly unknown: readonly string[];
}

/**
 * The organization's settings over Dynamics' defaults. Throws Failure of scope organization when a value is none: tracking with a
 * default that somebody meant to change would put mail into the CRM that must not be there, or leave it out.
 */
export async function readSettings(sql: Sql): Promise<StoredSettings> {
  const { rows } = await sql.query<{ settings: unknown }>("select settings from crm.organization");
  return overDefaults(rows[0]?.settings ?? {});
}

/**
 * Makes these the organization's settings; what is left out has Dynamics' default again. Unknown names that stand there are kept, and
 * a prefix that is no longer used joins the history, so that its tokens still match (product-behaviour 4.6). Where they make other hashes for
 * smart matching, the emails there get those. Must run in a transaction.
 */
export function writeSettings(sql: Sql, given: Partial<OrganizationSettings>): Promise<StoredSettings> {
  return changeSettings(sql, (stored, unknown) => ({
    ...Object.fromEntries(Object.entries(stored).filter(([name]) => unknown.includes(name))),
    ...given,
  }));
}

/**
 * As writeSettings, of what stands there: `change` is given all that is stored, unknown names too, while nobody else can write it, and returns what shall be. Throws
 * Failure where a value is none.
 */
export async function changeSettings(
  sql: Sql,
  change: (stored: Readonly<Record<string, unknown>>, unknown: readonly string[]) => Readonly<Record<string, unknown>>,
): Promise<StoredSettings> {
  const { rows } = await sql.query<{ settings: Record<string, unknown> }>("select settings from crm.organization for update");
  const stored = rows[0]?.settings ?? {};
  const before = overDefaults(stored);
  const given = change(stored, before.unknown);
  const trackingprefixhistory = historyAfter(before.settings, knownOf(given));
  const after = { ...given, ...(trackingprefixhistory.length > 0 && { trackingprefixhistory }) };
  const result = overDefaults(after);
  await sql.query("update crm.organization set settings = $1::jsonb", [storableJson(after)]);
  if (hashesAreMade(result.settings) && hashesDiffer(before.settings, result.settings)) await hashAnew(sql, result.settings);
  return result;
}

/**
 * The settings as they would be if these were other ones: what {@link writeSettings} makes of them all together, without writing. Throws as it does
 * when a value is none.
 */
export function settingsAfter(before: OrganizationSettings, changes: Partial<OrganizationSettings>): OrganizationSettings {
  const after = { ...before, ...changes };
  return overDefaults({ ...after, trackingprefixhistory: historyAfter(before, after) }).settings;
}

function historyAfter(before: OrganizationSettings, given: Partial<OrganizationSettings>): string[] {
  const current = given.trackingprefix ?? DEFAULT_SETTINGS.trackingprefix;
  const history = new Set([before.trackingprefix, ...(given.trackingprefixhistory ?? []), ...before.trackingprefixhistory]);
  return [...history].filter((one) => one !== current && one !== "");
}

/** What means something here, checked. */
function knownOf(stored: unknown): Partial<OrganizationSettings> {
  const result = STORED.safeParse(stored);
  if (!result.success) throw invalid(result.error);
  return Object.fromEntries(Object.entries(KNOWN.parse(result.data)).filter(([, value]) => value !== undefined));
}

function overDefaults(stored: unknown): StoredSettings {
  const result = STORED.safeParse(stored);
  if (!result.success) throw invalid(result.error);
  return {
    settings: { ...DEFAULT_SETTINGS, ...knownOf(result.data) },
    unknown: Object.keys(result.data).filter((name) => !(name in SCHEMA.shape)),
  };
}

function invalid(error: z.ZodError): Failure {
  const faults = error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; ");
  return new Failure({
    scope: "organization",
    code: "settings invalid",
    message: `The settings of the organization cannot be used: ${faults}`,
    remedy: "Correct these settings of the organization; until then none of its mail is processed.",
    waitingHelps: false,
  });
}
