import assert from "node:assert/strict";
import { test } from "node:test";
import { ConfigurationError, parseConfiguration } from "../config.ts";

const file = (oauth: string, mailbox = "") => `organizations: [{ name: contoso, kind: embedded }]
serverProfiles:
  - name: company
    incoming: { host: imap.example.com }
    oauth: { clientId: waypost, ${oauth} }
users: [{ name: Ann Lee, email: ann@example.com }]
mailboxes: [{ address: ann@example.com, user: ann@example.com${mailbox} }]
`;
const OTHER = "provider: other, scopes: [mail], tokenEndpoint: https://login.example.com/token";
const ENTRANCE = "authorizationEndpoint: https://login.example.com/authorize";

function problemsOf(text: string): string {
  try {
    parseConfiguration(text, "waypost.yaml");
    return "";
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ field, problem }) => `${field} ${problem}`).join("\n");
  }
}

test("each provider needs what it cannot do without, and nothing more", () => {
  for (const right of [
    "provider: microsoft365",
    "provider: microsoft365, tenant: contoso.example, grant: clientCredentials, clientSecret: { env: SECRET }",
    "provider: microsoft365, tenant: contoso.example, grant: clientCredentials, privateKey: { file: key.pem }, certificate: certificate.pem",
    "provider: google, clientSecret: { env: SECRET }",
    `${OTHER}, ${ENTRANCE}`,
    `${OTHER}, grant: deviceCode, deviceAuthorizationEndpoint: https://login.example.com/device`,
    `${OTHER}, grant: clientCredentials, privateKey: { env: KEY }`,
    `provider: other, scopes: [mail], tokenEndpoint: http://127.0.0.1:8080/token, authorizationEndpoint: "http://[::1]:8080/authorize"`,
  ])
    assert.equal(problemsOf(file(right)), "", right);
});

test("what contradicts itself is told by its field", () => {
  const wrong: readonly (readonly [oauth: string, field: string, says: RegExp])[] = [
    ["provider: microsoft365, clientSecret: { env: A }, privateKey: { env: B }, certificate: c.pem", "privateKey", /one too many/],
    ["provider: microsoft365, privateKey: { env: B }", "certificate", /Microsoft knows the private key by its certificate/],
    ["provider: microsoft365, tenant: contoso.example, grant: clientCredentials", "clientSecret", /or privateKey is needed/],
    ["provider: microsoft365, grant: clientCredentials, clientSecret: { env: A }", "tenant", /rights in one directory only/],
    [
      "provider: microsoft365, tenant: contoso.example, grant: clientCredentials, clientSecret: { env: A }, account: ann@example.com",
      "account",
      /nobody signs in/,
    ],
    ["provider: google, grant: deviceCode", "grant", /must be authorizationCode: Google/],
    ["provider: google, tokenEndpoint: https://login.example.com/token", "tokenEndpoint", /belongs to provider: other/],
    [`${OTHER}`, "authorizationEndpoint", /is needed with provider: other and grant: authorizationCode/],
    [`${OTHER}, grant: deviceCode`, "deviceAuthorizationEndpoint", /is needed/],
    ["provider: other, scopes: [mail], grant: clientCredentials, clientSecret: { env: A }", "tokenEndpoint", /is needed/],
    [`provider: other, tokenEndpoint: https://login.example.com/token, ${ENTRANCE}`, "scopes", /are needed/],
    [`provider: other, scopes: [openid, mail], tokenEndpoint: https://login.example.com/token, ${ENTRANCE}`, "issuer", /openid/],
    ["provider: microsoft365, tenant: con/toso", "tenant", /id or a domain/],
  ];
  for (const [oauth, field, says] of wrong) {
    const problems = problemsOf(file(oauth));
    assert.match(problems, new RegExp(`serverProfiles\\[0\\]\\.oauth\\.${field} `), oauth);
    assert.match(problems, says);
  }
});

test("no secret travels in clear: addresses are https, but for this machine itself, and hold no user name", () => {
  for (const address of [
    "http://login.example.com/token",
    "http://127.0.0.1.example.com/token",
    "https://ann:secret@login.example.com/token",
    "ftp://login.example.com",
    "login.example.com",
  ])
    assert.match(
      problemsOf(file(`provider: other, scopes: [mail], tokenEndpoint: "${address}", ${ENTRANCE}`)),
      /oauth\.tokenEndpoint must be/,
      address,
    );
});

test("a mailbox that is opened with a token has no password, and the password that it has is reported", () => {
  assert.match(problemsOf(file("provider: microsoft365", ", password: { env: ANN }")), /^mailboxes\[0\]\.password /);
});
