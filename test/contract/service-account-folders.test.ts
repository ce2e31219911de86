/** What a service account sees of a mailbox, what it is refused, and when it is woken. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { after, before, describe, test } from "node:test";
import { targetOf } from "../../src/connectors/imap/connect.ts";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { watch } from "../../src/connectors/imap/watch.ts";
import { Failure } from "../../src/model/failure.ts";
import type { MailboxAccess } from "../../src/ports.ts";
import { RIGHTS_COUNT_AT_ONCE, setRights } from "../servers/access-rights.ts";
import type { Dovecot, DovecotOptions } from "../servers/dovecot.ts";
import { missingServers } from "../servers/needs.ts";
import { type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { idOf, LONG_AGO, message, using } from "./mail-source-rig.ts";
import { type Access, COLLEAGUE, serviceAccess, startSharingServer } from "./service-account-rig.ts";

const KINDS: readonly Access[] = ["masterUser", "authorizationIdentity", "sharedFolders"];
const OPTIONS = { limit: 100, since: LONG_AGO };

const sourceOf = (port: number, mailbox: MailboxAccess) => imapSystem({ profile: profileWith(imapEndpoint(port)) }).source(mailbox);

async function failureOf(work: Promise<unknown>): Promise<Failure> {
  const failure = await work.then(
    () => assert.fail("it worked"),
    (error: unknown) => error,
  );
  assert.ok(failure instanceof Failure, String(failure));
  return failure;
}

describe("a service account sees what the user sees", { skip: missingServers(["dovecot"]) }, () => {
  const layouts: readonly DovecotOptions[] = [{}, { format: "mdbox", separator: ".", prefix: "INBOX." }];
  for (const options of layouts) {
    const { separator = "/", prefix = "" } = options;
    test(`the same folders by the same ids, in the same place, with the same use, for levels parted by ${separator}`, async () => {
      await using dovecot = await startSharingServer({
        ...options,
        extra: `namespace inbox {\n  mailbox Archive {\n    special_use = \\Archive\n    auto = subscribe\n  }\n}\n`,
      });
      const user = "user0";
      const below = (...levels: string[]) => `${prefix}${levels.join(separator)}`;
      const folders = [
        "INBOX",
        below("INBOX", "Kunden"),
        below("Größe & Café"),
        below("With space", "Deep"),
        below("Sent", "2025"),
        below("Archive"),
        below("日本語"),
      ];
      for (const folder of folders) await dovecot.append(user, folder, message("one"));
      const own = await using(sourceOf(dovecot.ports.imap, access(user)), (source) => source.folders());
      const selectable = own.filter((folder) => folder.selectable);
      for (const { id } of selectable) await setRights(dovecot, user, id, COLLEAGUE, "lr");
      // Folders of which nothing was ever written are shown to their own user alone, and so are those that only hold others.
      const made = new Set([...folders, below("Sent")]);
      for (const kind of KINDS) {
        const seen = await using(sourceOf(dovecot.ports.imap, serviceAccess(kind, user)), (source) => source.folders());
        const byId = (list: typeof own) => list.filter(({ id }) => made.has(id)).sort((a, b) => a.id.localeCompare(b.id));
        assert.deepEqual(byId(seen), byId(own), kind);
        assert.equal(byId(seen).length, made.size, kind);
        assert.deepEqual(
          seen.filter(({ selectable: can, id }) => can && !selectable.some((one) => one.id === id)),
          [],
          "nothing of anybody else",
        );
      }
    });
  }
});

describe("what a service account is refused", { skip: missingServers(["dovecot"]) }, () => {
  let dovecot: Dovecot;
  before(async () => {
    dovecot = await startSharingServer({ extra: RIGHTS_COUNT_AT_ONCE });
  });
  after(() => dovecot?.[Symbol.asyncDispose]());
  const shared = (user: string) => sourceOf(dovecot.ports.imap, serviceAccess("sharedFolders", user));

  test("a user who shares nothing, or whom the server does not know, is a failure of that mailbox that says what to grant", async () => {
    for (const user of ["user1", "nobody", "user1/Private"]) {
      const failure = await using(shared(user), (source) => failureOf(source.folders()));
      assert.deepEqual([failure.scope, failure.code], ["mailbox", "nothing shared"], user);
      assert.match(
        `${failure.message} ${failure.remedy}`,
        new RegExp(`the mailbox of ${user} .*${COLLEAGUE}.* l \\(see\\) and r \\(read\\)`),
      );
    }
  });

  test("a folder that may be seen and not read is told with the server's words and the right that is lacking", async () => {
    await dovecot.append("user2", "Closed", message("x"));
    await setRights(dovecot, "user2", "INBOX", COLLEAGUE, "lr");
    await setRights(dovecot, "user2", "Closed", COLLEAGUE, "l");
    await using(shared("user2"), async (source) => {
      const closed = (await source.folders()).find((folder) => folder.id === "Closed");
      assert.match(
        closed?.unreadable ?? "",
        /Permission denied.* colleague has only the rights "l" there\. .*the right r \(read\) for colleague/,
      );
      const failure = await failureOf(source.pull("Closed", null, OPTIONS));
      assert.deepEqual([failure.scope, failure.code], ["folder", "no right"]);
      assert.match(failure.remedy, /the right r \(read\) for colleague granted on the folder shared\/user2\/Closed/);
    });
  });

  test("an inbox that is not shared is no reason not to read the rest, and the account's own inbox is not read in its place", async () => {
    await dovecot.append(COLLEAGUE, "INBOX", message("private"));
    await dovecot.append("user3", "Team", message("team"));
    await setRights(dovecot, "user3", "Team", COLLEAGUE, "lr");
    await using(shared("user3"), async (source) => {
      const folders = await source.folders();
      assert.deepEqual(
        folders.map(({ id, unreadable }) => [id, unreadable === null]),
        [
          ["INBOX", false],
          ["Team", true],
        ],
      );
      const failure = await failureOf(source.pull("INBOX", null, OPTIONS));
      assert.deepEqual([failure.scope, failure.code], ["folder", "folder not shown"]);
      const page = await source.pull("Team", null, OPTIONS);
      assert.deepEqual(page.kind === "page" && page.heads.map((head) => head.messageId), [idOf("team")]);
    });
  });

  test("a folder that the user does not share is never the account's own of the same name", async () => {
    await dovecot.append(COLLEAGUE, "Projects", message("private"));
    await setRights(dovecot, "user4", "INBOX", COLLEAGUE, "lr");
    await using(shared("user4"), async (source) => {
      assert.equal((await failureOf(source.pull("Projects", null, OPTIONS))).code, "folder not shown");
      assert.equal((await failureOf(source.find("Projects", idOf("private")))).code, "folder not shown");
    });
  });

  test("a copy is filed in the user's own Sent, where that is allowed, and else said to be not", async () => {
    for (const user of ["user5", "user6"]) {
      await dovecot.withImap(user, async (client) => void (await client.mailboxCreate("Sent")));
      await setRights(dovecot, user, "INBOX", COLLEAGUE, "lr");
    }
    await setRights(dovecot, "user5", "Sent", COLLEAGUE, "lri");
    await setRights(dovecot, "user6", "Sent", COLLEAGUE, "lr");
    assert.equal(await using(shared("user5"), (source) => source.fileSent(idOf("sent"), message("sent"), new Date())), "filed");
    const held = (user: string) => dovecot.withImap(user, async (client) => (await client.mailboxOpen("Sent")).exists);
    assert.deepEqual([await held("user5"), await held(COLLEAGUE)], [1, 0]);
    const failure = await using(shared("user6"), (source) => failureOf(source.fileSent(idOf("sent"), message("sent"), new Date())));
    assert.deepEqual([failure.scope, failure.code], ["folder", "no right"]);
    assert.match(failure.remedy, /the right i \(insert\) for colleague granted on the folder shared\/user6\/Sent/);
  });

  test("an unknown user is the trouble of that mailbox, a wrong password that of all of them", async () => {
    for (const kind of ["masterUser", "authorizationIdentity"] as const) {
      const unknown = await using(sourceOf(dovecot.ports.imap, serviceAccess(kind, "nobody")), (source) => failureOf(source.folders()));
      assert.deepEqual([unknown.scope, unknown.code], ["mailbox", "service account not allowed"], kind);
      assert.match(unknown.message, /router into the mailbox of nobody/);
      const wrong = serviceAccess(kind, "user0", { password: "wrong", others: ["user1", "user2"] });
      const refused = await using(sourceOf(dovecot.ports.imap, wrong), (source) => failureOf(source.folders()));
      assert.deepEqual([refused.scope, refused.code], ["profile", "service account refused"], kind);
      assert.doesNotMatch(`${refused.message} ${refused.serverSaid} ${refused.stack}`, /wrong/);
    }
  });

  test("test & enable names who signs in, and what is not shared", async () => {
    await setRights(dovecot, "user7", "INBOX", COLLEAGUE, "lr");
    const system = imapSystem({ profile: profileWith(imapEndpoint(dovecot.ports.imap)) });
    const steps = async (mailbox: MailboxAccess) => {
      const told: string[] = [];
      for await (const step of system.check(mailbox)) told.push(`${step.name}: ${step.result} ${step.message}`);
      return told.join("\n");
    };
    for (const kind of KINDS)
      assert.match(await steps(serviceAccess(kind, "user7")), /sign in: ok .* the service account .*\n.*\nopen the inbox: ok/);
    assert.match(
      await steps(serviceAccess("sharedFolders", "user8")),
      /list the folders: failed .*shows no folder of the mailbox of user8/,
    );
  });

  for (const kind of KINDS) {
    test(`mail that comes into the user's inbox wakes within seconds (${kind})`, async () => {
      await setRights(dovecot, "user9", "INBOX", COLLEAGUE, "lr");
      const events = new EventTarget();
      const troubles: unknown[] = [];
      const stop = new AbortController();
      const next = () => once(events, "wake", { signal: AbortSignal.timeout(10_000) });
      const opened = next();
      const target = {
        mailbox: serviceAccess(kind, "user9"),
        streams: ["INBOX"],
        wake: () => void events.dispatchEvent(new Event("wake")),
        trouble: (failure: unknown) => void troubles.push(failure),
      };
      const done = watch(targetOf(imapEndpoint(dovecot.ports.imap), 1_000_000), [target], stop.signal);
      try {
        await opened;
        const woken = next();
        await dovecot.deliver("user9", message(`wake-${kind}`));
        await woken;
      } finally {
        stop.abort();
        await done;
      }
      assert.deepEqual(troubles, []);
    });
  }
});

describe("servers that say less", () => {
  async function refusedBy(options: ScriptedImapOptions, mailbox: MailboxAccess): Promise<{ failure: Failure; heard: readonly string[] }> {
    await using server = await startScriptedImap(options);
    return { failure: await using(sourceOf(server.port, mailbox), (source) => failureOf(source.folders())), heard: server.heard };
  }
  const NO = "NO [AUTHENTICATIONFAILED] no";

  test("where the server gives no reason, what it says to another mailbox tells whose trouble it is", async () => {
    const script = (unknown: string) => (command: string) =>
      command.startsWith(`LOGIN "${unknown}`) || command.startsWith(`LOGIN ${unknown}`) ? NO : undefined;
    const mailbox = serviceAccess("masterUser", "ann", { others: ["bob"] });
    const one = await refusedBy({ script: script("ann") }, mailbox);
    assert.deepEqual([one.failure.scope, one.failure.code], ["mailbox", "service account not allowed"]);
    const all = await refusedBy({ script: script("") }, mailbox);
    assert.deepEqual([all.failure.scope, all.failure.code], ["profile", "service account refused"]);
  });

  test("without AUTH=PLAIN nobody is named, and the account does not sign in as itself instead", async () => {
    for (const capabilities of [[], ["AUTH=LOGIN"]]) {
      const { failure, heard } = await refusedBy({ capabilities }, serviceAccess("authorizationIdentity", "ann"));
      assert.deepEqual([failure.scope, failure.code], ["profile", "no authorization identity"]);
      assert.deepEqual(
        heard.filter((command) => /^(LOGIN|AUTHENTICATE)/.test(command)),
        [],
      );
    }
  });

  test("a server without folders of other users cannot share any, and says so once for all mailboxes", async () => {
    const script = (command: string) => (command === "NAMESPACE" ? '* NAMESPACE (("" "/")) NIL NIL\r\nOK done' : undefined);
    for (const options of [{}, { capabilities: ["NAMESPACE"], script }]) {
      const { failure, heard } = await refusedBy(options, serviceAccess("sharedFolders", "ann"));
      assert.deepEqual([failure.scope, failure.code], ["profile", "no folders of other users"]);
      assert.ok(!heard.some((command) => /^(SELECT|EXAMINE)/.test(command)), "the account's own folders are left alone");
    }
  });

  test("trouble of an account that signs in as itself is the same for all its mailboxes", async () => {
    const options = { script: (command: string) => (command.startsWith("LOGIN") ? "NO [UNAVAILABLE] later" : undefined) };
    assert.equal((await refusedBy(options, serviceAccess("sharedFolders", "ann"))).failure.scope, "profile");
    assert.equal((await refusedBy(options, serviceAccess("masterUser", "ann"))).failure.scope, "mailbox");
  });
});
