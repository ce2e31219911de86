import type { OrganizationSettings } from "../../model/settings.ts";
import { contentHash } from "../content.ts";
import { readSettings } from "../settings.ts";
import { fault } from "./error-codes.ts";
import type { NewRow } from "./new-row.ts";
import type { Row } from "./record.ts";
import type { Turn } from "./service.ts";
import type { Specials } from "./special.ts";

/** What a file is that nobody says anything of. */
const UNKNOWN_TYPE = "application/octet-stream";

const KILOBYTE = 1_024;

export const ATTACHMENT_SPECIALS: Specials = {
  async beforeCreate(turn, rows, _all, contents) {
    const { settings } = await readSettings(turn.sql);
    const numbers = await lastNumbers(turn, rows);
    for (const { record, storage } of rows) {
      record.filename ??= "";
      record.mimetype ??= UNKNOWN_TYPE;
      if ((record.hash ?? null) === null) {
        const nothing = Buffer.alloc(0);
        contents.set(contentHash(nothing), nothing);
        record.hash = contentHash(nothing);
      }
      fillSize(record, contents);
      check(record, settings);
      if (storage.columns.has("isinline")) record.isinline = (record.attachmentcontentid ?? null) !== null;
      const last = numbers.get(String(record.objectid)) ?? 0;
      const number = typeof record.attachmentnumber === "number" ? record.attachmentnumber : last + 1;
      numbers.set(String(record.objectid), Math.max(last, number));
      record.attachmentnumber = number;
    }
    await refuseClosed(turn, standAlone(rows));
  },
  async afterCreate(turn, rows) {
    await countAnew(turn, standAlone(rows));
  },
  async beforeUpdate(turn, { id, record }, contents) {
    const { rows } = await turn.sql.query<{ objectid: string; filename: string }>(
      "select objectid, filename from crm.activitymimeattachment where activitymimeattachmentid = $1",
      [id],
    );
    await refuseClosed(turn, [...rows.map(({ objectid }) => objectid), ...(typeof record.objectid === "string" ? [record.objectid] : [])]);
    fillSize(record, contents);
    const { settings } = await readSettings(turn.sql);
    check({ filename: rows[0]?.filename, ...record }, settings);
  },
  async remove(turn, id) {
    const { rows } = await turn.sql.query<{ objectid: string }>(
      "delete from crm.activitymimeattachment where activitymimeattachmentid = $1 returning objectid",
      [id],
    );
    const emails = rows.map(({ objectid }) => objectid);
    await refuseClosed(turn, emails);
    await countAnew(turn, emails);
  },
};

/** Emails of attachments that do not come with them. */
function standAlone(rows: readonly NewRow[]): string[] {
  return [...new Set(rows.flatMap(({ belongsTo, record }) => (belongsTo || typeof record.objectid !== "string" ? [] : [record.objectid])))];
}

function fillSize(record: Row, contents: ReadonlyMap<string, Buffer>): void {
  const body = typeof record.hash === "string" ? contents.get(record.hash) : undefined;
  if (body) record.filesize = body.length;
}

/** `maxuploadfilesize` and `blockedattachments` of the organization (wire 8.2). Throws ApiFault 400 0x80043e09. */
function check({ filename, filesize }: Row, settings: OrganizationSettings): void {
  const blocked = settings.blockedattachments.split(";").map((extension) => extension.trim().toLowerCase());
  const extension = /\.([^.]*)$/.exec(typeof filename === "string" ? filename.trim() : "")?.[1]?.toLowerCase();
  if (extension && blocked.includes(extension)) throw fault("AttachmentBlocked");
  if (typeof filesize === "number" && filesize > settings.maxuploadfilesize * KILOBYTE) throw fault("AttachmentBlocked");
}

async function lastNumbers(turn: Turn, rows: readonly NewRow[]): Promise<Map<string, number>> {
  const emails = standAlone(rows);
  if (emails.length === 0) return new Map();
  const { rows: found } = await turn.sql.query<{ id: string; last: number }>(
    "select objectid as id, max(attachmentnumber) as last from crm.activitymimeattachment where objectid = any($1::uuid[]) group by 1",
    [emails],
  );
  return new Map(found.map(({ id, last }) => [id, last]));
}

/** The attachments of an email that has left or has arrived are what they are. */
export async function refuseClosed(turn: Turn, emails: readonly string[]): Promise<void> {
  if (emails.length === 0) return;
  const { rows } = await turn.sql.query("select from crm.email where activityid = any($1::uuid[]) and statecode <> 0 limit 1", [emails]);
  if (rows.length > 0) throw fault("CannotUpdateBecauseItIsReadOnly");
}

async function countAnew(turn: Turn, emails: readonly string[]): Promise<void> {
  if (emails.length === 0) return;
  await turn.sql.query(
    `update crm.email set attachmentcount = (select count(*) from crm.activitymimeattachment where objectid = activityid) where activityid = any($1::uuid[])`,
    [emails],
  );
}
