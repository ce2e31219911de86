import { CORRELATION, type CorrelationMethod, type RuleAnswer } from "../model/decision.ts";
import type { EarlierEmail, Facts } from "../model/facts.ts";
import type { MessageHead } from "../model/message.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import { inReplyToIds, referenceIds } from "./answered.ts";
import { conversationBase } from "./conversation.ts";
import { type Asked, barsForward, type Hit, latestAnswered, type Method } from "./correlation-method.ts";
import { byStrength, type Candidate, type Evidence, evidenceOf, tieBetween } from "./evidence.ts";
import type { Question, TrackContext } from "./question.ts";
import { no, notAsked, RULE, yes } from "./rule.ts";
import { quote, when } from "./sentence.ts";
import { SMART_MATCHING } from "./smart-method.ts";
import {
  doubtAboutConversation,
  doubtAboutMessageId,
  doubtAboutToken,
  type Rivals,
  type Support,
  saidOf,
  type Weigh,
  weighConversation,
  weighMessageId,
  weighToken,
} from "./support.ts";
import { tokensAreOn, tokensIn } from "./token.ts";

/** The earlier email that a message belongs to, if any, and how that was found out. */
export interface Correlation {
  readonly method: CorrelationMethod;
  readonly email: EarlierEmail | null;
  /** The tracking token that found it. */
  readonly token: string | null;
  /** It is the parent too: only In-Reply-To, References and conversation index make one (product-behaviour 4.5). */
  readonly isReply: boolean;
  /** The message is a delivery report about it. */
  readonly isReport: boolean;
  /** One answer per method, in the order of asking. */
  readonly answers: readonly RuleAnswer[];
}

type Settings = ReturnType<Method["settings"]>;

/** A method by a key in the head, and the emails of the CRM that have it. */
interface KeyMethod extends Omit<Method, "ask"> {
  /** What its keys are, for a sentence. */
  readonly names: string;
  /** Said of a head that has no key. */
  readonly lacking: string;
  /** Best first. */
  readonly keys: (head: MessageHead, settings: OrganizationSettings, context: TrackContext) => readonly string[];
  readonly emails: (facts: Facts) => ReadonlyMap<string, readonly EarlierEmail[]>;
  /** What an email found by the key is believed on. */
  readonly weigh: Weigh;
  /** Why none was believed: the end of a sentence. */
  readonly doubt: (rivals: Rivals) => string;
  /** Whether the sender's own copy of this very message counts as an earlier email. */
  readonly acceptsOwnCopy: boolean;
}

const MESSAGE_IDS = {
  number: CORRELATION.inReplyTo,
  makesParent: true,
  names: "Message-ID",
  settings: headerSettings,
  barred: barsHeaders,
  emails: (facts: Facts) => facts.emailsByMessageId,
  weigh: weighMessageId,
  doubt: doubtAboutMessageId,
  acceptsOwnCopy: false,
};

const KEY_METHODS: readonly KeyMethod[] = [
  {
    ...MESSAGE_IDS,
    rule: RULE.deliveryReport,
    concerns: ({ context }) => context.report !== undefined,
    barred: (_, settings, { report }) => headersSwitchedOff(settings) ?? report?.unread ?? null,
    keys: (_, __, { report }) => report?.about ?? [],
    lacking: "Its content is no report that names the message it is about.",
    // Nobody else on a report need be on the email: mail servers write it.
    weigh:
      () =>
      ({ email }) =>
        email.direction === "outgoing" ? "report" : null,
    doubt: () => "it did not go out from here: whoever writes a report can name any message",
  },
  { ...MESSAGE_IDS, rule: RULE.inReplyTo, keys: inReplyToIds, lacking: "The message has no In-Reply-To." },
  { ...MESSAGE_IDS, rule: RULE.references, keys: referenceIds, lacking: "The message refers to no other message." },
  {
    rule: RULE.trackingToken,
    number: CORRELATION.trackingToken,
    makesParent: false,
    names: "tracking token",
    lacking: "The subject holds no tracking token.",
    settings: ({ trackingtokensenabled, trackingprefix }) => ({ trackingtokensenabled, trackingprefix }),
    barred: (_, settings) => (tokensAreOn(settings) ? null : "Tracking tokens are switched off."),
    keys: ({ subject }, settings) => tokensIn(subject, settings),
    emails: (facts) => facts.emailsByToken,
    weigh: weighToken,
    doubt: doubtAboutToken,
    // Between two users the sender's row is the email to which the recipient's row belongs (product-behaviour 4.10).
    acceptsOwnCopy: true,
  },
  {
    rule: RULE.conversationIndex,
    number: CORRELATION.conversationIndex,
    makesParent: true,
    names: "conversation index",
    lacking: "The message has no conversation index.",
    settings: headerSettings,
    barred: (_, settings) => headersSwitchedOff(settings),
    keys: ({ conversationIndex }) => {
      const base = conversationBase(conversationIndex);
      return base === null ? [] : [base];
    },
    emails: (facts) => facts.emailsByConversation,
    weigh: weighConversation,
    doubt: doubtAboutConversation,
    acceptsOwnCopy: false,
  },
];

/** The methods in the order in which they are asked (DESIGN 8). */
const METHODS: readonly Method[] = [
  ...KEY_METHODS.map((method): Method => ({ ...method, ask: (question, weigh) => askByKey(method, question, weigh) })),
  SMART_MATCHING,
];

