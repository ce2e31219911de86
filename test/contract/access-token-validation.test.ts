/** Signed access tokens that a real Dovecot checks by itself with the authorization server's public key, and what is said of those that it refuses. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { pop3System } from "../../src/connectors/pop3/system.ts";
import { smtpSystem } from "../../src/connectors/smtp/system.ts";
import type { Endpoint, Secret } from "../../src/model/mailbox.ts";
import type { Step } from "../../src/ports.ts";
import { OauthClient } from "../../src/wire/oauth/client.ts";
import { oauthSettings } from "../../src/wire/oauth/providers.ts";
import { type AuthorizationServer, startAuthorizationServer } from "../servers/authorization-server.ts";
import { type Dovecot, startDovecot } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { type Postfix, startPostfix } from "../servers/postfix.ts";
import { imapEndpoint, profileWith } from "./imap-rig.ts";
import { pop3Endpoint } from "./pop3-rig.ts";

const SECRET = "the-secret-of-the-application";
const USER = "alice";
const PROTOCOLS = ["imap", "pop3", "smtp"] as const;
const MECHANISMS = ["xoauth2", "oauthbearer"] as const;

describe("tokens that the mail server checks by itself", { skip: missingServers(["dovecot", "postfix"]) }, () => {
  let authority: AuthorizationServer;
  let dovecot: Dovecot;
  let postfix: Postfix;
  before(async () => {
    authority = await startAuthorizationServer({
      clients: [{ id: "waypost", secret: SECRET, account: USER, grants: ["client_credentials"] }],
    });
    dovecot = await startDovecot({ tokenKey: authority.publicKey, tokenAudience: "mail", tls: "none" });
    postfix = await startPostfix({ sasl: { port: dovecot.ports.sasl }, requireSignIn: true, tls: "none" });
  });
  after(async () => {
    await postfix?.[Symbol.asyncDispose]();
    await dovecot?.[Symbol.asyncDispose]();
    await authority?.[Symbol.asyncDispose]();
  });

  async function newToken(): Promise<string> {
    const settings = oauthSettings(
      {
        provider: "other",
        tenant: "",
        clientId: "waypost",
        grant: "clientCredentials",
        scopes: ["mail"],
        tokenEndpoint: `${authority.url}/token`,
      },
      ["imap"],
      null,
    );
    const client = new OauthClient(settings, () => ({ kind: "secret", secret: SECRET }));
    return (await client.clientCredentials({ name: "test", scope: "profile", unattended: true })).accessToken;
  }

  /** The last step of a check: it went well, or is where it failed. */
  async function outcome(
    protocol: (typeof PROTOCOLS)[number],
    token: string,
    authentication: Endpoint["authentication"] = "oauth",
  ): Promise<Step | undefined> {
    const secret: Secret = { kind: "token", username: USER, token };
    const mailbox = { address: `${USER}@example.test`, credentials: { current: async () => secret, refresh: async () => secret } };
    const smtp = { ...imapEndpoint(postfix.ports.smtp), protocol: "smtp", authentication };
    const systems = {
      imap: () => imapSystem({ profile: profileWith({ ...imapEndpoint(dovecot.ports.imap), authentication }) }),
      pop3: () => pop3System({ profile: profileWith(pop3Endpoint(dovecot.ports.pop3, { authentication })) }),
      smtp: () => smtpSystem({ profile: { ...profileWith(smtp), incoming: null, outgoing: smtp } }),
    };
    await using system = systems[protocol]();
    let last: Step | undefined;
    for await (const step of system.check(mailbox)) last = step;
    return last;
  }

  for (const protocol of PROTOCOLS)
    for (const mechanism of MECHANISMS)
      test(`${protocol} with ${mechanism}: a good one signs in`, async () => {
        const step = await outcome(protocol, await newToken(), mechanism);
        assert.equal(step?.result, "ok", JSON.stringify(step));
        assert.ok(["open the inbox", "list the messages", "sender and recipient"].includes(step.name));
      });

  const wrong: readonly (readonly [what: string, make: () => Promise<string>, dovecotSaid: RegExp, advice: RegExp])[] = [
    [
      "that has expired",
      async () => {
        authority.tokenLife = 1;
        const token = await newToken();
        authority.tokenLife = 3600;
        await sleep(2100);
        return token;
      },
      /Token has expired/,
      /It expired at \d{4}-.* UTC, it is .* here: compare the clocks/,
    ],
    [
      "for another audience",
      async () => {
        authority.audience = "calendar";
        const token = await newToken();
        authority.audience = "mail";
        return token;
      },
      /Provided token is not valid/,
      /for the audience calendar/,
    ],
    [
      "signed with a key that the server does not know",
      async () => {
        authority.changeKey();
        return await newToken();
      },
      /RS256 key '2' not found/,
      /signed with the key 2/,
    ],
  ];
  for (const [what, make, dovecotSaid, advice] of wrong) {
    test(`one ${what} is refused over each protocol, and the advice names it`, async () => {
      const before = dovecot.log().length;
      const token = await make();
      for (const protocol of PROTOCOLS) {
        const step = await outcome(protocol, token);
        assert.deepEqual([step?.name, step?.result, step?.code], ["sign in", "failed", "token refused"], protocol);
        assert.match(step?.remedy ?? "", advice);
        assert.ok(!JSON.stringify(step).includes(token));
      }
      assert.match(dovecot.log().slice(before), dovecotSaid, "the server refused it for this reason");
    });
  }
});
