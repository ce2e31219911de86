import { randomBytes } from "node:crypto";
import { storableText } from "../../model/text.ts";
import { readSettings } from "../settings.ts";
import { fault } from "./error-codes.ts";
import type { Turn } from "./service.ts";

/** Bytes of one block, as Dynamics has it (wire 8.2). */
export const BLOCK_BYTES = 4 * 1024 * 1024;
/** How long an upload may take, and stays where nobody goes on with it. */
const LIVES = 60 * 60 * 1000;
/** Uploads of one user at a time. */
const MOST_UPLOADS = 20;
const LONGEST_BLOCK_ID = 128;
/** Forgotten uploads that one new one removes. */
const REMOVED_AT_A_TIME = 20;

/** Begins an upload of a file of that name and returns its token. Uploads whose time is over are removed on the way. */
export async function beginUpload({ sql, caller, service }: Turn, filename: string): Promise<string> {
  const now = service.now();
  await sql.query(
    "delete from crm.attachmentupload where token in (select token from crm.attachmentupload where expireson < $1 order by expireson limit $2 for update skip locked)",
    [now, REMOVED_AT_A_TIME],
  );
  const token = randomBytes(32).toString("base64url");
  const { rowCount } = await sql.query(
    `insert into crm.attachmentupload (token, systemuserid, filename, expireson)
     select $1, $2, $3, $4 where (select count(*) from crm.attachmentupload where systemuserid = $2 and expireson >= $5) < $6::int`,
    [token, caller.userId, storableText(filename), new Date(now.getTime() + LIVES), now, MOST_UPLOADS],
  );
  if (rowCount === 0) throw fault("InvalidOperation", `No more than ${MOST_UPLOADS} uploads can be open at a time.`);
  return token;
}

/** Keeps a block of an upload; one sent again takes the place of the first. Throws ApiFault where it, or the file, is too large. */
export async function keepBlock(turn: Turn, token: string, blockId: string, body: Buffer): Promise<void> {
  if (body.length > BLOCK_BYTES) throw fault("AttachmentBlocked", `A block has at most ${BLOCK_BYTES} bytes.`);
  if (blockId === "" || blockId.length > LONGEST_BLOCK_ID) throw fault("InvalidArgument", "The block id is empty or too long.");
  await hold(turn, token);
  const { sql } = turn;
  await sql.query(
    `insert into crm.attachmentblock (token, blockid, body) values ($1, $2, $3) on conflict (token, blockid) do update set body = excluded.body`,
    [token, storableText(blockId), body],
  );
  const { settings } = await readSettings(sql);
  const { rows } = await sql.query<{ bytes: number }>(
    "select sum(length(body))::float8 as bytes from crm.attachmentblock where token = $1",
    [token],
  );
  if ((rows[0]?.bytes ?? 0) > settings.maxuploadfilesize * 1024) throw fault("AttachmentBlocked");
}

/** The file of these blocks, in their order; the upload is over then. Throws ApiFault for a block that is not there. */
export async function endUpload(turn: Turn, token: string, blockIds: readonly string[]): Promise<Buffer> {
  await hold(turn, token);
  const { rows } = await turn.sql.query<{ blockId: string; body: Buffer }>(
    `select blockid as "blockId", body from crm.attachmentblock where token = $1`,
    [token],
  );
  const blocks = new Map(rows.map(({ blockId, body }) => [blockId, body]));
  const parts = blockIds.map((id) => {
    const part = blocks.get(id);
    // Each block once: a list that names one a thousand times would make gigabytes of it.
    blocks.delete(id);
    if (!part) throw fault("InvalidArgument", "The block list names a block that was not uploaded, or one twice.");
    return part;
  });
  await turn.sql.query("delete from crm.attachmentupload where token = $1", [token]);
  return Buffer.concat(parts);
}

/** Only whoever began an upload goes on with it, and one thing at a time. */
async function hold({ sql, caller, service }: Turn, token: string): Promise<void> {
  const { rows } = await sql.query(
    "select from crm.attachmentupload where token = $1 and systemuserid = $2 and expireson >= $3 for update",
    [storableText(token), caller.userId, service.now()],
  );
  if (rows.length === 0) throw fault("InvalidArgument", "The file continuation token is none, or its time is over.");
}
