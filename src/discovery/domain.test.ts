import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { domainOf, filledIn, hostName, isSameOwner, isWithin, operatorDomains, portOf, usernameOf } from "./domain.ts";

describe("names", () => {
  it("are host names in lower case and ASCII, or nothing", () => {
    assert.equal(hostName("IMAP.Example.com."), "imap.example.com");
    assert.equal(hostName("bücher.example"), "xn--bcher-kva.example");
    for (const wrong of [
      "",
      ".",
      "a..b",
      "-a.example",
      "10.1.2.3",
      "[::1]",
      "a b",
      "host:993",
      "user@host",
      "host/path",
      `${"a".repeat(64)}.example`,
    ])
      assert.equal(hostName(wrong), null, wrong);
  });

  it("that are taken can stand in a URL, a command and a YAML file without being anything else", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.string({ unit: "binary" }), fc.domain()), (text) => {
        const name = hostName(text);
        if (name !== null) assert.match(name, /^[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?$/);
      }),
    );
  });

  it("of mail addresses are what stands after the last @", () => {
    assert.equal(domainOf("ann@Example.COM"), "example.com");
    assert.equal(domainOf('"a@b"@example.com'), "example.com");
    for (const wrong of ["ann", "@example.com", "ann@", "ann@[10.0.0.1]"]) assert.equal(domainOf(wrong), null, wrong);
  });
});

describe("owners", () => {
  it("have a host in hand when it is their domain or lies below it", () => {
    assert.ok(isWithin("imap.example.com", "example.com"));
    assert.ok(isWithin("example.com", "example.com"));
    assert.ok(!isWithin("badexample.com", "example.com"));
    assert.ok(!isWithin("example.com", "mail.example.com"));
  });

  it("are the same for hosts below one registered domain, never for two below a public suffix", () => {
    assert.ok(isSameOwner("autoconfig.example.co.uk", "mail.example.co.uk"));
    assert.ok(!isSameOwner("one.co.uk", "two.co.uk"));
    assert.ok(!isSameOwner("one.github.io", "two.github.io"));
    assert.ok(isSameOwner("company.local", "mail.company.local"));
  });

  it("of a mail exchanger are asked at its own domains and never at a public suffix", () => {
    assert.deepEqual(operatorDomains("mx1.mail.hoster.co.uk"), ["mail.hoster.co.uk", "hoster.co.uk"]);
    assert.deepEqual(operatorDomains("mx.hoster.example"), ["hoster.example"]);
    assert.deepEqual(operatorDomains("hoster.co.uk"), ["hoster.co.uk"]);
    assert.deepEqual(operatorDomains("co.uk"), []);
  });
});

describe("values of settings", () => {
  it("have the placeholders of autoconfig filled in, and are nothing where one is left", () => {
    assert.equal(filledIn("%EMAILADDRESS%", "ann@example.com"), "ann@example.com");
    assert.equal(filledIn("x-%EMAILLOCALPART%.%EMAILDOMAIN%", "ann@example.com"), "x-ann.example.com");
    assert.equal(filledIn("%REALNAME%", "ann@example.com"), null);
    assert.equal(filledIn("100% sure", "ann@example.com"), "100% sure");
  });

  it("are filled in once: what an address brings is no placeholder", () => {
    assert.equal(usernameOf("%EMAILLOCALPART%", "%EMAILADDRESS%@example.com"), "%EMAILADDRESS%");
  });

  it("are no user names with control characters and no ports beyond 65535", () => {
    assert.equal(usernameOf("ann\r\nA1 LOGOUT", "ann@example.com"), null);
    assert.equal(usernameOf("", "ann@example.com"), null);
    assert.equal(portOf("993"), 993);
    for (const wrong of ["0", "65536", "-1", "9e2", "", "993.5"]) assert.equal(portOf(wrong), null, wrong);
  });
});
