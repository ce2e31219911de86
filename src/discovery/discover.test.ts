import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { parseConfiguration } from "../config.ts";
import { Failure } from "../model/failure.ts";
import { discover } from "./discover.ts";
import type { HttpAnswer } from "./document.ts";
import type { Found, Probe, Settings } from "./found.ts";
import type { World } from "./methods.ts";
import { snippetOf } from "./snippet.ts";
import type { SrvRecord } from "./srv.ts";

const ADDRESS = "ann@example.com";

interface Facts {
  readonly srv?: Readonly<Record<string, readonly SrvRecord[]>>;
  readonly mx?: readonly string[];
  readonly pages?: Readonly<Record<string, HttpAnswer | Error>>;
  /** Servers that answer, as `host:port`; all others refuse. */
  readonly answering?: readonly string[];
}

/** A world in which only these facts hold; remembers what was asked. */
function worldOf({ srv = {}, mx = [], pages = {}, answering = [] }: Facts): World & { readonly asked: string[] } {
  const asked: string[] = [];
  const probe: Probe = { result: "answers", message: "ok", remedy: null, serverSaid: null, offers: [], warnings: [] };
  return {
    asked,
    srv: async (name) => srv[name] ?? [],
    mx: async () => mx,
    txt: async () => [],
    exchange: async ({ url }) => {
      asked.push(url);
      const page = pages[url] ?? trouble("host unknown", "No such host.");
      if (page instanceof Error) throw page;
      return page;
    },
    probe: async ({ host, port }: Settings) =>
      answering.includes(`${host}:${port}`) ? probe : { ...probe, result: "failed", message: "It refuses.", remedy: "Wait." },
  };
}

function trouble(code: string, message: string): Failure {
  return new Failure({ scope: "process", code, message, remedy: "Nothing.", waitingHelps: false });
}

function page(body: string, status = 200): HttpAnswer {
  return { status, location: null, body: Buffer.from(body) };
}

const AUTOCONFIG = "https://autoconfig.example.com/mail/config-v1.1.xml?emailaddress=ann%40example.com";
const configuration = (...servers: string[]) => `<clientConfig><emailProvider>${servers.join("")}</emailProvider></clientConfig>`;
const imap = (host: string) =>
  `<incomingServer type="imap"><hostname>${host}</hostname><port>993</port><socketType>SSL</socketType><username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></incomingServer>`;
const smtp = (host: string) =>
  `<outgoingServer type="smtp"><hostname>${host}</hostname><port>465</port><socketType>SSL</socketType></outgoingServer>`;

const find = (facts: Facts, options = { askIspdb: false }) => discover(ADDRESS, worldOf(facts), options);
const said = ({ candidates }: Found) =>
  candidates.map(({ protocol, host, trust, probe }) => `${protocol} ${host} ${trust} ${probe.result}`);

