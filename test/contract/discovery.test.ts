import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import { type DiscoverServersOptions, discoverServers } from "../../src/app/discover.ts";
import type { Candidate, Found } from "../../src/discovery/found.ts";
import { makeCertificates } from "../servers/certificates.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { type NameRecords, type NameServer, startNameServer } from "../servers/name-server.ts";
import { missingServers } from "../servers/needs.ts";
import { type Postfix, startPostfix } from "../servers/postfix.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { type SettingsServer, startSettingsServer } from "../servers/settings-server.ts";

const ADDRESS = "ann@example.test";
const HERE: NameRecords = { a: ["127.0.0.1"] };
const srv = (target: string, port: number, priority = 0, weight = 0): NameRecords => ({ srv: [{ priority, weight, port, target }] });

describe("discovery over the network", { skip: missingServers(["dovecot", "postfix"]) }, () => {
  const certificates = makeCertificates();
  const stack = new AsyncDisposableStack();
  let names: NameServer;
  let web: SettingsServer;
  let dovecot: Dovecot;
  let postfix: Postfix;
  let authorities: string;

  before(async () => {
    const folder = temporaryFolder("discovery");
    stack.defer(() => removeFolder(folder));
    authorities = path.join(folder, "authority.pem");
    writeFileSync(authorities, certificates.authority);
    const tls = certificates.issueFor("imap.example.test", "mail.example.test", "smtp.example.test");
    names = stack.use(await startNameServer());
    web = stack.use(
      await startSettingsServer(
        certificates.issueFor(
          "example.test",
          "autoconfig.example.test",
          "autodiscover.example.test",
          "ua-auto-config.example.test",
          "www.example.test",
        ),
      ),
    );
    [dovecot, postfix] = await Promise.all([startDovecot({ tls }), startPostfix({ tls })]);
    stack.use(dovecot);
    stack.use(postfix);
  });
  after(() => stack.disposeAsync());
  beforeEach(() => {
    names.set({});
    web.set({});
  });

  /** Where the servers of this world are; to connect anywhere else is an error of the test. */
  function portOf(port: number): number {
    const ports: Readonly<Record<number, number>> = {
      443: web.port,
      993: dovecot.ports.imaps,
      143: dovecot.ports.imap,
      995: dovecot.ports.pop3s,
      110: dovecot.ports.pop3,
      465: postfix.ports.smtps,
      587: postfix.ports.smtp,
    };
    return ports[port] ?? assert.fail(`connects to port ${port}`);
  }

  const find = (options: DiscoverServersOptions = {}): Promise<Found> =>
    discoverServers(ADDRESS, { nameServers: [names.address], certificateAuthorities: authorities, portOf, ...options });
  const one = ({ candidates }: Found, protocol: string, security = "tls"): Candidate =>
    candidates.find((candidate) => candidate.protocol === protocol && candidate.security === security) ??
    assert.fail(`no ${protocol} in ${JSON.stringify(candidates)}`);
  const notesOf = ({ notes }: Found) => notes.map(({ outcome, place, message }) => `${outcome} ${place}: ${message}`).join("\n");

  test("finds what SRV records say, in all six services, and asks the real servers what they offer", async () => {
    names.set({
      "mail.example.test": HERE,
      "_imaps._tcp.example.test": srv("mail.example.test", 993),
      "_imap._tcp.example.test": srv("mail.example.test", 143),
      "_pop3s._tcp.example.test": srv("mail.example.test", 995),
      "_pop3._tcp.example.test": srv("mail.example.test", 110),
      "_submissions._tcp.example.test": srv("mail.example.test", 465),
      "_submission._tcp.example.test": srv("mail.example.test", 587),
    });
    const found = await find();
    assert.equal(found.candidates.length, 6);
    for (const { protocol, security, trust, probe } of found.candidates) {
      assert.deepEqual([trust, probe.result], ["published", "answers"], `${protocol} ${security}: ${probe.message} ${probe.serverSaid}`);
      assert.match(probe.warnings.join(), /mail\.example\.test is 127\.0\.0\.1, inside a private network/);
    }
    assert.ok(one(found, "imap", "starttls").probe.offers.includes("AUTH=PLAIN"));
    assert.ok(one(found, "pop3").probe.offers.some((line) => line.startsWith("SASL")));
    assert.ok(one(found, "smtp", "starttls").probe.offers.some((line) => line.startsWith("SIZE")));
    assert.match(found.snippet ?? "", /incoming: \{ protocol: imap, host: mail\.example\.test, port: 993, security: tls \}/);
  });

  test("a service with the target `.` is not offered, and a host outside of the domain is to be confirmed", async () => {
    names.set({
      "imap.elsewhere.test": HERE,
      "_imaps._tcp.example.test": srv("imap.elsewhere.test", 993),
      "_pop3s._tcp.example.test": srv(".", 0),
    });
    const found = await find();
    assert.match(notesOf(found), /hint _pop3s\._tcp\.example\.test: The domain says that it does not offer POP3 over TLS/);
    const imap = one(found, "imap");
    assert.equal(imap.trust, "to be confirmed");
    assert.match(imap.probe.message, /certificate .* is made out to another name/);
  });

  test("finds what the domain publishes as autoconfig, after a redirect within it", async () => {
    names.set({ "example.test": HERE, "autoconfig.example.test": HERE, "www.example.test": HERE, "imap.example.test": HERE });
    web.set({
      "autoconfig.example.test/mail/config-v1.1.xml": { status: 301, location: "https://www.example.test/settings.xml" },
      "www.example.test/settings.xml": {
        body: `<clientConfig version="1.1"><emailProvider id="example.test">
          <incomingServer type="imap"><hostname>imap.%EMAILDOMAIN%</hostname><port>993</port><socketType>SSL</socketType>
            <username>%EMAILLOCALPART%</username><authentication>password-cleartext</authentication></incomingServer>
          <incomingServer type="imap"><hostname>imap.example.test</hostname><port>143</port><socketType>plain</socketType></incomingServer>
          </emailProvider></clientConfig>`,
      },
    });
    const found = await find();
    const { trust, username, signIn, probe, evidence } = one(found, "imap");
    assert.deepEqual([trust, username, signIn, probe.result], ["published", "ann", ["password"], "answers"]);
    assert.equal(evidence[0]?.place, "https://www.example.test/settings.xml");
    assert.match(one(found, "imap", "none").probe.warnings.join(), /clear text/);
    assert.match(found.snippet ?? "", /username: ann\n/);
    assert.ok(web.asked.some(({ url }) => url.endsWith("?emailaddress=ann%40example.test")));
  });

  test("finds a user agent configuration whose digest stands in DNS, and refuses one whose digest does not", async () => {
    const body = JSON.stringify({ protocols: { imap: { host: "imap.example.test" }, smtp: { host: "smtp.example.test" } } });
    const digest = createHash("sha256").update(body).digest("base64");
    const hosts = { "ua-auto-config.example.test": HERE, "imap.example.test": HERE, "smtp.example.test": HERE };
    web.set({ "ua-auto-config.example.test/.well-known/user-agent-configuration.json": { body } });
    names.set({ ...hosts, "_ua-auto-config.example.test": { txt: [["v=UAAC1; a=sha256;", ` d=${digest}`]] } });
    const found = await find();
    assert.deepEqual(
      found.candidates.map(({ protocol, trust, probe }) => [protocol, trust, probe.result]),
      [
        ["imap", "published", "answers"],
        ["smtp", "published", "answers"],
      ],
    );
    names.set({ ...hosts, "_ua-auto-config.example.test": { txt: [["v=UAAC1; a=sha256; d=AAAA"]] } });
    const refused = await find();
    assert.match(notesOf(refused), /What stands there is not used: its digest in DNS is another one/);
    assert.ok(refused.candidates.every(({ trust }) => trust === "guess"));
  });

  test("asks Autodiscover with the address and nothing else, and says so where a sign-in is wanted", async () => {
    names.set({ "example.test": HERE, "autodiscover.example.test": HERE, "imap.example.test": HERE });
    web.set({
      "autodiscover.example.test/autodiscover/autodiscover.xml": { status: 401 },
      "example.test/autodiscover/autodiscover.xml": {
        body: `<Autodiscover><Response><Account><Action>settings</Action><Protocol><Type>IMAP</Type><Server>imap.example.test</Server>
          <Port>993</Port><SSL>on</SSL><LoginName>ann</LoginName></Protocol></Account></Response></Autodiscover>`,
      },
    });
    const found = await find();
    assert.equal(one(found, "imap").username, "ann");
    assert.match(notesOf(found), /hint https:\/\/autodiscover\.example\.test.*wants a sign-in/);
    const posts = web.asked.filter(({ method }) => method === "POST");
    assert.equal(posts.length, 2);
    for (const { headers, body } of web.asked) {
      assert.deepEqual([headers.authorization, headers.cookie], [undefined, undefined]);
      assert.ok(body === "" || body.includes(`<EMailAddress>${ADDRESS}</EMailAddress>`));
    }
  });

  test("a place that is silent, endless, hostile or leads away hides nothing that others say", async () => {
    names.set({
      "example.test": HERE,
      "autoconfig.example.test": HERE,
      "autodiscover.example.test": HERE,
      "ua-auto-config.example.test": HERE,
      "inside.elsewhere.test": HERE,
      "imap.example.test": HERE,
      "_imaps._tcp.example.test": srv("imap.example.test", 993),
    });
    web.set({
      "autoconfig.example.test/mail/config-v1.1.xml": "silence",
      "example.test/.well-known/autoconfig/mail/config-v1.1.xml": { body: `<clientConfig>${" ".repeat(1024 * 1024)}</clientConfig>` },
      "autodiscover.example.test/autodiscover/autodiscover.xml": {
        body: '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
      },
      "example.test/autodiscover/autodiscover.xml": {
        status: 302,
        location: "https://inside.elsewhere.test/autodiscover/autodiscover.xml",
      },
      "ua-auto-config.example.test/.well-known/user-agent-configuration.json": { status: 302, location: "http://www.example.test/x.json" },
    });
    const found = await find({ stepTimeout: 1000 });
    assert.equal(one(found, "imap").probe.result, "answers");
    const notes = notesOf(found);
    assert.match(notes, /autoconfig\.example\.test:443 gives no sign of life/);
    assert.match(notes, /example\.test is not read: the answer has more than \d+ bytes/);
    assert.match(notes, /What stands there is not used: it has a DOCTYPE/);
    assert.match(notes, /inside\.elsewhere\.test was named by somebody else and lies inside a private network; it was not asked/);
    assert.match(notes, /leads to a place without HTTPS/);
    assert.ok(!web.asked.some(({ url }) => url.includes("elsewhere")));
  });

  test("settings from a web server with a certificate that nobody vouches for are not read", async () => {
    names.set({ "autoconfig.example.test": HERE });
    web.set({ "autoconfig.example.test/mail/config-v1.1.xml": { body: "<clientConfig/>" } });
    const found = await find({ certificateAuthorities: undefined });
    assert.match(notesOf(found), /certificate of autoconfig\.example\.test:443 is not signed by an authority that this machine trusts/);
    assert.deepEqual(web.asked, []);
  });

  test("where nobody says anything, usual names are tried and shown as guesses where a server answers", async () => {
    names.set({ "imap.example.test": HERE, "smtp.example.test": HERE, "pop.example.test": HERE });
    const found = await find();
    // The certificate does not name pop.example.test.
    assert.deepEqual(
      found.candidates.map(({ protocol, host, security, trust }) => `${protocol} ${host} ${security} ${trust}`),
      [
        "imap imap.example.test tls guess",
        "imap imap.example.test starttls guess",
        "smtp smtp.example.test tls guess",
        "smtp smtp.example.test starttls guess",
      ],
    );
  });

  test("a port inside this network that is none of mail is not connected to", async () => {
    names.set({ "mail.example.test": HERE, "_imaps._tcp.example.test": srv("mail.example.test", 6379) });
    const { probe } = one(await find(), "imap");
    assert.equal(probe.result, "not tried");
  });

  test("name servers that do not answer are told as such", { timeout: 60_000 }, async () => {
    const found = await find({ nameServers: ["127.0.0.1:9"] });
    assert.deepEqual(found.candidates, []);
    assert.match(notesOf(found), /The name servers gave no answer about _imaps\._tcp\.example\.test/);
  });
});
