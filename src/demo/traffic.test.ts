import assert from "node:assert/strict";
import { afterEach, beforeEach, describe, test } from "node:test";
import { createTransport } from "nodemailer";
import { type DemoMailServer, startMailServer } from "./mail-server/mail-server.ts";
import { COMPANY_DOMAIN, QUEUE, RECORDS, USERS } from "./people.ts";
import { type DemoSummary, EXPECTED, isComplete } from "./summary.ts";
import { arrive, sendOffers } from "./traffic.ts";

const ALL: DemoSummary = { ...EXPECTED, seconds: 3 };

describe("the summary of the sample traffic", () => {
  test("is complete when everything arrived, however long it took", () => {
    assert.ok(isComplete(ALL));
    assert.ok(isComplete({ ...ALL, seconds: 1e6 }));
  });

  test("is not when a single thing is missing, or there is one too many", () => {
    for (const name of Object.keys(EXPECTED) as (keyof typeof EXPECTED)[]) {
      for (const difference of [-1, 1]) assert.ok(!isComplete({ ...ALL, [name]: ALL[name] + difference }), `${name} ${difference}`);
    }
  });

  test("adds up", () => {
    const { received, tracked, skipped, duplicate, quarantined } = EXPECTED;
    assert.equal(received, tracked + skipped + duplicate + quarantined);
  });
});

describe("the sample traffic", () => {
  let server: DemoMailServer;
  beforeEach(async () => {
    const accounts = [...USERS, QUEUE].map((one) => ({ address: one.email, name: one.name, password: "p" }));
    server = await startMailServer({ accounts, domains: [COMPANY_DOMAIN] });
  });
  afterEach(() => server.close());

  test("two offers are made and sent by Alice, one in the name of the queue", async () => {
    const made: string[] = [];
    const sent: string[] = [];
    await sendOffers(
      {
        createEmails: async (drafts) => {
          made.push(...drafts.map(({ from }) => ("address" in from ? from.address.address : "")));
          return drafts.map((_, index) => `email ${index}`);
        },
        sendEmail: async (id, by) => {
          sent.push(`${id} by ${by}`);
          return undefined as never;
        },
      },
      "alice's id",
    );
    assert.deepEqual(made, ["alice@contoso.example", QUEUE.email]);
    assert.equal(made.length, EXPECTED.sent);
    assert.deepEqual(sent, ["email 0 by alice's id", "email 1 by alice's id"]);
  });

  test("the reply answers the offer that really went out, and as many messages arrive as are expected", async () => {
    const arriving = arrive(server, AbortSignal.timeout(20_000));
    const transport = createTransport({
      host: "127.0.0.1",
      port: server.smtpPort,
      secure: false,
      ignoreTLS: true,
      auth: { user: "alice@contoso.example", pass: "p" },
    });
    await transport.sendMail({
      from: "alice@contoso.example",
      to: "carol.chen@fabrikam.example",
      subject: "Our offer CRM:0001001",
      messageId: "<offer.1@contoso.example>",
      text: ".",
    });
    transport.close();
    assert.equal(await arriving, true);
    const messages = everything();
    assert.equal(messages.length, EXPECTED.received);
    const replies = messages.filter((mime) => mime.includes("In-Reply-To: <offer.1@contoso.example>"));
    assert.equal(replies.length, 2, "Alice and Bob have the reply");
    assert.ok(replies.every((mime) => mime.includes("Subject: Re: Our offer CRM:0001001")));
  });

  test("an offer that never goes out ends the waiting, and nothing arrives", async () => {
    assert.equal(await arrive(server, AbortSignal.timeout(50)), false);
    assert.equal(await arrive(server, AbortSignal.abort()), false);
    assert.deepEqual(everything(), []);
  });

  function everything(): string[] {
    return [...USERS, QUEUE].flatMap(({ email }) =>
      server.folders(email).flatMap(({ path }) => server.messages(email, path).map(({ mime }) => mime.toString("utf8"))),
    );
  }
});

test("the sample people have addresses that no real person can have", () => {
  const all = [...USERS.map((one) => one.email), QUEUE.email, ...RECORDS.flatMap((one) => one.addresses ?? [])];
  for (const address of all) assert.match(address, /\.example$/);
});
