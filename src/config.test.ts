import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { describe, it } from "node:test";
import { ConfigurationError, configurationJsonSchema, parseConfiguration, readConfiguration, readSecret } from "./config.ts";
import { Failure } from "./model/failure.ts";

const MINIMAL = `organizations:
  - name: contoso
    kind: embedded
serverProfiles:
  - name: company
    incoming: { host: imap.example.com }
    outgoing: { host: smtp.example.com, security: starttls }
users:
  - name: Ann Lee
    email: ann@example.com
mailboxes:
  - address: ann@example.com
    user: ann@example.com
    password: { env: ANN_PASSWORD }
`;

function problemsOf(text: string): ConfigurationError["problems"] {
  try {
    parseConfiguration(text, "waypost.yaml");
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems;
  }
  return assert.fail("the configuration was taken");
}

describe("parseConfiguration", () => {
  it("fills in safe defaults: TLS, verified certificates, loopback only, replies only", () => {
    const configuration = parseConfiguration(MINIMAL, "/etc/waypost/waypost.yaml");
    assert.equal(configuration.serverProfiles[0]?.incoming?.security, "tls");
    assert.equal(configuration.serverProfiles[0]?.incoming?.verifyCertificate, true);
    assert.equal(configuration.listen.host, "127.0.0.1");
    assert.equal(configuration.users[0]?.filter, "replies");
    assert.deepEqual(configuration.database, { folder: path.resolve("/etc/waypost/waypost-data") });
  });

  it("names line, column and field of a wrong value", () => {
    assert.deepEqual(
      problemsOf(MINIMAL.replace("security: starttls", "security: ssl")).map(({ line, field }) => [line, field]),
      [[7, "serverProfiles[0].outgoing.security"]],
    );
  });

  it("takes names and addresses for servers, but no scheme, port or blank in them", () => {
    const servers = (host: string) => MINIMAL.replace(/host: [^,}\s]+/, `host: ${host}`);
    for (const right of ["mail", "mail.example.com", "bücher.example", "192.0.2.7", "'2001:db8::1'"])
      assert.ok(parseConfiguration(servers(right), "waypost.yaml").serverProfiles[0]?.incoming?.host);
    for (const wrong of ["'mail.example.com:993'", "'imaps://mail.example.com'", "'a b'"])
      assert.deepEqual(
        problemsOf(servers(wrong)).map(({ field }) => field),
        ["serverProfiles[0].incoming.host"],
      );
  });

  it("takes names for a reverse proxy, but no URL or port in their place", () => {
    const names = (list: string) => `${MINIMAL}listen: { names: [${list}] }\n`;
    assert.deepEqual(parseConfiguration(names("crm.example.com, mail"), "waypost.yaml").listen.names, ["crm.example.com", "mail"]);
    for (const wrong of ["'https://crm.example.com'", "'crm.example.com:443'", "'*.example.com'"])
      assert.deepEqual(
        problemsOf(names(wrong)).map(({ field }) => field),
        ["listen.names[0]"],
      );
  });

  it("takes aliases, what is made of unknown senders and a default queue, and refuses a queue that there is not", () => {
    const own =
      "email: ann@example.com\n    aliases: [sales@example.com]\n    autoCreate: lead\n    mayWriteEmails: false\n    defaultQueue: help@example.com\n";
    const text = MINIMAL.replace("email: ann@example.com\n", own);
    const [user] = parseConfiguration(`${text}queues: [{ name: Help, email: help@example.com }]\n`, "waypost.yaml").users;
    assert.deepEqual(
      [user?.aliases, user?.autoCreate, user?.mayWriteEmails, user?.defaultQueue],
      [["sales@example.com"], "lead", false, "help@example.com"],
    );
    assert.deepEqual(
      problemsOf(text).map(({ field }) => field),
      ["users[0].defaultQueue"],
    );
  });

  it("takes one character or none to part plus-addresses", () => {
    const settings = (separator: string) =>
      MINIMAL.replace("kind: embedded", `kind: embedded\n    settings: { PlusAddressSeparator: "${separator}" }`);
    for (const right of ["", "+", "-"]) parseConfiguration(settings(right), "waypost.yaml");
    for (const wrong of ["++", "a", "@", " "])
      assert.deepEqual(
        problemsOf(settings(wrong)).map(({ field }) => field),
        ["organizations[0].settings.PlusAddressSeparator"],
      );
  });

  it("names an unknown field where it stands", () => {
    const [problem] = problemsOf(MINIMAL.replace("    email: ann@example.com\n", "    email: ann@example.com\n    fliter: all\n"));
    assert.deepEqual([problem?.line, problem?.field, problem?.problem], [11, "users[0]", 'unknown field "fliter"']);
  });

  it("names the line of a syntax error", () => {
    assert.equal(problemsOf("organizations:\n  - name: [\n")[0]?.line, 3);
  });

  it("refuses a secret that stands in the file and does not repeat it", () => {
    const [problem] = problemsOf(MINIMAL.replace("{ env: ANN_PASSWORD }", "hunter2"));
    assert.equal(problem?.field, "mailboxes[0].password");
    assert.match(problem?.problem ?? "", /never stands in this file/);
    assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
  });

  it("refuses it in every form in which YAML can hold it, says where, and never repeats it", () => {
    for (const form of [
      "*hunter2",
      "|hunter2",
      '"hunter2\\q"',
      "!hunter2 x",
      "&hunter2 hunter2",
      "{ hunter2 }",
      "{ value: hunter2 }",
      "hunter2: x",
      "@hunter2",
    ]) {
      const [problem, ...others] = problemsOf(MINIMAL.replace("{ env: ANN_PASSWORD }", form));
      assert.equal(problem?.line, MINIMAL.split("\n").findIndex((line) => line.includes("ANN_PASSWORD")) + 1, form);
      assert.doesNotMatch(JSON.stringify([problem, ...others]), /hunter2/, form);
    }
  });

  it("refuses the URL of a database in the file, and says what to write instead", () => {
    for (const database of ["postgres://waypost:hunter2@db.test/waypost", "{ url: 'postgres://waypost:hunter2@db.test/waypost' }"]) {
      const [problem, ...others] = problemsOf(`database: ${database}\n${MINIMAL}`);
      assert.deepEqual([problem?.field, problem?.line, others], ["database", 1, []]);
      assert.match(problem?.problem ?? "", /\{ url: \{ env: NAME \} \}/);
      assert.doesNotMatch(JSON.stringify(problem), /hunter2/);
    }
  });

  it("answers an alias without anchor, a second document and a field that is missing in plain words", () => {
    const said = (text: string) => problemsOf(text).map((one) => `${one.line} ${one.field} ${one.problem}`);
    assert.deepEqual(said("organizations: *all\n"), [
      "1  a value that begins with * refers to an anchor (&) earlier in the file, and there is none",
    ]);
    assert.deepEqual(said(`${MINIMAL}---\n`), [
      `${MINIMAL.split("\n").length}  a second document begins here (---); the file may hold only one`,
    ]);
    assert.deepEqual(said(MINIMAL.replace(/ {4}kind: .*\n/, "")), ["2 organizations[0].kind is needed"]);
    assert.equal(
      parseConfiguration(MINIMAL.replace("name: contoso", "name: &name contoso").replace("user: ", "organization: *name\n    user: "), "w")
        .mailboxes[0]?.organization,
      "contoso",
    );
  });

  it("reports every contradiction at once", () => {
    const text = `${MINIMAL}  - address: ann@example.com
    user: nobody@example.com
    profile: elsewhere
    password: { env: X }
`;
    assert.deepEqual(
      problemsOf(text).map((one) => one.field),
      ["mailboxes[1].address", "mailboxes[1].user", "mailboxes[1].profile"],
    );
  });

  it("asks for a password where the profile signs in", () => {
    assert.deepEqual(
      problemsOf(MINIMAL.replace("    password: { env: ANN_PASSWORD }\n", "")).map((one) => one.field),
      ["mailboxes[0].password"],
    );
  });

  it("takes Dynamics' setting names and no others", () => {
    const text = MINIMAL.replace(
      "    kind: embedded\n",
      "    kind: embedded\n    settings: { trackingprefix: 'ACME:', DoNotAutoTrackEmail: true }\n",
    );
    const [organization] = parseConfiguration(text, "waypost.yaml").organizations;
    assert.partialDeepStrictEqual(organization, { kind: "embedded", settings: { trackingprefix: "ACME:", DoNotAutoTrackEmail: true } });
    assert.equal(problemsOf(text.replace("trackingprefix", "trackingprefx")).length, 1);
  });

  it("refuses a pattern for noise in subjects that could run without bound, or is none, and says why", () => {
    const withPattern = (pattern: string) =>
      MINIMAL.replace("    kind: embedded\n", () => `    kind: embedded\n    settings: { hashfilterkeywords: '${pattern}' }\n`);
    const rows: [pattern: string, problem: string][] = [
      ["(?=a+)b", 'is a regular expression that cannot be used: it holds "(?=a", which may run without bound'],
      ["(re", "is a regular expression that cannot be used: it opens a group that it does not close"],
    ];
    for (const [pattern, problem] of rows) {
      const [first, ...others] = problemsOf(withPattern(pattern));
      assert.deepEqual([first?.field, first?.problem, others.length], ["organizations[0].settings.hashfilterkeywords", problem, 0]);
    }
    assert.doesNotThrow(() => parseConfiguration(withPattern("^(re|aw|fw):(a+)+$"), "waypost.yaml"));
  });

  it("takes organizations alone, to begin with, and a mailbox only with a server profile", () => {
    const alone = "organizations: [{ name: contoso, kind: embedded }]\n";
    assert.deepEqual(parseConfiguration(alone, "waypost.yaml").serverProfiles, []);
    const mailbox = "mailboxes: [{ address: ann@example.com, queue: ann@example.com }]\n";
    const queue = "queues: [{ name: Ann, email: ann@example.com }]\n";
    assert.deepEqual(
      problemsOf(`${alone}${queue}${mailbox}`).map(({ field, problem }) => `${field}: ${problem}`),
      ["mailboxes[0].profile: needs a server profile, and there is none"],
    );
  });

  it("answers an empty file with what is missing", () => {
    assert.deepEqual(
      problemsOf("").map((one) => one.field),
      ["organizations"],
    );
  });
});

describe("readSecret", () => {
  it("reads a file without its last line end, and says what is missing without showing secrets", () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), "waypost-secret-"));
    try {
      writeFileSync(path.join(folder, "password"), "s3cret \r\n");
      assert.equal(readSecret({ file: path.join(folder, "password") }, "The password of ann"), "s3cret ");
      assert.throws(
        () => readSecret({ file: path.join(folder, "none") }, "The password of ann"),
        (error) =>
          error instanceof Failure &&
          error.code === "secret missing" &&
          /^The password of ann is missing: the file .*none/.test(error.message),
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

it("a missing file is answered with where to look", () => {
  assert.throws(
    () => readConfiguration("/nowhere/waypost.yaml"),
    (error) => error instanceof Failure && error.code === "configuration missing",
  );
});

it("docs/waypost.schema.json is the schema of the file", () => {
  const committed: unknown = JSON.parse(readFileSync(path.resolve(import.meta.dirname, "../docs/waypost.schema.json"), "utf8"));
  assert.deepEqual(committed, JSON.parse(JSON.stringify(configurationJsonSchema())));
});
