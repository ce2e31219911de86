import assert from "node:assert/strict";
import path from "node:path";
import { test } from "node:test";
import { ConfigurationError, parseConfiguration } from "../config.ts";

const file = (profile: string, mailbox = "") => `organizations: [{ name: contoso, kind: embedded }]
serverProfiles:
  - name: company
    incoming: { host: imap.example.com }
${profile}users: [{ name: Ann Lee, email: ann@example.com }]
mailboxes:
  - address: ann@example.com
    user: ann@example.com
${mailbox}`;
const OUTGOING = "    outgoing: { host: smtp.example.com }\n";
const account = (more: string) => `    serviceAccount: { username: router, password: { file: router }, ${more} }\n`;
const OWN_PASSWORD = "    password: { env: ANN }\n";

function problemsOf(text: string): string[] {
  try {
    parseConfiguration(text, "waypost.yaml");
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ field, problem }) => `${field} ${problem}`);
  }
  return [];
}

test("with a service account for both directions mailboxes need no password, and one they have is reported as of no use", () => {
  const profile = OUTGOING + account("incoming: masterUser, outgoing: itself");
  assert.deepEqual(problemsOf(file(profile)), []);
  assert.match(problemsOf(file(profile, OWN_PASSWORD)).join(), /^mailboxes\[0\]\.password is used for nothing: .*"company"/);
  const { serverProfiles } = parseConfiguration(file(profile), "/etc/waypost/waypost.yaml");
  assert.deepEqual(serverProfiles[0]?.serviceAccount?.password, { file: path.resolve("/etc/waypost/router") });
  assert.equal(serverProfiles[0]?.serviceAccount?.loginName, "{username}*{serviceAccount}");
});

test("a direction that it does not serve needs the mailbox's own password", () => {
  const profile = OUTGOING + account("incoming: sharedFolders");
  assert.match(problemsOf(file(profile)).join(), /^mailboxes\[0\]\.password is needed/);
  assert.deepEqual(problemsOf(file(profile, OWN_PASSWORD)), []);
  assert.deepEqual(problemsOf(file(`    outgoing: { host: relay, authentication: none }\n${account("incoming: masterUser")}`)), []);
});

for (const [what, profile, expected] of [
  [
    "it serves nothing",
    account("loginName: '{username}*{serviceAccount}'"),
    /^serverProfiles\[0\]\.serviceAccount needs incoming, outgoing/,
  ],
  ["there is no server", account("incoming: masterUser, outgoing: itself"), /serviceAccount\.outgoing is used for nothing: .*no outgoing/],
  [
    "nobody signs in",
    `    outgoing: { host: relay, authentication: none }\n${account("incoming: masterUser, outgoing: itself")}`,
    /serviceAccount\.outgoing is used for nothing: outgoing\.authentication/,
  ],
  [
    "the method can name nobody else",
    `    outgoing: { host: relay, authentication: login }\n${account("incoming: masterUser, outgoing: authorizationIdentity")}`,
    /serviceAccount\.outgoing needs the sign-in method PLAIN/,
  ],
  [
    "nothing asks for the login name",
    account("incoming: sharedFolders, loginName: '{username}/{serviceAccount}'"),
    /loginName is used for nothing/,
  ],
  ["the login name lacks a part", account("incoming: masterUser, loginName: '{username}*'"), /serviceAccount\.loginName must hold/],
  [
    "the secret stands in the file",
    "    serviceAccount: { username: router, password: hunter2, incoming: masterUser }\n",
    /never stands in this file/,
  ],
] as const)
  test(`is refused by its field where ${what}`, () => {
    const problems = problemsOf(file(profile)).join("\n");
    assert.match(problems, expected);
    assert.doesNotMatch(problems, /hunter2/);
  });
