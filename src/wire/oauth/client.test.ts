import assert from "node:assert/strict";
import { generateKeyPairSync, type KeyObject, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, before, describe, test } from "node:test";
import {
  type AuthorizationServer,
  type AuthorizationServerOptions,
  startAuthorizationServer,
} from "../../../test/servers/authorization-server.ts";
import { makeRsaCertificate } from "../../../test/servers/certificates.ts";
import { Failure } from "../../model/failure.ts";
import { OauthClient } from "./client.ts";
import type { Holder } from "./failures.ts";
import { openLoopback } from "./loopback.ts";
import { oauthSettings } from "./providers.ts";
import type { ClientProof, Grant } from "./settings.ts";

const ANN: Holder = { name: "ann@example.test", scope: "mailbox", unattended: false };
const APPLICATION: Holder = { name: "company", scope: "profile", unattended: true };
const SECRET: ClientProof = { kind: "secret", secret: "the-secret-of-the-application" };
const keyPair = () => generateKeyPairSync("rsa", { modulusLength: 2048 });
const pemOf = (key: KeyObject) => key.export({ type: "pkcs8", format: "pem" }).toString();
const KEY = keyPair();
const CERTIFIED = makeRsaCertificate();
const KEY_PROOF: ClientProof = { kind: "key", key: pemOf(KEY.privateKey), certificate: null };

const OPTIONS: AuthorizationServerOptions = {
  reuse: "revoke",
  clients: [
    { id: "desktop", grants: ["authorization_code", "device_code"] },
    { id: "secretive", secret: SECRET.kind === "secret" ? SECRET.secret : "", grants: ["authorization_code", "client_credentials"] },
    {
      id: "signing",
      publicKey: KEY.publicKey.export({ type: "spki", format: "pem" }).toString(),
      grants: ["client_credentials"],
    },
    { id: "certified-PS256", publicKey: CERTIFIED.cert, assertion: "PS256", grants: ["client_credentials"] },
    { id: "certified-RS256", publicKey: CERTIFIED.cert, assertion: "RS256", grants: ["client_credentials"] },
  ],
};

let server: AuthorizationServer;
before(async () => {
  server = await startAuthorizationServer(OPTIONS);
});
after(() => server[Symbol.asyncDispose]());

function clientOf(clientId: string, grant: Grant, proof: ClientProof = { kind: "none" }, url = server.url): OauthClient {
  const settings = oauthSettings(
    {
      provider: "other",
      tenant: "",
      clientId,
      grant,
      scopes: grant === "clientCredentials" ? ["mail"] : ["mail", "offline_access"],
      authorizationEndpoint: `${url}/authorize`,
      deviceAuthorizationEndpoint: `${url}/device_authorization`,
      tokenEndpoint: `${url}/token`,
    },
    ["imap"],
    null,
  );
  return new OauthClient(settings, () => proof);
}

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const error = await work.then(
    () => assert.fail("it went well"),
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof Failure, String(error));
  return error;
}

async function byBrowser(client: OauthClient, answer: "agree" | "decline" = "agree") {
  await using loopback = await openLoopback("127.0.0.1", 0);
  const request = await client.beginCode(loopback.redirectUri, "ann@example.test");
  const returned = loopback.answer(request.state, AbortSignal.timeout(5000));
  const page = await server.browse(request.address, "ann", answer);
  assert.match(await page.text(), /Go back to the command line/);
  return { request, returned: await returned };
}

