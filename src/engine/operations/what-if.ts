import { organizationSettings } from "../../config.ts";
import { settingsAfter } from "../../crm/settings.ts";
import { type DecisionCounts, NO_DECISIONS } from "../../ledger/decision-counts.ts";
import { listMailboxes, type MailboxRow } from "../../ledger/mailboxes.ts";
import { decisionsWithoutHead, stretchSince } from "../../ledger/stored-heads.ts";
import { addressKey } from "../../model/address.ts";
import type { Outcome, ReasonCode } from "../../model/decision.ts";
import type { Voter } from "../../model/facts.ts";
import { Failure } from "../../model/failure.ts";
import { NumberLists } from "../../model/number-lists.ts";
import { FILTER_METHOD_NAMES, type FilterMethod, type OrganizationSettings } from "../../model/settings.ts";
import type { Crm } from "../../ports.ts";
import type { Change } from "../../tracking/change.ts";
import { isPrivate } from "../../tracking/privacy.ts";
import { redactedRules } from "../../tracking/redact.ts";
import { quote } from "../../tracking/sentence.ts";
import { SMART_MATCHING_WINDOW } from "../../tracking/smart-matching.ts";
import { differences } from "../../tracking/what-if.ts";
import type { EngineContext } from "../context.ts";
import type { KnownMailbox, Simulated } from "../what-if/decide-rows.ts";
import { EMAILS_PER_KEY } from "../what-if/knowledge.ts";
import { type ChangedMessage, Simulation } from "../what-if/simulation.ts";
import { type Side, Tally } from "../what-if/tally.ts";
import { newWorld, type World } from "../what-if/world.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";
import { domainOnly } from "./untracked.ts";

/** Other settings, and the messages on which they are tried. */
export interface WhatIfRequest {
  /** Messages received in so many days until now. */
  readonly days: number;
  /** Mailboxes that are told of, and whose start is tried; empty: all. The others of their organizations are simulated as well. */
  readonly mailboxes: readonly string[];
  /** Organization settings by their Dynamics names; the others stay. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Filters of users and queues, by one of their addresses; the others stay. */
  readonly filters: readonly { readonly address: string; readonly method: FilterMethod }[];
  /** Another start of those mailboxes; null: as it is. */
  readonly readFrom: Date | null;
  /** Changed messages that are told; null: all. */
  readonly limit: number | null;
}

/** Outcomes of one mailbox, under the settings as they are and under the others. */
export interface WhatIfMailbox {
  readonly mailbox: string;
  readonly before: DecisionCounts;
  readonly after: DecisionCounts;
  readonly changed: number;
  /** Messages that would be decided otherwise today than they were, under the settings as they are. */
  readonly otherwiseToday: number;
}

export interface WhatIfCounts {
  readonly since: Date;
  readonly mailboxes: readonly WhatIfMailbox[];
  readonly changed: number;
  /** Decisions in the same time whose heads are kept no longer: nothing can be tried on them. */
  readonly withoutHead: number;
  /** Messages about which only the content would tell, see Simulation. */
  readonly doubtful: number;
}

export interface WhatIfOutcome {
  readonly outcome: Outcome;
  /** Null: no rule was asked, or the rules say another thing now that later messages are decided too. */
  readonly reason: ReasonCode | null;
  /** What the rules answer that they do not answer on the other side; empty for private mail. */
  readonly sentences: readonly string[];
}

/** A message whose outcome changes. Of private mail nobody is told who wrote it, of other mail that is no email only the domain. */
export interface WhatIfChange {
  readonly decisionId: number;
  readonly mailbox: string;
  readonly received: Date;
  readonly messageId: string | null;
  readonly from: string | null;
  readonly isPrivate: boolean;
  /** As it was decided. */
  readonly stored: Outcome;
  readonly before: WhatIfOutcome;
  readonly after: WhatIfOutcome;
}

/** Told while it runs: the counts once, then each message. */
export type WhatIfEvent = { readonly counts: WhatIfCounts } | { readonly change: WhatIfChange };

export interface WhatIfResult {
  readonly counts: WhatIfCounts;
  /** Changed messages that were told. */
  readonly told: number;
}

/**
 * Tries other settings on the heads that are kept: what would have become of each message, in the knowledge of what the earlier ones would have become.
 * The settings as they are are tried in the same way, so that what changed in the CRM since is not taken for a change by the settings. Only reads.
 */
