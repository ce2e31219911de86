import type { Address } from "../model/address.ts";
import { addressKey } from "../model/address.ts";
import type { Decision, Outcome, RuleAnswer } from "../model/decision.ts";
import type { Voter } from "../model/facts.ts";
import type { RecordRef } from "../model/record.ts";
import { authorOf } from "./author.ts";
import { type Change, changed, decideIn, type Situation } from "./change.ts";
import { matchesOf } from "./matches.ts";
import { recipientFields, votersAt } from "./recipients.ts";
import { RULE } from "./rule.ts";

/** What a person could change to get the other outcome: all these changes together. */
export interface Advice {
  readonly changes: readonly Change[];
}

/** What one could change about a message, tried on what is known now. */
export interface Advised {
  /** What the message would be if it were decided now. */
  readonly now: Outcome;
  /** What it would be instead. */
  readonly wanted: "tracked" | "skipped";
  /** Each by itself is enough; none that was not tried. */
  readonly alternatives: readonly Advice[];
}

/** So many alternatives are worth reading. */
const MOST_ALTERNATIVES = 12;
/** Changes that one piece of advice may need: one for each rule that keeps a message out, one after the other. */
const MOST_CHANGES = 5;
/** Recipients that are looked at: a message to thousands needs no thousand pieces of advice. */
const RECIPIENTS_LOOKED_AT = 10;

/**
 * What one would change to get the other outcome: a skipped message tracked, a tracked one or a duplicate skipped. Each piece of advice was applied and
 * gave it. Pure and total.
 */
export function advise(situation: Situation): Advised {
  const decision = decideIn(situation);
  const wanted = decision.outcome === "skipped" ? "tracked" : "skipped";
  const found =
    wanted === "tracked"
      ? waysIn(situation, decision, MOST_CHANGES)
      : waysOut(situation, decision).filter((changes) => decideIn(changed(situation, changes)).outcome === "skipped");
  const fewest = Math.min(...found.map((changes) => changes.length));
  // What one change does, nobody needs two for.
  const simple = fewest === 1 && wanted === "tracked" ? found.filter((changes) => changes.length === 1) : found;
  const told = [...simple.slice(0, MOST_ALTERNATIVES), ...byHand(situation, wanted)];
  return { now: decision.outcome, wanted, alternatives: told.map((changes) => ({ changes })) };
}

/** What a person can say of this very message. Of a test nobody's word makes an email. */
function byHand(situation: Situation, wanted: Advised["wanted"]): Changes[] {
  const changes: Changes = [{ kind: "by hand", verb: wanted === "tracked" ? "track" : "untrack" }];
  const { outcome } = decideIn(changed(situation, changes));
  // Where its email is there still, the message is that one again.
  return (outcome === "skipped") === (wanted === "skipped") ? [changes] : [];
}

type Changes = readonly Change[];

/** What would have a skipped message tracked: what takes away what keeps it out, and, if something else does then, what takes that away too. */
function waysIn(situation: Situation, decision: Decision, depth: number): Changes[] {
  const ways: Changes[] = [];
  for (const change of obstaclesIn(situation, decision)) {
    const after = changed(situation, [change]);
    const next = decideIn(after);
    if (next.outcome === "tracked") ways.push([change]);
    else if (depth > 1 && next.outcome === "skipped" && stageOf(next) > stageOf(decision)) {
      const [rest] = waysIn(after, next, depth - 1);
      if (rest !== undefined) ways.push([change, ...rest]);
    }
  }
  return ways;
}

/** The rules that end the matter by themselves, in their order. */
const STAGES: readonly string[] = [
  RULE.testMessage,
  RULE.askedFor,
  RULE.startDate,
  RULE.sentMail,
  RULE.duplicate,
  RULE.automaticTracking,
  RULE.sender,
  RULE.senderConflict,
  RULE.internal,
  RULE.automaticMail,
  RULE.mailLoop,
];

/** How far a message came. */
function stageOf({ rules }: Decision): number {
  const stage = STAGES.indexOf(rules.at(-1)?.rule ?? "");
  return stage < 0 ? STAGES.length : stage;
}

/** Single changes about what keeps the message out. */
function obstaclesIn(situation: Situation, decision: Decision): Change[] {
  if (stageOf(decision) === STAGES.length) return filterChanges(situation, decision);
  const last = decision.rules.at(-1);
  const { head, facts, context } = situation;
  switch (`${last?.rule} ${last?.answer}`) {
    case `${RULE.startDate} no`:
      return [{ kind: "start date", mailbox: context.mailbox.address, at: wholeSecond(head.received) }];
    case `${RULE.sentMail} no`:
      return [{ kind: "setting", name: "AutoTrackSentFolderItems", value: true }];
    case `${RULE.automaticTracking} no`:
      return [{ kind: "setting", name: "DoNotAutoTrackEmail", value: false }];
    case `${RULE.senderConflict} yes`: {
      const sender = authorOf(head)?.address ?? "";
      const [first] = matchesOf(sender, facts);
      const one: Change[] = first === undefined ? [] : [{ kind: "one record", address: sender, record: first.record }];
      return [...one, { kind: "setting", name: "OverrideV5SenderConflictResolution", value: false }];
    }
    case `${RULE.internal} yes`:
      return [
        { kind: "setting", name: "ignoreinternalemail", value: false },
        { kind: "setting", name: "IgnoreInternalEmailDetectionEnhancement", value: true },
        { kind: "setting", name: "DoNotIgnoreInternalEmailToQueues", value: true },
        { kind: "setting", name: "IgnoreInternalEmailFromQueues", value: false },
      ];
    case `${RULE.automaticMail} yes`:
      return [{ kind: "setting", name: "SkipAutomaticReplies", value: false }];
    default:
      return [];
  }
}

