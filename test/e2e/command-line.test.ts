import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { EXIT_MEANINGS } from "../../src/command-line/exit-codes.ts";
import { configurationJsonSchema } from "../../src/config.ts";
import { PAGE_SIZE } from "../../src/engine/receive/read-stream.ts";
import { type CuttingProxy, startCuttingProxy } from "../servers/cutting-proxy.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { waypost } from "./command.ts";
import { ANN, BEN, openOffice, PASSWORD } from "./office.ts";
import {
  checkedShape,
  errorShape,
  explainedShape,
  json,
  passed,
  quarantineShape,
  receivedShape,
  STEP_TRACE,
  sentShape,
  statusShape,
  whatIfShape,
} from "./results.ts";

const root = path.resolve(import.meta.dirname, "../..");
const COMMANDS = [
  "track",
  "untrack",
  "regarding",
  ...["serve", "demo", "receive", "send", "explain", "what-if", "status", "check", "approve", "reject", "decide", "authorize"],
  ...["quarantine", "quarantine list", "quarantine retry", "config", "config check", "config schema"],
];

describe("the command line without a database", () => {
  test("every command explains itself with --help", async () => {
    const folder = temporaryFolder("help");
    const answers = await Promise.all(
      ["", ...COMMANDS].map(async (command) => ({
        command,
        ...(await waypost([...command.split(" ").filter(Boolean), "--help"], { folder })),
      })),
    );
    removeFolder(folder);
    for (const { command, code, out, error } of answers) {
      assert.deepEqual([code, error], [0, ""], command);
      assert.match(out, new RegExp(`^Usage: waypost ?${command}`));
      assert.match(out, /--json/, `${command} names the options that every command takes`);
      for (const [code, meaning] of Object.entries(EXIT_MEANINGS)) assert.ok(out.includes(`\n  ${code}  ${meaning}\n`), command);
    }
  });

  test("says the version of the package", async () => {
    const { version } = z.object({ version: z.string() }).parse(JSON.parse(readFileSync(path.join(root, "package.json"), "utf8")));
    const { code, out } = await waypost(["--version"], { folder: root });
    assert.deepEqual([code, out], [0, `${version}\n`]);
  });

  const wrong: readonly (readonly [readonly string[], RegExp])[] = [
    [["nonsense"], /unknown command 'nonsense'/],
    [["status", "--nonsense"], /unknown option '--nonsense'/],
    [["status", "too", "many"], /too many arguments/],
    [["explain"], /missing required argument 'message-id'/],
    [["decide", randomUUID(), "perhaps"], /perhaps.*sent, again, failed/],
    [["decide", "my-email", "sent"], /my-email.*must be the id of an email/],
    [["quarantine", "retry", "x17"], /x17.*must be a whole number/],
    [["what-if", "--set", "nonsense=1"], /There is no organization setting nonsense/],
    [["what-if", "--set", "emailcorrelationenabled"], /--set takes name=value/],
    [["what-if", "--filter", "ann@office.test=some"], /A filter is all, replies, contacts, records or none/],
    [["what-if", "--read-from", "yesterday"], /must be a day like/],
    [["what-if", "--days", "0.5"], /must be a whole number/],
    [["serve", "--roles", "web,cook"], /"cook" is no role; there are web, worker, watcher/],
    [["demo", "--port", "70000"], /A port is at most 65535/],
    [[], /^Usage: waypost|needed/],
  ];
  test("a wrong command line is exit code 2 and one sentence that says what is wrong", async () => {
    for (const [args, says] of wrong) {
      const [plain, asJson] = await Promise.all([waypost(args, { folder: root }), waypost(["--json", ...args], { folder: root })]);
      assert.deepEqual([plain.code, plain.out], [2, ""], args.join(" "));
      assert.match(plain.error, says);
      assert.equal(asJson.code, 2);
      const { error } = json(errorShape, asJson);
      assert.equal(error.code, "usage");
      if (args.length > 0) assert.match(error.message, says);
    }
  });
});