export async function whatIf(
  context: EngineContext,
  request: WhatIfRequest,
  signal: AbortSignal,
  tell: (event: WhatIfEvent) => void,
): Promise<WhatIfResult> {
  const chosen = await chooseMailboxes(context, request.mailboxes);
  const since = new Date(context.now().getTime() - request.days * 86_400_000);
  const parts: Part[] = [];
  for (const [organization, mailboxes] of Map.groupBy(chosen, (one) => one.organization)) {
    parts.push(await simulate(context, organization, mailboxes, request, since, signal));
  }
  assertFiltersFound(request, parts);
  const counts = addedUp(since, parts);
  tell({ counts });
  let told = 0;
  for (const { simulation, chosen: mailboxes } of parts) {
    const addresses = new Map(mailboxes.map((one) => [one.id, one.address]));
    for await (const change of simulation.changes(new Set(addresses.keys()))) {
      if (told === request.limit) return { counts, told };
      tell({ change: shown(change, addresses.get(change.row.mailboxId) ?? "") });
      told++;
    }
  }
  return { counts, told };
}

/** One organization, simulated. */
interface Part {
  readonly simulation: Simulation;
  readonly tally: Tally;
  readonly chosen: readonly MailboxRow[];
  readonly withoutHead: number;
  readonly filtersFound: ReadonlySet<string>;
}

async function simulate(
  context: EngineContext,
  organization: string,
  chosen: readonly MailboxRow[],
  request: WhatIfRequest,
  since: Date,
  signal: AbortSignal,
): Promise<Part> {
  const crm = context.crm(organization);
  const settings = await crm.organizationSettings();
  const other = otherSettings(settings, request.settings);
  const filters = await filterChanges(crm, request.filters);
  const starts: Change[] = chosen.flatMap(({ address }) =>
    request.readFrom === null ? [] : [{ kind: "start date", mailbox: address, at: request.readFrom }],
  );
  const worlds: Readonly<Record<Side, World>> = {
    before: newWorld("before", settings, settingChanges(settings)),
    after: newWorld("after", other, [...settingChanges(other), ...filters, ...starts]),
  };
  const stretch = await stretchSince(context.database, organization, since);
  const tally = new Tally();
  const simulation = new Simulation({
    sources: {
      database: context.database,
      crm: await crm.trial({
        settings: [settings, other],
        emailsSince: new Date(since.getTime() - SMART_MATCHING_WINDOW),
        perKey: EMAILS_PER_KEY,
        signal,
      }),
      stretch,
      settings: [settings, other],
      threads: new NumberLists(),
    },
    mailboxes: await knownMailboxes(context, crm, organization),
    worlds,
    tally,
    signal,
  });
  await simulation.run();
  const found = filters.flatMap((change) => change.addresses);
  return { simulation, tally, chosen, withoutHead: await decisionsWithoutHead(context.database, stretch), filtersFound: new Set(found) };
}

