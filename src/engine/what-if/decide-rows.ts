import type { Related, StoredHead } from "../../ledger/stored-heads.ts";
import { type AnswersCounted, AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR, type AutomaticAnswer } from "../../model/automatic-answer.ts";
import type { Decision, Outcome } from "../../model/decision.ts";
import { looksLikeReport } from "../../model/delivery-report.ts";
import type { Facts, Known, Voter } from "../../model/facts.ts";
import { emailIdFor, identityIn, identityOf } from "../../model/identity.ts";
import type { Mailbox } from "../../model/mailbox.ts";
import type { MessageHead } from "../../model/message.ts";
import { numberOf } from "../../model/number-lists.ts";
import { contextAfter, factsUnder } from "../../tracking/change.ts";
import { emailFact, type PlacedEmail } from "../../tracking/email-fact.ts";
import { SOME_FOLDER } from "../../tracking/in-folder.ts";
import { countBefore, isWithinHour } from "../../tracking/mail-loop.ts";
import { PageFacts } from "../../tracking/page-facts.ts";
import { RULE } from "../../tracking/rule.ts";
import { tokensIn } from "../../tracking/token.ts";
import { track } from "../../tracking/track.ts";
import { knownAsSent } from "../receive/sent-copies.ts";
import type { Knowledge } from "./knowledge.ts";
import type { World } from "./world.ts";

/** A mailbox of the organization with its user or queue. */
export interface KnownMailbox extends Pick<Mailbox, "id" | "address" | "startDate" | "owner"> {
  readonly voter: Voter | null;
}

/** What becomes of one message in a world. */
export interface Simulated {
  readonly outcome: Outcome;
  /** Null where no rule is asked. */
  readonly decision: Decision | null;
}

/** Decides the messages of one page in one world, as they are decided when they are read: see process-heads in engine/receive. */
export class PageInWorld {
  readonly #world: World;
  readonly #knowledge: Knowledge;
  readonly #mailboxes: ReadonlyMap<string, KnownMailbox>;
  readonly #organization: string;
  readonly #facts: PageFacts;
  /** What each mailbox's owner makes of the facts; the emails are the same for all. */
  readonly #ofMailbox = new Map<string, Facts>();

  constructor(world: World, knowledge: Knowledge, mailboxes: ReadonlyMap<string, KnownMailbox>, organization: string) {
    this.#world = world;
    this.#knowledge = knowledge;
    this.#mailboxes = mailboxes;
    this.#organization = organization;
    this.#facts = new PageFacts(factsUnder(knowledge.facts, world.changes), knowledge.notYet);
    for (const row of knowledge.earlier) if (world.outcomes.get(row.id) === "tracked") this.add(row, world.tokens.get(row.id) ?? null);
  }

