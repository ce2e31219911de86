import assert from "node:assert/strict";
import path from "node:path";
import { describe, it } from "node:test";
import { ConfigurationError, parseConfiguration } from "../config.ts";

const SIGN_IN = "application: { tenant: contoso.com, clientId: app, clientSecret: { file: secrets/crm } }";

function file(organizations: string, rest = ""): string {
  return `organizations:\n${organizations}\nserverProfiles:\n  - name: mail\n    incoming: { protocol: imap, host: mail.example, security: tls }\n${rest}`;
}

function dataverse(fields: string): string {
  return `  - { name: Contoso, kind: dataverse, ${fields} }`;
}

function problemsOf(text: string): string[] {
  try {
    parseConfiguration(text, "waypost.yaml");
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ field, problem }) => `${field}: ${problem}`);
  }
  return [];
}

describe("organizations of Dynamics 365", () => {
  it("are read with their way to sign in, files taken from the folder of the configuration", () => {
    const [one] = parseConfiguration(
      file(dataverse(`url: "https://contoso.crm4.dynamics.com", ${SIGN_IN}`)),
      "/etc/waypost/waypost.yaml",
    ).organizations;
    assert.deepEqual(one, {
      name: "Contoso",
      kind: "dataverse",
      url: "https://contoso.crm4.dynamics.com",
      application: { tenant: "contoso.com", clientId: "app", clientSecret: { file: path.resolve("/etc/waypost/secrets/crm") } },
      decides: "dynamics",
      settings: {},
      trackAfterwards: { automatically: false, days: 30 },
    });
  });

  const URL_FIELD = 'url: "https://crm.contoso.local/Contoso"';
  const WINDOWS = "windows: { username: 'CONTOSO\\waypost', password: { env: P } }";
  const wrong: readonly (readonly [what: string, fields: string, problem: RegExp])[] = [
    ["no way to sign in", URL_FIELD, /application: is needed, or adfs or windows/],
    ["two ways to sign in", `${URL_FIELD}, ${SIGN_IN}, ${WINDOWS}`, /windows: is one too many: there is application already/],
    ["a password in clear", `url: "http://crm.contoso.local/Contoso", ${WINDOWS}`, /url: must begin with https/],
    [
      "a secret and a key",
      `${URL_FIELD}, application: { tenant: t, clientId: c, clientSecret: { env: S }, privateKey: { env: K }, certificate: c.pem }`,
      /exactly one of clientSecret and privateKey/,
    ],
    [
      "a key without its certificate",
      `${URL_FIELD}, application: { tenant: t, clientId: c, privateKey: { env: K } }`,
      /privateKey and certificate together/,
    ],
    ["a secret in the file itself", `${URL_FIELD}, adfs: { clientId: c, username: u, password: secret }`, /password: must be \{ env/],
    [
      "settings that Dynamics holds itself",
      `${URL_FIELD}, ${SIGN_IN}, settings: { DoNotAutoTrackEmail: true }`,
      /settings: DoNotAutoTrackEmail is set in Dynamics; here are set only .*SkipAutomaticReplies/,
    ],
    [
      "settings that are none",
      `${URL_FIELD}, ${SIGN_IN}, settings: { Skip: true }`,
      /^organizations\[0\]\.settings: unknown field "Skip"$/,
    ],
    [
      "a category with a space",
      `${URL_FIELD}, ${SIGN_IN}, settings: { CategoryKeyword: "Tracked here" }`,
      /CategoryKeyword: must be a keyword/,
    ],
  ];
  for (const [what, fields, problem] of wrong)
    it(`are refused with ${what}`, () => {
      const problems = problemsOf(file(dataverse(fields)));
      assert.ok(
        problems.some((one) => problem.test(one)),
        problems.join("\n"),
      );
    });

  it("are given those settings that are Waypost's own", () => {
    const settings = { trackingprefixhistory: ["OLD:"], SkipAutomaticReplies: true, PlusAddressSeparator: "-" };
    const [one] = parseConfiguration(
      file(dataverse(`${URL_FIELD}, ${SIGN_IN}, settings: ${JSON.stringify(settings)}`)),
      "waypost.yaml",
    ).organizations;
    assert.deepEqual(one?.settings, settings);
  });

  it("have users of their own: a mailbox names one by address, and the file describes none", () => {
    const crm = dataverse(`${URL_FIELD}, ${SIGN_IN}`);
    const mailbox = "mailboxes:\n  - { address: ann@contoso.com, user: ann@contoso.com, password: { env: P } }\n";
    assert.deepEqual(problemsOf(file(crm, mailbox)), []);
    assert.match(
      problemsOf(file(crm, `users:\n  - { name: Ann, email: ann@contoso.com }\n${mailbox}`)).join(),
      /users: belong to an embedded organization/,
    );
  });

  it("stand beside an embedded one, and then each mailbox says whose it is", () => {
    const both = `${dataverse(`${URL_FIELD}, ${SIGN_IN}`)}\n  - { name: own, kind: embedded }`;
    const rest = (organization: string) =>
      `users:\n  - { name: Ann, email: ann@own.example }\nmailboxes:\n  - { address: ann@own.example, user: ann@own.example, password: { env: P }${organization} }\n`;
    assert.deepEqual(problemsOf(file(both, rest(", organization: own"))), []);
    assert.match(problemsOf(file(both, rest(""))).join(), /mailboxes\[0\].organization: must be named: there are several organizations/);
    assert.match(problemsOf(file(both, rest(", organization: other"))).join(), /there is no organization "other"/);
  });
});
