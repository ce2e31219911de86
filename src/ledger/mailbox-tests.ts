import type { Direction } from "../model/mailbox.ts";
import type { MessageHead } from "../model/message.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";

/** `incomingemailstatus`, `outgoingemailstatus`, `actstatus`, `mailboxstatus` (product-behaviour 3.3). */
export const TEST_STATUS = { notRun: 0, success: 1, failure: 2 } as const;
export type TestStatus = (typeof TEST_STATUS)[keyof typeof TEST_STATUS];

const COLUMN = { receive: "incoming", send: "outgoing" } as const;

/** How the test of each direction that was tried went. */
export type TestResults = Partial<Readonly<Record<Direction, "passed" | "failed">>>;

/** A mailbox that waited for its first test begins when that passes; whatever came before is history (DESIGN 10). */
const BEGIN_AT_FIRST_ENABLING = `start_date = case when require_test and not enabled_for_incoming and received_at is null and not start_is_set
  then date_trunc('second', $2::timestamptz) else start_date end`;

/**
 * Keeps the results of a test. What passed is enabled, its failures are forgotten, and it is tried at once. What failed stays as enabled as it
 * was: nothing is disabled by a bad moment. A time that the mail system named stays.
 */
export async function keepTestResults(tx: Transaction, mailboxId: string, results: TestResults, now: Date): Promise<void> {
  const sets = (["receive", "send"] as const).flatMap((direction) => {
    const name = COLUMN[direction];
    switch (results[direction]) {
      case "passed":
        return [
          `${name}_status = ${TEST_STATUS.success}, enabled_for_${name} = true, ${direction}_failures = 0, ${direction}_error = null`,
          direction === "receive" ? `receive_due_at = $2, ${BEGIN_AT_FIRST_ENABLING}` : "send_not_before = null",
        ];
      case "failed":
        return [`${name}_status = ${TEST_STATUS.failure}`];
      default:
        return [];
    }
  });
  await tx.query(`update waypost.mailbox set ${["tested_at = $2", ...sets].join(", ")} where id = $1`, [mailboxId, now]);
}

/** The parts of a profile and of a mailbox on which a test depends; told before the new ones are stored. */
interface ChangedWays {
  readonly profiles: readonly { readonly name: string; readonly incoming: object | null; readonly outgoing: object | null }[];
}

/**
 * Sets the tests of mailboxes back to Not Run whose way to the server changes: host, port, security, certificates or sign-in. How long to wait
 * for an answer is no part of the way. A field that an earlier version did not store has not changed by being stored now.
 */
export async function forgetTestsOfChangedProfiles(tx: Transaction, { profiles }: ChangedWays): Promise<void> {
  const described = storableJson(profiles.map(({ name, incoming, outgoing }) => ({ name, incoming, outgoing })));
  for (const name of Object.values(COLUMN)) {
    await tx.query(
      `update waypost.mailbox set ${name}_status = 0, enabled_for_${name} = false
       from waypost.server_profile old join jsonb_to_recordset($1::jsonb) as one (name text, incoming jsonb, outgoing jsonb) using (name)
       where mailbox.profile = old.name and (${name}_status <> 0 or enabled_for_${name}) and (
         (old.${name} is null) <> (one.${name} is null)
         or exists (select from jsonb_each(old.${name}) as part where part.key <> 'timeout' and one.${name}->part.key is distinct from part.value))`,
      [described],
    );
  }
}

/** The same for mailboxes that get another profile or another name to sign in with. */
export async function forgetTestsOfChangedMailboxes(
  tx: Transaction,
  settings: readonly { readonly organization: string; readonly address: string; readonly profile: string; readonly username: string }[],
): Promise<void> {
  await tx.query(
    `update waypost.mailbox set incoming_status = 0, outgoing_status = 0, enabled_for_incoming = false, enabled_for_outgoing = false
     from jsonb_to_recordset($1::jsonb) as one (organization text, address text, profile text, username text)
     where mailbox.organization = one.organization and mailbox.address = one.address
       and (mailbox.profile, mailbox.username) is distinct from (one.profile, one.username)`,
    [storableJson(settings)],
  );
}

/** A message by which a mailbox is tested, stored before it leaves. */
export interface TestMessage {
  /** Without angle brackets. */
  readonly messageId: string;
  readonly token: string;
  readonly mailboxId: string;
  readonly sentAt: Date;
}

export async function storeTestMessage(sql: Sql, { messageId, token, mailboxId, sentAt }: TestMessage): Promise<void> {
  await sql.query("insert into waypost.test_message (message_id, token, mailbox_id, sent_at) values ($1, $2, $3, $4)", [
    messageId,
    token,
    mailboxId,
    sentAt,
  ]);
}

const SUBJECT = /Waypost test message ([0-9a-f]{32})/;

/** The subject of a test message; the token in it finds it where a server writes another Message-ID. */
export function testSubject(token: string): string {
  return `Waypost test message ${token}`;
}

/** The token in a subject, or null. */
export function testToken(subject: string): string | null {
  return SUBJECT.exec(subject)?.[1] ?? null;
}

/** What a message has to do with a test: it is the test message, an automatic answer to one, or its bounce. `mailbox` is the address that was tested. */
export interface TestTrace {
  readonly kind: "test message" | "answer" | "bounce";
  readonly mailbox: string;
  readonly sentAt: Date;
}

/**
 * Those of the heads that come from testing a mailbox, by their place in the list. One look-up, whatever the heads hold.
 * @param reported Message-IDs that those heads name which are delivery reports, by their place
 */
export async function testTraces(
  sql: Sql,
  heads: readonly MessageHead[],
  reported: ReadonlyMap<number, readonly string[]> = new Map(),
): Promise<Map<number, TestTrace>> {
  const named = heads.flatMap((head) => [head.messageId ?? [], ...head.inReplyTo, head.references.at(-1) ?? []].flat());
  const ids = [...new Set([...named, ...[...reported.values()].flat()])];
  const tokens = [...new Set(heads.flatMap(({ subject }) => testToken(subject) ?? []))];
  if (ids.length + tokens.length === 0) return new Map();
  const { rows } = await sql.query<{ messageId: string; token: string; mailbox: string; sentAt: Date }>(
    `select message_id as "messageId", token, address as mailbox, test_message.sent_at as "sentAt" from waypost.test_message join waypost.mailbox on mailbox.id = mailbox_id
     where message_id = any($1) or token = any($2)`,
    [ids, tokens],
  );
  const found = new Map<number, TestTrace>();
  for (const [index, head] of heads.entries()) {
    for (const { messageId, token, mailbox, sentAt } of rows) {
      const isIt = head.messageId === messageId || (testToken(head.subject) === token && head.from[0]?.address.toLowerCase() === mailbox);
      if (isIt) found.set(index, { kind: "test message", mailbox, sentAt });
      else if (reported.get(index)?.includes(messageId)) found.set(index, { kind: "bounce", mailbox, sentAt });
      else if ([...head.inReplyTo, head.references.at(-1)].includes(messageId) && !found.has(index))
        found.set(index, { kind: "answer", mailbox, sentAt });
    }
  }
  return found;
}
