/** "Test & enable" on POP3 servers that want some time between two sign-ins (LOGIN-DELAY, RFC 2449 6.5), as hosters' do. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import { testDatabase } from "../databases.ts";
import { startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { letter } from "./incoming.ts";
import { addressOf, check, openRigApp } from "./rig.ts";

/** Lets nobody in within so many milliseconds after a sign-in; what is sent arrives at once. */
async function world({ delay, announced }: { readonly delay: number; readonly announced: string | null }) {
  const stack = new AsyncDisposableStack();
  let last = Number.NEGATIVE_INFINITY;
  let refused = 0;
  const pop3 = stack.use(
    await startScriptedPop3({
      greeting: "+OK",
      messages: [{ uidl: "first", mime: letter({ id: "first" }) }],
      capabilities: ["TOP", "UIDL", "SASL PLAIN", "RESP-CODES", ...(announced === null ? [] : [announced])],
      script(command) {
        if (!command.startsWith("AUTH")) return undefined;
        if (performance.now() - last < delay) {
          refused++;
          return "-ERR [LOGIN-DELAY] minimum time between mail checks violation\r\n";
        }
        last = performance.now();
        return undefined;
      },
    }),
  );
  const smtp = stack.use(
    await startScriptedSmtp({
      script({ step, line }) {
        if (step === "content") pop3.messages = [...pop3.messages, { uidl: "sent", mime: `Received: by mail.test\r\n${line}` }];
        return undefined;
      },
    }),
  );
  process.env.WAYPOST_TEST_POP3_PASSWORD = "secret";
  const server = { host: "127.0.0.1", security: "none", timeoutSeconds: 5 } as const;
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [
      {
        name: "pop",
        incoming: { ...server, protocol: "pop3", port: pop3.port },
        outgoing: { ...server, protocol: "smtp", port: smtp.port, authentication: "none" },
      },
    ],
    users: [{ name: "Ann", email: addressOf("ann") }],
    mailboxes: [{ address: addressOf("ann"), user: addressOf("ann"), username: "ann", password: { env: "WAYPOST_TEST_POP3_PASSWORD" } }],
  });
  const database = stack.use(await testDatabase("pglite"));
  const app = stack.use(await openRigApp(database, configuration));
  const tried = async (waitSeconds: number) => {
    const [checked] = await check(app, ["ann"], { waitSeconds });
    assert.ok(checked);
    return checked.steps.filter((step) => step.result !== "ok" && step.code !== "in clear").map(({ result, code }) => [result, code]);
  };
  return { app, tried, refusals: () => refused, [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

test("a server that wants minutes between two sign-ins: the test signs in once, and says that it did not look for its message", async () => {
  await using one = await world({ delay: 600_000, announced: "LOGIN-DELAY 600" });
  assert.deepEqual(await one.tried(1), [["warning", "test message not looked for"]]);
  const [mailbox] = (await one.app.operations.status()).mailboxes;
  assert.deepEqual([mailbox?.test.incomingemailstatus, mailbox?.test.outgoingemailstatus], [1, 1], "both directions passed");
  assert.ok(one.refusals() <= 2, `refused ${one.refusals()} times`);
});

test("a server that does not say how long it wants to be left alone is not asked all the time, and the test message found", async () => {
  await using one = await world({ delay: 3000, announced: null });
  assert.deepEqual(await one.tried(12), []);
  assert.ok(one.refusals() <= 2, `refused ${one.refusals()} times`);
});

test("a delay that is short is waited for, and the test message found", async () => {
  await using one = await world({ delay: 900, announced: "LOGIN-DELAY 1" });
  assert.deepEqual(await one.tried(5), []);
  assert.ok(one.refusals() <= 2, `refused ${one.refusals()} times`);
});
