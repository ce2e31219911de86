import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { MAXIMUM_SERVERS, readAutoconfig } from "./autoconfig.ts";
import { XmlRefused } from "./xml.ts";

const ADDRESS = "ann@example.com";

const document = (servers: string) => `<?xml version="1.0" encoding="UTF-8"?>
<clientConfig version="1.1"><emailProvider id="example.com"><domain>example.com</domain>${servers}</emailProvider></clientConfig>`;

const server = (fields: Record<string, string>, kind = "incomingServer", type = "imap") =>
  `<${kind} type="${type}">${Object.entries(fields)
    .map(([name, value]) => `<${name}>${value}</${name}>`)
    .join("")}</${kind}>`;

const IMAP = { hostname: "imap.example.com", port: "993", socketType: "SSL", username: "%EMAILLOCALPART%", authentication: "OAuth2" };

describe("readAutoconfig", () => {
  it("reads the servers in the document's order, with user names and ways to sign in", () => {
    const { settings } = readAutoconfig(
      document(
        server({ ...IMAP, "authentication ": "" })
          .replace("<authentication >", "<authentication>password-cleartext<x/>")
          .replace("</authentication >", "</authentication>") +
          server(
            { hostname: "pop.%EMAILDOMAIN%", port: "110", socketType: "STARTTLS", username: "%EMAILADDRESS%" },
            "incomingServer",
            "pop3",
          ) +
          server(
            { hostname: "smtp.example.com", port: "25", socketType: "plain", authentication: "client-IP-address" },
            "outgoingServer",
            "smtp",
          ),
      ),
      ADDRESS,
    );
    assert.deepEqual(settings, [
      { protocol: "imap", host: "imap.example.com", port: 993, security: "tls", username: "ann", signIn: ["oauth", "password"] },
      { protocol: "pop3", host: "pop.example.com", port: 110, security: "starttls", username: "ann@example.com", signIn: [] },
      { protocol: "smtp", host: "smtp.example.com", port: 25, security: "none", username: null, signIn: ["none"] },
    ]);
  });

  it("leaves out a server that is described wrongly, and keeps the others", () => {
    const wrong = [
      { hostname: "" },
      { hostname: "10.0.0.1" },
      { hostname: "a b" },
      { port: "0" },
      { port: "99999" },
      { socketType: "magic" },
    ];
    const { settings } = readAutoconfig(document(wrong.map((one) => server({ ...IMAP, ...one })).join("") + server(IMAP)), ADDRESS);
    assert.equal(settings.length, 1);
    assert.deepEqual(readAutoconfig(document(server(IMAP, "outgoingServer")), ADDRESS).settings, []);
  });

  it("names protocols that are none of ours", () => {
    const { settings, otherProtocols } = readAutoconfig(document(server(IMAP, "incomingServer", "exchange") + server(IMAP)), ADDRESS);
    assert.equal(settings.length, 1);
    assert.deepEqual(otherProtocols, ["exchange"]);
  });

  it("takes a limited number of servers", () => {
    const { settings } = readAutoconfig(document(server(IMAP).repeat(MAXIMUM_SERVERS + 5)), ADDRESS);
    assert.equal(settings.length, MAXIMUM_SERVERS);
  });

  it("refuses another document", () => {
    assert.throws(() => readAutoconfig("<html><body/></html>", ADDRESS), XmlRefused);
  });

  it("gives only settings that can be used, whatever the values", () => {
    const value = fc.oneof(fc.string(), fc.constantFrom("993", "SSL", "plain", "%EMAILADDRESS%", "imap.example.com", "]]&gt;"));
    const fields = fc.dictionary(fc.constantFrom("hostname", "port", "socketType", "username", "authentication"), value);
    fc.assert(
      fc.property(fc.array(fields, { maxLength: 5 }), fc.emailAddress(), (servers, address) => {
        let settings: ReturnType<typeof readAutoconfig>["settings"];
        try {
          ({ settings } = readAutoconfig(document(servers.map((one) => server(one)).join("")), address));
        } catch (error) {
          assert.ok(error instanceof XmlRefused);
          return;
        }
        for (const { host, port, username } of settings) {
          assert.match(host, /^[a-z0-9_.-]+$/);
          assert.ok(port >= 1 && port <= 65_535);
          // biome-ignore lint/suspicious/noControlCharactersInRegex: none may be there.
          assert.doesNotMatch(username ?? "", /[\u0000-\u001f]/);
        }
      }),
    );
  });
});