describe("the configuration file", () => {
  test("that is not there is exit code 2, and the message says how to name another", async () => {
    const folder = temporaryFolder("config");
    const { code, out, error } = await waypost(["status"], { folder });
    assert.deepEqual([code, out], [2, ""]);
    assert.match(error, /waypost\.yaml cannot be read.*ENOENT/);
    assert.match(error, /--config or WAYPOST_CONFIG/);
    const named = await waypost(["--json", "config", "check"], { folder, environment: { WAYPOST_CONFIG: "elsewhere.yaml" } });
    assert.equal(named.code, 2);
    assert.match(json(errorShape, named).error.message, /elsewhere\.yaml/);
    removeFolder(folder);
  });

  test("that is wrong is answered line by line and field by field, with exit code 2 by every command that reads it", async () => {
    const folder = temporaryFolder("config");
    writeFileSync(
      path.join(folder, "waypost.yaml"),
      [
        "organizations: [{ name: office, kind: embedded }]",
        "serverProfiles:",
        "  - name: mail",
        "    incoming: { host: localhost, security: clear }",
        "users: [{ name: Ann, email: ann@office.test, filtre: all }]",
        "mailboxes:",
        "  - address: ann@office.test",
        "    user: ann@office.test",
        "    incoming: maybe",
        "",
      ].join("\n"),
    );
    const answers = await Promise.all(
      [["config"], ["config", "check"], ["status"], ["serve"], ["receive"]].map((args) => waypost(args, { folder })),
    );
    for (const { code, out, error } of answers) {
      assert.deepEqual([code, out], [2, ""]);
      assert.match(error, /^waypost\.yaml:4:\d+: serverProfiles\[0\]\.incoming\.security: .*"tls"\|"starttls"\|"none"$/m);
      assert.match(error, /^waypost\.yaml:5:\d+: users\[0\]: unknown field "filtre"$/m);
      assert.match(error, /^waypost\.yaml:9:\d+: mailboxes\[0\]\.incoming: /m);
    }
    removeFolder(folder);
  });

  test("that holds a secret is refused, and the secret is not repeated", async () => {
    const folder = temporaryFolder("config");
    const secret = "hunter2-hunter2";
    const rest = (password: string, before = "") =>
      `${before}organizations: [{ name: o, kind: embedded }]\nserverProfiles: [{ name: p, incoming: { host: h } }]\nusers: [{ name: A, email: a@o.test }]\nmailboxes:\n  - address: a@o.test\n    user: a@o.test\n    password: ${password}\n`;
    const places = [
      rest(secret),
      rest(`*${secret}`),
      rest(`|${secret}`),
      rest(`{ value: ${secret} }`),
      rest("{ env: A }", `database: { url: postgres://waypost:${secret}@db.test/waypost }\n`),
    ];
    for (const [index, text] of places.entries()) writeFileSync(path.join(folder, `${index}.yaml`), text);
    const answers = await Promise.all(places.map((_, index) => waypost(["--config", `${index}.yaml`, "status"], { folder })));
    for (const [index, { code, out, error }] of answers.entries()) {
      assert.equal(code, 2, places[index]);
      assert.match(error, new RegExp(`^${index}\\.yaml:${index === 4 ? 1 : 7}:\\d+: `));
      assert.ok(!`${out}${error}`.includes(secret), `${error}\nrepeats the secret of\n${places[index]}`);
    }
    removeFolder(folder);
  });

  test("is checked against the schema that is printed and that stands in docs/", async () => {
    const [plain, asJson] = await Promise.all([
      waypost(["config", "schema"], { folder: root }),
      waypost(["config", "schema", "--json"], { folder: root }),
    ]);
    assert.deepEqual(JSON.parse(plain.out), configurationJsonSchema());
    assert.deepEqual(json(z.unknown(), asJson), configurationJsonSchema());
    assert.deepEqual(JSON.parse(readFileSync(path.join(root, "docs/waypost.schema.json"), "utf8")), configurationJsonSchema());
  });

  test("that is right is said to be so", async () => {
    await using office = await openOffice("pglite");
    const [plain, asJson] = await Promise.all([office.run("config", "check"), office.run("--json", "config")]);
    assert.equal(plain.code, 0);
    assert.match(plain.out, /^waypost\.yaml is right: 2 mailboxes\.\n/);
    assert.match(plain.out, /\n {2}incoming: .*protocol: imap/);
    const { serverProfiles, ...rest } = json(z.looseObject({ serverProfiles: z.array(z.looseObject({ name: z.string() })) }), asJson);
    assert.deepEqual(rest, { valid: true, mailboxes: 2, notes: [] });
    assert.ok(serverProfiles.length > 0);
    const [profile] = office.configuration.serverProfiles ?? [];
    assert.ok(profile?.incoming);
    const incoming = { ...profile.incoming, certificateAuthorities: "nowhere.pem" };
    office.write({ ...office.configuration, serverProfiles: [{ ...profile, incoming }] });
    const { code, error } = await office.run("config", "check");
    assert.equal(code, 2);
    assert.match(error, /: serverProfiles\[0\]\.incoming\.certificateAuthorities: .*nowhere\.pem does not exist\. Put/);
  });
});

