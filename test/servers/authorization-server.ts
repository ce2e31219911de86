import { createHash, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { text } from "node:stream/consumers";
import { checkLogin, type ServiceLogins } from "./service-logins.ts";
import { claimsOf, headerOf, isGood, signedToken } from "./signed-tokens.ts";

/** An application that is registered at the server. */
export interface RegisteredClient {
  readonly id: string;
  /** Left out: a public client (RFC 8252), or one that signs with the key. */
  readonly secret?: string;
  /** PEM of the public key, or of the certificate, with which it signs its assertions (RFC 7523). */
  readonly publicKey?: string;
  /** How the assertions must be signed, where that matters; of a certificate also its thumbprint must be in the header (as Microsoft has it). */
  readonly assertion?: "RS256" | "PS256";
  /** Whose mailbox its own tokens (client credentials) open. */
  readonly account?: string;
  readonly grants: readonly ("authorization_code" | "device_code" | "client_credentials" | "password")[];
}

export interface AuthorizationServerOptions {
  readonly clients: readonly RegisteredClient[];
  readonly scopes?: readonly string[];
  /** Seconds; default 3600. */
  readonly tokenLife?: number;
  /**
   * What a refresh token does that was used before: `revoke` ends all that came of this authorization (RFC 9700 4.14.2), `once more` forgives one
   * whose successor nobody has used yet.
   */
  readonly reuse?: "revoke" | "once more";
  /** Passwords of accounts that may sign in by themselves, and what their tokens may be for (AD FS: `resource` instead of `scope`). */
  readonly logins?: ServiceLogins;
  /** Seconds between two questions about a device code; default 1. */
  readonly interval?: number;
}

export interface TokenRequest {
  readonly grant: string;
  readonly parameters: URLSearchParams;
}

type Reply = { readonly status: number; readonly body: object | string; readonly headers?: Readonly<Record<string, string>> };

/**
 * A small authorization server (RFC 6749, 7636, 8628, 7662) on a loopback port. It checks every request to the letter, signs its access tokens
 * (RS256), rotates refresh tokens and notices their reuse, and can expire and revoke. It stands in for the services that cannot be had here; the
 * mail servers of the tests ask it about each token.
 */
export interface AuthorizationServer extends AsyncDisposable {
  readonly url: string;
  /** Questions to the token endpoint, in order. */
  readonly requests: readonly TokenRequest[];
  /** Every access token and refresh token that it ever handed out. */
  handedOut(): readonly string[];
  /** PEM, for servers that check signatures themselves. */
  readonly publicKey: string;
  /** Seconds that new access tokens live. */
  tokenLife: number;
  /** For whom new access tokens are. */
  audience: string;
  /** Signs with another key from now on, of which those who check signatures themselves do not know. */
  changeKey(): void;
  /** What a refresh token does from now on that was used before. */
  reuse: "revoke" | "once more";
  /** Asked before each request to the token endpoint is looked at: an answer in its place, or undefined. May wait. */
  onToken: (request: TokenRequest) => Reply | undefined | Promise<Reply | undefined>;
  /** Called when the answer is made and everything is changed accordingly, before it goes out. */
  onAnswer: (request: TokenRequest) => void | Promise<void>;
  /** Plays the person with a browser: opens the address, signs in as `account`, agrees or not, and follows to where the browser is sent. */
  browse(address: string, account: string, answer?: "agree" | "decline"): Promise<Response>;
  /** Plays the person who enters a device code. */
  enterCode(userCode: string, account: string, answer?: "agree" | "decline"): void;
  /** Ends an account's authorizations and access tokens, as its owner can. */
  revoke(account: string): void;
  /** The account's access tokens that are out expire now; refresh tokens stay. */
  expire(account: string): void;
}

interface Authorization {
  readonly audience?: string;
  /** Nobody has signed in: the application has the right itself. */
  readonly isApplication?: true;
  readonly account: string;
  readonly client: string;
  readonly scope: string;
  revoked: boolean;
}

interface Code {
  readonly authorization: Authorization;
  readonly redirectUri: string;
  readonly challenge: string;
  used: boolean;
}

interface Refresh {
  readonly authorization: Authorization;
  used: boolean;
  successor: string | null;
}

interface Device {
  readonly client: string;
  readonly scope: string;
  readonly userCode: string;
  asked: number;
  interval: number;
  authorization: Authorization | "declined" | null;
  used: boolean;
}

class Refused extends Error {
  readonly reply: Reply;
  constructor(error: string, description: string, status = 400) {
    super(`${error}: ${description}`);
    this.reply = {
      status,
      body: { error, error_description: description },
      ...(status === 401 && { headers: { "www-authenticate": "Basic" } }),
    };
  }
}

const LOOPBACK_REDIRECT = /^http:\/\/(127\.0\.0\.1|localhost):\d+$/;
const random = () => randomBytes(24).toString("base64url");

export async function startAuthorizationServer(options: AuthorizationServerOptions): Promise<AuthorizationServer> {
  const firstKey = generateKeyPairSync("rsa", { modulusLength: 2048 });
  const keys = [firstKey];
  const scopes = options.scopes ?? ["mail", "offline_access"];
  const codes = new Map<string, Code>();
  const refreshes = new Map<string, Refresh>();
  const devices = new Map<string, Device>();
  const issued = new Map<string, { readonly authorization: Authorization; expired: boolean }>();
  const authorizations: Authorization[] = [];
  const requests: TokenRequest[] = [];
  let url = "";

  const clientOf = (id: string | null): RegisteredClient => {
    const found = options.clients.find((one) => one.id === id);
    if (found === undefined) throw new Refused("invalid_client", "AADSTS700016: no such application", 401);
    return found;
  };
  const scopeOf = (given: string | null): string => {
    const wanted = (given ?? "").split(" ").filter((one) => one !== "");
    if (wanted.length === 0 || wanted.some((one) => !scopes.includes(one)))
      throw new Refused("invalid_scope", `not all of "${given}" can be had`);
    return wanted.join(" ");
  };
  const authorize = (account: string, client: string, scope: string, more: Pick<Authorization, "audience" | "isApplication"> = {}) => {
    const authorization: Authorization = { account, client, scope, revoked: false, ...more };
    authorizations.push(authorization);
    return authorization;
  };
  const jwt = (authorization: Authorization): string => {
    const now = Math.floor(Date.now() / 1000);
    const claims = {
      iss: url,
      sub: authorization.account,
      aud: authorization.audience ?? server.audience,
      client_id: authorization.client,
      // As Microsoft names an application that signs in by itself.
      ...(authorization.isApplication && { appid: authorization.client, idtyp: "app" }),
      scope: authorization.scope,
      iat: now,
      nbf: now - 5,
      exp: now + server.tokenLife,
      jti: random(),
    };
    return signedToken({ alg: "RS256", typ: "JWT", kid: String(keys.length) }, claims, (keys.at(-1) ?? firstKey).privateKey);
  };
  const handOut = (authorization: Authorization, withRefresh: boolean, refresh = random()): Reply => {
    const token = jwt(authorization);
    issued.set(token, { authorization, expired: false });
    const offline = withRefresh && (authorization.audience !== undefined || authorization.scope.split(" ").includes("offline_access"));
    if (offline) refreshes.set(refresh, { authorization, used: false, successor: null });
    return {
      status: 200,
      body: {
        access_token: token,
        token_type: "Bearer",
        expires_in: server.tokenLife,
        scope: authorization.scope,
        ...(offline && { refresh_token: refresh }),
      },
    };
  };

  const grants: Readonly<Record<string, (client: RegisteredClient, given: URLSearchParams) => Reply>> = {
    authorization_code(client, given) {
      const code = codes.get(given.get("code") ?? "");
      if (code === undefined || code.authorization.client !== client.id) throw new Refused("invalid_grant", "this code was not given out");
      if (code.used) {
        code.authorization.revoked = true;
        throw new Refused("invalid_grant", "the code was used before");
      }
      code.used = true;
      if (given.get("redirect_uri") !== code.redirectUri) throw new Refused("invalid_grant", "the redirect_uri is another one");
      const verifier = given.get("code_verifier") ?? "";
      if (!/^[A-Za-z0-9._~-]{43,128}$/.test(verifier) || createHash("sha256").update(verifier).digest("base64url") !== code.challenge)
        throw new Refused("invalid_grant", "the code_verifier does not fit");
      return handOut(code.authorization, true);
    },
    refresh_token(client, given) {
      const refresh = refreshes.get(given.get("refresh_token") ?? "");
      if (refresh === undefined || refresh.authorization.client !== client.id) throw new Refused("invalid_grant", "no such refresh token");
      const { authorization } = refresh;
      if (authorization.revoked) throw new Refused("invalid_grant", "AADSTS50173: the grant was revoked");
      const successor = refresh.successor === null ? undefined : refreshes.get(refresh.successor);
      if (refresh.used && !(server.reuse === "once more" && successor?.used === false)) {
        authorization.revoked = true;
        throw new Refused("invalid_grant", "the refresh token was used before; all access is revoked");
      }
      if (refresh.successor !== null) refreshes.delete(refresh.successor);
      refresh.used = true;
      refresh.successor = random();
      return handOut(authorization, true, refresh.successor);
    },
    client_credentials(client, given) {
      if (client.secret === undefined && client.publicKey === undefined)
        throw new Refused("unauthorized_client", "a public client has no rights of its own");
      return handOut(authorize(client.account ?? client.id, client.id, scopeOf(given.get("scope")), { isApplication: true }), false);
    },
    password(client, given) {
      const login = checkLogin(given, options.logins);
      if (typeof login === "string") throw new Refused("invalid_grant", login);
      return handOut(authorize(login.account, client.id, "user_impersonation", { audience: login.audience }), true);
    },
    "urn:ietf:params:oauth:grant-type:device_code"(client, given) {
      const device = devices.get(given.get("device_code") ?? "");
      if (device === undefined || device.client !== client.id) throw new Refused("invalid_grant", "no such device code");
      const since = Date.now() - device.asked;
      device.asked = Date.now();
      if (since < device.interval * 1000 - 50) {
        device.interval += 5;
        throw new Refused("slow_down", "asked too often");
      }
      if (device.authorization === null) throw new Refused("authorization_pending", "nobody has entered the code yet");
      if (device.authorization === "declined") throw new Refused("access_denied", "the person said no");
      if (device.used) throw new Refused("invalid_grant", "the code was used before");
      device.used = true;
      return handOut(device.authorization, true);
    },
  };

  const authenticated = (given: URLSearchParams, assertionAudience: readonly string[]): RegisteredClient => {
    const client = clientOf(given.get("client_id"));
    if (client.secret !== undefined && given.get("client_secret") !== client.secret)
      throw new Refused("invalid_client", "AADSTS7000215: the client secret is wrong", 401);
    if (client.secret === undefined && given.has("client_secret"))
      throw new Refused("invalid_client", "a public client has no secret", 401);
    if (client.publicKey !== undefined) checkAssertion(given, client, createPublicKey(client.publicKey), assertionAudience);
    return client;
  };

  const token = async (given: URLSearchParams): Promise<Reply> => {
    const grant = given.get("grant_type") ?? "";
    const request = { grant, parameters: given };
    requests.push(request);
    const instead = await server.onToken(request);
    if (instead !== undefined) return instead;
    const client = authenticated(given, [`${url}/token`, url]);
    const run = grants[grant];
    if (run === undefined) throw new Refused("unsupported_grant_type", grant);
    const allowed = grant === "refresh_token" || client.grants.some((one) => grant.endsWith(one));
    if (!allowed) throw new Refused("unauthorized_client", `${client.id} may not use ${grant}`);
    const reply = run(client, given);
    await server.onAnswer(request);
    return reply;
  };

  const device = (given: URLSearchParams): Reply => {
    const client = authenticated(given, [`${url}/token`, url]);
    if (!client.grants.includes("device_code")) throw new Refused("unauthorized_client", "no device codes for this application");
    const [deviceCode, userCode] = [random(), random().slice(0, 8).toUpperCase()];
    const interval = options.interval ?? 1;
    devices.set(deviceCode, {
      client: client.id,
      scope: scopeOf(given.get("scope")),
      userCode,
      asked: Date.now(),
      interval,
      authorization: null,
      used: false,
    });
    return {
      status: 200,
      body: { device_code: deviceCode, user_code: userCode, verification_uri: `${url}/device`, expires_in: 300, interval },
    };
  };

  /** RFC 7662: whether a token is good, and for whom. */
  const introspect = (given: URLSearchParams): Reply => {
    const presented = given.get("token") ?? "";
    const known = issued.get(presented);
    const good =
      known !== undefined && !known.expired && !known.authorization.revoked && keys.some((key) => isGood(presented, key.publicKey));
    if (!good) return { status: 200, body: { active: false } };
    const { account, scope } = known.authorization;
    return { status: 200, body: { active: true, username: account, scope } };
  };

  /** RFC 6749 4.1.1. The account and the answer stand for what a person does on the page. */
  const authorizePage = (given: URLSearchParams): Reply => {
    const client = clientOf(given.get("client_id"));
    const redirectUri = given.get("redirect_uri") ?? "";
    // A redirect address that was not registered is never redirected to (4.1.2.1).
    if (!LOOPBACK_REDIRECT.test(redirectUri)) throw new Refused("invalid_request", "this redirect_uri is not registered");
    const back = new URL(redirectUri);
    const state = given.get("state") ?? "";
    back.searchParams.set("state", state);
    const challenge = given.get("code_challenge") ?? "";
    const account = given.get("account") ?? "";
    try {
      if (given.get("response_type") !== "code") throw new Refused("unsupported_response_type", "only code");
      if (!client.grants.includes("authorization_code")) throw new Refused("unauthorized_client", "no codes for this application");
      if (given.get("code_challenge_method") !== "S256" || !/^[\w-]{43}$/.test(challenge))
        throw new Refused("invalid_request", "a code_challenge of S256 is needed");
      if (state.length < 16) throw new Refused("invalid_request", "the state can be guessed");
      const scope = scopeOf(given.get("scope"));
      if (given.get("answer") === "decline") throw new Refused("access_denied", "the person said no");
      const code = random();
      codes.set(code, { authorization: authorize(account, client.id, scope), redirectUri, challenge, used: false });
      back.searchParams.set("code", code);
    } catch (error) {
      if (!(error instanceof Refused)) throw error;
      const [word = "", description = ""] = error.message.split(": ");
      back.searchParams.set("error", word);
      back.searchParams.set("error_description", description);
    }
    return { status: 302, body: "", headers: { location: back.href } };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse) => {
    const asked = new URL(request.url ?? "/", url);
    const answer = async (): Promise<Reply> => {
      if (request.method === "GET" && asked.pathname === "/authorize") return authorizePage(asked.searchParams);
      if (request.method !== "POST") return { status: 404, body: "" };
      if (!request.headers["content-type"]?.startsWith("application/x-www-form-urlencoded"))
        throw new Refused("invalid_request", "no form");
      const given = new URLSearchParams(await text(request));
      if ([...new Set(given.keys())].some((name) => given.getAll(name).length > 1))
        throw new Refused("invalid_request", "a parameter is there twice");
      if (asked.pathname === "/token") return await token(given);
      if (asked.pathname === "/device_authorization") return device(given);
      if (asked.pathname === "/introspect") return introspect(given);
      return { status: 404, body: "" };
    };
    const { status, body, headers } = await answer().catch((error: unknown) => {
      if (error instanceof Refused) return error.reply;
      throw error;
    });
    response.writeHead(status, { "content-type": "application/json", "cache-control": "no-store", ...headers });
    response.end(typeof body === "string" ? body : JSON.stringify(body));
  };

  const listener = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      response.writeHead(500, { "content-type": "text/plain" }).end(String(error));
    });
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  const address = listener.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  url = `http://127.0.0.1:${address.port}`;

  const server: AuthorizationServer = {
    url,
    requests,
    handedOut: () => [...issued.keys(), ...refreshes.keys()],
    publicKey: firstKey.publicKey.export({ type: "spki", format: "pem" }).toString(),
    tokenLife: options.tokenLife ?? 3600,
    reuse: options.reuse ?? "revoke",
    audience: "mail",
    changeKey: () => void keys.push(generateKeyPairSync("rsa", { modulusLength: 2048 })),
    onToken: () => undefined,
    onAnswer: () => undefined,
    async browse(place, account, reply = "agree") {
      const page = new URL(place);
      page.searchParams.set("account", account);
      page.searchParams.set("answer", reply);
      const sent = await fetch(page, { redirect: "manual" });
      const location = sent.headers.get("location");
      return location === null ? sent : await fetch(location, { redirect: "manual" });
    },
    enterCode(userCode, account, reply = "agree") {
      const found = [...devices.values()].find((one) => one.userCode === userCode);
      if (found === undefined) throw new Error(`nobody asked for the code ${userCode}`);
      found.authorization = reply === "decline" ? "declined" : authorize(account, found.client, found.scope);
    },
    revoke(account) {
      for (const one of authorizations) if (one.account === account) one.revoked = true;
    },
    expire(account) {
      for (const one of issued.values()) if (one.authorization.account === account) one.expired = true;
    },
    async [Symbol.asyncDispose]() {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    },
  };
  return server;
}

