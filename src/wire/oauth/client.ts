/** Our side of OAuth 2.0: how tokens are asked for. A thin client over oauth4webapi with our limits, our trust and our failures. */

import { setTimeout as sleep } from "node:timers/promises";
import type { SecureContext } from "node:tls";
import * as oauth from "oauth4webapi";
import { Failure } from "../../model/failure.ts";
import { trustIn } from "../trust.ts";
import { clientAuthentication } from "./client-authentication.ts";
import { exchange } from "./exchange.ts";
import { failureOf, type Holder, oauthFailure } from "./failures.ts";
import type { ClientProof, OauthSettings, ServiceLogin, TokenSet } from "./settings.ts";

/** Seconds between two questions whether a device code was used, where the service names none (RFC 8628 3.2), and what slow_down adds (3.5). */
const DEVICE_INTERVAL = 5;
const SLOW_DOWN = 5;
const LEAST_INTERVAL = 1;

/** Seconds: the longest that a device code is waited for, whatever the service says. */
const LONGEST_DEVICE_CODE = 60 * 60;

/** Seconds that a token is taken to live at most: a service that names a century means that it does not know. */
const LONGEST_LIFE = 365 * 24 * 60 * 60;

/** Characters of a token; a larger one is none, and no mail server would take it. */
const LONGEST_TOKEN = 64 * 1024;

/** An authorization by browser under way: what must come back, and what proves that the answer is ours (RFC 7636). */
export interface CodeRequest {
  /** Where a person has to go. */
  readonly address: string;
  readonly redirectUri: string;
  readonly state: string;
  readonly verifier: string;
}

/** An authorization on another device under way (RFC 8628). */
export interface DeviceRequest {
  /** Where a person has to go, and what to enter there. */
  readonly address: string;
  readonly userCode: string;
  /** The address with the code in it already, where the service has one. */
  readonly completeAddress: string | null;
  readonly expiresAt: Date;
  readonly deviceCode: string;
  /** Seconds between two questions. */
  readonly interval: number;
}

export class OauthClient {
  readonly settings: OauthSettings;
  readonly #proof: () => ClientProof;
  readonly #server: oauth.AuthorizationServer;
  readonly #client: oauth.Client;
  #trust: SecureContext | null = null;

