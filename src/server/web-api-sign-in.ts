import { setTimeout as sleep } from "node:timers/promises";
import { TOKEN_PREFIX, userOfToken } from "../crm/webapi/access-tokens.ts";
import type { Authority } from "../crm/webapi/authority.ts";
import type { Caller } from "../crm/webapi/caller.ts";
import { readCaller, type UserName } from "../crm/webapi/callers.ts";
import { ApiFault } from "../crm/webapi/exchange.ts";
import type { Service } from "../crm/webapi/service.ts";
import { type AccessClaims, LONGEST_TOKEN, TokenRefused, verifyAccessToken } from "../wire/oauth/access-token.ts";

/**
 * Failures from one address within a minute, and addresses that are counted. Tokens cannot be guessed; this keeps the noise down. Further ones wait for their
 * refusal and are told the same: clients renew a token that has expired when they hear 401, and behind a proxy all have one address.
 */
const FAILURES_A_MINUTE = 60;
const HOLD_MILLISECONDS = 1_000;
/** Refusals that wait at a time; more are told at once. */
const MOST_HELD = 200;
const MOST_ADDRESSES = 10_000;
const MINUTE = 60_000;

const GUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Finds out who asks, from the bearer token of a request. */
export class WebApiSignIn {
  readonly #service: Service;
  readonly #authority: Authority | null;
  /** Failed tries by address, of the minute that ends then. */
  readonly #failures = new Map<string, { count: number; ends: number }>();
  readonly #holdMilliseconds: number;
  #held = 0;

  constructor(service: Service, authority: Authority | null, holdMilliseconds = HOLD_MILLISECONDS) {
    this.#holdMilliseconds = holdMilliseconds;
    this.#service = service;
    this.#authority = authority;
  }

  /**
   * The user whom the token stands for. `address` is where the request comes from, `resource` the root of the CRM as the client sees it. Throws ApiFault: 401 with
   * the challenge that clients of Dynamics look for (wire 9) where there is no token or none that opens anything, later after many such from one
   * address, 403 0x80072560 where it is good and the CRM has no such user, 403 0x80040225 where the user is disabled.
   */
  async callerOf(authorization: string | undefined, address: string, resource: string): Promise<Caller> {
    const [, token] = /^Bearer +([A-Za-z0-9._~+/-]+=*) *$/i.exec(authorization ?? "") ?? [];
    if (token === undefined || token.length > LONGEST_TOKEN)
      throw await this.#refusal(address, resource, authorization === undefined ? null : "it is no bearer token");
    const names = await this.#namesOf(token).catch(async (error: unknown) => {
      throw error instanceof TokenRefused ? await this.#refusal(address, resource, error.message) : error;
    });
    for (const name of names) {
      const caller = await readCaller(this.#service.store, this.#service.tables, name);
      if (caller) return caller;
    }
    throw new ApiFault(403, "0x80072560", "The user is not a member of the organization.");
  }

  async #namesOf(token: string): Promise<readonly UserName[]> {
    if (token.startsWith(TOKEN_PREFIX)) {
      const id = await userOfToken(this.#service.store, token, this.#service.now());
      if (id === null) throw new TokenRefused("it is not known, revoked, or has expired");
      return [{ by: "systemuserid", id }];
    }
    if (!this.#authority) throw new TokenRefused("it is not one of the CRM's own");
    return namesIn(await verifyAccessToken(token, { ...this.#authority, now: this.#service.now() }));
  }

  /** `because` null: there was no token at all, which is how clients ask where to get one, and counts as no failure. */
  async #refusal(address: string, resource: string, because: string | null): Promise<ApiFault> {
    if (because !== null && this.#failsTooOften(address)) await this.#hold();
    const error = because === null ? "" : `error="invalid_token", error_description="${because}", `;
    const where = this.#authority?.authorizationUri ? `authorization_uri=${this.#authority.authorizationUri}, ` : "";
    return new ApiFault(401, "0x80072560", because === null ? "An access token is needed." : `The access token is refused: ${because}.`, {
      "WWW-Authenticate": `Bearer ${error}${where}resource_id=${resource}`,
    });
  }

  async #hold(): Promise<void> {
    if (this.#held >= MOST_HELD) return;
    this.#held++;
    await sleep(this.#holdMilliseconds, undefined, { ref: false });
    this.#held--;
  }

  #failsTooOften(address: string): boolean {
    const now = this.#service.now().getTime();
    const known = this.#failures.get(address);
    if (known && known.ends > now) return ++known.count > FAILURES_A_MINUTE;
    if (this.#failures.size >= MOST_ADDRESSES) this.#failures.clear();
    this.#failures.set(address, { count: 1, ends: now + MINUTE });
    return false;
  }
}

/**
 * The users whom a token of a directory can mean, in the order in which they are looked for. The application is the user only where nobody has signed in
 * with it: a person's token names the application too, and must not get its rights.
 */
export function namesIn({ oid, appid, azp, upn, scp, idtyp }: AccessClaims): readonly UserName[] {
  const names: UserName[] = [];
  if (oid !== undefined && GUID.test(oid)) names.push({ by: "azureactivedirectoryobjectid", id: oid });
  const application = appid ?? azp;
  const isApplication = idtyp === undefined ? scp === undefined && upn === undefined : idtyp === "app";
  if (isApplication && application !== undefined && GUID.test(application)) names.push({ by: "applicationid", id: application });
  if (upn !== undefined && upn !== "") names.push({ by: "domainname", name: upn });
  return names;
}