describe("commands on an embedded database", { concurrency: 2 }, () => {
  test("receive, explain, status and check: 0 when nothing needs anybody, each with one line of JSON", async () => {
    await using office = await openOffice("pglite");
    office.arrive(ANN, "first@stranger.test");
    office.arrive(BEN, "second@stranger.test");
    const received = await office.run("receive", "--json");
    assert.equal(received.code, 0, received.error);
    assert.deepEqual(json(receivedShape, received).counts, { received: 2, tracked: 1, skipped: 1, quarantined: 0 });
    const again = await office.run("receive", ANN);
    assert.deepEqual([again.code, again.error], [0, ""]);
    assert.equal(again.out, "1 mailbox read: 0 messages, 0 tracked, 0 skipped, 0 duplicate, 0 quarantined, 0 moved\n");

    const explained = await office.run("explain", "<first@stranger.test>");
    assert.equal(explained.code, 0);
    assert.match(explained.out, /^Message <first@stranger\.test> from carl@stranger\.test\n/);
    assert.match(explained.out, /is tracked, accepted by Ann \(reason 6, accept all\)/);
    const skipped = json(explainedShape, await office.run("explain", "second@stranger.test", "--json"));
    assert.deepEqual(skipped.incoming, [{ outcome: "skipped", mailbox: BEN }]);

    const tried = await office.run("what-if", "--filter", `${BEN}=all`);
    assert.deepEqual([tried.code, tried.error], [0, ""]);
    assert.match(tried.out, /^ben@office\.test {2}\(1 of 1 message changes\)\n {2}tracked: +0 → 1\n {2}skipped: +1 → 0\n/m);
    assert.match(
      tried.out,
      /^skipped → tracked: message <second@stranger\.test> from …@stranger\.test, received .* in ben@office\.test, decision \d+\n {2}now: +filter: no\./m,
    );
    assert.deepEqual(json(whatIfShape, await office.run("what-if", "--set", "DoNotAutoTrackEmail=on", "--mailbox", ANN, "--json")), {
      changed: 1,
      changes: [{ mailbox: ANN, messageId: "first@stranger.test", before: { outcome: "tracked" }, after: { outcome: "skipped" } }],
    });
    const refused = await office.run("what-if", "--set", "trackingtokeniddigits=99");
    assert.equal(refused.code, 2);
    assert.match(refused.error, /cannot be tried.*trackingtokeniddigits/);
    assert.equal((await office.run("what-if", "--filter", "nobody@office.test=all")).code, 4);

    const history = await office.run("history", BEN, "--from", "2019-06-01");
    assert.deepEqual([history.code, history.error], [0, ""]);
    assert.match(history.out, /^ben@office\.test, received from 2019-06-01 00:00:00 UTC on and before its start, .*: 0 messages\.\n/);
    const none = await office.run("history", BEN, "--from", "2100-01-01", "--read");
    assert.equal(none.code, 1);
    assert.match(none.error, /nothing from then on is history/);

    const status = await office.run("status");
    assert.equal(status.code, 0);
    assert.match(status.out, /^ann@office\.test {2}\(mail\)\n {2}receiving: works, last \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC\n/);
    assert.match(status.out, /folder: +INBOX \(1 message\) is read\n/);
    assert.match(status.out, /folder: +Sent \(0 messages\) is not read\. It holds sent mail\.\n/);
    assert.match(status.out, /weakness: +incoming: passwords and mail travel in plain text\n/);
    assert.match(status.out, /0 emails pending, 0 emails with unknown outcome, 0 messages in quarantine, 0 open alerts\n$/);
    assert.deepEqual(
      json(statusShape, await office.run("--json", "status")).mailboxes.map((one) => [one.address, one.messages.tracked]),
      [
        [ANN, 1],
        [BEN, 0],
      ],
    );

    const check = await office.run("check", ANN);
    assert.equal(check.code, 0);
    assert.match(check.out, /^ann@office\.test\n {2}(ok|WARNING)/);
    const checks = json(checkedShape, await office.run("check", "--json", "--no-test-message"));
    assert.deepEqual(
      checks.map((one) => one.mailbox),
      [ANN, BEN],
    );
    assert.equal((await office.run("quarantine")).out, "Nothing is in quarantine.\n");
  });

  test("what could not be done is 1, with the server's words and what to do; what is not there is 4", async () => {
    await using office = await openOffice("pglite");
    office.arrive(ANN, "kept@stranger.test");
    office.setPassword("wrong");
    const refused = await office.run("receive");
    assert.equal(refused.code, 1);
    assert.match(refused.out, /^FAILED .*ann@office\.test.*\n {2}the server said: .+\n {2}what to do: .+$/m);
    const asJson = await office.run("receive", "--json", ANN);
    assert.equal(asJson.code, 1);
    assert.deepEqual(
      json(receivedShape, asJson).failures.map(({ mailbox }) => mailbox),
      [ANN],
    );
    assert.equal((await office.run("check", ANN)).code, 1);
    const alerted = await office.run("status");
    assert.equal(alerted.code, 3, "an open alert needs a person");
    assert.match(alerted.out, /receiving: FAILING\. /);
    assert.match(alerted.out, /^ALERT since [-\d]+ [:\d]+ UTC, seen 2 times, last /m);
    assert.ok(![refused, asJson, alerted].some(({ out, error }) => `${out}${error}`.includes("wrong\n")), "passwords are not shown");

    const nobody = [
      await office.run("receive", "nobody@office.test"),
      await office.run("send", "nobody@office.test"),
      await office.run("check", "nobody@office.test"),
      await office.run("decide", randomUUID(), "sent"),
      await office.run("explain", "never-seen@stranger.test"),
      await office.run("quarantine", "retry", "17"),
      await office.run("approve", "nobody@office.test"),
      await office.run("check", "--profile", "nowhere"),
    ];
    assert.deepEqual(
      nobody.map(({ code }) => code),
      nobody.map(() => 4),
    );
    assert.match(nobody[0]?.error ?? "", /There is no mailbox nobody@office\.test/);
    assert.match(nobody[4]?.out ?? "", /Nothing is known of never-seen@stranger\.test/);
    assert.equal(json(errorShape, await office.run("--json", "check", "nobody@office.test")).error.code, "mailbox unknown");

    office.setPassword(PASSWORD);
    const mended = await office.run("receive", "--json");
    assert.equal(mended.code, 0);
    assert.equal(json(receivedShape, mended).counts.tracked, 1, "nothing is lost by it");
    assert.equal((await office.run("check", ANN)).code, 0, "the test passes, and what it found is no email");
    assert.equal((await office.run("status")).code, 0, "the alerts are closed");
    await office.run("reject", ANN);
    const off = await office.run("receive", "--json", ANN);
    assert.equal(off.code, 3, "named, and off");
    assert.deepEqual(
      json(receivedShape, off).left.map(({ mailbox, state, until }) => [mailbox, state, until]),
      [[ANN, "off", null]],
    );
    const unnamed = await office.run("receive");
    assert.equal(unnamed.code, 0);
    assert.match(unnamed.out, /^1 mailbox read: 0 messages.*\noff +ann@office\.test: The address ann@office\.test was rejected\./);
  });

  test("what is in quarantine is listed with the reason, makes exit code 3, and is delivered once the cause is gone", async () => {
    await using office = await openOffice("pglite");
    office.arrive(ANN, "large@stranger.test", { size: 1_300_000 });
    const received = await office.run("receive");
    assert.equal(received.code, 3);
    const listed = await office.run("quarantine", "list");
    assert.equal(listed.code, 3);
    assert.match(listed.out, /^1 {2}ann@office\.test: message <large@stranger\.test> from …@stranger\.test, received /);
    assert.match(listed.out, /maximumMessageMegabytes/);
    assert.deepEqual(json(quarantineShape, await office.run("--json", "quarantine")), [{ id: 1, messageId: "large@stranger.test" }]);
    assert.equal((await office.run("status")).code, 3);

    const [profile] = office.configuration.serverProfiles ?? [];
    assert.ok(profile);
    office.write({ ...office.configuration, serverProfiles: [{ ...profile, maximumMessageMegabytes: 40 }] });
    assert.equal((await office.run("quarantine", "retry", "1")).out, "1 message will be processed again.\n");
    const again = await office.run("receive");
    assert.equal(again.code, 0);
    assert.equal((await office.run("quarantine")).code, 0);
    assert.match((await office.run("explain", "large@stranger.test")).out, /is tracked/);
  });

  test("an email whose outcome nobody knows makes exit code 3, and is ended by a person's word", async () => {
    await using proxies = new AsyncDisposableStack();
    const cutters: CuttingProxy[] = [];
    await using office = await openOffice("pglite", async (port) => {
      const proxy = proxies.use(await startCuttingProxy(port));
      cutters.push(proxy);
      return proxy.port;
    });
    // The mail server has the message, and nobody hears its answer.
    office.mail.onDelivery(() => cutters[0]?.cutNow());
    await office.run("status");
    const email = await office.pressSend("carl@stranger.test");
    const sent = await office.run("send", "--json");
    assert.equal(sent.code, 3, sent.error);
    assert.deepEqual(json(sentShape, sent).counts, { sent: 0, failed: 0, waiting: 0, unknown: 1 });
    const status = await office.run("status");
    assert.equal(status.code, 3);
    assert.match(status.out, new RegExp(`^UNKNOWN since .*: whether the email ${email} left$`, "m"));
    assert.match(status.out, new RegExp(`waypost decide ${email} sent`));
    assert.match((await office.run("explain", email)).out, /Nobody knows whether it left/);
    const decided = await office.run("decide", email, "sent", "--json");
    assert.equal(decided.code, 0);
    assert.deepEqual(json(z.unknown(), decided), { decided: "sent" });
    assert.equal((await office.run("status")).code, 0);
    assert.equal((await office.run("decide", email, "sent")).code, 4, "it is decided already");
    assert.equal(office.mail.outside.length, 1, "it went out once");
  });

  test("output that nobody reads to the end is no fault", async () => {
    await using office = await openOffice("pglite");
    const piped = office.start(["status"]);
    piped.closeOutput();
    const { code, error } = await piped.ended;
    assert.deepEqual([code, error], [0, ""]);
  });

  test("Ctrl+C during receive ends it at a safe point with code 1, and the rest is received the next time", async () => {
    await using office = await openOffice("pglite");
    const all = PAGE_SIZE + 100;
    for (let number = 0; number < all; number++) office.arrive(ANN, `${number}@stranger.test`);
    const trace = path.join(office.folder, "steps");
    const receiving = office.start(["receive", "--json"], {
      nodeArguments: ["--import", STEP_TRACE],
      environment: { WAYPOST_STEP_TRACE: trace },
    });
    await receiving.untilSo("the first page", () => passed(trace, "receive.pulled"));
    receiving.kill("SIGINT");
    const interrupted = await receiving.ended;
    assert.equal(interrupted.code, 1, interrupted.error);
    assert.match(interrupted.error, /Ending at the next safe point/);
    const first = json(receivedShape, interrupted).counts.tracked;
    assert.ok(first < all, `it was over before: ${first}`);
    const rest = json(receivedShape, await office.run("receive", "--json"));
    assert.equal(first + rest.counts.tracked, all);
  });
});
