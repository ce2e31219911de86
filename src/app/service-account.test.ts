import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { configurationSchema } from "../config.ts";
import type { MailboxAccess } from "../ports.ts";
import { signInOf } from "./service-account.ts";

before(() => {
  process.env.ROUTER = "masterpass";
});
after(() => {
  delete process.env.ROUTER;
});

const own: MailboxAccess["credentials"] = {
  current: async () => ({ kind: "password", username: "own", password: "own" }),
  refresh: async () => ({ kind: "password", username: "own", password: "own" }),
};

function signIn(account: object | undefined) {
  const configuration = configurationSchema.parse({
    organizations: [{ name: "contoso", kind: "embedded" }],
    serverProfiles: [
      {
        name: "company",
        incoming: { host: "imap.example.com" },
        outgoing: { host: "smtp.example.com" },
        ...(account && { serviceAccount: { username: "router", password: { env: "ROUTER" }, ...account } }),
      },
      { name: "other", incoming: { host: "imap.example.com" } },
    ],
    mailboxes: [
      { address: "Ann@example.com", profile: "company", username: "ann", user: "ann@example.com" },
      { address: "bob@example.com", profile: "company", user: "bob@example.com" },
      { address: "eve@example.com", profile: "other", user: "eve@example.com" },
    ],
  });
  return signInOf(configuration, "company");
}

const reach = (account: object | undefined, direction: "receive" | "send", address = "ann@example.com") =>
  signIn(account).access({ address, credentials: own }, direction);

test("each kind of access signs in as it says, and a direction that is not named keeps the mailbox's own credentials", async () => {
  const secretOf = async (account: object | undefined, direction: "receive" | "send") => {
    const { kind: _, ...secret } = await reach(account, direction).credentials.current();
    return secret;
  };
  assert.deepEqual(await secretOf({ incoming: "masterUser" }, "receive"), { username: "ann*router", password: "masterpass" });
  assert.deepEqual(await secretOf({ incoming: "masterUser", loginName: "CORP\\{serviceAccount}\\{username}" }, "receive"), {
    username: "CORP\\router\\ann",
    password: "masterpass",
  });
  assert.deepEqual(await secretOf({ incoming: "authorizationIdentity" }, "receive"), {
    username: "router",
    password: "masterpass",
    authorizationIdentity: "ann",
  });
  assert.deepEqual(await secretOf({ incoming: "sharedFolders" }, "receive"), { username: "router", password: "masterpass" });
  assert.deepEqual(await secretOf({ outgoing: "itself" }, "send"), { username: "router", password: "masterpass" });
  assert.deepEqual(await secretOf({ outgoing: "itself" }, "receive"), { username: "own", password: "own" });
  assert.deepEqual(await secretOf(undefined, "receive"), { username: "own", password: "own" });
});

test("it signs in only for mailboxes that the configuration names in this profile", () => {
  assert.equal(reach({ incoming: "masterUser" }, "receive").serviceAccount?.user, "ann");
  for (const stranger of ["eve@example.com", "nobody@example.com"])
    assert.equal(reach({ incoming: "masterUser" }, "receive", stranger).credentials, own);
});

test("the others are the mailboxes for which it signs in as the user; where it signs in as itself there are none", async () => {
  const others = async (account: object) => {
    const access = reach(account, "receive").serviceAccount;
    return Promise.all((access?.others() ?? []).map(async (one) => (await one.current()).username));
  };
  assert.deepEqual(await others({ incoming: "masterUser" }), ["bob@example.com*router"]);
  assert.deepEqual(await others({ incoming: "authorizationIdentity" }), ["router"]);
  assert.deepEqual(await others({ incoming: "sharedFolders" }), []);
});

test("a secret that is missing is the profile's trouble, once for all mailboxes", async () => {
  const { credentials } = reach({ incoming: "masterUser", password: { env: "WAYPOST_NOT_SET" } }, "receive");
  await assert.rejects(credentials.current(), { scope: "profile", code: "secret missing", message: /service account router/ });
});

test("who opens a mailbox is told by name: the service account where it does, in each direction by itself, and else the mailbox's user", () => {
  const opened = (account: object | undefined, address = "ann@example.com") =>
    (["receive", "send"] as const).map((direction) => signIn(account).opening(address, "ann", direction));
  const own = { access: "password", user: "ann", serviceAccount: null };
  assert.deepEqual(opened(undefined), [own, own]);
  assert.deepEqual(opened({ incoming: "sharedFolders", outgoing: "itself" }), [
    { access: "sharedFolders", user: "ann", serviceAccount: "router" },
    { access: "itself", user: "ann", serviceAccount: "router" },
  ]);
  assert.deepEqual(opened({ incoming: "masterUser" }), [{ access: "masterUser", user: "ann", serviceAccount: "router" }, own]);
  assert.deepEqual(opened({ incoming: "masterUser" }, "eve@example.com"), [own, own], "a mailbox of another profile is not its business");
});
