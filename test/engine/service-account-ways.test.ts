/** A service account beyond reading by IMAP: it sends for mailboxes, reads them by POP3, and says of each how it is opened. */
import assert from "node:assert/strict";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { readFileSync, writeFileSync } from "node:fs";
import { Socket } from "node:net";
import path from "node:path";
import { after, before } from "node:test";
import { asJson } from "../../src/command-line/json.ts";
import { statusLines } from "../../src/command-line/print.ts";
import { STATUS } from "../../src/model/email.ts";
import { missingServers } from "../servers/needs.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { emailsIn, letter, messageIdOf } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, pressSend, untilDelivered } from "./outgoing.ts";
import { addressOf, check, type EngineRig, engineRig, type RigApp, type RigChanges, receive, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot", "postfix"] as const;
let rig: EngineRig;
let folder: string;
/** Which address whom belongs to, as Postfix reads it (smtpd_sender_login_maps). */
let owners: string;
/** An account of its own, that is no master user. */
let colleague: string;

before(async () => {
  if (missingServers(servers)) return;
  folder = temporaryFolder("owners");
  owners = path.join(folder, "owners");
  writeFileSync(owners, "");
  const extra = `smtpd_sender_login_maps = texthash:${owners}\nsmtpd_sender_restrictions = reject_sender_login_mismatch`;
  rig = await engineRig({ postfix: { requireSignIn: true, extra }, accounts: 30 });
  colleague = rig.newUser();
});
after(async () => {
  await rig?.[Symbol.asyncDispose]();
  if (folder) removeFolder(folder);
});

/** Lets these users send from these addresses, from the next connection on. */
function letSend(addresses: Readonly<Record<string, readonly string[]>>): void {
  const before = readFileSync(owners, "utf8");
  const lines = Object.entries(addresses).map(([address, users]) => `${address} ${users.join(", ")}\n`);
  writeFileSync(owners, `${before}${lines.join("")}`);
  rig.postfix.setReplies({});
}

const withoutPassword = (...names: readonly string[]) => names.map((name) => ({ name, mailbox: { username: name, password: undefined } }));

function bySending(): RigChanges {
  return {
    profile: {
      serviceAccount: { username: colleague, password: { file: rig.passwordFile(colleague) }, outgoing: "itself" },
    },
  };
}

function byPop3(access: "masterUser" | "authorizationIdentity"): RigChanges {
  const serviceAccount = { username: "router", password: { file: rig.passwordFile("router") }, incoming: access };
  return { profile: { serviceAccount }, incoming: { protocol: "pop3", port: rig.dovecot.ports.pop3 } };
}

const tracked = async (app: RigApp, ...names: string[]) => (await emailsIn(app.database, ...names)).map((email) => email.messageId).sort();

onOneDatabaseEach(
  "a service account that sends, or reads by POP3",
  servers,
  (promise) => {
    promise("signs in as itself and sends from the mailbox's address, where the server knows that it may", async (database) => {
      const [ann, bob] = rig.newUsers(2) as [string, string];
      letSend({ [addressOf(ann)]: [ann, colleague] });
      await using app = await rig.open(database, rig.configurationFor([{ name: ann, mailbox: { username: ann } }], bySending()));
      await contactsFor(app, bob);
      const email = await pressSend(app, draftFrom(ann, [bob]));
      assert.deepEqual((await send(app, ann)).failures, []);
      assert.equal((await emailOf(app, email)).status, STATUS.sent);
      const [delivered] = await untilDelivered(rig.dovecot, bob);
      assert.equal(delivered?.envelope.from?.[0]?.address, addressOf(ann));
      assert.match(rig.postfix.log(), new RegExp(`sasl_username=${colleague}\\n`));
      const [mailbox] = await check(app, [ann], { testMessage: false });
      assert.deepEqual(
        mailbox?.steps.filter((step) => step.result === "failed"),
        [],
      );
    });

    promise(
      "and may not: the email waits, one alert names address, account and setting, and the right that is given ends it",
      async (database) => {
        const [ann, bob] = rig.newUsers(2) as [string, string];
        letSend({ [addressOf(ann)]: [ann] });
        const clock = testClock();
        await using app = await rig.open(database, rig.configurationFor([{ name: ann, mailbox: { username: ann } }], bySending()), {
          now: clock.now,
        });
        await contactsFor(app, bob);
        const email = await pressSend(app, draftFrom(ann, [bob]));
        const { failures } = await send(app, ann);
        assert.deepEqual(
          failures.map((one) => one.code),
          ["sender not permitted"],
        );
        assert.equal((await emailOf(app, email)).status, STATUS.pendingSend, "no email fails for a right that can be given");
        const alert = await theAlert(app, "sending: sender not permitted");
        assert.equal(alert.scope, "mailbox");
        assert.match(alert.message, new RegExp(`does not let ${colleague} send as ${addressOf(ann)}`));
        assert.match(alert.remedy, /smtpd_sender_login_maps/);
        assert.match(alert.serverSaid ?? "", /^553 5\.7\.1 .*not owned by user/);
        const [checked] = await check(app, [ann], { testMessage: false });
        assert.deepEqual(
          checked?.steps.filter((step) => step.result === "failed").map((step) => step.code),
          ["sender not permitted"],
        );
        letSend({ [addressOf(ann)]: [ann, colleague] });
        writeFileSync(owners, readFileSync(owners, "utf8").replace(`${addressOf(ann)} ${ann}\n`, ""));
        rig.postfix.setReplies({});
        clock.forward(3600);
        assert.deepEqual((await send(app, ann)).failures, []);
        assert.equal((await emailOf(app, email)).status, STATUS.sent);
        const sending = (await openCodes(app)).filter((code) => code.startsWith("sending"));
        assert.deepEqual(sending, []);
      },
    );

    for (const access of ["masterUser", "authorizationIdentity"] as const) {
      promise(`POP3 by ${access}: mailboxes without a password are read, and status and explain say how`, async (database) => {
        const names = rig.newUsers(2);
        rig.writePassword("router", "masterpass");
        await using app = await rig.open(database, rig.configurationFor(withoutOutgoing(names), byPop3(access)));
        for (const name of names) await rig.dovecot.deliver(name, letter({ id: `${name}-${access}` }));
        assert.deepEqual((await receive(app, ...names)).failures, []);
        assert.deepEqual(await tracked(app, ...names), names.map((name) => messageIdOf(`${name}-${access}`)).sort());
        const words = access === "masterUser" ? /signs in as \S+ \(master user\)/ : /acts as \S+ \(authorization identity\)/;
        const [explained] = (await app.operations.explain(addressOf(names[0] ?? ""))).mailboxes;
        assert.match(explained?.sentences.join(" ") ?? "", new RegExp(`It is read by the service account router, which ${words.source}`));
        assert.match(
          statusLines(asJson(await app.operations.status())).join("\n"),
          new RegExp(`opened: .*by the service account router, which ${words.source}`),
        );
        const [checked] = await check(app, [names[0] ?? ""], { testMessage: false });
        assert.match(checked?.steps.find((step) => step.name === "sign in")?.message ?? "", /lets the service account router for /);
      });
    }

    for (const [protocol, access] of [
      ["pop3", "masterUser"],
      ["pop3", "authorizationIdentity"],
      ["imap", "masterUser"],
    ] as const) {
      promise(
        `${protocol} by ${access}: a wrong password is one alert of the profile, an unknown user that of its mailbox, and nobody connects more than may`,
        async (database) => {
          const names = rig.newUsers(2);
          const ghost = rig.newUser();
          const clock = testClock();
          rig.writePassword("router", "wrong");
          const port = rig.dovecot.ports[protocol];
          using gauge = clientGauge(port);
          const users = [...withoutOutgoing(names), { name: ghost, mailbox: { username: "ghost", password: undefined, outgoing: false } }];
          const changes = { ...byPop3(access), incoming: { protocol, port } };
          const configuration = rig.configurationFor(users, { ...changes, profile: { ...changes.profile, maxConcurrentConnections: 1 } });
          await using app = await rig.open(database, configuration, { now: clock.now });
          for (let round = 0; round < 2; round++) {
            await receive(app, ...names, ghost);
            clock.forward(3600);
          }
          const alert = await theAlert(app, "receiving: service account refused");
          assert.deepEqual([alert.scope, alert.subject, await openCodes(app)], ["profile", "test", ["receiving: service account refused"]]);
          rig.writePassword("router", "masterpass");
          const { failures } = await receive(app, ...names, ghost);
          assert.deepEqual(
            failures.map(({ mailbox, code }) => [mailbox, code]),
            [[addressOf(ghost), "service account not allowed"]],
          );
          assert.equal((await theAlert(app, "receiving: service account not allowed")).scope, "mailbox");
          assert.equal(gauge.most(), 1, "asking another mailbox whose trouble it is takes no connection more");
          assert.doesNotMatch(JSON.stringify([app.logged, await app.operations.status()]), /masterpass|"wrong"/);
        },
      );
    }
  },
  { engines: ["pglite"] },
);

function withoutOutgoing(names: readonly string[]) {
  return withoutPassword(...names).map(({ name, mailbox }) => ({ name, mailbox: { ...mailbox, outgoing: false } }));
}

/** Counts the connections of this process to a port: as its own sockets open and close, not as the other side learns of it. */
function clientGauge(port: number): Disposable & { readonly most: () => number } {
  let open = 0;
  let most = 0;
  const see = (message: unknown) => {
    const socket = typeof message === "object" && message !== null && "socket" in message ? message.socket : null;
    if (!(socket instanceof Socket)) return;
    socket.once("connect", () => {
      if (socket.remotePort !== port) return;
      most = Math.max(most, ++open);
      socket.once("close", () => open--);
    });
  };
  subscribe("net.client.socket", see);
  return { most: () => most, [Symbol.dispose]: () => void unsubscribe("net.client.socket", see) };
}
