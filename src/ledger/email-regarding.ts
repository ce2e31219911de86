import type { RuleAnswer } from "../model/decision.ts";
import type { RecordRef } from "../model/record.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** What an email is about by the last word of Waypost, and whose word that was. */
export interface GivenRegarding {
  readonly by: "a message" | "a person" | "a folder";
  readonly regarding: RecordRef | null;
  /** Of a folder: the mailbox in which it is. */
  readonly mailboxId: string | null;
}

/** Of those of these emails of which it is known. */
export async function givenRegarding(
  sql: Sql,
  organization: string,
  emailIds: readonly string[],
): Promise<ReadonlyMap<string, GivenRegarding>> {
  const made = await sql.query<{ emailId: string; regarding: RecordRef | null }>(
    `select distinct on (email_id) email_id as "emailId", (
         select answer -> 'records' -> 0 from jsonb_array_elements(waypost.whole_rules(rules)) with ordinality one (answer, number)
         where answer ->> 'rule' = 'regarding' order by number desc limit 1) as regarding
     from waypost.decision where email_id = any($2::uuid[]) and organization = $1 and outcome = 'tracked' order by email_id, id`,
    [organization, emailIds],
  );
  const said = await sql.query<{ emailId: string; regarding: RecordRef | null; ruleId: number | null; mailboxId: string | null }>(
    `select email_id as "emailId", email_regarding.regarding, rule_id as "ruleId", mailbox_id as "mailboxId"
     from waypost.email_regarding left join waypost.tracking_folder rule on rule.id = rule_id where organization = $1 and email_id = any($2::uuid[])`,
    [organization, emailIds],
  );
  const given = new Map<string, GivenRegarding>();
  for (const { emailId, regarding } of made.rows) given.set(emailId, { by: "a message", regarding, mailboxId: null });
  for (const { emailId, regarding, ruleId, mailboxId } of said.rows)
    given.set(emailId, { by: ruleId === null ? "a person" : "a folder", regarding, mailboxId });
  return given;
}

/** What a folder's rule, or a person, said that an email is about. */
export interface SaidRegarding {
  readonly emailId: string;
  /** Null: a person said it. */
  readonly ruleId: number | null;
  readonly regarding: RecordRef | null;
}

/** The records that people said these emails are about. */
export async function saidByPeople(sql: Sql, organization: string, emailIds: readonly string[]): Promise<ReadonlyMap<string, RecordRef>> {
  const { rows } = await sql.query<{ emailId: string; regarding: RecordRef }>(
    `select email_id as "emailId", regarding from waypost.email_regarding
     where organization = $1 and email_id = any($2::uuid[]) and rule_id is null and regarding is not null`,
    [organization, emailIds],
  );
  return new Map(rows.map(({ emailId, regarding }) => [emailId, regarding]));
}

/** Stores who said last what emails are about; each email once. A person's word stands above that of folders; of a rule that somebody took away nothing is stored. */
export async function storeSaidRegarding(tx: Transaction, organization: string, said: readonly SaidRegarding[]): Promise<void> {
  if (said.length === 0) return;
  await tx.query(
    `insert into waypost.email_regarding (organization, email_id, rule_id, regarding)
     select $1, "emailId", "ruleId", regarding from jsonb_to_recordset($2::jsonb) one ("emailId" uuid, "ruleId" bigint, regarding jsonb)
     where "ruleId" is null or exists (select from waypost.tracking_folder where id = "ruleId") order by "emailId"
     on conflict (organization, email_id) do update set rule_id = excluded.rule_id, regarding = excluded.regarding
       where excluded.rule_id is null or email_regarding.rule_id is not null`,
    [organization, storableJson(said)],
  );
}

/** Adds to the decisions that made or found these emails what is said of each. */
export async function noteOnEmails(
  tx: Transaction,
  organization: string,
  notes: readonly { readonly emailId: string; readonly rule: RuleAnswer }[],
): Promise<void> {
  if (notes.length === 0) return;
  await tx.query(
    `update waypost.decision set rules = rules || jsonb_build_array(one.rule) from jsonb_to_recordset($2::jsonb) one ("emailId" uuid, rule jsonb)
     where email_id = one."emailId" and organization = $1 and outcome in ('tracked', 'duplicate')`,
    [organization, storableJson(notes)],
  );
}
