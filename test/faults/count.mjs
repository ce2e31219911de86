// Counts what a run left behind: `count.mjs <JSON>` with { database, crm, imap: { port, users: { name: password } }, postfixLog }. Prints facts as
// JSON and judges nothing. Imports nothing of src/: the database is asked by SQL, the mailboxes by IMAP, Postfix by its log.

import { readFileSync } from "node:fs";
import { ImapFlow } from "imapflow";
import { openSql } from "./open-sql.mjs";

const CRM_QUERIES = {
  emails: `select activityid as id, messageid as "messageId", directioncode as outgoing, statuscode as status, parentactivityid as "parentId",
      (select count(*) from crm.activityparty party where party.activityid = email.activityid and participationtypemask = 1) as senders,
      (select count(*) from crm.activityparty party where party.activityid = email.activityid and participationtypemask = 2) as recipients,
      array(select hash from crm.activitymimeattachment where objectid = activityid order by attachmentnumber) as attachments
    from crm.email`,
  queueItems: `select queue.emailaddress as queue, objectid as "emailId" from crm.queueitem join crm.queue using (queueid)`,
};
const LEDGER_QUERIES = {
  decisions: `select mailbox.address as mailbox, message_id as "messageId", outcome, email_id as "emailId", reconsider, extract(epoch from first_seen_at) * 1000 as "firstSeenAt"
    from waypost.decision join waypost.mailbox on mailbox.id = mailbox_id`,
  quarantine: `select mailbox_id as mailbox, code, message from waypost.quarantine`,
  locations: `select mailbox.address as mailbox, folder.name as folder, ref_id as ref, decision.message_id as "messageId"
    from waypost.location join waypost.mailbox on mailbox.id = location.mailbox_id join waypost.decision on decision.id = decision_id
      join waypost.folder on folder.mailbox_id = location.mailbox_id and folder.id = any(location.folders)
    where gone_at is null`,
  streams: `select mailbox.address as mailbox, folder.name as folder, cursor, not_read_because is null as read
    from waypost.folder join waypost.mailbox on mailbox.id = folder.mailbox_id left join waypost.stream on stream.mailbox_id = mailbox.id and stream.id = stream_id`,
  outbox: `select email_id as "emailId", generation, message_id as "messageId", stage, attempts, sent_copy as "sentCopy", extract(epoch from settled_at) * 1000 as "settledAt",
      instance.pid as process
    from waypost.outbox left join waypost.instance on instance.id = outbox.holder`,
  alerts: `select scope, subject, code, message from waypost.alert where closed_at is null`,
  openClaims: `select message_id as "messageId" from waypost.claim where delivered_at is null`,
};

const task = JSON.parse(process.argv[2] ?? "{}");
const facts = {
  ...(await databaseFacts(task.crm, CRM_QUERIES)),
  ...(await databaseFacts(task.database, LEDGER_QUERIES)),
  mailboxes: await mailboxFacts(task.imap),
  deliveries: postfixFacts(readFileSync(task.postfixLog, "utf8")),
};
process.stdout.write(JSON.stringify(facts));

async function databaseFacts(place, queries) {
  const sql = await openSql(place);
  try {
    const facts = {};
    // As JSON, so that both databases give the same types.
    for (const [name, query] of Object.entries(queries)) {
      const [row] = await sql.query(`select coalesce(json_agg(fact), '[]'::json) as facts from (${query}) fact`);
      facts[name] = row.facts;
    }
    return facts;
  } finally {
    await sql.close();
  }
}

/** Every folder of every user, with each message's Message-ID and the marker in the first text of its body, if one is there. */
async function mailboxFacts({ port, users }) {
  const folders = [];
  for (const [user, pass] of Object.entries(users)) {
    const client = new ImapFlow({ host: "127.0.0.1", port, secure: false, doSTARTTLS: false, auth: { user, pass }, logger: false });
    await client.connect();
    for (const { path: folder } of await client.list()) {
      const mailbox = await client.mailboxOpen(folder, { readOnly: true });
      const text = { key: "TEXT", start: 0, maxLength: 4096 };
      const rows = mailbox.exists === 0 ? [] : await client.fetchAll("1:*", { uid: true, envelope: true, bodyParts: [text] });
      const messages = rows.map((row) => ({
        uid: row.uid,
        messageId: (row.envelope?.messageId ?? "").replace(/^<|>$/g, ""),
        marker: /marker-[0-9a-z-]+/.exec([...(row.bodyParts?.values() ?? [])].join(" "))?.[0] ?? null,
      }));
      folders.push({ user, folder, validity: String(mailbox.uidValidity), next: Number(mailbox.uidNext), messages });
    }
    await client.logout();
  }
  return folders;
}

/** Postfix's own account: each recipient to whom it handed a message for good. */
function postfixFacts(log) {
  const messageIds = new Map();
  const deliveries = [];
  for (const line of log.split("\n")) {
    const [, queued, messageId] = /cleanup\[\d+\]: (\w+): message-id=<(.*)>/.exec(line) ?? [];
    if (queued !== undefined) messageIds.set(queued, messageId);
    const [, id, recipient] = /lmtp\[\d+\]: (\w+): to=<([^>]+)>.* status=sent /.exec(line) ?? [];
    if (id !== undefined) deliveries.push({ messageId: messageIds.get(id) ?? null, recipient });
  }
  return deliveries;
}