describe("a code with a proof key", () => {
  for (const [name, proof] of [
    ["desktop", { kind: "none" }],
    ["secretive", SECRET],
  ] as const) {
    test(`brings tokens to the application "${name}", which are renewed with a new refresh token each time`, async () => {
      const client = clientOf(name, "authorizationCode", proof);
      const { request, returned } = await byBrowser(client);
      const first = await client.finishCode(ANN, request, returned);
      assert.equal(first.accessToken.split(".").length, 3);
      assert.equal(first.lifeSeconds, 3600);
      const second = await client.refresh(ANN, first.refreshToken ?? "");
      assert.notEqual(second.refreshToken, first.refreshToken);
      assert.notEqual(second.accessToken, first.accessToken);
      const reused = await failureOf(client.refresh(ANN, first.refreshToken ?? ""));
      assert.deepEqual([reused.code, reused.scope, reused.waitingHelps], ["authorization ended", "mailbox", false]);
      assert.equal((await failureOf(client.refresh(ANN, second.refreshToken ?? ""))).code, "authorization ended");
    });
  }

  test("is refused where the code was asked for by somebody else: the proof key, the state or the address to return to is another", async () => {
    const client = clientOf("desktop", "authorizationCode");
    const { request, returned } = await byBrowser(client);
    const changed = [{ verifier: "x".repeat(43) }, { redirectUri: "http://127.0.0.1:1" }];
    for (const change of changed)
      assert.equal((await failureOf(client.finishCode(ANN, { ...request, ...change }, returned))).code, "authorization ended");
    const before = server.requests.length;
    const forged = await failureOf(client.finishCode(ANN, { ...request, state: "another-state-of-some-length" }, returned));
    assert.equal(forged.code, "sign-in service not understood");
    assert.equal(server.requests.length, before, "a forged answer is not even asked about");
  });

  test("is told of a person who declines", async () => {
    const client = clientOf("desktop", "authorizationCode");
    const { request, returned } = await byBrowser(client, "decline");
    assert.equal((await failureOf(client.finishCode(ANN, request, returned))).code, "authorization declined");
  });
});

describe("a device code", () => {
  test("is asked about until somebody enters it", async () => {
    const client = clientOf("desktop", "deviceCode");
    const request = await client.beginDevice(ANN);
    const before = server.requests.length;
    const tokens = client.finishDevice(ANN, request, AbortSignal.timeout(20_000));
    setTimeout(() => server.enterCode(request.userCode, "ann"), 1200);
    assert.ok((await tokens).refreshToken);
    assert.equal(server.requests.length - before, 2);
  });

  test("that somebody declines, or that expires, ends the waiting", async () => {
    const client = clientOf("desktop", "deviceCode");
    const request = await client.beginDevice(ANN);
    server.enterCode(request.userCode, "ann", "decline");
    assert.equal((await failureOf(client.finishDevice(ANN, request, AbortSignal.timeout(20_000)))).code, "authorization declined");
    const late = { ...request, expiresAt: new Date() };
    assert.equal((await failureOf(client.finishDevice(ANN, late, AbortSignal.timeout(20_000)))).code, "authorization timed out");
  });

  test("is asked about less often where the service says so, or is away for a moment", async () => {
    const client = clientOf("desktop", "deviceCode");
    const request = await client.beginDevice(ANN);
    const answers = [
      { status: 400, body: { error: "slow_down" } },
      { status: 503, body: "" },
    ];
    server.onToken = () => answers.shift();
    server.enterCode(request.userCode, "ann");
    const waits: number[] = [];
    let last = Date.now();
    const observed = new Promise<void>((resolve) => {
      const original = server.onToken;
      server.onToken = (asked) => {
        waits.push(Date.now() - last);
        last = Date.now();
        if (waits.length === 2) resolve();
        return original(asked);
      };
    });
    const left = new AbortController();
    const waiting = client.finishDevice(ANN, request, left.signal).catch(() => undefined);
    await observed;
    left.abort();
    await waiting;
    server.onToken = () => undefined;
    assert.ok((waits[1] ?? 0) > 5500, `it asked again after ${waits[1]} ms`);
  });
});

