import assert from "node:assert/strict";
import type { Database } from "../../src/database/database.ts";
import type { WhatIfChange, WhatIfCounts, WhatIfRequest } from "../../src/engine/operations/what-if.ts";
import type { Outcome } from "../../src/model/decision.ts";
import type { RigApp } from "./rig.ts";

/** What other settings are said to come to. */
export interface Said {
  readonly counts: WhatIfCounts;
  readonly changes: readonly WhatIfChange[];
}

/** Asks what other settings would make of all messages. What is left out stays as it is. */
export async function askWhatIf(app: RigApp, request: Partial<WhatIfRequest>): Promise<Said> {
  const changes: WhatIfChange[] = [];
  const whole = { days: 30, mailboxes: [], settings: {}, filters: [], readFrom: null, limit: null, ...request };
  const { counts } = await app.operations.whatIf(whole, new AbortController().signal, (event) => {
    if ("change" in event) changes.push(event.change);
  });
  assert.equal(changes.length, counts.changed, "as many are told as are counted");
  return { counts, changes };
}

/** Outcomes by mailbox and message. */
export type Outcomes = Readonly<Record<string, Outcome>>;

/** What became of each message. */
export async function outcomesIn(database: Database): Promise<Outcomes> {
  const { rows } = await database.query<{ key: string; outcome: Outcome }>(
    `select mailbox.address || ' ' || coalesce(message_id, subject) as key, outcome from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id order by key`,
  );
  const outcomes = Object.fromEntries(rows.map(({ key, outcome }) => [key, outcome]));
  assert.equal(Object.keys(outcomes).length, rows.length, "no two messages have one name");
  return outcomes;
}

/** What would become of each, by what is said of those that change. */
export function foretold(before: Outcomes, { changes }: Said): Outcomes {
  const after = { ...before };
  for (const { mailbox, messageId, decisionId, before: now, after: then } of changes) {
    const key = `${mailbox} ${messageId ?? decisionId}`;
    assert.equal(before[key], now.outcome, key);
    after[key] = then.outcome;
  }
  return after;
}

/** All that is stored, as one text: to see that nothing was written. */
export async function everythingIn(database: Database): Promise<string> {
  const tables = [
    "waypost.decision",
    "waypost.claim",
    "waypost.location",
    "waypost.rule_answer",
    "crm.email",
    "crm.activityparty",
    "crm.organization",
  ];
  const parts = await Promise.all(
    tables.map((table) =>
      database.query<{ digest: string }>(
        `select coalesce(md5(string_agg(one::text, ',' order by one::text)), '') as digest from ${table} one`,
      ),
    ),
  );
  return parts.map(({ rows }) => rows[0]?.digest ?? "").join(" ");
}