function otherSettings(settings: OrganizationSettings, given: Readonly<Record<string, unknown>>): OrganizationSettings {
  const checked = organizationSettings.safeParse(given);
  if (!checked.success) throw refused(checked.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`).join("; "));
  try {
    return settingsAfter(settings, checked.data as Partial<OrganizationSettings>);
  } catch (error) {
    throw error instanceof Failure ? refused(error.message) : error;
  }
}

function refused(why: string): Failure {
  return new Failure({
    scope: "process",
    code: "settings refused",
    message: `These settings cannot be tried. ${why}`,
    remedy:
      "docs/configuration.md describes every setting; they are tried under the names and with the values that the configuration takes.",
    waitingHelps: false,
  });
}

function settingChanges(settings: OrganizationSettings): Change[] {
  return Object.entries(settings).map(([name, value]) => ({ kind: "setting", name: name as keyof OrganizationSettings, value }));
}

/** A filter that is tried, with the addresses by which its user or queue was named. */
type FilterChange = Extract<Change, { readonly kind: "filter" }> & { readonly addresses: readonly string[] };

async function filterChanges(crm: Crm, filters: WhatIfRequest["filters"]): Promise<FilterChange[]> {
  if (filters.length === 0) return [];
  const voters = await votersAt(
    crm,
    filters.map((one) => one.address),
  );
  return filters.flatMap(({ address, method }) =>
    (voters.get(addressKey(address)) ?? []).map(({ record }) => {
      if (record.type === "queue" && method === 4) throw refused(`A queue takes no filter "${FILTER_METHOD_NAMES[4]}": ${quote(address)}.`);
      return { kind: "filter", of: record, method, addresses: [addressKey(address)] } as const;
    }),
  );
}

/** The users and queues with these addresses: those whom a message to all of them would reach. */
async function votersAt(crm: Crm, addresses: readonly string[]): Promise<ReadonlyMap<string, readonly Voter[]>> {
  const to = addresses.map((address) => ({ name: "", address }));
  const { voters } = await crm.facts({ mailbox: { address: "", owner: { type: "forward" } }, heads: [{ ...NO_HEAD, to }] });
  return voters;
}

const NO_HEAD = {
  ref: { stream: "", id: "" },
  folders: [],
  received: new Date(0),
  size: 0,
  flags: [],
  providerId: null,
  messageId: null,
  inReplyTo: [],
  references: [],
  subject: "",
  from: [],
  sender: null,
  replyTo: [],
  cc: [],
  bcc: [],
  date: null,
  conversationIndex: null,
  headers: [],
  truncated: false,
};

function assertFiltersFound({ filters }: WhatIfRequest, parts: readonly Part[]): void {
  const missing = filters.find(({ address }) => !parts.some((part) => part.filtersFound.has(addressKey(address))));
  if (missing === undefined) return;
  throw new Failure({
    scope: "process",
    code: "user or queue unknown",
    message: `There is no user or queue with the address ${missing.address}.`,
    remedy: "Name one by an address that it has in the CRM.",
    waitingHelps: false,
  });
}

/** The mailboxes of the organization with their users and queues: some statements each, once. */
async function knownMailboxes(context: EngineContext, crm: Crm, organization: string): Promise<ReadonlyMap<string, KnownMailbox>> {
  const known = new Map<string, KnownMailbox>();
  for (const mailbox of await listMailboxes(context.database)) {
    if (mailbox.organization === organization) known.set(mailbox.id, { ...mailbox, voter: await ownerOf(crm, mailbox) });
  }
  return known;
}

async function ownerOf(crm: Crm, mailbox: MailboxRow): Promise<Voter | null> {
  try {
    return (await crm.facts({ mailbox, heads: [] })).mailboxOwner;
  } catch (error) {
    // A mailbox that is out of service may outlive its user.
    if (error instanceof Failure && error.code === "mailbox owner missing") return null;
    throw error;
  }
}

function addedUp(since: Date, parts: readonly Part[]): WhatIfCounts {
  const mailboxes = parts.flatMap(({ tally, chosen }) =>
    chosen.map(({ id, address }) => ({ mailbox: address, ...(tally.of(id) ?? NOTHING) })),
  );
  return {
    since,
    mailboxes,
    changed: sum(mailboxes.map((one) => one.changed)),
    withoutHead: sum(parts.map((one) => one.withoutHead)),
    doubtful: sum(parts.map((one) => one.simulation.doubtful)),
  };
}

const NOTHING = { before: NO_DECISIONS, after: NO_DECISIONS, changed: 0, otherwiseToday: 0 };

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, one) => total + one, 0);
}

/** Of mail that is no email only the domain of who wrote it is told, of private mail nothing: no setting shows more of many messages at once. */
function shown({ row, before, after }: ChangedMessage, mailbox: string): WhatIfChange {
  const { head } = row;
  const hidden = isPrivate(head);
  const isEmail = row.outcome !== "skipped" && row.emailId !== null;
  const differ = differences(before.decision?.rules ?? [], after.decision?.rules ?? [], (rules) =>
    isEmail ? rules : redactedRules(rules, mailbox),
  );
  const sender = head.from[0]?.address ?? head.sender?.address ?? null;
  return {
    decisionId: row.id,
    mailbox,
    received: row.received,
    messageId: hidden ? null : head.messageId,
    from: hidden ? null : isEmail ? sender : domainOnly(sender),
    isPrivate: hidden,
    stored: row.outcome,
    before: told(before, differ.before, hidden),
    after: told(after, differ.after, hidden),
  };
}

function told({ outcome, decision }: Simulated, sentences: readonly string[], isHidden: boolean): WhatIfOutcome {
  return { outcome, reason: decision?.reason ?? null, sentences: isHidden ? [] : sentences };
}
