// Puts emails into the CRM as a person's press of Send does: `seed.mjs <database as JSON>`, with the emails as a JSON list on standard input,
// { id, from, to: [addresses], subject, marker, attachmentBytes, dueInSeconds } each. Plain SQL, all in one transaction; imports nothing of src/.

import { createHash } from "node:crypto";
import { text } from "node:stream/consumers";
import { openSql } from "./open-sql.mjs";

const PENDING_SEND = 6;
const SENDER = 1;
const TO = 2;

const sql = await openSql(JSON.parse(process.argv[2] ?? "{}"));
const emails = JSON.parse(await text(process.stdin));
await sql.query("begin");
for (const email of emails) await insert(email);
await sql.query("commit");
await sql.close();

async function insert({ id, from, to, subject, marker, attachmentBytes, dueInSeconds }) {
  const body = await content(Buffer.from(`This is ${marker}, written once.\n`));
  await sql.query(
    `insert into crm.email (activityid, subject, plaintexthash, directioncode, statuscode, delayedemailsendtime, attachmentcount)
     values ($1, $2, $3, true, ${PENDING_SEND}, now() + make_interval(secs => $4), $5)`,
    [id, subject, body, dueInSeconds, attachmentBytes > 0 ? 1 : 0],
  );
  const party = `insert into crm.activityparty (activityid, ordinal, participationtypemask, partyid, partyobjecttypecode, addressused)
    values ($1, $2, $3, (select parentobjectid from crm.emailsearch where emailaddress = $4), (select parentobjecttypecode from crm.emailsearch where emailaddress = $4), $4)`;
  await sql.query(party, [id, 1, SENDER, from]);
  for (const [index, address] of to.entries()) await sql.query(party, [id, index + 2, TO, address]);
  if (attachmentBytes === 0) return;
  const hash = await content(Buffer.alloc(attachmentBytes, id));
  await sql.query(
    `insert into crm.activitymimeattachment (activitymimeattachmentid, objectid, attachmentnumber, filename, mimetype, filesize, hash)
     values (gen_random_uuid(), $1, 1, 'data.bin', 'application/octet-stream', $2, $3)`,
    [id, attachmentBytes, hash],
  );
}

async function content(bytes) {
  const hash = createHash("sha256").update(bytes).digest("hex");
  await sql.query("insert into crm.content (hash, size, body) values ($1, $2, $3) on conflict do nothing", [hash, bytes.length, bytes]);
  return hash;
}
