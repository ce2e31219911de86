import type { DecisionRow } from "../../ledger/decision-rows.ts";
import { readKnown } from "../../ledger/earlier-copies.ts";
import { listMailboxes, type MailboxRow } from "../../ledger/mailboxes.ts";
import { type StoredHead, storedHeadsById } from "../../ledger/stored-heads.ts";
import type { AnswersCounted } from "../../model/automatic-answer.ts";
import { CANDIDATES_PER_KEY, type Facts } from "../../model/facts.ts";
import { Failure } from "../../model/failure.ts";
import { identityIn, identityOf } from "../../model/identity.ts";
import { DEFAULT_SETTINGS, type OrganizationSettings } from "../../model/settings.ts";
import { type Advised, advise } from "../../tracking/advice.ts";
import type { Change } from "../../tracking/change.ts";
import { SOME_FOLDER } from "../../tracking/in-folder.ts";
import { countBefore } from "../../tracking/mail-loop.ts";
import { PageFacts } from "../../tracking/page-facts.ts";
import type { EngineContext } from "../context.ts";
import { answersBefore } from "../receive/loops.ts";
import { reportedUnder } from "../receive/read-reports.ts";
import { wishesAbout } from "../receive/wishes.ts";

/** A Message-ID that was used more often is nobody's message: of more decisions nothing is tried. */
const ADVISED_AT_A_TIME = 20;

/**
 * What one could change about decisions, by id, tried on what the CRM knows now. Left out are those whose heads are kept no longer, and those in which
 * no rule had a part. Some statements for each mailbox.
 */
export async function adviseOn(context: EngineContext, decisions: readonly DecisionRow[]): Promise<ReadonlyMap<number, Advised>> {
  const asked = decisions.filter((one) => one.outcome !== "quarantined").slice(0, ADVISED_AT_A_TIME);
  // Where it lies nowhere, nobody's word has it read.
  const lying = new Set(asked.flatMap(({ id, folders }) => (folders.length > 0 ? id : [])));
  const waiting = new Map(asked.map((one) => [one.id, one.waitingFor]));
  const rows = await storedHeadsById(
    context.database,
    asked.map((one) => one.id),
  );
  const advised = new Map<number, Advised>();
  if (rows.length === 0) return advised;
  const mailboxes = new Map((await listMailboxes(context.database)).map((one) => [one.id, one]));
  const open = rows.filter((row) => !row.isFixed);
  for (const [mailboxId, its] of Map.groupBy(open, (row) => row.mailboxId)) {
    const mailbox = mailboxes.get(mailboxId);
    if (mailbox === undefined) continue;
    for (const [id, one] of await adviseInMailbox(context, mailbox, its)) {
      const its = asItWaits(one, waiting.get(id) ?? []);
      advised.set(id, lying.has(id) ? its : withoutTracking(its));
    }
  }
  return advised;
}

/** What a message waits for was settled when it was decided: of another question nobody would decide it again. */
function asItWaits({ alternatives, ...advised }: Advised, waitingFor: readonly string[]): Advised {
  const isAwaited = (change: Change) => change.kind !== "question" || waitingFor.includes(change.messageId);
  return { ...advised, alternatives: alternatives.filter(({ changes }) => changes.every(isAwaited)) };
}

function withoutTracking({ alternatives, ...advised }: Advised): Advised {
  const isTracking = (change: Change) => change.kind === "by hand" && change.verb === "track";
  return { ...advised, alternatives: alternatives.filter(({ changes }) => !changes.some(isTracking)) };
}

async function adviseInMailbox(context: EngineContext, mailbox: MailboxRow, rows: readonly StoredHead[]): Promise<[number, Advised][]> {
  const facts = await factsOf(context, mailbox, rows);
  if (facts === null) return [];
  const { database } = context;
  const { organization } = mailbox;
  const { claims, copies: earlierCopies } = await readKnown(database, organization, {
    identities: rows.map((row) => identityIn(row.identity)),
    decisionKeys: rows.map((row) => row.identity),
    messageIds: rows.flatMap(({ head }) => (identityOf(head).weak ? [] : (head.messageId ?? []))),
  });
  const { wishes, untracked, copies } = await wishesAbout(
    database,
    organization,
    rows.map(({ mailboxId, identity, head }) => ({ mailboxId, decisionKey: identity, head })),
    facts,
    earlierCopies,
  );
  const answers = await answersBefore(
    database,
    organization,
    rows.map((row) => row.head),
    rows.map((row) => row.id),
  );
  return rows.map((row, index) => {
    const { weak } = identityOf(row.head);
    const claim = weak ? undefined : claims.get(identityIn(row.identity));
    const known = row.outcome === "tracked" ? null : claim?.delivered ? claim.emailId : row.emailId;
    const said = {
      known: { emailId: known, how: null },
      report: row.report ?? undefined,
      folder: row.inFolder ? SOME_FOLDER : undefined,
      answersBefore: (counted: AnswersCounted) => countBefore(answers, counted),
      wish: wishes[index],
      untracked,
      // Of what is an email its own copies say nothing.
      copies: row.outcome === "tracked" ? undefined : copies,
    };
    // It is neither a copy nor an answer of the email that it became.
    const itself = row.outcome === "tracked" && row.emailId !== null ? [row.emailId] : [];
    return [row.id, advise({ head: row.head, facts: new PageFacts(facts, new Set(itself)), context: { mailbox, ...said } })];
  });
}

/** Null where the mailbox has outlived its owner: it is not read then, whatever is set. */
async function factsOf(context: EngineContext, mailbox: MailboxRow, rows: readonly StoredHead[]): Promise<Facts | null> {
  const { organization } = mailbox;
  const crm = context.crm(organization);
  const settings = await crm.organizationSettings();
  const about = rows.flatMap(({ report }) => report?.about ?? []);
  const trial = await crm.trial({ settings: tried(settings), emailsSince: null, perKey: CANDIDATES_PER_KEY });
  try {
    const heads = rows.map((row) => row.head);
    return { ...(await trial.facts({ mailbox, heads, reported: await reportedUnder(context.database, organization, about) })), settings };
  } catch (error) {
    if (error instanceof Failure && error.code === "mailbox owner missing") return null;
    throw error;
  }
}

/** What advice may switch on is looked up as if it were. */
function tried(settings: OrganizationSettings): OrganizationSettings[] {
  const trackingprefix = settings.trackingprefix || DEFAULT_SETTINGS.trackingprefix;
  return [settings, { ...settings, trackingtokensenabled: true, trackingprefix }, { ...settings, DisableSmartMatching: false }];
}
