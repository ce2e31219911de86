import type { Database } from "../../database/database.ts";
import type { ClaimRow } from "../../ledger/claims.ts";
import { readKnown } from "../../ledger/earlier-copies.ts";
import {
  emailsOfStretch,
  type Related,
  relatedDecisions,
  type StoredHead,
  type Stretch,
  storedHeadsById,
} from "../../ledger/stored-heads.ts";
import { type AutomaticAnswer, LOOP_WINDOW } from "../../model/automatic-answer.ts";
import { CANDIDATES_PER_KEY, type Facts } from "../../model/facts.ts";
import { identityIn, identityOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import { type NumberLists, numberOf } from "../../model/number-lists.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { storableText } from "../../model/text.ts";
import type { Wish } from "../../model/wish.ts";
import type { Trial } from "../../ports.ts";
import { emailIdsOf } from "../../tracking/page-facts.ts";
import type { KnownCopy } from "../../tracking/question.ts";
import { relatedIds, threadKeys } from "../../tracking/what-if.ts";
import { answersBefore } from "../receive/loops.ts";
import { reportedUnder } from "../receive/read-reports.ts";
import { type SentByWaypost, sentByWaypost } from "../receive/sent-copies.ts";
import { wishesAbout } from "../receive/wishes.ts";
import type { World } from "./world.ts";

/** Emails of one key that are looked at, before those that messages of the stretch became are left out. */
export const EMAILS_PER_KEY = 100;

/** What everything is looked up in. */
export interface Sources {
  readonly database: Database;
  readonly crm: Trial;
  readonly stretch: Stretch;
  /** Of all worlds. */
  readonly settings: readonly OrganizationSettings[];
  /** Decisions by what answers may have in common with their messages, see threadKeys. */
  readonly threads: NumberLists;
}

/** What is known of the messages of a page in every world. */
export interface Knowledge {
  /** Of the CRM as it is; without the owner of a mailbox. */
  readonly facts: Facts;
  /** Emails of the CRM that are none in a world until it makes them. */
  readonly notYet: ReadonlySet<string>;
  /** Emails that messages of the stretch became. */
  readonly ofStretch: ReadonlySet<string>;
  readonly claims: ReadonlyMap<string, ClaimRow>;
  readonly byIdentity: ReadonlyMap<string, readonly Related[]>;
  readonly byMessageId: ReadonlyMap<string, readonly Related[]>;
  readonly byEmail: ReadonlyMap<string, readonly Related[]>;
  /** What people said by hand of the messages of the page, by decision. */
  readonly wishes: ReadonlyMap<number, Wish>;
  readonly untracked: ReadonlyMap<string, Wish>;
  readonly copies: ReadonlyMap<string, readonly KnownCopy[]>;
  /** Emails that Waypost sent itself. */
  readonly sent: SentByWaypost;
  /** Automatic answers from before the stretch. */
  readonly answersBefore: readonly AutomaticAnswer[];
  /** Messages that some world has made an email of, and that those of the page may answer, the oldest first. */
  readonly earlier: readonly StoredHead[];
}

/** Looks up all that may have to do with these messages: a dozen statements, whatever they hold. */
export async function gather(sources: Sources, rows: readonly StoredHead[], worlds: readonly World[]): Promise<Knowledge> {
  const { database, crm, stretch } = sources;
  const heads = rows.map((row) => row.head);
  const messageIds = [...new Set(heads.flatMap(relatedIds))];
  const emailIds = rows.flatMap((row) => row.emailId ?? []);
  const identities = rows.filter(({ head }) => !identityOf(head).weak).map((row) => identityIn(row.identity));
  const reported = await reportedUnder(
    database,
    stretch.organization,
    rows.flatMap(({ report }) => report?.about ?? []),
  );
  const facts = await crm.facts({ mailbox: { address: "", owner: { type: "forward" } }, heads, reported });
  const { claims, copies } = await readKnown(database, stretch.organization, {
    identities,
    decisionKeys: rows.map((row) => row.identity),
    messageIds: heads.flatMap((head) => (identityOf(head).weak ? [] : (head.messageId ?? []))),
  });
  const related = await relatedDecisions(database, stretch, { messageIds, emailIds });
  const byMessageId = Map.groupBy(related, (one) => one.messageId ?? "");
  const ofStretch = await emailsOfStretch(database, stretch, [
    ...new Set([...emailIdsOf(facts), ...emailIds, ...[...claims.values(), ...copies].flatMap((one) => one.emailId ?? [])]),
  ]);
  // As when messages are read: a delivery that was not brought to its end is no earlier email.
  const unfinished = [...claims.values()].filter((one) => !one.delivered).map((one) => one.emailId);
  const earlier = new Set([...madeOfIds(messageIds, byMessageId, worlds), ...madeOfThreads(sources, rows, worlds)]);
  const said = await wishesAbout(
    database,
    stretch.organization,
    rows.map(({ mailboxId, identity, head }) => ({ mailboxId, decisionKey: identity, head })),
    facts,
    // What messages of the stretch became is one of the emails of a world.
    copies.map((one) => (one.emailId !== null && ofStretch.has(one.emailId) ? { ...one, emailId: null } : one)),
  );
  return {
    facts,
    notYet: new Set([...ofStretch, ...unfinished]),
    ofStretch,
    claims,
    byIdentity: Map.groupBy(related, (one) => identityIn(one.identity)),
    byMessageId,
    byEmail: Map.groupBy(related, (one) => one.emailId ?? ""),
    wishes: new Map(rows.flatMap(({ id }, index) => (said.wishes[index] === undefined ? [] : [[id, said.wishes[index]]]))),
    untracked: said.untracked,
    copies: said.copies,
    sent: await sentByWaypost(database, stretch.organization, heads),
    answersBefore: await answersBeforeStretch(sources, heads),
    earlier: await storedHeadsById(database, [...earlier]),
  };
}

/** Those that may count for messages of the first hour. */
async function answersBeforeStretch({ database, stretch }: Sources, heads: readonly MessageHead[]): Promise<readonly AutomaticAnswer[]> {
  const { organization, since } = stretch;
  const first = heads.filter(({ received }) => received.getTime() < since.getTime() + LOOP_WINDOW);
  return (await answersBefore(database, organization, first)).filter(({ received }) => received < since);
}

function* madeOfIds(
  messageIds: readonly string[],
  byMessageId: ReadonlyMap<string, readonly Related[]>,
  worlds: readonly World[],
): Iterable<number> {
  for (const messageId of messageIds) {
    const its = byMessageId.get(storableText(messageId)) ?? [];
    for (const { outcomes } of worlds) {
      yield* its
        .filter(({ id }) => outcomes.get(id) === "tracked")
        .slice(-CANDIDATES_PER_KEY)
        .map(({ id }) => id);
    }
  }
}

function* madeOfThreads({ threads, settings }: Sources, rows: readonly StoredHead[], worlds: readonly World[]): Iterable<number> {
  for (const key of new Set(rows.flatMap(({ head }) => threadKeys(head, settings)))) {
    for (const { outcomes } of worlds) yield* threads.newest(numberOf(key), CANDIDATES_PER_KEY, (id) => outcomes.get(id) === "tracked");
  }
}