  /** The message becomes an email that later ones can answer; `token`: its tracking token where that is not the first in its subject. */
  add(row: StoredHead, token: string | null): void {
    const trackingToken = token ?? tokensIn(row.head.subject, this.#world.settings)[0] ?? null;
    this.#facts.add(emailFact(row.head, { trackingToken, regarding: null, ownerId: null } satisfies PlacedEmail, this.#emailId(row)));
  }

  /** What becomes of the message now. */
  decide(row: StoredHead): Simulated {
    return this.#decide(row, { isEmail: false, answersOfItself: 0 });
  }

  /** The same once all is decided. Where it is an email of this world, it is neither a copy nor an answer of that. */
  decideKnown(row: StoredHead, outcome: Outcome): Simulated {
    return this.#decide(row, { isEmail: outcome === "tracked", answersOfItself: 1 });
  }

  /** `answersOfItself`: so many of the automatic answers of this world are the message. */
  #decide(row: StoredHead, { isEmail, answersOfItself }: { readonly isEmail: boolean; readonly answersOfItself: number }): Simulated {
    const mailbox = this.#mailboxes.get(row.mailboxId);
    if (row.isFixed || mailbox === undefined) return { outcome: row.outcome, decision: null };
    const { weak } = identityOf(row.head);
    const known = isEmail ? null : this.#knownAs(row, weak);
    const facts = this.#factsOf(mailbox);
    const { wishes, untracked, copies } = this.#knowledge;
    const context = {
      mailbox,
      known: weak || known === null ? UNKNOWN : known,
      report: row.report ?? undefined,
      folder: row.inFolder ? SOME_FOLDER : undefined,
      answersBefore: (counted: AnswersCounted) => Math.max(0, this.#answersBefore(counted) - answersOfItself),
      wish: wishes.get(row.id),
      untracked,
      copies: isEmail ? undefined : copies,
    };
    const decision = track(row.head, isEmail ? this.#without(facts, row) : facts, contextAfter(context, this.#world.changes));
    return { outcome: outcomeOf(decision, row, known !== null), decision };
  }

  /** As many as matter. */
  #answersBefore(counted: AnswersCounted): number {
    const counts = (time: number) => isWithinHour(new Date(time), counted.received);
    const made = this.#world.answers.newest(answersKey(counted), AUTOMATIC_ANSWERS_IN_MAILBOX_AN_HOUR + 1, counts).length;
    return made + countBefore(this.#knowledge.answersBefore, counted);
  }

  #factsOf(mailbox: KnownMailbox): Facts {
    const known = this.#ofMailbox.get(mailbox.id);
    if (known !== undefined) return known;
    const facts = { ...this.#facts, ...pick(factsUnder({ ...this.#facts, mailboxOwner: mailbox.voter }, this.#world.changes)) };
    this.#ofMailbox.set(mailbox.id, facts);
    return facts;
  }

  #without(facts: Facts, row: StoredHead): Facts {
    return new PageFacts(facts, new Set([this.#emailId(row)]));
  }

  #emailId(row: Pick<StoredHead, "head" | "identity" | "emailId" | "mailboxId">): string {
    if (!identityOf(row.head).weak) return emailIdFor(this.#organization, identityIn(row.identity));
    // Its content, which says what it is the same as, was read only if it became an email.
    return row.emailId ?? emailIdFor(this.#organization, `${row.mailboxId} ${row.identity}`);
  }

  /** The email that stands for the very message already, in this world; null when there is none. */
  #knownAs(row: StoredHead, weak: boolean): Known | null {
    const { claims, ofStretch, byIdentity, byEmail, sent } = this.#knowledge;
    const asSent = knownAsSent(row.head, sent);
    if (asSent !== null) return asSent;
    const claim = weak ? undefined : claims.get(identityIn(row.identity));
    if (claim?.delivered && !ofStretch.has(claim.emailId)) {
      return { emailId: claim.emailId, how: `read in mailbox ${claim.mailboxAddress} before` };
    }
    if (weak && row.emailId !== null && !ofStretch.has(row.emailId)) return { emailId: row.emailId, how: null };
    const copies = weak ? (row.emailId === null ? [] : (byEmail.get(row.emailId) ?? [])) : (byIdentity.get(identityIn(row.identity)) ?? []);
    const first = copies.find((one) => one.id !== row.id && this.#world.outcomes.get(one.id) === "tracked");
    return first === undefined ? null : { emailId: this.#emailId(row), how: `read in mailbox ${this.#addressOf(first)} before` };
  }

  #addressOf({ mailboxId }: Related): string {
    return this.#mailboxes.get(mailboxId)?.address ?? "";
  }
}

/** Under which a world keeps when automatic answers came that are counted together. */
function answersKey(counted: AnswersCounted): number {
  return numberOf("conversation" in counted ? `${counted.sender}\n${counted.conversation}` : `${counted.sender}\nin ${counted.mailbox}`);
}

/** All keys under which an answer is counted. */
export function answersKeys({ sender, mailbox, conversation, received }: AutomaticAnswer): readonly number[] {
  return [answersKey({ sender, conversation, received }), answersKey({ sender, mailbox, received })];
}

/** Whether only the content of a message would tell how it is decided, and nobody knows what that says: it looks like a delivery report. */
export function isUntold({ head, report, id }: StoredHead, { rules }: Decision, { wishes }: Knowledge): boolean {
  return report === null && looksLikeReport(head) && !wishes.has(id) && rules.some(({ rule }) => rule === RULE.automaticMail);
}

const UNKNOWN: Known = { emailId: null, how: null };

/** Of a mailbox's facts only its owner is its own. */
function pick({ mailboxOwner }: Facts): Pick<Facts, "mailboxOwner"> {
  return { mailboxOwner };
}

/** What a message of weak identity is the same as, its content says after the rules; one that could not be processed cannot be now. */
function outcomeOf({ outcome }: Decision, row: StoredHead, isKnown: boolean): Outcome {
  if (outcome !== "tracked") return outcome;
  if (isKnown) return "duplicate";
  return row.outcome === "quarantined" ? "quarantined" : "tracked";
}

/** The tracking token by which a message was found, where it is not the first in its subject; null otherwise. */
export function otherToken({ placement }: Decision, head: MessageHead, world: World): string | null {
  const token = placement?.trackingToken ?? null;
  return token === null || token === tokensIn(head.subject, world.settings)[0] ? null : token;
}