/** Finds the earlier email that a message answers (product-behaviour 4.5). The first method that finds one ends the search. */
export function correlate(question: Question): Correlation {
  let evidence: Evidence | null = null;
  const weigh = () => (evidence ??= evidenceOf(question));
  const answers: RuleAnswer[] = [];
  let found: (Hit & { readonly method: Method }) | null = null;
  let asked = false;
  for (const method of METHODS) {
    if (method.concerns !== undefined && !method.concerns(question)) continue;
    if (found !== null) {
      answers.push(notAsked(method.rule, `${found.method.rule} had found the earlier email.`, { isGeneral: true }));
      continue;
    }
    const barred = method.barred(question.head, question.facts.settings, question.context);
    const settings = method.settings(question.facts.settings);
    if (barred !== null) {
      answers.push(notAsked(method.rule, barred, { settings, isGeneral: true }));
      continue;
    }
    asked = true;
    const { hit, because, isGeneral } = method.ask(question, weigh);
    const evidence = isGeneral ? ({ settings, isGeneral } as const) : { settings };
    answers.push(hit === null ? no(method.rule, because, evidence) : yes(method.rule, because, evidence));
    if (hit !== null) found = { ...hit, method };
  }
  if (found === null)
    return { method: asked ? CORRELATION.none : CORRELATION.skipped, email: null, token: null, isReply: false, isReport: false, answers };
  const { method, email, token } = found;
  return { method: method.number, email, token, isReply: method.makesParent, isReport: method.rule === RULE.deliveryReport, answers };
}

/** Whether the arrival of an answered message could change the answer: In-Reply-To and References may be asked about this head. */
export function asksMessageIds(head: MessageHead, settings: OrganizationSettings): boolean {
  return barsHeaders(head, settings) === null;
}

/** Evidence is weighed only once an email has the key: most messages answer nothing. */
function askByKey(method: KeyMethod, question: Question, weigh: () => Evidence): Asked {
  const { head, facts, context } = question;
  const keys = method.keys(head, facts.settings, context);
  let refusal: string | null = null;
  for (const key of keys) {
    const known = (method.emails(facts).get(key) ?? []).filter((one) => !isOwnCopy(one, head, method));
    const possible = known.filter((one) => !(one.at.getTime() > latestAnswered(head)));
    const candidates: Candidate[] = possible.map((email) => ({ email, tie: tieBetween(weigh(), email) }));
    const rivals = () => ({ candidates, evidence: weigh(), received: head.received });
    const believed = candidates.length === 0 ? [] : believedOf(candidates, method.weigh(rivals()));
    const best = believed.length < 2 ? believed[0] : believed.sort(byStrength)[0];
    const token = method.rule === RULE.trackingToken ? key : null;
    if (best !== undefined) return { hit: { email: best.email, token }, because: described(method, key, best, believed.length) };
    if (candidates.length > 0) refusal ??= `An email has the ${method.names} ${quote(key)}, but ${method.doubt(rivals())}.`;
    else if (known.length > 0)
      refusal ??= `The email with the ${method.names} ${quote(key)} is later than this message and cannot be answered by it.`;
  }
  if (refusal !== null) return { hit: null, because: refusal };
  if (keys.length === 0) return { hit: null, because: method.lacking, isGeneral: true };
  return {
    hit: null,
    because: `No email of the CRM has the ${method.names} ${quote(keys[0] ?? "")}${keys.length > 1 ? ` or ${keys.length - 1} more` : ""}.`,
  };
}

interface Believed extends Candidate {
  readonly support: Support;
}

function believedOf(candidates: readonly Candidate[], supportOf: (candidate: Candidate) => Support | null): Believed[] {
  return candidates.flatMap((candidate) => {
    const support = supportOf(candidate);
    return support === null ? [] : [{ ...candidate, support }];
  });
}

function described(method: KeyMethod, key: string, { email, support }: Believed, candidates: number): string {
  const choice = candidates > 1 ? `, the best supported of ${candidates}` : "";
  const who = email.senderAddress === null ? "" : ` from ${quote(email.senderAddress)}`;
  return `The ${email.direction} email${who} of ${when(email.at)} has the ${method.names} ${quote(key)}${choice}${saidOf(support)}.`;
}

/** No message answers itself: neither the email made from it nor the copy of its sender. */
function isOwnCopy(email: EarlierEmail, head: MessageHead, method: KeyMethod): boolean {
  if (head.messageId === null || email.messageId !== head.messageId) return false;
  return !(method.acceptsOwnCopy && email.direction === "outgoing");
}

function headerSettings(settings: OrganizationSettings): Settings {
  const { emailcorrelationenabled, IgnoreConversationIndexAndInReplyToForCorrelation } = settings;
  return { emailcorrelationenabled, IgnoreConversationIndexAndInReplyToForCorrelation };
}

function headersSwitchedOff(settings: OrganizationSettings): string | null {
  if (!settings.emailcorrelationenabled) return "The setting emailcorrelationenabled is off.";
  return settings.IgnoreConversationIndexAndInReplyToForCorrelation
    ? "The setting IgnoreConversationIndexAndInReplyToForCorrelation is on."
    : null;
}

function barsHeaders(head: MessageHead, settings: OrganizationSettings): string | null {
  const off = headersSwitchedOff(settings);
  if (off !== null) return off;
  return barsForward(head, settings);
}
