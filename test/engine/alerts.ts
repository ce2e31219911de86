import type { App } from "../../src/app.ts";
import type { Alert } from "../../src/ledger/alerts.ts";
import type { Sql } from "../../src/model/sql.ts";

/** Codes of the open alerts, the longest open first. */
export async function openCodes(app: App): Promise<string[]> {
  return (await app.operations.status()).alerts.map(({ code }) => code);
}

/** The open alert with that code; throws when there is not exactly one. */
export async function theAlert(app: App, code: string): Promise<Alert> {
  const { alerts } = await app.operations.status();
  const found = alerts.filter((alert) => alert.code === code);
  const [alert] = found;
  if (alert === undefined || found.length > 1) throw new Error(`${found.length} alerts say "${code}"; open: ${JSON.stringify(alerts)}`);
  return alert;
}

/** All alerts of a subject that there ever were, as "code open" or "code closed", in the order of their opening. */
export async function alertHistory(sql: Sql, subject: string): Promise<string[]> {
  const { rows } = await sql.query<{ code: string; closed: boolean }>(
    "select code, closed_at is not null as closed from waypost.alert where subject = $1 order by id",
    [subject],
  );
  return rows.map(({ code, closed }) => `${code} ${closed ? "closed" : "open"}`);
}

/** Under which alerts of a mailbox stand. */
export async function mailboxId(sql: Sql, address: string): Promise<string> {
  const { rows } = await sql.query<{ id: string }>("select id from waypost.mailbox where address = $1", [address]);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error(`there is no mailbox ${address}`);
  return id;
}
