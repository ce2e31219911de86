import { z } from "zod";
import { Failure, type Scope } from "../model/failure.ts";
import type { Sql, Transaction } from "../model/sql.ts";
import { storableJson } from "../model/text.ts";
import { type KeyRing, unseal } from "./sealing.ts";
import { storeSecret } from "./secrets.ts";

/** Access by OAuth 2.0 as it stands: what is known of it without opening anything. */
export interface TokenState {
  readonly name: string;
  readonly version: number;
  readonly attempts: number;
  readonly obtainedAt: Date | null;
  readonly expiresAt: Date | null;
  readonly renewable: boolean;
  readonly authorizedAt: Date | null;
  readonly failure: TokenFailure | null;
  readonly failedAt: Date | null;
  /** Since when it is not known what became of a renewal; null: each was answered. */
  readonly askedAt: Date | null;
}

/** The last try to get a token, when it failed. */
export interface TokenFailure {
  readonly scope: Scope;
  readonly code: string;
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy: string;
  readonly waitingHelps: boolean;
  readonly notBefore?: string | undefined;
}

/** What is sealed. */
const tokens = z.object({ accessToken: z.string(), refreshToken: z.string().nullable() });
export type Tokens = z.infer<typeof tokens>;

/** The tokens themselves, with their state. */
export interface HeldTokens extends TokenState {
  readonly tokens: Tokens | null;
}

const STATE = `token.name, token.version, token.attempts, token.obtained_at as "obtainedAt", token.expires_at as "expiresAt", token.renewable,
  token.authorized_at as "authorizedAt", token.failure, token.failed_at as "failedAt",
  token.asked_at as "askedAt"`;

/** State before anything is known. */
const NOTHING = {
  version: 0,
  attempts: 0,
  obtainedAt: null,
  expiresAt: null,
  renewable: false,
  authorizedAt: null,
  failure: null,
  failedAt: null,
  askedAt: null,
  tokens: null,
} as const;

/** The tokens of that name, opened. Throws a Failure when they cannot be. */
export async function readTokens(sql: Sql, ring: KeyRing, name: string): Promise<HeldTokens> {
  const { rows } = await sql.query<TokenState & { keyId: string | null; nonce: Buffer | null; sealed: Buffer | null }>(
    `select ${STATE}, secret.key_id as "keyId", secret.nonce, secret.sealed from waypost.token left join waypost.secret using (name) where token.name = $1`,
    [name],
  );
  const [row] = rows;
  if (row === undefined) return { name, ...NOTHING };
  const { keyId, nonce, sealed, ...state } = row;
  if (keyId === null || nonce === null || sealed === null) return { ...state, tokens: null };
  return { ...state, tokens: tokens.parse(JSON.parse(unseal(ring, name, { keyId, nonce, sealed }))) };
}

/** How the tokens of these names stand; names of which nothing is known are left out. Opens nothing. */
export async function tokenStates(sql: Sql, names: readonly string[]): Promise<TokenState[]> {
  const { rows } = await sql.query<TokenState>(`select ${STATE} from waypost.token where name = any($1) order by name`, [names]);
  return rows;
}

export interface NewTokens extends Tokens {
  readonly expiresAt: Date | null;
  readonly scope: string | null;
}

/**
 * Stores new tokens in the place of version `replaced`; false when others have come between, which stay then. `replaced` null: in the place of
 * whatever there is, because a person has just authorized it.
 */
export async function storeTokens(
  tx: Transaction,
  ring: KeyRing,
  name: string,
  { expiresAt, scope, ...secret }: NewTokens,
  replaced: number | null,
  now: Date,
): Promise<boolean> {
  const { rowCount } = await tx.query(
    `insert into waypost.token (name, version, attempts, obtained_at, expires_at, renewable, scope, authorized_at)
     values ($1, 1, 1, $2, $3, $4, $5, case when $6::bigint is null then $2::timestamptz end)
     on conflict (name) do update set version = token.version + 1, attempts = token.attempts + 1, obtained_at = excluded.obtained_at,
       expires_at = excluded.expires_at, renewable = excluded.renewable, scope = excluded.scope,
       authorized_at = coalesce(excluded.authorized_at, token.authorized_at), failure = null, failed_at = null, asked_at = null
     where $6 is null or token.version = $6`,
    [name, now, expiresAt, secret.refreshToken !== null, scope, replaced],
  );
  if (rowCount === 0) return false;
  await storeSecret(tx, ring, name, JSON.stringify(secret satisfies Tokens), now);
  return true;
}

/** Stored before a service is asked to renew: whoever comes after a crash knows that the refresh token at hand may be used up. */
export async function noteAsking(sql: Sql, name: string, now: Date): Promise<void> {
  await sql.query("update waypost.token set asked_at = coalesce(asked_at, $2) where name = $1", [name, now]);
}

/** Notes how a try to get tokens failed; `answered`: it is known that this very try used nothing up, nor did one before. */
export async function noteTokenFailure(sql: Sql, name: string, failure: Failure, now: Date, answered: boolean): Promise<void> {
  const { scope, code, message, serverSaid, remedy, waitingHelps, notBefore } = failure;
  await sql.query(
    `insert into waypost.token (name, attempts, failure, failed_at) values ($1, 1, $2::jsonb, $3)
     on conflict (name) do update set attempts = token.attempts + 1, failure = excluded.failure, failed_at = excluded.failed_at,
       asked_at = case when not $4 then token.asked_at end`,
    [name, storableJson({ scope, code, message, serverSaid, remedy, waitingHelps, notBefore }), now, answered],
  );
}

/** The noted failure as it was thrown. */
export function thrownAgain({ notBefore, ...facts }: TokenFailure): Failure {
  return new Failure({ ...facts, ...(notBefore !== undefined && { notBefore: new Date(notBefore) }) });
}
