/** Servers that refuse a connection for their number teach their limit: told by scripted ones, in the words of those that are not at hand. */
import assert from "node:assert/strict";
import { describe } from "node:test";
import { configurationSchema } from "../../src/config.ts";
import { readMailbox, readProfile } from "../../src/ledger/mailboxes.ts";
import { onBothEngines } from "../databases.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { startScriptedPop3 } from "../servers/scripted-pop3.ts";
import { startScriptedSmtp } from "../servers/scripted-smtp.ts";
import { mailboxId, openCodes } from "./alerts.ts";
import { contactsFor, draftFrom, pressSend } from "./outgoing.ts";
import { addressOf, openRigApp, receive, send, testClock } from "./rig.ts";

type Refusing = { readonly port: number } & AsyncDisposable;

interface Server {
  readonly what: string;
  readonly protocol: "imap" | "pop3" | "smtp";
  /** The limit is that of one account, and not of the host. */
  readonly ofAccount: boolean;
  readonly start: () => Promise<Refusing>;
}

const imap = (words: string) => () =>
  startScriptedImap({ script: (command) => (/^(LOGIN|AUTHENTICATE)/.test(command) ? words : undefined) });
const smtp = (at: "connect" | "EHLO" | "MAIL", say: string) => () =>
  startScriptedSmtp({ script: ({ step }) => (step === at ? { say: `${say}\r\n`, cut: true } : undefined) });

const SERVERS: readonly Server[] = [
  {
    what: "Gmail, by IMAP",
    protocol: "imap",
    ofAccount: true,
    start: imap("NO [ALERT] Too many simultaneous connections. (Failure)"),
  },
  {
    what: "Exchange, by IMAP",
    protocol: "imap",
    ofAccount: false,
    start: () =>
      startScriptedImap({
        script: (command) =>
          /^(LOGIN|AUTHENTICATE)/.test(command) ? Buffer.from("* BYE Session closed: too many sessions are open.\r\n") : undefined,
      }),
  },
  {
    what: "Postfix, by SMTP",
    protocol: "smtp",
    ofAccount: false,
    start: smtp("connect", "421 4.7.0 mx.test Error: too many connections from 192.0.2.1"),
  },
  {
    what: "Exchange, by SMTP",
    protocol: "smtp",
    ofAccount: false,
    start: smtp("MAIL", "421 4.3.2 The maximum number of concurrent connections has exceeded a limit, closing transmission channel"),
  },
  {
    what: "a server that says so before MAIL with 454, by SMTP",
    protocol: "smtp",
    ofAccount: false,
    start: smtp("MAIL", "454 4.7.0 Too many concurrent connections, try again later"),
  },
  {
    what: "a server by POP3",
    protocol: "pop3",
    ofAccount: false,
    start: () => startScriptedPop3({ greeting: "-ERR Too many connections from your host" }),
  },
];

describe("a limit of connections is learned, shown, and forgotten", () => {
  for (const { what, protocol, ofAccount, start } of SERVERS) {
    onBothEngines(what, async (database) => {
      await using server = await start();
      const clock = testClock();
      const user = "ann";
      await using app = await openRigApp(database, configurationAt(user, protocol, server.port), { now: clock.now });
      const mailbox = await readMailbox(database, await mailboxId(database, addressOf(user)));
      const profile = mailbox && (await readProfile(database, mailbox.profile));
      assert.ok(mailbox && profile);
      // One connection is open, and was taken.
      await using _open = await app.context.connections.take({ mailbox, profile }, protocol === "smtp" ? "send" : "watch");
      if (protocol === "smtp") {
        await contactsFor(app, "outsider");
        await pressSend(app, draftFrom(user, ["outsider"]));
        await send(app, user);
      } else await receive(app, user);

      const [limit, ...others] = (await app.operations.status()).limits;
      assert.deepEqual([others, limit?.host, limit?.account, limit?.connections], [[], "127.0.0.1", ofAccount ? "ann" : "", 1]);
      assert.deepEqual(await openCodes(app), ["connections: too many"], "it is no trouble of the mailbox");
      // Believed for a quarter of an hour, then eased one connection at a time, up to the five of the profile.
      clock.forward(14 * 60);
      await app.context.connections.sweep();
      assert.equal((await app.operations.status()).limits[0]?.connections, 1);
      for (let eased = 0; eased < 5; eased++) {
        clock.forward(15 * 60);
        await app.context.connections.sweep();
      }
      assert.deepEqual((await app.operations.status()).limits, []);
      assert.deepEqual(await openCodes(app), []);
    });
  }
});

function configurationAt(user: string, protocol: Server["protocol"], port: number) {
  process.env.WAYPOST_TEST_LIMITS_PASSWORD = "secret";
  const server = { host: "127.0.0.1", port, security: "none", timeoutSeconds: 5 } as const;
  const signIn = { username: "ann", password: { env: "WAYPOST_TEST_LIMITS_PASSWORD" } };
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [
      {
        name: "test",
        maxConcurrentConnections: 5,
        ...(protocol === "smtp" ? { outgoing: { ...server, protocol, authentication: "none" } } : { incoming: { ...server, protocol } }),
      },
    ],
    users: [{ name: "Ann", email: addressOf(user), filter: "all" }],
    mailboxes: [{ address: addressOf(user), user: addressOf(user), ...signIn }],
  });
}
