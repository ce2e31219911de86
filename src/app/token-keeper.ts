import { setTimeout as sleep } from "node:timers/promises";
import type { Database } from "../database/database.ts";
import { isTransient } from "../database/sql-error.ts";
import type { Log } from "../engine/log.ts";
import { step } from "../engine/step.ts";
import { LeaseLost, withLease } from "../jobs/lease.ts";
import type { KeyRing } from "../ledger/sealing.ts";
import { type HeldTokens, type NewTokens, noteAsking, noteTokenFailure, readTokens, storeTokens, thrownAgain } from "../ledger/tokens.ts";
import { Failure } from "../model/failure.ts";
import type { TokenSecret } from "../model/mailbox.ts";
import type { Credentials } from "../ports.ts";
import type { OauthClient } from "../wire/oauth/client.ts";
import { type Holder, isAnswered, oauthFailure } from "../wire/oauth/failures.ts";
import type { ServiceLogin, TokenSet } from "../wire/oauth/settings.ts";

/** Milliseconds that a token must still be valid to be used: a sign-in takes its time, and clocks differ. */
const LEAST_VALIDITY = 60_000;
/** Milliseconds for which a failed try is not repeated, however many mailboxes ask. */
const REST_AFTER_FAILURE = 10_000;
/** Milliseconds: a token of many mailboxes that is so young is not asked for anew, though one mailbox is refused; that is the mailbox's fault. */
const YOUNG = 5 * 60_000;
/** Milliseconds between two looks whether another process is done, and until it is given up: longer than one exchange may take. */
const LOOK_AGAIN = 100;
const PATIENCE = 60_000;
/** Milliseconds between tries to store what a service handed out while the database is away, and how many: nobody else has it. */
const STORE_AGAIN = 500;
const STORE_TRIES = 60;

export interface TokenKeeperOptions {
  readonly database: Database;
  readonly keys: () => KeyRing;
  readonly log: Log;
  readonly now: () => Date;
  readonly client: OauthClient;
  /** Under which they are stored. */
  readonly name: string;
  readonly holder: Holder;
  /** The account that signs in by itself, read anew at each use; with the grant `password` alone. */
  readonly login?: (() => ServiceLogin) | undefined;
}

/**
 * Keeps the tokens of one mailbox, or of one profile for all its mailboxes: hands out one that is valid, and renews it, one at a time over all
 * processes of the database. The network is never asked inside a transaction (invariant 14): a lease holds the others off.
 */
export class TokenKeeper {
  readonly #options: TokenKeeperOptions;

  constructor(options: TokenKeeperOptions) {
    this.#options = options;
  }

  get holder(): Holder {
    return this.#options.holder;
  }

  get name(): string {
    return this.#options.name;
  }

  get client(): OauthClient {
    return this.#options.client;
  }

  /** Sign-in data for a mailbox of that user name. */
  credentialsFor(username: string): Credentials {
    let given: number | null = null;
    const secretOf = ({ version, tokens, expiresAt }: HeldTokens): TokenSecret => {
      given = version;
      return { kind: "token", username, token: tokens?.accessToken ?? "", expiresAt };
    };
    return {
      current: async () => secretOf(await this.#usable()),
      refresh: async () => secretOf(await this.#newerThan(given)),
    };
  }

  /** Stores what a person has just authorized, in the place of whatever there is. */
  async authorized(set: TokenSet): Promise<void> {
    await this.#store(newTokens(set, null, this.#options.now()), null);
  }

  /** The application's own token, asked for now, whatever there is; for grants without a person. */
  async askNow(): Promise<void> {
    await this.#renewed((await this.#read()).version);
  }

  async #usable(): Promise<HeldTokens> {
    const held = await this.#read();
    return this.#isUsable(held) ? held : await this.#renewed(held.version);
  }

  /** After a mail server refused the version `refused`. */
  async #newerThan(refused: number | null): Promise<HeldTokens> {
    const held = await this.#read();
    const isNewer = refused !== null && held.version !== refused && this.#isUsable(held);
    return isNewer || this.#isYoung(held) ? held : await this.#renewed(held.version);
  }

