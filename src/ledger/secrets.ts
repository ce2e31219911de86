import type { Sql, Transaction } from "../model/sql.ts";
import { type KeyRing, type Sealed, seal, unseal } from "./sealing.ts";

/** Secrets in the database, each under a name, sealed. */

/** Stores a secret; the one before it under this name is gone. */
export async function storeSecret(sql: Sql, ring: KeyRing, name: string, text: string, now: Date): Promise<void> {
  const { keyId, nonce, sealed } = seal(ring, name, text);
  await sql.query(
    `insert into waypost.secret (name, key_id, nonce, sealed, changed_at) values ($1, $2, $3, $4, $5)
     on conflict (name) do update set key_id = excluded.key_id, nonce = excluded.nonce, sealed = excluded.sealed, changed_at = excluded.changed_at`,
    [name, keyId, nonce, sealed, now],
  );
}

/**
 * Seals anew what an older key sealed, so that it can be thrown away then. What no key of this process opens stays as it is.
 * Returns how many were sealed anew.
 */
export async function sealAnew(tx: Transaction, ring: KeyRing): Promise<number> {
  const { rows } = await tx.query<Sealed & { name: string }>(
    `select name, key_id as "keyId", nonce, sealed from waypost.secret where key_id <> $1 and key_id = any($2) for update`,
    [ring[0].id, ring.map((one) => one.id)],
  );
  const anew = rows.map(({ name, ...sealed }) => ({ name, ...seal(ring, name, unseal(ring, name, sealed)) }));
  if (anew.length === 0) return 0;
  await tx.query(
    `update waypost.secret set key_id = $1, nonce = one.nonce, sealed = one.sealed
     from unnest($2::text[], $3::bytea[], $4::bytea[]) as one (name, nonce, sealed) where secret.name = one.name`,
    [ring[0].id, anew.map((one) => one.name), anew.map((one) => one.nonce), anew.map((one) => one.sealed)],
  );
  return anew.length;
}