/** RFC 7523 3, and RFC 7515 for the signature. */
function checkAssertion(given: URLSearchParams, client: RegisteredClient, key: KeyObject, audience: readonly string[]): void {
  if (given.get("client_assertion_type") !== "urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
    throw new Refused("invalid_client", "no assertion", 401);
  const assertion = given.get("client_assertion") ?? "";
  const claims = claimsOf(assertion, key);
  const header = headerOf(assertion);
  if (client.assertion !== undefined && header.alg !== client.assertion)
    throw new Refused("invalid_client", `AADSTS5002738: the assertion must be signed by ${client.assertion}`, 401);
  const certificate = client.publicKey?.includes("BEGIN CERTIFICATE") ? new X509Certificate(client.publicKey) : null;
  // RFC 7515 4.1.8.
  if (certificate !== null && header["x5t#S256"] !== createHash("sha256").update(certificate.raw).digest("base64url"))
    throw new Refused("invalid_client", "AADSTS700027: the certificate with this thumbprint is not registered", 401);
  const now = Date.now() / 1000;
  const good =
    claims !== null &&
    claims.iss === client.id &&
    claims.sub === client.id &&
    audience.includes(String(claims.aud)) &&
    Number(claims.exp) > now &&
    typeof claims.jti === "string";
  if (!good) throw new Refused("invalid_client", "AADSTS700027: the assertion does not hold", 401);
}
