import type { Database } from "../src/database/database.ts";
import type { MessageHead } from "../src/model/message.ts";

/** Decisions in one statement. */
const AT_A_TIME = 50_000;

/** What the heads have in common. */
const HEAD: Omit<MessageHead, "messageId" | "subject" | "received" | "from"> = {
  ref: { stream: "F1", id: "1" },
  folders: ["F1"],
  size: 2000,
  flags: [],
  providerId: null,
  inReplyTo: [],
  references: [],
  sender: null,
  replyTo: [],
  to: [],
  cc: [],
  bcc: [],
  date: new Date("2026-03-02T10:00:00Z"),
  conversationIndex: null,
  headers: [],
  truncated: false,
};

/**
 * Fills the ledger with decisions as rounds of reading leave them, spread over the mailboxes that are there: a tenth tracked, a thousandth in
 * quarantine, each with a place; ten folders for each mailbox; for every hundredth decision an email that was sent. Heads are short.
 */
export async function fillLedger(database: Database, decisions: number): Promise<void> {
  await database.query(
    `insert into waypost.folder (mailbox_id, id, stream_id, name, role, under_inbox, namespace, selectable, messages, not_read_because)
     select mailbox.id, 'F' || n, 'F' || n, 'Folder ' || n, case when n = 1 then 'inbox' else 'other' end, false, 'personal', true, 100, case when n > 3 then 'It is not below the inbox.' end
     from waypost.mailbox cross join generate_series(1, 10) n`,
  );
  for (let from = 0; from < decisions; from += AT_A_TIME) {
    await database.query(
      `with mailbox as (select id, organization, row_number() over (order by address) as number, count(*) over () as mailboxes from waypost.mailbox)
       insert into waypost.decision (organization, mailbox_id, identity, message_id, received, sender, subject, head, outcome, reason, rules, email_id)
       select organization, mailbox.id, 'm' || n, 'message-' || n || '@example.test', now() - n * interval '1 second', 'stranger' || n % 5000 || '@elsewhere.test', 'Subject ' || n,
         $3::jsonb || jsonb_build_object('messageId', 'message-' || n || '@example.test', 'subject', 'Subject ' || n, 'received', now() - n * interval '1 second',
           'from', jsonb_build_array(jsonb_build_object('name', '', 'address', 'stranger' || n % 5000 || '@elsewhere.test'))),
         case when n % 1000 = 0 then 'quarantined' when n % 10 = 1 then 'tracked' else 'skipped' end, 1, '[{"rule": "filter", "answer": "no"}]',
         case when n % 10 = 1 then gen_random_uuid() end
       from generate_series($1::bigint + 1, $2::bigint) n join mailbox on mailbox.number = n % mailboxes + 1`,
      [from, Math.min(from + AT_A_TIME, decisions), JSON.stringify(HEAD)],
    );
  }
  await database.query(
    `insert into waypost.location (mailbox_id, stream_id, ref_id, folders, decision_id, deletable)
     select mailbox_id, 'F' || decision.id % 3 + 1, decision.id, array['F' || decision.id % 3 + 1], decision.id, outcome = 'tracked' and delete_since is not null
     from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id`,
  );
  await database.query(
    `insert into waypost.quarantine (mailbox_id, decision_id, step, code, message, remedy)
     select mailbox_id, id, 'read', 'too large', 'It is too large.', 'Raise the limit.' from waypost.decision where outcome = 'quarantined'`,
  );
  await database.query(
    `insert into waypost.outbox (organization, email_id, generation, mailbox_id, message_id, stage, composed_at, settled_at)
     select organization, gen_random_uuid(), 1, mailbox_id, 'sent-' || id || '@example.test', 'accepted', now(), now() from waypost.decision where id % 100 = 0`,
  );
  await database.query(
    `insert into crm.email (subject, activityid, directioncode, statuscode, messageid, createdon)
     select 'Subject', email_id, false, 4, message_id, received from waypost.decision where email_id is not null`,
  );
}