/** What could make a filter accept, or bring the message to one that does. */
function filterChanges(situation: Situation, { rules, waitingFor }: Decision): Change[] {
  const asked = rules.filter(({ rule }) => rule === RULE.filter);
  const refusing = asked.filter(({ answer }) => answer === "no").slice(0, RECIPIENTS_LOOKED_AT);
  return [
    ...refusing.flatMap(openedFilter),
    ...(refusing.length === 0 ? [] : counterparts(situation)).map((one) => newContact(situation, one)),
    ...disabledVoters(situation).map((record) => ({ kind: "enable", record }) as const),
    ...(rules.some(({ rule }) => rule === RULE.recipients) ? recipients(situation).map(newRecipient) : []),
    ...SETTINGS_OF_THE_VOTE,
    ...waitingFor.map((messageId) => ({ kind: "question", messageId }) as const),
  ];
}

/** Switches that take answers, senders or votes out of account. */
const SETTINGS_OF_THE_VOTE: readonly Change[] = [
  { kind: "setting", name: "UseFilteringMethodOfSyncingMailboxOnlyForCorrelation", value: false },
  { kind: "setting", name: "emailcorrelationenabled", value: true },
  { kind: "setting", name: "IgnoreConversationIndexAndInReplyToForCorrelation", value: false },
  { kind: "setting", name: "DoNotCorrelateForwardedEmailsAsReplies", value: false },
  { kind: "setting", name: "trackingtokensenabled", value: true },
  { kind: "setting", name: "DisableSmartMatching", value: false },
  { kind: "setting", name: "ResolveForInactiveEntities", value: true },
];

const FORCED = "SSSForceFilteringMethodForUserMailboxes";

function openedFilter({ records, settings }: RuleAnswer): Change[] {
  const [record] = records ?? [];
  if (settings?.[FORCED] !== undefined) {
    return [
      { kind: "setting", name: FORCED, value: 0 },
      { kind: "setting", name: FORCED, value: -1 },
    ];
  }
  return record === undefined ? [] : [{ kind: "filter", of: record, method: 0 }];
}

function disabledVoters(situation: Situation): RecordRef[] {
  const { facts } = situation;
  const owner: readonly Voter[] = facts.mailboxOwner === null ? [] : [facts.mailboxOwner];
  const asked = situation.head.isSentCopy ? situation.head.from.slice(0, RECIPIENTS_LOOKED_AT) : recipients(situation);
  const voters = [...owner, ...asked.flatMap(({ address }) => votersAt(address, facts))].filter((one) => one.disabled);
  return [...new Map(voters.map(({ record }) => [`${record.type} ${record.id}`, record])).values()];
}

/** Those of whom filters ask who they are. */
function counterparts(situation: Situation): readonly Address[] {
  if (situation.head.isSentCopy) return recipients(situation);
  const author = authorOf(situation.head);
  return author === null ? [] : [author];
}

function recipients({ head }: Situation): readonly Address[] {
  return recipientFields(head)
    .flatMap(([, list]) => list)
    .filter(({ address }) => addressKey(address).includes("@"))
    .slice(0, RECIPIENTS_LOOKED_AT);
}

function newContact({ facts }: Situation, { address }: Address): Change {
  return { kind: "new contact", address, hasRecords: (facts.records.get(addressKey(address))?.length ?? 0) > 0 };
}

function newRecipient({ address }: Address): Change {
  return { kind: "new recipient", address };
}

/** What keeps such messages out from now on, the narrowest first. No start date: one in the past keeps nothing out that comes later. */
function waysOut({ head }: Situation, { rules }: Decision): Changes[] {
  const accepting = rules.filter(({ rule, answer }) => rule === RULE.filter && answer === "yes");
  return [
    closedFilters(accepting, 1),
    closedFilters(accepting, 4),
    [{ kind: "setting", name: "DoNotAutoTrackEmail", value: true } as const],
    head.isSentCopy ? [{ kind: "setting", name: "AutoTrackSentFolderItems", value: false } as const] : [],
  ].filter((changes) => changes.length > 0);
}

/** Nobody's filter accepts any more: those of queues cannot refuse everything. */
function closedFilters(accepting: readonly RuleAnswer[], method: 1 | 4): Changes {
  const isForced = accepting.some(({ settings }) => settings?.[FORCED] !== undefined);
  const own = accepting.filter(({ settings }) => settings?.[FORCED] === undefined).flatMap(({ records }) => records?.[0] ?? []);
  return [
    ...(isForced ? [{ kind: "setting", name: FORCED, value: method } as const] : []),
    ...own.map((of) => ({ kind: "filter", of, method: of.type === "queue" ? 1 : method }) as const),
  ];
}

/** Mail servers and the configuration count whole seconds. */
function wholeSecond(date: Date): Date {
  return new Date(Math.floor(date.getTime() / 1000) * 1000);
}
