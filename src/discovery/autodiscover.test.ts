import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { autodiscoverPlaces, autodiscoverRequest, readAutodiscover } from "./autodiscover.ts";
import { readXml, textOf, XmlRefused } from "./xml.ts";

const ADDRESS = "ann@example.com";

const answer = (account: string) => `<?xml version="1.0" encoding="utf-8"?>
<Autodiscover xmlns="http://schemas.microsoft.com/exchange/autodiscover/responseschema/2006">
<Response xmlns="http://schemas.microsoft.com/exchange/autodiscover/outlook/responseschema/2006a"><Account>${account}</Account></Response></Autodiscover>`;

const protocol = (type: string, port: number, more = "") =>
  `<Protocol><Type>${type}</Type><Server>mail.example.com</Server><Port>${port}</Port>${more}</Protocol>`;

function securities(protocols: string): readonly string[] {
  const document = readAutodiscover(answer(`<Action>settings</Action>${protocols}`), ADDRESS);
  return document.kind === "settings" ? document.settings.map(({ security }) => security) : assert.fail(document.kind);
}

describe("Autodiscover", () => {
  it("asks only below the domain itself, over HTTPS", () => {
    assert.deepEqual(autodiscoverPlaces("mail.example.co.uk"), [
      "https://autodiscover.mail.example.co.uk/autodiscover/autodiscover.xml",
      "https://mail.example.co.uk/autodiscover/autodiscover.xml",
    ]);
  });

  it("asks for an address of any characters without becoming other XML", () => {
    const address = `a<b>&"'@example.com`;
    const request = readXml(autodiscoverRequest(address)).children[0];
    assert.equal(textOf(request, "EMailAddress"), address);
    assert.equal(request?.children.length, 2);
  });

  it("reads IMAP, POP3 and SMTP with what protects them", () => {
    assert.deepEqual(
      securities(
        protocol("IMAP", 993) +
          protocol("IMAP", 143, "<SSL>on</SSL>") +
          protocol("POP3", 995, "<Encryption>SSL</Encryption>") +
          protocol("SMTP", 587, "<SSL>off</SSL><Encryption>TLS</Encryption>") +
          protocol("SMTP", 25, "<SSL>off</SSL>") +
          protocol("SMTP", 587, "<Encryption>Auto</Encryption>"),
      ),
      ["tls", "starttls", "tls", "starttls", "none", "starttls"],
    );
  });

  it("tells user name and sign-in", () => {
    const document = readAutodiscover(
      answer(
        `<Action>settings</Action>${protocol("IMAP", 993, "<LoginName>ann</LoginName><SPA>off</SPA>")}${protocol("SMTP", 25, "<AuthRequired>off</AuthRequired>")}`,
      ),
      ADDRESS,
    );
    assert.ok(document.kind === "settings");
    assert.deepEqual(
      document.settings.map(({ username, signIn }) => [username, signIn]),
      [
        ["ann", []],
        [null, ["none"]],
      ],
    );
  });

  it("tells a redirect, another address and an error apart", () => {
    assert.deepEqual(readAutodiscover(answer("<Action>redirectUrl</Action><RedirectUrl>https://x.test/</RedirectUrl>"), ADDRESS), {
      kind: "redirect",
      url: "https://x.test/",
    });
    assert.deepEqual(readAutodiscover(answer("<Action>redirectAddr</Action><RedirectAddr>ann@x.test</RedirectAddr>"), ADDRESS), {
      kind: "other address",
      address: "ann@x.test",
    });
    const error =
      "<Autodiscover><Response><Error><ErrorCode>600</ErrorCode><Message>Invalid Request</Message></Error></Response></Autodiscover>";
    assert.deepEqual(readAutodiscover(error, ADDRESS), { kind: "error", message: "600 Invalid Request" });
    assert.throws(() => readAutodiscover("<html/>", ADDRESS), XmlRefused);
  });

  it("knows an Exchange server by its own protocols, which are none of these three", () => {
    const exchange = "<Protocol><Type>EXCH</Type><Server>x@contoso.com</Server></Protocol><Protocol><Type>WEB</Type></Protocol>";
    assert.deepEqual(readAutodiscover(answer(`<Action>settings</Action>${exchange}`), ADDRESS), {
      kind: "settings",
      settings: [],
      isExchange: true,
    });
  });
});
