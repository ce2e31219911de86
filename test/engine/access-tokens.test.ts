/** Mailboxes that are opened with access tokens, from the first one to the last: a strict authorization server, Dovecot and Postfix that ask it. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { openDatabase } from "../../src/database/open.ts";
import { addressKey } from "../../src/model/address.ts";
import { STATUS } from "../../src/model/email.ts";
import type { AuthorizationServer } from "../servers/authorization-server.ts";
import { missingServers } from "../servers/needs.ts";
import { alertHistory, mailboxId, openCodes, theAlert } from "./alerts.ts";
import { decisionsIn, letter } from "./incoming.ts";
import { contactsFor, draftFrom, emailOf, pressSend, untilDelivered } from "./outgoing.ts";
import { addressOf, type EngineRig, type RigApp, receive, send, testClock } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";
import { CLIENT_SECRET, type TokenRig, tokenRig } from "./token-rig.ts";

const servers = ["dovecot", "postfix"] as const;
let tokens: TokenRig;
let authority: AuthorizationServer;
let rig: EngineRig;
before(async () => {
  if (missingServers(servers)) return;
  tokens = await tokenRig({
    reuse: "once more",
    clients: [{ id: "application", secret: CLIENT_SECRET, account: "user59", grants: ["client_credentials"] }],
    postfix: { requireSignIn: true },
  });
  ({ authority, rig } = tokens);
});
after(() => tokens?.[Symbol.asyncDispose]());

const withTokens: TokenRig["configurationFor"] = (...given) => tokens.configurationFor(...given);
const authorize: TokenRig["authorize"] = (...given) => tokens.authorize(...given);
const counted: TokenRig["counted"] = (...given) => tokens.counted(...given);
const said = (app: RigApp) => JSON.stringify(app.logged.map(({ fields, message }) => [message, fields]));

onOneDatabaseEach("access tokens", servers, (promise) => {
  promise("nothing is read before somebody authorized it; from then on mail comes and goes with tokens", async (database) => {
    const [ann, bob] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(database, withTokens([ann]));
    await rig.dovecot.deliver(ann, letter({ id: `${ann}-waiting`, to: [addressOf(ann)] }));
    const before = await receive(app, ann);
    assert.deepEqual(
      before.failures.map(({ code, remedy }) => [code, remedy.includes(`waypost authorize ${addressOf(ann)}`)]),
      [["authorization missing", true]],
    );
    assert.equal((await theAlert(app, "receiving: authorization missing")).scope, "mailbox");

    const result = await authorize(app, addressOf(ann), ann);
    assert.deepEqual(
      [result.target, result.renewable, result.mailboxes.map((one) => [one.mailbox, one.result])],
      [addressOf(ann), true, [[addressOf(ann), "ok"]]],
    );
    assert.deepEqual((await receive(app, ann)).failures, []);
    assert.deepEqual(
      (await decisionsIn(database, ann)).map((one) => one.outcome),
      ["tracked"],
    );
    assert.deepEqual(await alertHistory(database, await mailboxId(database, addressOf(ann))), ["receiving: authorization missing closed"]);

    await contactsFor(app, bob);
    const email = await pressSend(app, draftFrom(ann, [bob]));
    assert.deepEqual((await send(app, ann)).failures, []);
    assert.equal((await emailOf(app, email)).status, STATUS.sent);
    assert.equal((await untilDelivered(rig.dovecot, bob)).length, 1);
    const token = (await app.operations.status()).mailboxes.find((one) => one.address === addressOf(ann))?.token;
    assert.equal(token?.state, "valid");
    assert.ok((token?.expiresAt?.getTime() ?? 0) > Date.now());
  });

  promise("a token that expires is renewed before it is used, once, and its refresh token only once too", async (database) => {
    const ann = rig.newUser();
    const clock = testClock();
    await using app = await rig.open(database, withTokens([ann]), { now: clock.now });
    await authorize(app, addressOf(ann), ann);
    const from = authority.requests.length;
    for (let hour = 1; hour <= 3; hour++) {
      authority.expire(ann);
      clock.forward(3600);
      assert.deepEqual((await receive(app, ann)).failures, []);
      assert.deepEqual((await receive(app, ann)).failures, []);
      assert.equal(counted(from, "refresh_token"), hour);
    }
  });

  promise("a token that is refused before its time leads to one refresh and one more try", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, withTokens([ann]));
    await authorize(app, addressOf(ann), ann);
    authority.expire(ann);
    const from = authority.requests.length;
    assert.deepEqual((await receive(app, ann)).failures, []);
    assert.equal(counted(from, "refresh_token"), 1);
  });

  promise("access that is revoked makes one alert with the way out, and after it nobody has to click", async (database) => {
    const ann = rig.newUser();
    const clock = testClock();
    await using app = await rig.open(database, withTokens([ann]), { now: clock.now });
    await authorize(app, addressOf(ann), ann);
    await receive(app, ann);
    authority.revoke(ann);
    for (let tries = 0; tries < 3; tries++) {
      assert.deepEqual(
        (await receive(app, ann)).failures.map((one) => one.code),
        ["authorization ended"],
      );
      clock.forward(900);
    }
    const alert = await theAlert(app, "receiving: authorization ended");
    assert.match(alert.remedy, new RegExp(`waypost authorize ${addressOf(ann)}`));
    assert.match(alert.serverSaid ?? "", /invalid_grant: AADSTS50173/);
    assert.equal((await app.operations.status()).mailboxes.find((one) => one.address === addressOf(ann))?.token?.state, "failing");
    await authorize(app, addressOf(ann), ann);
    const { rows } = await database.query<{ due: Date; until: string | null }>(
      `select receive_due_at as due, receive_error->>'until' as until from waypost.mailbox where address = $1`,
      [addressOf(ann)],
    );
    assert.ok(rows[0] && rows[0].due <= clock.now() && rows[0].until === null, "it is due at once, whatever it waited for");
    assert.deepEqual((await receive(app, ann)).failures, []);
    assert.deepEqual(await openCodes(app), []);
  });

  promise("somebody else's account is noticed, and what worked before stays", async (database) => {
    const [ann, eve] = [rig.newUser(), rig.newUser()];
    await using app = await rig.open(database, withTokens([ann]));
    await authorize(app, addressOf(ann), ann);
    await assert.rejects(authorize(app, addressOf(ann), eve), { code: "authorized by another account" });
    assert.deepEqual((await receive(app, ann)).failures, []);
  });

  promise("a person who declines, and one who never comes, leave everything as it was", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, withTokens([ann]));
    const offer = await app.operations.authorizeBegin(addressOf(ann), { device: false, port: 0 });
    const done = app.operations.authorizeFinish(offer.id, new AbortController().signal);
    const refused = assert.rejects(done, { code: "authorization declined" });
    await authority.browse(offer.address ?? "", ann, "decline");
    await refused;
    const second = await app.operations.authorizeBegin(addressOf(ann), { device: false, port: 0 });
    const left = new AbortController();
    const waiting = assert.rejects(app.operations.authorizeFinish(second.id, left.signal), { code: "interrupted" });
    left.abort();
    await waiting;
    await assert.rejects(app.operations.authorizeFinish(second.id, new AbortController().signal), { code: "authorization timed out" });
  });

  promise("a service that is overloaded is left alone until the time that it named", async (database) => {
    const ann = rig.newUser();
    const clock = testClock();
    await using app = await rig.open(database, withTokens([ann]), { now: clock.now });
    await authorize(app, addressOf(ann), ann);
    clock.forward(3600);
    authority.onToken = () => ({ status: 429, body: { error: "temporarily_unavailable" }, headers: { "retry-after": "7200" } });
    const from = authority.requests.length;
    for (let tries = 0; tries < 3; tries++) {
      await receive(app, ann);
      clock.forward(60);
    }
    assert.equal(authority.requests.length - from, 1);
    authority.onToken = () => undefined;
    assert.equal((await theAlert(app, "receiving: sign-in service busy")).scope, "profile");
    clock.forward(7200);
    assert.deepEqual((await receive(app, ann)).failures, []);
    assert.deepEqual(await openCodes(app), []);
  });

  promise("many who need a new token at once ask for one", async (database) => {
    const ann = rig.newUser();
    const clock = testClock();
    await using app = await rig.open(database, withTokens([ann]), { now: clock.now });
    await authorize(app, addressOf(ann), ann);
    clock.forward(3600);
    const from = authority.requests.length;
    const secrets = await Promise.all(Array.from({ length: 8 }, () => app.context.credentials(addressKey(addressOf(ann))).current()));
    assert.equal(counted(from, "refresh_token"), 1);
    assert.equal(new Set(secrets.map((one) => (one.kind === "token" ? one.token : ""))).size, 1);
  });

  promise(
    "a process that dies between the service's answer and the store is survived: the old refresh token is tried again",
    async (database) => {
      const ann = rig.newUser();
      const clock = testClock();
      await using app = await rig.open(database, withTokens([ann]), { now: clock.now });
      await authorize(app, addressOf(ann), ann);
      clock.forward(3600);
      // The answer gets lost on its way, as it does with whoever dies while it comes.
      authority.onAnswer = () => Promise.reject(new Error("lost"));
      assert.deepEqual(
        (await receive(app, ann)).failures.map((one) => one.code),
        ["sign-in service busy"],
      );
      authority.onAnswer = () => undefined;
      clock.forward(60);
      assert.deepEqual((await receive(app, ann)).failures, []);
    },
  );

  promise(
    "an application without a person has one token for all mailboxes, and an expired client secret is the profile's trouble",
    async (database) => {
      const clock = testClock();
      const names = ["user59", rig.newUser()];
      const application = { clientId: "application", grant: "clientCredentials" as const, scopes: ["mail"] };
      await using app = await rig.open(database, withTokens(names, application), { now: clock.now });
      const from = authority.requests.length;
      const result = await authorize(app, "test", "nobody");
      assert.deepEqual(
        result.mailboxes.map((one) => [one.mailbox, one.result]),
        [
          [addressOf(names[1] ?? ""), "failed"],
          [addressOf("user59"), "ok"],
        ].sort(),
      );
      const { failures } = await receive(app, ...names);
      assert.deepEqual(
        failures.map((one) => [one.mailbox, one.code]),
        [[addressOf(names[1] ?? ""), "token refused"]],
      );
      assert.equal(counted(from, "client_credentials"), 1, "a mailbox that is refused does not make the application ask again and again");
      process.env.WAYPOST_TEST_CLIENT_SECRET = "expired";
      clock.forward(3600);
      await receive(app, "user59");
      const alert = await theAlert(app, "receiving: application refused");
      assert.deepEqual([alert.scope, alert.subject], ["profile", "test"]);
      assert.match(alert.serverSaid ?? "", /AADSTS7000215/);
      process.env.WAYPOST_TEST_CLIENT_SECRET = CLIENT_SECRET;
      clock.forward(900);
      assert.deepEqual((await receive(app, "user59")).failures, []);
    },
  );

  promise("no token and no secret is in the log, in alerts, in the status or in clear in the database", async (database) => {
    const ann = rig.newUser();
    await using app = await rig.open(database, withTokens([ann]));
    const offer = await app.operations.authorizeBegin(addressOf(ann), { device: false, port: 0 });
    const done = app.operations.authorizeFinish(offer.id, new AbortController().signal);
    await authority.browse(offer.address ?? "", ann);
    const result = await done;
    authority.onToken = ({ parameters }) => ({
      status: 400,
      body: {
        error: "invalid_grant",
        error_description: `you sent ${parameters.get("refresh_token")} and ${parameters.get("client_secret")}`,
      },
    });
    authority.expire(ann);
    await receive(app, ann);
    authority.onToken = () => undefined;
    const refreshToken = authority.requests.at(-1)?.parameters.get("refresh_token") ?? "";
    const secret = await app.context.credentials(addressKey(addressOf(ann))).current();
    assert.ok(refreshToken.length > 20 && secret.kind === "token" && secret.token.length > 100);
    const { rows } = await database.query(
      `select (select json_agg(one)::text from waypost.secret as one) as secrets, (select json_agg(one)::text from waypost.token as one) as tokens,
         (select json_agg(one)::text from waypost.mailbox as one) as mailboxes, (select json_agg(one)::text from waypost.alert as one) as alerts`,
    );
    const everything = [said(app), JSON.stringify(rows), JSON.stringify(result), JSON.stringify(await app.operations.status())].join("\n");
    assert.match(everything, /you sent \[removed\] and \[removed\]/);
    for (const one of [refreshToken, secret.token, CLIENT_SECRET]) assert.ok(!everything.includes(one));
  });

  promise("the mechanism that the profile names is used", async (database) => {
    const ann = rig.newUser();
    for (const authentication of ["oauthbearer", "xoauth2"] as const) {
      await using app = await rig.open(database, withTokens([ann], {}, { incoming: { authentication }, outgoing: { authentication } }));
      await authorize(app, addressOf(ann), ann);
      const checks = await app.operations.check([addressOf(ann)], { testMessage: false }, new AbortController().signal, () => undefined);
      const failed = checks.flatMap((one) => one.steps.filter((step) => step.result === "failed"));
      assert.deepEqual(failed, []);
    }
  });
});

onOneDatabaseEach(
  "access tokens in two processes",
  servers,
  (promise) => {
    promise("both need a new token at once: the service is asked once, and both go on with the same", async (database) => {
      const ann = rig.newUser();
      const clock = testClock();
      await using other = await openDatabase({ ...database.place, report: () => undefined });
      await using one = await rig.open(database, withTokens([ann]), { now: clock.now });
      await using two = await rig.open(other, withTokens([ann]), { now: clock.now });
      await authorize(one, addressOf(ann), ann);
      clock.forward(3600);
      const asked = Promise.withResolvers<void>();
      authority.onToken = async () => {
        asked.resolve();
        await new Promise((resolve) => setTimeout(resolve, 400));
        return undefined;
      };
      const from = authority.requests.length;
      const address = addressKey(addressOf(ann));
      const first = one.context.credentials(address).current();
      await asked.promise;
      const secrets = [await two.context.credentials(address).current(), await first];
      authority.onToken = () => undefined;
      assert.equal(counted(from, "refresh_token"), 1);
      assert.deepEqual(secrets[0], secrets[1]);
      authority.onToken = () => ({ status: 400, body: { error: "invalid_grant" } });
      clock.forward(3600);
      const failed = await Promise.allSettled([one, two].map((app) => app.context.credentials(address).current()));
      authority.onToken = () => undefined;
      assert.deepEqual(
        failed.map((result) => result.status === "rejected" && result.reason.code),
        ["authorization ended", "authorization ended"],
      );
      assert.equal(counted(from, "refresh_token"), 2, "who waited for a try that failed does not try the same again");
    });
  },
  { engines: ["postgres"] },
);