describe("the application's own token", () => {
  test("is had with a secret, and with a key", async () => {
    assert.equal((await clientOf("secretive", "clientCredentials", SECRET).clientCredentials(APPLICATION)).refreshToken, undefined);
    assert.ok((await clientOf("signing", "clientCredentials", KEY_PROOF).clientCredentials(APPLICATION)).accessToken);
  });

  test("is refused with a wrong secret, another's key, or a key that is none: the profile's trouble", async () => {
    const cases: readonly (readonly [string, ClientProof, string])[] = [
      ["secretive", { kind: "secret", secret: "wrong-secret-of-the-application" }, "application refused"],
      ["nobody", SECRET, "application refused"],
      ["signing", { kind: "key", key: pemOf(keyPair().privateKey), certificate: null }, "application refused"],
      ["signing", { kind: "key", key: "no key", certificate: null }, "private key not usable"],
    ];
    for (const [name, proof, code] of cases) {
      const failure = await failureOf(clientOf(name, "clientCredentials", proof).clientCredentials(APPLICATION));
      assert.deepEqual([failure.code, failure.scope, failure.waitingHelps], [code, "profile", false]);
      assert.doesNotMatch(`${failure.message} ${failure.serverSaid} ${failure.stack}`, /wrong-secret|PRIVATE KEY/);
    }
  });

  const withCertificate = (registered: "PS256" | "RS256", signed: "PS256" | "RS256", certificate: string | null) => {
    const proof: ClientProof = { kind: "key", key: CERTIFIED.key, certificate };
    const { settings } = clientOf(`certified-${registered}`, "clientCredentials", proof);
    return new OauthClient({ ...settings, assertion: { algorithm: signed, audience: "token endpoint" } }, () => proof);
  };
  for (const algorithm of ["PS256", "RS256"] as const) {
    test(`is had with a certificate and ${algorithm}, and its thumbprint names the certificate`, async () => {
      assert.ok((await withCertificate(algorithm, algorithm, CERTIFIED.cert).clientCredentials(APPLICATION)).accessToken);
      const sent = server.requests.at(-1)?.parameters.get("client_assertion") ?? "";
      const [header = "", payload = ""] = sent.split(".").map((part) => Buffer.from(part, "base64url").toString());
      const thumbprint = new X509Certificate(CERTIFIED.cert).fingerprint256.replaceAll(":", "");
      assert.deepEqual(JSON.parse(header), { alg: algorithm, "x5t#S256": Buffer.from(thumbprint, "hex").toString("base64url") });
      const { aud, exp, iat } = JSON.parse(payload);
      assert.equal(aud, `${server.url}/token`);
      assert.ok(exp - iat <= 600, "a stolen assertion is soon worth nothing");
    });
  }

  test("is refused with the other algorithm, without the thumbprint, or with another certificate", async () => {
    const other = makeRsaCertificate().cert;
    for (const client of [
      withCertificate("PS256", "RS256", CERTIFIED.cert),
      withCertificate("RS256", "PS256", CERTIFIED.cert),
      withCertificate("PS256", "PS256", null),
      withCertificate("PS256", "PS256", other),
    ])
      assert.equal((await failureOf(client.clientCredentials(APPLICATION))).code, "application refused");
  });

  test("is refused where the rights are not to be had", async () => {
    const client = clientOf("secretive", "clientCredentials", SECRET);
    const asking = new OauthClient({ ...client.settings, scopes: ["everything"] }, () => SECRET);
    assert.equal((await failureOf(asking.clientCredentials(APPLICATION))).code, "rights refused");
  });
});

describe("an account that signs in by itself (AD FS)", () => {
  const RESOURCE = "https://sales.corp.example/";
  const LOGIN = { username: "CORP\\waypost", password: "secret-of-the-account" };
  const withResource = (resource: string, url: string) =>
    new OauthClient(
      oauthSettings(
        { provider: "other", tenant: "", clientId: "service", grant: "password", resource, tokenEndpoint: `${url}/token` },
        [],
        null,
      ),
      () => ({ kind: "none" }),
    );
  const started = () =>
    startAuthorizationServer({
      clients: [{ id: "service", grants: ["password"] }],
      logins: { passwords: { "corp\\waypost": LOGIN.password }, resources: [RESOURCE] },
    });
  const audienceOf = (token: string) => JSON.parse(Buffer.from(token.split(".")[1] ?? "", "base64url").toString()).aud;

  test("gets a token for the resource that it names, and a refresh token that brings another for the same", async () => {
    await using adfs = await started();
    const service = withResource(RESOURCE, adfs.url);
    const first = await service.password(APPLICATION, LOGIN);
    assert.equal(audienceOf(first.accessToken), RESOURCE);
    const second = await service.refresh(APPLICATION, first.refreshToken ?? "");
    assert.equal(audienceOf(second.accessToken), RESOURCE);
    assert.deepEqual(
      adfs.requests.map(({ grant, parameters }) => [grant, parameters.get("resource"), parameters.has("scope")]),
      [
        ["password", RESOURCE, false],
        ["refresh_token", RESOURCE, false],
      ],
    );
  });

  test("with a wrong password, for an unknown resource or with a revoked refresh token is refused as the account that it is", async () => {
    await using adfs = await started();
    const wrong = await failureOf(withResource(RESOURCE, adfs.url).password(APPLICATION, { ...LOGIN, password: "wrong-password" }));
    assert.deepEqual([wrong.code, wrong.waitingHelps], ["account refused", false]);
    assert.ok(!`${wrong.message} ${wrong.serverSaid}`.includes("wrong-password"));
    const elsewhere = await failureOf(withResource("https://other/", adfs.url).password(APPLICATION, LOGIN));
    assert.match(elsewhere.serverSaid ?? "", /resource/);
    const { refreshToken } = await withResource(RESOURCE, adfs.url).password(APPLICATION, LOGIN);
    adfs.revoke(LOGIN.username);
    assert.equal((await failureOf(withResource(RESOURCE, adfs.url).refresh(APPLICATION, refreshToken ?? ""))).code, "account refused");
  });
});

