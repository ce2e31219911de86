import assert from "node:assert/strict";
import { test } from "node:test";
import { oauthSettings, type ProviderChoice } from "./providers.ts";

const MICROSOFT: ProviderChoice = { provider: "microsoft365", tenant: "contoso.example", clientId: "app", grant: "authorizationCode" };

test("Microsoft is asked for the rights of the protocols that the profile uses, and for a refresh token", () => {
  const scopes = (...protocols: string[]) => oauthSettings(MICROSOFT, protocols, null).scopes;
  assert.deepEqual(scopes("imap", "smtp"), [
    "https://outlook.office.com/IMAP.AccessAsUser.All",
    "https://outlook.office.com/SMTP.Send",
    "offline_access",
  ]);
  assert.deepEqual(scopes("pop3"), ["https://outlook.office.com/POP.AccessAsUser.All", "offline_access"]);
});

test("an application without a person is given what an administrator consented to, and signs as Microsoft wants it", () => {
  const settings = oauthSettings({ ...MICROSOFT, grant: "clientCredentials" }, ["imap"], null);
  assert.deepEqual(settings.scopes, ["https://outlook.office365.com/.default"]);
  assert.deepEqual(settings.assertion, { algorithm: "PS256", audience: "token endpoint" });
});

test("the directory stands in Microsoft's addresses, and the browser comes back to the name that was registered", () => {
  const settings = oauthSettings(MICROSOFT, ["imap"], null);
  const base = "https://login.microsoftonline.com/contoso.example/oauth2/v2.0";
  assert.deepEqual(
    [settings.authorizationEndpoint, settings.tokenEndpoint, settings.deviceAuthorizationEndpoint],
    [`${base}/authorize`, `${base}/token`, `${base}/devicecode`],
  );
  assert.deepEqual([settings.redirectHost, settings.issuer], ["localhost", null]);
});

test("Google is asked so that it gives a refresh token each time, and gives no codes for other devices", () => {
  const settings = oauthSettings({ ...MICROSOFT, provider: "google" }, ["imap"], null);
  assert.deepEqual(settings.authorizationParameters, { access_type: "offline", prompt: "consent" });
  assert.deepEqual([settings.scopes, settings.deviceAuthorizationEndpoint], [["https://mail.google.com/"], null]);
  assert.deepEqual([settings.issuer, settings.redirectHost], ["https://accounts.google.com", "127.0.0.1"]);
});

test("another service is taken as the profile says; its assertions are for the issuer where it has a name", () => {
  const other: ProviderChoice = {
    provider: "other",
    tenant: "organizations",
    clientId: "app",
    grant: "clientCredentials",
    scopes: ["mail"],
    tokenEndpoint: "https://login.example.com:8443/token",
  };
  const settings = oauthSettings(other, ["imap"], "PEM");
  assert.deepEqual(
    [settings.service, settings.scopes, settings.authorizationEndpoint, settings.certificateAuthorities],
    ["login.example.com:8443", ["mail"], null, "PEM"],
  );
  assert.deepEqual(settings.assertion, { algorithm: "RS256", audience: "token endpoint" });
  assert.equal(oauthSettings({ ...other, issuer: "https://login.example.com" }, ["imap"], null).assertion.audience, "issuer");
});

test("scopes that the profile names win over those that are known", () => {
  for (const provider of ["microsoft365", "google"] as const)
    assert.deepEqual(oauthSettings({ ...MICROSOFT, provider, scopes: ["just-this"] }, ["imap", "smtp"], null).scopes, ["just-this"]);
});
