import { type AccessToken, issueToken, listTokens, revokeToken } from "../../crm/webapi/access-tokens.ts";
import { writeAudit } from "../../ledger/audit.ts";
import { addressKey } from "../../model/address.ts";
import { Failure } from "../../model/failure.ts";
import type { Sql } from "../../model/sql.ts";
import type { EngineContext } from "../context.ts";

/** Days that a token lives unless told otherwise, and at most. */
export const TOKEN_DAYS = 90;
export const MOST_TOKEN_DAYS = 3650;
const DAY = 24 * 60 * 60 * 1000;

/** A new token for the Web API of the embedded CRM, shown this once. */
export interface IssuedToken {
  readonly token: string;
  readonly user: string;
  readonly name: string;
  readonly expiresOn: Date;
}

export interface TokenRequest {
  /** Tells the user's tokens apart; one of the same name is replaced. */
  readonly name: string;
  readonly days: number;
}

/** Makes a token for the user with that primary address. The audit says who had it made. */
export async function issueCrmToken(
  context: EngineContext,
  user: string,
  { name, days }: TokenRequest,
  actor: string,
): Promise<IssuedToken> {
  const now = context.now();
  const expiresOn = new Date(now.getTime() + days * DAY);
  return await context.database.transaction(async (tx) => {
    const userId = await userOf(tx, user);
    await writeAudit(tx, { at: now, actor, action: "issue token", subject: `user ${user}, ${name}` });
    return { token: await issueToken(tx, { userId, name, by: actor, now, expiresOn }), user, name, expiresOn };
  }, "issue token");
}

/** The tokens that there are, without themselves. */
export function listCrmTokens(context: EngineContext): Promise<readonly AccessToken[]> {
  return listTokens(context.database);
}

/** Revokes a user's token. Throws a Failure where none of that name is in force. */
export async function revokeCrmToken(context: EngineContext, user: string, name: string, actor: string): Promise<{ revoked: string }> {
  const now = context.now();
  await context.database.transaction(async (tx) => {
    if (!(await revokeToken(tx, await userOf(tx, user), name, now))) throw noSuchToken(user, name);
    await writeAudit(tx, { at: now, actor, action: "revoke token", subject: `user ${user}, ${name}` });
  }, "revoke token");
  return { revoked: name };
}

async function userOf(sql: Sql, address: string): Promise<string> {
  const { rows } = await sql.query<{ id: string }>(
    `select parentobjectid as id from crm.emailsearch
     where emailaddress = $1 and parentobjecttypecode = 'systemuser' and emailcolumnnumber = 1 and active order by parentobjectid limit 1`,
    [addressKey(address)],
  );
  const [user] = rows;
  if (user) return user.id;
  throw new Failure({
    scope: "item",
    code: "user unknown",
    message: `The embedded CRM has no active user whose e-mail is ${address}.`,
    remedy: "Name the user by the email that stands in users of the configuration.",
    waitingHelps: false,
  });
}

function noSuchToken(user: string, name: string): Failure {
  return new Failure({
    scope: "item",
    code: "token unknown",
    message: `${user} has no token in force with the name "${name}".`,
    remedy: "List the tokens with `waypost crm-token`.",
    waitingHelps: false,
  });
}