describe("discover", () => {
  it("joins what several places say of one server, and believes the best of them", async () => {
    const found = await find({
      srv: { "_imaps._tcp.example.com": [{ name: "imap.hoster.test", port: 993, priority: 0, weight: 0 }] },
      pages: { [AUTOCONFIG]: page(configuration(imap("imap.hoster.test"), smtp("smtp.hoster.test"))) },
      answering: ["imap.hoster.test:993", "smtp.hoster.test:465"],
    });
    assert.deepEqual(said(found), ["imap imap.hoster.test published answers", "smtp smtp.hoster.test published answers"]);
    const [first] = found.candidates;
    assert.deepEqual(
      first?.evidence.map(({ method, trust }) => [method, trust]),
      [
        ["DNS SRV", "to be confirmed"],
        ["autoconfig", "published"],
      ],
    );
    assert.equal(first?.username, "ann");
  });

  it("puts what is published before what is to be confirmed, and what answers before what does not", async () => {
    const found = await find({
      srv: {
        "_imaps._tcp.example.com": [{ name: "imap.elsewhere.test", port: 993, priority: 0, weight: 0 }],
        "_submissions._tcp.example.com": [{ name: "smtp.example.com", port: 465, priority: 0, weight: 0 }],
      },
      pages: { [AUTOCONFIG]: page(configuration(imap("dead.example.com"), imap("imap.example.com"))) },
      answering: ["imap.elsewhere.test:993", "imap.example.com:993"],
    });
    assert.deepEqual(said(found), [
      "imap imap.example.com published answers",
      "imap dead.example.com published failed",
      "imap imap.elsewhere.test to be confirmed answers",
      "smtp smtp.example.com published failed",
    ]);
  });

  it("hides no answer behind the trouble of another place, and tells of the trouble", async () => {
    const found = await find({
      pages: {
        [AUTOCONFIG]: page("<html><body>Welcome!</body></html>"),
        "https://example.com/.well-known/autoconfig/mail/config-v1.1.xml": page(configuration(imap("imap.example.com"))),
        "https://autodiscover.example.com/autodiscover/autodiscover.xml": page("", 401),
        "https://example.com/autodiscover/autodiscover.xml": trouble("certificate expired", "The certificate is too old."),
      },
      answering: ["imap.example.com:993"],
    });
    assert.equal(said(found)[0], "imap imap.example.com published answers");
    const messages = found.notes.map(({ outcome, message }) => `${outcome}: ${message}`).join("\n");
    assert.match(messages, /failed: What stands there is not used: it is no autoconfig document but <html>/);
    assert.match(messages, /hint: It wants a sign-in.*nothing was sent/);
    assert.match(messages, /failed: The certificate is too old/);
  });

  it("does not hide faults of the program as an answer", async () => {
    const world = { ...worldOf({}), mx: () => Promise.reject(new TypeError("bug")) };
    await assert.rejects(discover(ADDRESS, world, { askIspdb: false }), TypeError);
  });

  it("guesses only where nobody says anything, and shows only guesses that answer", async () => {
    const found = await find({ answering: ["mail.example.com:993", "mail.example.com:587", "imap.example.com:143"] });
    assert.deepEqual(said(found), [
      "imap mail.example.com guess answers",
      "imap imap.example.com guess answers",
      "smtp mail.example.com guess answers",
    ]);
    assert.match(found.snippet ?? "", /# mail\.example\.com is a guess/);
    const nothing = await find({});
    assert.deepEqual(nothing.candidates, []);
    assert.equal(nothing.snippet, null);
    assert.match(nothing.notes.at(-1)?.message ?? "", /No server .* answers at imap\.example\.com, mail\.example\.com/);
  });

  it("asks Mozilla's database only when it may", async () => {
    const quiet = worldOf({});
    await discover(ADDRESS, quiet, { askIspdb: false });
    assert.deepEqual(
      quiet.asked.filter((url) => !new URL(url).hostname.endsWith("example.com")),
      [],
    );
    const database = "https://autoconfig.thunderbird.net/v1.1/example.com";
    const found = await find({ pages: { [database]: page(configuration(imap("imap.example.com"))) } }, { askIspdb: true });
    assert.equal(found.candidates[0]?.trust, "to be confirmed");
  });

  it("knows hosters by their mail exchangers, and offers the preset", async () => {
    const found = await find({ mx: ["aspmx.l.google.com"], answering: ["imap.gmail.com:993", "smtp.gmail.com:465"] });
    assert.deepEqual(said(found), ["imap imap.gmail.com to be confirmed answers", "smtp smtp.gmail.com to be confirmed answers"]);
    assert.equal(found.preset, "gmail");
    assert.match(found.snippet ?? "", /preset: gmail/);
  });

  it("gives Microsoft's servers too, with an application in the place of a password", async () => {
    const exchanger = "example-com.mail.protection.outlook.com";
    const found = await find({ mx: [exchanger], answering: ["outlook.office365.com:993", "smtp.office365.com:587"] });
    assert.deepEqual(said(found), [
      "imap outlook.office365.com to be confirmed answers",
      "smtp smtp.office365.com to be confirmed answers",
    ]);
    assert.ok(found.notes.some(({ message }) => message.includes("docs/mail-systems/microsoft-365.md")));
    const [profile] = parseConfiguration(
      `organizations: [{ name: contoso, kind: embedded }]\n${found.snippet}`,
      "waypost.yaml",
    ).serverProfiles;
    assert.deepEqual([profile?.preset, profile?.oauth?.tenant], ["microsoft365", "example.com"]);
    assert.doesNotMatch(found.snippet ?? "", /password:/);
    assert.match(found.snippet ?? "", /takes no passwords/);
  });

  it("asks the operator of the mail exchanger, who is not the domain, and tells so", async () => {
    const place = "https://autoconfig.hoster.test/mail/config-v1.1.xml?emailaddress=ann%40example.com";
    const found = await find({ mx: ["mx1.hoster.test"], pages: { [place]: page(configuration(imap("imap.hoster.test"))) } });
    assert.equal(found.candidates[0]?.trust, "to be confirmed");
    assert.match(found.candidates[0]?.evidence[0]?.doubts[0] ?? "", /mx1\.hoster\.test takes the mail of example\.com/);
  });

  it("asks nobody about a mail filter", async () => {
    const world = worldOf({ mx: ["mx1.example.iphmx.mimecast.com"] });
    const { notes } = await discover(ADDRESS, world, { askIspdb: false });
    assert.ok(!world.asked.some((url) => url.includes("mimecast")));
    assert.ok(notes.some(({ message }) => message.includes("passes through the filter")));
  });

  it("follows Autodiscover's own redirect within bounds", async () => {
    const first = "https://autodiscover.example.com/autodiscover/autodiscover.xml";
    const second = "https://discover.hoster.test/autodiscover.xml";
    const answer = (account: string) => page(`<Autodiscover><Response><Account>${account}</Account></Response></Autodiscover>`);
    const settings = "<Action>settings</Action><Protocol><Type>IMAP</Type><Server>imap.hoster.test</Server><Port>993</Port></Protocol>";
    const redirect = `<Action>redirectUrl</Action><RedirectUrl>${second}</RedirectUrl>`;
    const found = await find({ pages: { [first]: answer(redirect), [second]: answer(settings) } });
    assert.equal(found.candidates[0]?.host, "imap.hoster.test");
    assert.equal(found.candidates[0]?.trust, "to be confirmed");
  });

  it("refuses what is no address of a domain", async () => {
    for (const wrong of ["ann", "ann@localhost", "@example.com", "ann@[10.0.0.1]"])
      await assert.rejects(discover(wrong, worldOf({}), { askIspdb: false }), { code: "no mail address" });
  });
});

describe("the piece to paste", () => {
  const organization = "organizations: [{ name: contoso, kind: embedded }]\n";

  it("is a configuration, with user name, preset and what to look at first", async () => {
    const found = await find({ pages: { [AUTOCONFIG]: page(configuration(imap("imap.example.com"), smtp("smtp.example.com"))) } });
    const { serverProfiles, mailboxes } = parseConfiguration(`${organization}${found.snippet}`, "waypost.yaml");
    assert.equal(serverProfiles[0]?.incoming?.host, "imap.example.com");
    assert.equal(serverProfiles[0]?.outgoing?.port, 465);
    assert.equal(mailboxes[0]?.username, "ann");
    assert.match(found.snippet ?? "", /# imap\.example\.com does not work at the moment/);
  });

  it("is a configuration that means just this, whatever strangers say", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.constantFrom("a\nb: c", "# x", "*x", "null", "1e3", "'", '"', "\u2028", "\u0085", "a: b", "- a"),
    );
    const settings = fc.record({
      trust: fc.constantFrom("published" as const, "to be confirmed" as const),
      username: fc.option(text),
      message: text,
    });
    fc.assert(
      fc.property(settings, fc.boolean(), ({ trust, username, message }, both) => {
        const name = username === null ? null : username.trim() || null;
        const evidence = { method: "DNS SRV" as const, place: "_imaps", trust, doubts: [message] };
        const probe: Probe = { result: "failed", message, remedy: null, serverSaid: message, offers: [message], warnings: [message] };
        const shared = {
          host: "mail.example.com",
          security: "tls" as const,
          username: name,
          signIn: ["oauth" as const],
          trust,
          evidence: [evidence],
          probe,
        };
        const candidates = [
          { ...shared, protocol: "imap" as const, port: 993 },
          ...(both ? [{ ...shared, protocol: "smtp" as const, port: 465 }] : []),
        ];
        const snippet = snippetOf({ address: ADDRESS, candidates, notes: [], preset: null });
        const read = parseConfiguration(`${organization}${snippet}`, "waypost.yaml");
        assert.equal(read.mailboxes[0]?.username ?? ADDRESS, name ?? ADDRESS);
        assert.equal(read.mailboxes[0]?.outgoing ?? true, both);
        assert.equal(read.serverProfiles.length + read.mailboxes.length + read.users.length, 3);
      }),
      { numRuns: 300 },
    );
  });
});
