import { writeAudit } from "../../ledger/audit.ts";
import type { DecisionRow } from "../../ledger/decision-rows.ts";
import { readUntrackedShown, setUntrackedShown, type UntrackedShown } from "../../ledger/privacy.ts";
import { listQuarantine, type QuarantineRow } from "../../ledger/quarantine.ts";
import { domainOf } from "../../model/address.ts";
import type { Advised } from "../../tracking/advice.ts";
import { redactedAddresses, redactedAdvice, redactedRules } from "../../tracking/redact.ts";
import type { EngineContext } from "../context.ts";
import { deletedIn } from "../purge.ts";

/** What of a decision may be shown: all, nothing that tells who wrote or of what, or nothing but the outcome. */
export type Shown = "whole" | "redacted" | "private";

/**
 * What may be shown of these decisions, by number. An email is the CRM's business. Other mail is shown redacted; whole to an administrator who is named, where
 * the organization shows it, and each look is audited. Private and confidential mail never is.
 */
export async function shownOf(
  context: EngineContext,
  decisions: readonly DecisionRow[],
  actor: string | undefined,
): Promise<ReadonlyMap<number, Shown>> {
  const isEmail = await emailsAmong(context, decisions);
  const untracked = decisions.filter((one) => !isEmail(one));
  const open = actor === undefined || untracked.length === 0 ? [] : await readUntrackedShown(context.database, organizationsOf(untracked));
  const showing = new Set(open.flatMap(({ organization, since }) => (since === null ? [] : organization)));
  const shown = new Map(decisions.map((one) => [one.id, isEmail(one) ? "whole" : one.isPrivate ? "private" : shownIn(one, showing)]));
  const looked = untracked.filter(({ id }) => shown.get(id) === "whole");
  if (actor !== undefined && looked.length > 0)
    await context.database.transaction(async (tx) => {
      for (const { id } of looked)
        await writeAudit(tx, { at: context.now(), actor, action: "look at untracked mail", subject: `decision ${id}` });
    }, "audit a look");
  return shown;
}

/** Which of these are emails. What was untracked is none, whatever stands in the CRM; nor is one that was deleted there. */
async function emailsAmong(context: EngineContext, decisions: readonly DecisionRow[]): Promise<(decision: DecisionRow) => boolean> {
  const made = new Map<string, string[]>();
  for (const { organization, outcome, emailId } of decisions)
    if (outcome !== "skipped" && emailId !== null) made.set(organization, [...(made.get(organization) ?? []), emailId]);
  const deleted = new Set(await deletedIn(context, made));
  return ({ outcome, emailId }) => outcome !== "skipped" && emailId !== null && !deleted.has(emailId);
}

function shownIn({ organization }: DecisionRow, showing: ReadonlySet<string>): Shown {
  return showing.has(organization) ? "whole" : "redacted";
}

function organizationsOf(decisions: readonly DecisionRow[]): string[] {
  return [...new Set(decisions.map((one) => one.organization))];
}

/** A decision as it may be shown. Pure. */
export function shownDecision(row: DecisionRow, shown: Shown): DecisionRow {
  if (shown === "whole") return row;
  const bare = { ...row, subject: null, sender: null };
  if (shown === "private")
    return { ...bare, messageId: null, rules: row.purgedAt === null ? [] : row.rules, waitingFor: [], quarantine: null };
  return { ...bare, sender: domainOnly(row.sender), rules: redactedRules(row.rules, row.mailbox) };
}

/** What one could change about a message, as it may be shown. Pure. */
export function shownAdvice(advised: Advised | null, { mailbox }: DecisionRow, shown: Shown): Advised | null {
  if (shown === "whole" || advised === null) return advised;
  return shown === "private" ? null : redactedAdvice(advised, mailbox);
}

/** Sentences about a decision as they may be shown. Pure. */
export function shownSentences(sentences: readonly string[], { mailbox }: DecisionRow, shown: Shown): string[] {
  return shown === "whole" ? [...sentences] : sentences.map((one) => redactedAddresses(one, mailbox));
}

/** What is in quarantine, as it may be shown: it is no email yet. */
export async function quarantined({ database }: EngineContext): Promise<readonly QuarantineRow[]> {
  return (await listQuarantine(database)).map((row) => {
    const said = (text: string) => redactedAddresses(text, row.mailbox);
    const told = { ...row, message: said(row.message), serverSaid: row.serverSaid === null ? null : said(row.serverSaid) };
    return row.isPrivate ? { ...told, messageId: null, sender: null } : { ...told, sender: domainOnly(row.sender) };
  });
}

/** What is told of a sender of mail that is no email. Pure. */
export function domainOnly(sender: string | null): string | null {
  const domain = sender === null ? "" : domainOf(sender);
  return domain === "" ? null : `…@${domain}`;
}

/** How each organization stands in this. */
export function privacy({ database }: EngineContext, organizations: readonly string[]): Promise<readonly UntrackedShown[]> {
  return readUntrackedShown(database, organizations);
}

/** Whether subject and counterpart of mail that is no email are shown to administrators from now on. */
export async function showUntracked(
  context: EngineContext,
  organizations: readonly string[],
  show: boolean,
  actor: string,
): Promise<readonly UntrackedShown[]> {
  await context.database.transaction(
    (tx) => setUntrackedShown(tx, organizations, { show, actor, at: context.now() }),
    "show untracked mail",
  );
  context.log.info({ show, actor }, "it is set whether untracked mail is shown");
  return privacy(context, organizations);
}
