import { createHash, randomBytes } from "node:crypto";
import type { Sql } from "../../model/sql.ts";

/** Own tokens begin with this, so that they are told from those of an authorization server, and found where somebody left one. */
export const TOKEN_PREFIX = "wpc_";

/** What is known of a token; the token itself is nowhere. */
export interface AccessToken {
  readonly id: string;
  readonly userId: string;
  /** Full name of the user. */
  readonly user: string;
  readonly name: string;
  readonly createdOn: Date;
  readonly createdBy: string;
  readonly expiresOn: Date;
  readonly revokedOn: Date | null;
  /** When it last opened something, to the hour; null: never. */
  readonly usedOn: Date | null;
}

export interface NewToken {
  readonly userId: string;
  /** One of the user's tokens in force has it at a time. */
  readonly name: string;
  /** Who asked for it. */
  readonly by: string;
  readonly now: Date;
  readonly expiresOn: Date;
}

/**
 * Makes an access token of the CRM's own for a user and returns it, this once: the database keeps its SHA-256 only. One of the same name that was in force
 * is revoked. Must run in a transaction.
 */
export async function issueToken(sql: Sql, { userId, name, by, now, expiresOn }: NewToken): Promise<string> {
  const token = TOKEN_PREFIX + randomBytes(32).toString("base64url");
  await sql.query("update crm.accesstoken set revokedon = $3 where systemuserid = $1 and name = $2 and revokedon is null", [
    userId,
    name,
    now,
  ]);
  await sql.query(
    "insert into crm.accesstoken (systemuserid, name, hash, createdon, createdby, expireson) values ($1, $2, $3, $4, $5, $6)",
    [userId, name, hashOf(token), now, by, expiresOn],
  );
  return token;
}

/** Id of the user whom a token in force stands for; null: it is none. */
export async function userOfToken(sql: Sql, token: string, now: Date): Promise<string | null> {
  const { rows } = await sql.query<{ id: string; userId: string; isNoted: boolean }>(
    `select accesstokenid as id, systemuserid as "userId", coalesce(usedon > $2::timestamptz - interval '1 hour', false) as "isNoted"
     from crm.accesstoken where hash = $1 and revokedon is null and expireson > $2`,
    [hashOf(token), now],
    { keepsPlan: true },
  );
  const [row] = rows;
  if (!row) return null;
  // To the hour: a row that every request changed would be one that all requests wait for.
  if (!row.isNoted) await sql.query("update crm.accesstoken set usedon = $2 where accesstokenid = $1", [row.id, now]);
  return row.userId;
}

/** The tokens that there are, newest first; revoked ones too. */
export async function listTokens(sql: Sql): Promise<readonly AccessToken[]> {
  const { rows } = await sql.query<AccessToken>(
    `select accesstokenid as id, systemuserid as "userId", fullname as user, token.name, token.createdon as "createdOn", token.createdby as "createdBy",
       expireson as "expiresOn", revokedon as "revokedOn", usedon as "usedOn"
     from crm.accesstoken token join crm.systemuser using (systemuserid) order by token.createdon desc, accesstokenid limit 1000`,
  );
  return rows;
}

/** Revokes the user's token of that name. False: none is in force. */
export async function revokeToken(sql: Sql, userId: string, name: string, now: Date): Promise<boolean> {
  const { rowCount } = await sql.query(
    "update crm.accesstoken set revokedon = $3 where systemuserid = $1 and name = $2 and revokedon is null and expireson > $3",
    [userId, name, now],
  );
  return rowCount > 0;
}

/** A token is random: what it hashes to tells nothing, and nobody can try them all, so that no salt is needed. */
function hashOf(token: string): Buffer {
  return createHash("sha256").update(token).digest();
}
