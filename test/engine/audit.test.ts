/** An audit tells of each message that lies in a mailbox what became of it, by the server's own listing; what is missing is delivered, and nothing else. */
import assert from "node:assert/strict";
import { after, before } from "node:test";
import type { MailboxReport } from "../../src/engine/operations/audit.ts";
import { Failure } from "../../src/model/failure.ts";
import type { MessageHead } from "../../src/model/message.ts";
import { foreignCrm } from "../contract/foreign-crm.ts";
import { missingServers } from "../servers/needs.ts";
import { openCodes, theAlert } from "./alerts.ts";
import { changeSources } from "./change-sources.ts";
import { decisionsIn, emailsIn, letter, messageIdOf } from "./incoming.ts";
import { addressOf, type EngineRig, engineRig, type RigApp, type RigChanges, receive } from "./rig.ts";
import { onOneDatabaseEach } from "./shared-database.ts";

const servers = ["dovecot"] as const;
let rig: EngineRig;
before(async () => {
  if (!missingServers(servers)) rig = await engineRig({ accounts: 80 });
});
after(() => rig?.[Symbol.asyncDispose]());

type Opened = Parameters<EngineRig["open"]>[0];

const MISSING = "auditing: messages missing";
const SETTING = { outgoing: false, readFrom: "2026-01-01T00:00:00Z" };
const BEFORE_START = new Date("2025-06-01T10:00:00Z");

const KNOWN = "known@customer.test";

/** A mailbox that wants the mail of one contact. */
async function open(database: Opened, user: string, incoming: RigChanges["incoming"] = {}): Promise<RigApp> {
  const app = await rig.open(database, rig.configurationFor([{ name: user, filter: "contacts", mailbox: SETTING }], { incoming }));
  const { rows } = await database.query("select 1 from crm.contact where emailaddress1 = $1", [KNOWN]);
  if (rows.length === 0) await app.crm.createRecords([{ type: "contact", lastname: "Known", addresses: [KNOWN] }]);
  return app;
}

const own = (user: string, name: string) => `${user}-${name}`;

/** Letters of the contact, or of a stranger. */
const letters = (user: string, from: string, ...names: readonly string[]) =>
  names.map((name) => letter({ id: own(user, name), subject: name, from, date: new Date("2026-03-02T10:00:00Z") }));

async function round(app: RigApp, user: string) {
  const { counts, failures } = await receive(app, user);
  assert.deepEqual(failures, []);
  return counts;
}

async function audit(app: RigApp, user: string, repair = false): Promise<MailboxReport> {
  const { reports, failures, left } = await app.operations.audit([addressOf(user)], repair, new AbortController().signal, () => {});
  assert.deepEqual([failures, left], [[], []]);
  const [report] = reports;
  assert.ok(report && reports.length === 1);
  return report;
}

/** What of a report is a number, but for zeros. */
function numbersOf(report: MailboxReport): Record<string, number> {
  return Object.fromEntries(
    Object.entries(report).flatMap(([name, value]) => (typeof value === "number" && value > 0 ? [[name, value]] : [])),
  );
}

/** A connector that loses these messages from its pages, while its cursor goes on. */
function suppressing(app: RigApp, ...ids: readonly string[]): Disposable {
  const lost = new Set(ids.map(messageIdOf));
  const isLost = ({ messageId }: MessageHead) => messageId !== null && lost.has(messageId);
  return changeSources(app, (source) => {
    const pull = source.pull.bind(source);
    source.pull = async (stream, cursor, options) => {
      const answer = await pull(stream, cursor, options);
      return answer.kind === "page" ? { ...answer, heads: answer.heads.filter((head) => !isLost(head)) } : answer;
    };
    return source;
  });
}

const deleteEmail = (database: Opened, id: string) => database.query("delete from crm.email where messageid = $1", [messageIdOf(id)]);

const subjectsIn = async (database: Opened, user: string) => (await emailsIn(database, user)).map(({ subject }) => subject);

