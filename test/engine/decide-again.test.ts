/** What keeps some messages from being decided again for a time keeps no others from it, and they have their turn when it is over. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import { imapFailure } from "../../src/connectors/imap/failures.ts";
import { imapEndpoint } from "../contract/imap-rig.ts";
import { RIGHTS_COUNT_AT_ONCE, setRights } from "../servers/access-rights.ts";
import { missingServers } from "../servers/needs.ts";
import { changeSources } from "./change-sources.ts";
import { decisionsIn, letter, makeFolders, messageIdOf } from "./incoming.ts";
import { type EngineRig, engineRig, type RigApp, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ dovecot: { shared: true, extra: RIGHTS_COUNT_AT_ONCE } });
});
after(() => rig?.[Symbol.asyncDispose]());

type Opened = Parameters<EngineRig["open"]>[0];

const SETTING = { outgoing: false, readFrom: "2026-01-01T00:00:00Z" };

const large = (id: string) => letter({ id, body: `${"x".repeat(76)}\r\n`.repeat(16_000) });

const outcomesOf = async (database: Opened, user: string) =>
  Object.fromEntries((await decisionsIn(database, user)).map(({ messageId, outcome }) => [messageId, outcome]));

/** One round, in which nothing goes wrong. */
async function round(app: RigApp, user: string) {
  const { counts, failures } = await receive(app, user);
  assert.deepEqual(failures, []);
  return counts;
}

onOneDatabaseEach("deciding again", servers, (promise) => {
  promise(
    "what lies in a shared folder that is hidden when its question becomes an email is decided when the folder is shown",
    async (database) => {
      const [user, reader] = [rig.newUser(), rig.newUser()];
      const grant = (folder: string, rights: string) => setRights(rig.dovecot, user, folder, reader, rights);
      const serviceAccount = { username: reader, password: { file: rig.passwordFile(reader) }, incoming: "sharedFolders" } as const;
      const open = (maximumMessageMegabytes: number) =>
        rig.open(
          database,
          rig.configurationFor([{ name: user, filter: "replies", mailbox: { ...SETTING, username: user, password: undefined } }], {
            profile: { folders: "personal", serviceAccount, maximumMessageMegabytes },
          }),
        );
      await rig.dovecot.append(user, "INBOX", letter({ id: `${user}-first` }));
      await rig.dovecot.append(user, "Cases", letter({ id: `${user}-answer`, answers: `${user}-question` }));
      await grant("INBOX", "lr");
      await grant("Cases", "lr");
      {
        await using app = await open(1);
        assert.equal((await round(app, user)).skipped, 2);
      }
      await grant("Cases", "");
      await using app = await open(10);
      // As when its question becomes an email in the mailbox of somebody else.
      await database.query("update waypost.decision set reconsider = true where message_id = $1", [messageIdOf(`${user}-answer`)]);
      await database.query(
        "insert into crm.email (activityid, subject, directioncode, statuscode, messageid) values (gen_random_uuid(), 'Question', true, 3, $1)",
        [messageIdOf(`${user}-question`)],
      );
      assert.equal((await round(app, user)).tracked, 0);
      await grant("Cases", "lr");
      assert.equal((await round(app, user)).tracked, 1);
      assert.equal((await outcomesOf(database, user))[messageIdOf(`${user}-answer`)], "tracked");
    },
  );

  promise("what lies in a folder that was told for one round to hold only folders is decided in the next", async (database) => {
    const user = rig.newUser();
    await makeFolders(rig.dovecot, user, "INBOX/Later");
    await rig.dovecot.append(user, "INBOX/Later", large(`${user}-large`));
    const open = (maximumMessageMegabytes: number) =>
      rig.open(database, rig.configurationFor([{ name: user, filter: "all", mailbox: SETTING }], { profile: { maximumMessageMegabytes } }));
    {
      await using app = await open(1);
      assert.equal((await round(app, user)).quarantined, 1);
    }
    await using app = await open(10);
    await app.operations.quarantineRetry("all");
    {
      using _ = changeSources(app, (source) => {
        const folders = source.folders.bind(source);
        source.folders = async () => (await folders()).map((one) => ({ ...one, selectable: one.role === "inbox" }));
        return source;
      });
      assert.equal((await round(app, user)).tracked, 0);
    }
    assert.equal((await round(app, user)).tracked, 1);
  });

  promise(
    "a folder whose messages the server does not hand out at the moment keeps no others from being decided, and the round goes on",
    async (database) => {
      const user = rig.newUser();
      await makeFolders(rig.dovecot, user, "INBOX/Archive");
      await rig.dovecot.append(user, "INBOX/Archive", large(`${user}-archived`));
      await rig.dovecot.append(user, "INBOX", large(`${user}-here`));
      const open = (maximumMessageMegabytes: number) =>
        rig.open(
          database,
          rig.configurationFor([{ name: user, filter: "all", mailbox: SETTING }], { profile: { maximumMessageMegabytes } }),
        );
      {
        await using app = await open(1);
        assert.equal((await round(app, user)).quarantined, 2);
      }
      await using app = await open(10);
      await app.operations.quarantineRetry("all");
      const { rows } = await database.query<{ stream: string }>(
        "select stream_id as stream from waypost.folder where name = 'INBOX/Archive'",
      );
      {
        using _ = changeSources(app, (source, { address }) => {
          const content = source.content.bind(source);
          source.content = (refs, options) => {
            if (!refs.some(({ stream }) => rows.some((row) => row.stream === stream))) return content(refs, options);
            const about = { endpoint: imapEndpoint(1), mailbox: address, folder: "INBOX/Archive" };
            throw imapFailure("mailbox unavailable", about, { serverSaid: "[UNAVAILABLE] The store is down" });
          };
          return source;
        });
        assert.equal((await round(app, user)).tracked, 1);
        assert.deepEqual(await outcomesOf(database, user), {
          [messageIdOf(`${user}-archived`)]: "quarantined",
          [messageIdOf(`${user}-here`)]: "tracked",
        });
      }
      assert.equal((await round(app, user)).tracked, 1, "when it is handed out");
    },
  );
});
