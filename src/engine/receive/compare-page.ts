import { type DecisionThere, decisionsAt } from "../../ledger/listed-places.ts";
import { type AuditReport, type MissingMessage, NOTHING_FOUND } from "../../model/audit-report.ts";
import { momentOf } from "../../model/identity.ts";
import type { MessageHead } from "../../model/message.ts";
import type { Crm } from "../../ports.ts";
import { isPrivate } from "../../tracking/privacy.ts";
import type { Reading } from "./reading.ts";

/** A message that was decided, and what the CRM says of it. */
export interface DecidedThere {
  readonly id: string;
  readonly decision: DecisionThere;
  readonly state: "tracked" | "deleted" | "lost" | "skipped" | "quarantined";
}

/** What lies at places that a cursor covers. Those that left meanwhile stand nowhere. */
export interface Compared {
  readonly decided: readonly DecidedThere[];
  /** Messages of which nothing was decided, and which would have to be. */
  readonly unseen: readonly MessageHead[];
  /** Received before the mailbox's start date, as only their heads tell. */
  readonly older: number;
}

/** The places of one stream that are gone through. */
export interface Listed {
  readonly stream: string;
  /** Ids of its folders that are read, with their names. */
  readonly folders: ReadonlyMap<string, string>;
}

/** Compares messages that lie in a stream with their decisions, and those with the CRM. Asks the mail system only about those that were never decided. */
export async function comparePage(reading: Reading, { stream, folders }: Listed, ids: readonly string[]): Promise<Compared> {
  const { context, work, source } = reading;
  const { mailbox } = work;
  const decisions = await decisionsAt(context.database, mailbox.id, stream, ids);
  const crm = context.crm(mailbox.organization);
  const emails = await standOf(
    crm,
    [...decisions.values()].flatMap(({ emailId }) => emailId ?? []),
  );
  const unknown = ids.filter((id) => !decisions.has(id));
  const heads = unknown.length === 0 ? [] : await source.heads(unknown.map((id) => ({ stream, id })));
  const lying = heads.filter((head) => head.folders.some((folder) => folders.has(folder)));
  const unseen = lying.filter((head) => !isOlder(head, mailbox.startDate));
  return {
    decided: [...decisions].map(([id, decision]) => ({ id, decision, state: stateOf(decision, emails) })),
    unseen,
    older: lying.length - unseen.length,
  };
}

type EmailState = "tracked" | "deleted" | "lost";

/** What became of emails. First those that stand are asked for: what is deleted in between is deleted. */
async function standOf(crm: Crm, emailIds: readonly string[]): Promise<ReadonlyMap<string, EmailState>> {
  const ids = [...new Set(emailIds)];
  if (ids.length === 0) return new Map();
  const standing = await crm.standing(ids);
  const others = ids.filter((id) => !standing.has(id));
  const deleted = others.length === 0 ? new Set<string>() : await crm.deleted(others);
  return new Map(ids.map((id) => [id, standing.has(id) ? "tracked" : deleted.has(id) ? "deleted" : "lost"]));
}

function stateOf({ outcome, emailId }: DecisionThere, emails: ReadonlyMap<string, EmailState>): DecidedThere["state"] {
  if (outcome === "skipped" || outcome === "quarantined") return outcome;
  return (emailId === null ? undefined : emails.get(emailId)) ?? "lost";
}

/** As the first reading leaves it out: what only its sender dated, or nothing did, is decided, so that the decision says so. */
function isOlder(head: MessageHead, startDate: Date): boolean {
  return head.received < startDate && momentOf(head) !== null && head.unreadable === undefined;
}

/** What a page adds to the report. Pure. */
export function reportOf({ folders }: Listed, { decided, unseen, older }: Compared): AuditReport {
  const count = (state: DecidedThere["state"]) => decided.filter((one) => one.state === state).length;
  const [tracked, deleted, lost, skipped, quarantined] = [
    count("tracked"),
    count("deleted"),
    count("lost"),
    count("skipped"),
    count("quarantined"),
  ];
  const [first = ""] = folders.values();
  const examples: MissingMessage[] = [
    ...unseen.map((head) => ({
      folder: head.folders.flatMap((id) => folders.get(id) ?? [])[0] ?? first,
      messageId: isPrivate(head) ? null : head.messageId,
      received: head.received,
      why: "unseen" as const,
    })),
    ...decided
      .filter(({ state }) => state === "lost")
      .map(({ decision: { messageId, received } }) => ({ folder: first, messageId, received, why: "lost" as const })),
  ];
  return {
    ...NOTHING_FOUND,
    there: decided.length + unseen.length + older,
    beforeStart: older,
    seen: decided.length,
    qualified: tracked + deleted + lost,
    tracked,
    deleted,
    skipped,
    quarantined,
    missing: unseen.length + lost,
    unseen: unseen.length,
    lost,
    examples,
  };
}