async function emailIdOf(database: Opened, user: string, name: string): Promise<string> {
  const decided = (await decisionsIn(database, user)).find(({ messageId }) => messageId === messageIdOf(own(user, name)));
  assert.ok(decided?.emailId);
  return decided.emailId;
}

const PROTOCOLS = {
  IMAP: () => ({}),
  POP3: () => ({ protocol: "pop3", port: rig.dovecot.ports.pop3 }) as const,
} as const;

onOneDatabaseEach("an audit", servers, (promise) => {
  for (const [protocol, incoming] of Object.entries(PROTOCOLS)) {
    promise(
      `${protocol}: says of each message what became of it, and repair delivers what is missing and nothing else`,
      async (database) => {
        const user = rig.newUser();
        await using app = await open(database, user, incoming());
        const known = ["tracked", "lost", "suppressed", "deleted", "untracked"];
        await rig.dovecot.append(user, "INBOX", ...letters(user, KNOWN, ...known), ...letters(user, "other@customer.test", "skipped"));
        {
          using _ = suppressing(app, own(user, "suppressed"));
          await round(app, user);
        }
        await app.operations.untrack(messageIdOf(own(user, "untracked")), true, "Eve");
        assert.equal(await app.context.crm("CRM").remove(await emailIdOf(database, user, "deleted")), true);
        await deleteEmail(database, own(user, "lost"));

        const counted = { there: 6, seen: 5, qualified: 3, tracked: 1, deleted: 1, skipped: 2, missing: 2, unseen: 1, lost: 1 };
        const found = await audit(app, user);
        assert.deepEqual(numbersOf(found), counted);
        assert.deepEqual(
          found.examples.map(({ folder, messageId, why }) => [folder, messageId, why]),
          [
            ["INBOX", messageIdOf(own(user, "suppressed")), "unseen"],
            ["INBOX", messageIdOf(own(user, "lost")), "lost"],
          ],
        );
        assert.deepEqual(await subjectsIn(database, user), ["tracked"], "a look changes nothing");
        const { message, remedy } = await theAlert(app, MISSING);
        assert.match(message, /of 6 messages .*, 2 are missing in the CRM: 1 passed by .*, and 1 with an email that is gone/);
        assert.match(remedy, new RegExp(`waypost audit ${addressOf(user)} --repair`));

        assert.deepEqual(numbersOf(await audit(app, user, true)), { ...counted, repaired: 2 });
        assert.deepEqual(await subjectsIn(database, user), ["lost", "suppressed", "tracked"]);
        assert.deepEqual(await openCodes(app), []);
        const whole = { there: 6, seen: 6, qualified: 4, tracked: 3, deleted: 1, skipped: 2 };
        assert.deepEqual(numbersOf(await audit(app, user, true)), whole, "the second time there is nothing to do");
        assert.deepEqual(await subjectsIn(database, user), ["lost", "suppressed", "tracked"]);
        const { received, tracked, moved } = await round(app, user);
        assert.deepEqual([received, tracked, moved], [0, 0, 0]);
      },
    );
  }

  promise(
    "what lies in folders that are not read, and what came before the start, is counted apart and never missing",
    async (database) => {
      const user = rig.newUser();
      await using app = await open(database, user);
      const [old = "", young = ""] = letters(user, KNOWN, "old", "young");
      await rig.dovecot.append(user, "INBOX", { mime: old, internalDate: BEFORE_START }, young);
      await rig.dovecot.append(user, "Aside", ...letters(user, KNOWN, "elsewhere"));
      await round(app, user);
      const report = await audit(app, user, true);
      assert.deepEqual(numbersOf(report), { there: 2, beforeStart: 1, seen: 1, qualified: 1, tracked: 1 });
      const aside = report.notCounted.find(({ folder }) => folder === "Aside");
      assert.deepEqual([aside?.messages, aside?.failed], [1, false]);
      assert.match(aside?.because ?? "", /not below the inbox/);
    },
  );

  promise("an email that another mailbox made counts for both, and is made once again when it is lost", async (database) => {
    const [ann, ben] = [rig.newUser(), rig.newUser()];
    const users = [ann, ben].map((name) => ({ name, mailbox: SETTING }));
    await using app = await rig.open(database, rig.configurationFor(users));
    for (const user of [ann, ben]) await rig.dovecot.append(user, "INBOX", ...letters(ann, KNOWN, "shared"));
    await round(app, ann);
    await round(app, ben);
    await deleteEmail(database, own(ann, "shared"));
    assert.equal((await audit(app, ann)).missing, 1);
    assert.deepEqual(numbersOf(await audit(app, ben, true)), { there: 1, seen: 1, qualified: 1, missing: 1, lost: 1, repaired: 1 });
    assert.equal((await audit(app, ann, true)).missing, 0);
    assert.equal((await emailsIn(database, ann, ben)).length, 1);
  });

  promise("one without a Message-ID is made again under its id, and in quarantine nothing is missing", async (database) => {
    const user = rig.newUser();
    const profile = { maximumMessageMegabytes: 1 };
    await using app = await rig.open(database, rig.configurationFor([{ name: user, mailbox: SETTING }], { profile }));
    const large = letter({ id: own(user, "large"), body: `${"x".repeat(76)}\r\n`.repeat(16_000) });
    await rig.dovecot.append(user, "INBOX", letter({ id: null, subject: own(user, "scan") }), large);
    await round(app, user);
    const [email] = await emailsIn(database, user);
    await database.query("delete from crm.email where activityid = $1", [email?.id]);
    const report = numbersOf(await audit(app, user, true));
    assert.deepEqual(report, { there: 2, seen: 2, qualified: 1, quarantined: 1, missing: 1, lost: 1, repaired: 1 });
    assert.deepEqual(await emailsIn(database, user), [email]);
  });

  promise("in a CRM elsewhere it is the same, and one that keeps no trace of what is deleted loses nothing", async (database) => {
    const user = rig.newUser();
    await using app = await open(database, user);
    let keepsTraces = true;
    const crm = foreignCrm(app.context.crm("CRM"));
    const { deleted } = crm;
    crm.deleted = async (ids) => (keepsTraces ? deleted(ids) : new Set(ids));
    app.context.crm = () => crm;
    await rig.dovecot.append(user, "INBOX", ...letters(user, KNOWN, "one", "two"));
    await round(app, user);
    await deleteEmail(database, own(user, "one"));
    keepsTraces = false;
    assert.deepEqual(numbersOf(await audit(app, user, true)), { there: 2, seen: 2, qualified: 2, tracked: 1, deleted: 1 });
    keepsTraces = true;
    assert.equal((await audit(app, user, true)).repaired, 1);
    assert.deepEqual(await subjectsIn(database, user), ["one", "two"]);
  });

  promise("a folder that cannot be listed is named, and an alert about it stays open", async (database) => {
    const user = rig.newUser();
    await using app = await open(database, user);
    await rig.dovecot.append(user, "INBOX", ...letters(user, KNOWN, "lost"));
    await rig.dovecot.append(user, "INBOX/Work", ...letters(user, KNOWN, "here"));
    await round(app, user);
    await deleteEmail(database, own(user, "lost"));
    await audit(app, user);
    assert.deepEqual(await openCodes(app), [MISSING]);
    {
      using _ = changeSources(app, (source) => {
        const list = source.list.bind(source);
        source.list = (stream, cursor, options) => {
          if (stream !== "INBOX") return list(stream, cursor, options);
          throw new Failure({
            scope: "folder",
            code: "no right",
            message: "Nobody may.",
            remedy: "Ask for the right.",
            waitingHelps: false,
          });
        };
        return source;
      });
      const report = await audit(app, user, true);
      assert.deepEqual([report.there, report.missing], [1, 0]);
      assert.deepEqual(
        report.notCounted.filter(({ failed }) => failed),
        [{ folder: "INBOX", messages: null, because: "Nobody may.", failed: true }],
      );
      assert.deepEqual(await openCodes(app), [MISSING]);
    }
    await audit(app, user, true);
    assert.deepEqual(await openCodes(app), []);
  });
});