describe("a service that misbehaves", () => {
  const refreshed = () => failureOf(clientOf("secretive", "authorizationCode", SECRET).refresh(ANN, "a-refresh-token-of-some-length"));

  test("is understood or reported by its cause, never with what was sent to it", async () => {
    const echo = "a-refresh-token-of-some-length";
    const cases: readonly (readonly [status: number, body: object | string, code: string, waiting: boolean])[] = [
      [400, { error: "invalid_grant", error_description: `your token ${echo} has expired` }, "authorization ended", false],
      [
        400,
        { error: "interaction_required", error_description: "AADSTS50076: use a second factor" },
        "authorization needs a person",
        false,
      ],
      [400, { error: "invalid_grant", error_description: "AADSTS65001: no consent" }, "authorization needs a person", false],
      [401, { error: "invalid_client", error_description: "AADSTS7000222: expired" }, "application refused", false],
      [400, { error: "something_new" }, "sign-in service refused", false],
      [400, { error: "temporarily_unavailable" }, "sign-in service busy", true],
      [503, "<html>away</html>", "sign-in service busy", true],
      [500, { error: "server_error" }, "sign-in service busy", true],
      [302, "", "sign-in service not understood", true],
      [200, "<html>sign in at the hotel's network</html>", "sign-in service not understood", true],
      [200, { access_token: 7, token_type: "Bearer" }, "sign-in service not understood", true],
      [200, { access_token: "x", token_type: "mac" }, "sign-in service not understood", true],
      [200, { access_token: "x".repeat(200_000), token_type: "Bearer" }, "sign-in service not understood", true],
      [200, "x".repeat(300_000), "sign-in service not understood", true],
      [404, "", "sign-in service not understood", true],
    ];
    for (const [status, body, code, waitingHelps] of cases) {
      server.onToken = () => ({ status, body, headers: { location: `${server.url}/elsewhere` } });
      const failure = await refreshed();
      assert.deepEqual([failure.code, failure.waitingHelps], [code, waitingHelps], `${status} ${JSON.stringify(body).slice(0, 80)}`);
      assert.ok(!`${failure.message} ${failure.serverSaid} ${failure.stack}`.includes(echo));
    }
    server.onToken = () => undefined;
  });

  test("names the time before which it does not want to be asked, in seconds or as a date", async () => {
    for (const value of ["120", new Date(Date.now() + 120_000).toUTCString()]) {
      server.onToken = () => ({ status: 429, body: {}, headers: { "retry-after": value } });
      const wait = ((await refreshed()).notBefore?.getTime() ?? 0) - Date.now();
      assert.ok(wait > 110_000 && wait <= 120_000, `${value}: ${wait}`);
    }
    server.onToken = () => undefined;
  });

  test("is not there, or does not speak TLS", async () => {
    const closed = await startAuthorizationServer(OPTIONS);
    await closed[Symbol.asyncDispose]();
    const gone = await failureOf(clientOf("desktop", "authorizationCode", { kind: "none" }, closed.url).refresh(ANN, "token"));
    assert.deepEqual([gone.code, gone.scope], ["connection refused", "profile"]);
    // Without a handler for what is no HTTP it would keep the connection.
    const plain = createServer()
      .on("clientError", (_error, socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"))
      .listen(0, "127.0.0.1");
    await once(plain, "listening");
    const address = plain.address();
    assert.ok(address !== null && typeof address === "object");
    const notTls = await failureOf(
      clientOf("desktop", "authorizationCode", { kind: "none" }, `https://127.0.0.1:${address.port}`).refresh(ANN, "token"),
    );
    plain.closeAllConnections();
    plain.close();
    assert.ok(["TLS not possible", "wrong security for the port"].includes(notTls.code), notTls.code);
  });
});