  #isUsable({ tokens, expiresAt, obtainedAt }: HeldTokens): boolean {
    if (tokens === null) return false;
    if (expiresAt === null) return true;
    const life = obtainedAt === null ? LEAST_VALIDITY : expiresAt.getTime() - obtainedAt.getTime();
    // Of one that lives hardly longer than that, half its life must do.
    const least = life > LEAST_VALIDITY ? LEAST_VALIDITY : life / 2;
    return expiresAt.getTime() - this.#now() >= least;
  }

  #isYoung(held: HeldTokens): boolean {
    const shared = this.#options.holder.scope === "profile";
    return shared && this.#isUsable(held) && held.obtainedAt !== null && this.#now() - held.obtainedAt.getTime() < YOUNG;
  }

  /** Newer tokens than version `old`: got here, or by who is at it already. */
  async #renewed(old: number): Promise<HeldTokens> {
    const { database, name } = this.#options;
    const first = await this.#read();
    const deadline = Date.now() + PATIENCE;
    for (let held = first; ; held = await this.#read()) {
      if (held.version !== old && held.tokens !== null) return held;
      this.#throwIfUseless(held, first.attempts);
      try {
        const outcome = await withLease(database, `token:${name}`, database.presence.instanceId, () => this.#renew(old, first.attempts));
        if (outcome === "done") return await this.#read();
      } catch (error) {
        // It was taken over by who took us for dead; what either of us got stands in the ledger.
        if (!(error instanceof LeaseLost)) throw error;
      }
      if (Date.now() > deadline) throw oauthFailure("sign-in service silent", this.client.settings, this.holder);
      await sleep(LOOK_AGAIN);
    }
  }

  /** Throws the failure of a try that ended while we waited, has only just ended, or after which the service wants to be left alone. */
  #throwIfUseless({ failure, failedAt, attempts }: HeldTokens, attemptsAtFirst: number): void {
    if (failure === null || failedAt === null) return;
    const rests = this.#now() - failedAt.getTime() < REST_AFTER_FAILURE;
    const asked = failure.notBefore !== undefined && new Date(failure.notBefore).getTime() > this.#now();
    if (attempts !== attemptsAtFirst || rests || asked) throw thrownAgain(failure);
  }

  /** Under the lease. */
  async #renew(old: number, attemptsAtFirst: number): Promise<void> {
    const held = await this.#read();
    if (held.version !== old) return;
    // A try may have failed between our last look and our turn.
    this.#throwIfUseless(held, attemptsAtFirst);
    try {
      if (this.#usesUp(held)) await noteAsking(this.#options.database, this.name, this.#options.now());
      const asked = this.#options.now();
      const set = await this.#ask(held);
      step("token.handedOut");
      await this.#store(newTokens(set, held.tokens?.refreshToken ?? null, asked), old);
      this.#options.log.debug({ token: this.name, lifeSeconds: set.lifeSeconds }, "access token renewed");
    } catch (error) {
      if (!(error instanceof Failure) || error.scope === "process") throw error;
      // The refresh token at hand may have been used up by an earlier try, whose answer nobody stored.
      const mayBeUsedUp = held.askedAt !== null;
      const failure = mayBeUsedUp && error.code === "authorization ended" ? this.#interrupted(error) : error;
      await noteTokenFailure(this.#options.database, this.name, failure, this.#options.now(), !mayBeUsedUp && isAnswered(failure));
      throw failure;
    }
  }

  #interrupted({ serverSaid, cause }: Failure): Failure {
    return oauthFailure("renewal interrupted", this.client.settings, this.holder, { serverSaid, cause });
  }

  /** A refresh token is asked with, which may be good for one time only. */
  #usesUp({ tokens }: HeldTokens): boolean {
    const { grant } = this.client.settings;
    return grant !== "clientCredentials" && grant !== "password" && tokens?.refreshToken != null;
  }

  async #ask({ tokens }: HeldTokens): Promise<TokenSet> {
    const { client, holder, login } = this.#options;
    if (client.settings.grant === "clientCredentials") return await client.clientCredentials(holder);
    if (login !== undefined) return await this.#askByPassword(tokens?.refreshToken ?? null, login);
    if (tokens === null) throw oauthFailure("authorization missing", client.settings, holder);
    if (tokens.refreshToken === null) throw oauthFailure("authorization ended", client.settings, holder);
    return await client.refresh(holder, tokens.refreshToken);
  }

  /** The password goes out as seldom as can be: a refresh token is tried first, and the password where that is worth nothing any more. */
  async #askByPassword(refreshToken: string | null, login: () => ServiceLogin): Promise<TokenSet> {
    const { client, holder } = this.#options;
    if (refreshToken !== null) {
      try {
        return await client.refresh(holder, refreshToken);
      } catch (error) {
        if (!(error instanceof Failure) || error.code !== "account refused") throw error;
      }
    }
    return await client.password(holder, login());
  }

  /** The one who has the tokens does not let go of them while the database is away: the refresh token before them may be worth nothing now. */
  async #store(tokens: NewTokens, replaced: number | null): Promise<void> {
    const { database, keys, now, log } = this.#options;
    const ring = keys();
    for (let tries = 1; ; tries++) {
      try {
        await database.transaction((tx) => storeTokens(tx, ring, this.name, tokens, replaced, now()), "store tokens");
        return;
      } catch (error) {
        if (!isTransient(error) || tries >= STORE_TRIES) throw error;
        log.warn({ token: this.name, tries }, "the database is away; a new access token is kept until it is back");
        await sleep(STORE_AGAIN);
      }
    }
  }

  #read(): Promise<HeldTokens> {
    return readTokens(this.#options.database, this.#options.keys(), this.name);
  }

  #now(): number {
    return this.#options.now().getTime();
  }
}

/** RFC 6749 6: where the answer holds no new refresh token, the old one stays. */
function newTokens({ accessToken, refreshToken, lifeSeconds, scope }: TokenSet, old: string | null, asked: Date): NewTokens {
  // From the moment of asking: the answer may have taken long.
  const expiresAt = lifeSeconds === null ? null : new Date(asked.getTime() + lifeSeconds * 1000);
  return { accessToken, refreshToken: refreshToken ?? old, expiresAt, scope };
}