  /** `proof` is asked anew for each request, so that a changed secret needs no restart. */
  constructor(settings: OauthSettings, proof: () => ClientProof) {
    this.settings = settings;
    this.#proof = proof;
    this.#server = {
      issuer: settings.issuer ?? new URL(settings.tokenEndpoint).origin,
      token_endpoint: settings.tokenEndpoint,
      ...(settings.authorizationEndpoint !== null && { authorization_endpoint: settings.authorizationEndpoint }),
      ...(settings.deviceAuthorizationEndpoint !== null && { device_authorization_endpoint: settings.deviceAuthorizationEndpoint }),
    };
    this.#client = { client_id: settings.clientId };
  }

  /** RFC 6749 6. The old refresh token stays good where the answer holds none. @throws Failure */
  refresh(holder: Holder, refreshToken: string, signal?: AbortSignal): Promise<TokenSet> {
    return this.#asking(holder, [refreshToken], signal, async (authentication, options) => {
      const more = this.#resource();
      const all = { ...options, additionalParameters: more };
      const response = await oauth.refreshTokenGrantRequest(this.#server, this.#client, authentication, refreshToken, all);
      return tokenSet(await oauth.processRefreshTokenResponse(this.#server, this.#client, response));
    });
  }

  /** RFC 6749 4.4: the application's own token; there is no refresh token. @throws Failure */
  clientCredentials(holder: Holder, signal?: AbortSignal): Promise<TokenSet> {
    return this.#asking(holder, [], signal, async (authentication, options) => {
      const parameters = { scope: this.settings.scopes.join(" ") };
      const response = await oauth.clientCredentialsGrantRequest(this.#server, this.#client, authentication, parameters, options);
      return tokenSet(await oauth.processClientCredentialsResponse(this.#server, this.#client, response));
    });
  }

  /** RFC 6749 4.3, with the name of the resource where AD FS wants it (wire 9). @throws Failure */
  password(holder: Holder, { username, password }: ServiceLogin, signal?: AbortSignal): Promise<TokenSet> {
    return this.#asking(holder, [password], signal, async (authentication, options) => {
      const scope = this.settings.scopes.join(" ");
      const parameters = { username, password, ...this.#resource(), ...(scope !== "" && { scope }) };
      const response = await oauth.genericTokenEndpointRequest(this.#server, this.#client, authentication, "password", parameters, options);
      return tokenSet(await oauth.processGenericTokenEndpointResponse(this.#server, this.#client, response));
    });
  }

  #resource(): Record<string, string> {
    const { resource } = this.settings;
    return resource === undefined ? {} : { resource };
  }

  /** RFC 6749 4.1 with a proof key of SHA-256 (RFC 7636). Asks nobody: only makes the address. `hint`: who should sign in. */
  async beginCode(redirectUri: string, hint: string | null): Promise<CodeRequest> {
    const verifier = oauth.generateRandomCodeVerifier();
    const state = oauth.generateRandomState();
    const address = new URL(this.settings.authorizationEndpoint ?? "");
    const parameters: Readonly<Record<string, string>> = {
      client_id: this.settings.clientId,
      response_type: "code",
      redirect_uri: redirectUri,
      scope: this.settings.scopes.join(" "),
      state,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: "S256",
      ...(hint !== null && { login_hint: hint }),
      ...this.settings.authorizationParameters,
    };
    for (const [name, value] of Object.entries(parameters)) address.searchParams.set(name, value);
    return { address: address.href, redirectUri, state, verifier };
  }

  /** Turns what the browser brought back into tokens. @throws Failure */
  finishCode(holder: Holder, request: CodeRequest, returned: URLSearchParams, signal?: AbortSignal): Promise<TokenSet> {
    const code = returned.get("code") ?? "";
    return this.#asking(holder, [code, request.verifier], signal, async (authentication, options) => {
      const answer = new URLSearchParams(returned);
      // Without an issuer in the profile there is nothing to compare with; the address to return to is this one request's own.
      if (this.settings.issuer === null) answer.delete("iss");
      const parameters = oauth.validateAuthResponse(this.#server, this.#client, answer, request.state);
      const { redirectUri, verifier } = request;
      const response = await oauth.authorizationCodeGrantRequest(
        this.#server,
        this.#client,
        authentication,
        parameters,
        redirectUri,
        verifier,
        options,
      );
      return tokenSet(await oauth.processAuthorizationCodeResponse(this.#server, this.#client, response));
    });
  }

  /** RFC 8628 3.1. @throws Failure */
  beginDevice(holder: Holder, signal?: AbortSignal): Promise<DeviceRequest> {
    return this.#asking(holder, [], signal, async (authentication, options) => {
      const parameters = { scope: this.settings.scopes.join(" ") };
      const response = await oauth.deviceAuthorizationRequest(this.#server, this.#client, authentication, parameters, options);
      const answer = await oauth.processDeviceAuthorizationResponse(this.#server, this.#client, response);
      return {
        address: webAddress(answer.verification_uri),
        userCode: answer.user_code.slice(0, 100),
        completeAddress: answer.verification_uri_complete === undefined ? null : webAddress(answer.verification_uri_complete),
        expiresAt: new Date(Date.now() + Math.min(answer.expires_in, LONGEST_DEVICE_CODE) * 1000),
        deviceCode: answer.device_code,
        interval: Math.max(LEAST_INTERVAL, answer.interval ?? DEVICE_INTERVAL),
      };
    });
  }

  /** Asks until somebody entered the code (RFC 8628 3.4, 3.5). @throws Failure, or the reason of `signal` */
  async finishDevice(holder: Holder, request: DeviceRequest, signal: AbortSignal): Promise<TokenSet> {
    let { interval } = request;
    while (Date.now() + interval * 1000 < request.expiresAt.getTime()) {
      await sleep(interval * 1000, undefined, { signal });
      const answer = await this.#askDevice(holder, request.deviceCode, signal).catch((error: unknown) => {
        signal.throwIfAborted();
        // RFC 8628 3.5: a service that is away for a moment is asked less often, not given up.
        if (error instanceof Failure && error.waitingHelps) return "slow down" as const;
        throw error;
      });
      if (answer === "slow down") interval += SLOW_DOWN;
      else if (answer !== "pending") return answer;
    }
    throw oauthFailure("authorization timed out", this.settings, holder);
  }

  #askDevice(holder: Holder, deviceCode: string, signal: AbortSignal): Promise<TokenSet | "pending" | "slow down"> {
    return this.#asking(holder, [deviceCode], signal, async (authentication, options) => {
      const response = await oauth.deviceCodeGrantRequest(this.#server, this.#client, authentication, deviceCode, options);
      try {
        return tokenSet(await oauth.processDeviceCodeResponse(this.#server, this.#client, response));
      } catch (error) {
        if (error instanceof oauth.ResponseBodyError && error.error === "authorization_pending") return "pending";
        if (error instanceof oauth.ResponseBodyError && error.error === "slow_down") return "slow down";
        throw error;
      }
    });
  }

  /** Runs one request and turns whatever goes wrong into a Failure that holds no secret. */
  async #asking<T>(
    holder: Holder,
    secrets: readonly string[],
    signal: AbortSignal | undefined,
    work: (authentication: oauth.ClientAuth, options: oauth.HttpRequestOptions<"POST", URLSearchParams>) => Promise<T>,
  ): Promise<T> {
    const proof = this.#proof();
    const known = proof.kind === "secret" ? [...secrets, proof.secret] : secrets;
    try {
      this.#trust ??= trustIn(this.settings.certificateAuthorities);
      const trust = this.#trust;
      if (trust === null) throw oauthFailure("certificate authorities not readable", this.settings, holder);
      const authentication = await clientAuthentication(proof, this.settings, holder);
      return await work(authentication, {
        // The configuration lets nothing but loopback be without TLS.
        [oauth.allowInsecureRequests]: true,
        [oauth.customFetch]: (address, { method, headers, body }) =>
          exchange(new URL(address), { method, headers, body: body.toString(), signal }, trust),
      });
    } catch (error) {
      signal?.throwIfAborted();
      throw failureOf(error, this.settings, holder, known);
    }
  }
}

function tokenSet(answer: oauth.TokenEndpointResponse): TokenSet {
  const { access_token: accessToken, refresh_token: refreshToken, expires_in: expiresIn, scope } = answer;
  if (accessToken.length > LONGEST_TOKEN || (refreshToken?.length ?? 0) > LONGEST_TOKEN)
    throw new oauth.UnsupportedOperationError("a token is too large to be one");
  return {
    accessToken,
    refreshToken,
    lifeSeconds: expiresIn === undefined ? null : Math.min(expiresIn, LONGEST_LIFE),
    scope: scope ?? null,
  };
}

/** An address that a person is sent to: of the web, and nothing that a terminal could take for a command. */
function webAddress(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null || !/^https?:$/.test(url.protocol)) throw new oauth.UnsupportedOperationError("the address to go to is none of the web");
  return url.href;
}
