/** What a connector notes of emails on their way; see SendingNotes in model/. */
import type { Noted, SendingNotes } from "../model/sending-notes.ts";
import type { Sql } from "../model/sql.ts";
import { storableJson, storableText } from "../model/text.ts";

interface NoteRow extends Noted {
  readonly key: string;
}

/** The notes about one organization, durable in the ledger and the same for all processes. */
export function sendingNotes(sql: Sql, organization: string): SendingNotes {
  return {
    async read(keys) {
      if (keys.length === 0) return new Map();
      const { rows } = await sql.query<NoteRow>(
        "select key, revision, value from waypost.sending_note where organization = $1 and key = any($2::text[])",
        [organization, keys.map(storableText)],
      );
      return new Map(rows.map(({ key, revision, value }) => [key, { revision, value }]));
    },
    async write(key, before, value) {
      const given = [organization, storableText(key), storableJson(value)];
      const { rowCount } =
        before === null
          ? await sql.query(
              "insert into waypost.sending_note (organization, key, revision, value) values ($1, $2, 1, $3::jsonb) on conflict (organization, key) do nothing",
              given,
            )
          : await sql.query(
              `update waypost.sending_note set revision = revision + 1, value = $3::jsonb, changed_at = now()
               where organization = $1 and key = $2 and revision = $4`,
              [...given, before],
            );
      return rowCount === 1;
    },
  };
}
