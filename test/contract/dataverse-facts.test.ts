import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { after, before, describe, test } from "node:test";
import type { DataverseClient } from "../../src/connectors/dataverse/client/client.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import type { EarlierEmail, Facts, FactsQuery } from "../../src/model/facts.ts";
import { conversationBase } from "../../src/tracking/conversation.ts";
import { head, incoming, party, query, unique } from "./crm-fixtures.ts";
import { type DataverseUnderTest, dataverseUnderTest } from "./dataverse-under-test.ts";

/** The organization of an earlier version: without the index of addresses and the columns that came later. */
function older(client: DataverseClient): DataverseClient {
  const newer = new Set([
    "correlatedactivityid",
    "acceptingentityid",
    "isduplicatesenderunresolved",
    "internetmessageheaders",
    "unresolvedpartyname",
  ]);
  return {
    ...client,
    metadata: async (options) => {
      const known = await client.metadata(options);
      const entities = new Map([...known.entities].filter(([name]) => name !== "emailsearch"));
      for (const [name, entity] of entities) {
        const properties = new Map([...entity.properties].filter(([one]) => !newer.has(one.replace(/^_(.*)_value$/, "$1"))));
        entities.set(name, {
          ...entity,
          properties,
          navigation: new Map([...entity.navigation].filter(([one]) => !/correlatedactivity|acceptingentity/i.test(one))),
        });
      }
      return { ...known, entities };
    },
  };
}

/**
 * As far as both can say the same: of a conversation index the base counts, Dynamics has no parts of a second, and when a message was written that left is only
 * known of those that Waypost delivered.
 */
function comparable({ settings: _, ...facts }: Facts) {
  const email = (one: EarlierEmail) => ({
    ...one,
    conversationIndex: conversationBase(one.conversationIndex),
    participants: [...one.participants].sort(),
    at: Math.trunc(one.at.getTime() / 1000),
    sent: one.direction === "outgoing" ? null : one.sent,
  });
  const emails = (found: ReadonlyMap<string, readonly EarlierEmail[]>) => new Map([...found].map(([key, its]) => [key, its.map(email)]));
  return {
    ...facts,
    emailsByMessageId: emails(facts.emailsByMessageId),
    emailsByToken: emails(facts.emailsByToken),
    emailsByConversation: emails(facts.emailsByConversation),
    emailsByHash: new Map(),
  };
}

for (const [name, around] of [
  ["the present version", (client: DataverseClient) => client],
  ["an earlier version without an index of addresses", older],
] as const) {
  describe(`facts of Dynamics, ${name}`, () => {
    let here: DataverseUnderTest;
    before(async () => {
      here = await dataverseUnderTest("pglite", { around });
    });
    after(async () => {
      await here?.[Symbol.asyncDispose]();
    });

    test("are those that the organization itself would tell in its own process", async () => {
      const [ann, other, support, carl, twin] = [unique("Ann"), unique("ann.other"), unique("support"), unique("Carl"), unique("twin")];
      const annId = await here.user({ address: ann, otherAddresses: [other], filter: 2 });
      const queueId = await here.queue({ address: support, filter: 3, owner: ann });
      const contact = await here.contact({ addresses: ["", carl], ownerId: annId });
      const twins = [await here.contact({ addresses: [twin], doNotEmail: true }), await here.contact({ addresses: [twin] })];
      const [account] = await here.embedded.createRecords([{ type: "account", name: "Account", addresses: [twin] }]);
      assert.ok(account);
      await here.database.query("update crm.contact set statecode = 1 where contactid = $1", [twins[1]?.id]);
      const conversationIndex = Buffer.concat([Buffer.from(randomUUID()), Buffer.alloc(10)]).toString("base64");
      const asked = incoming({
        ...{ conversationIndex, received: new Date("2026-02-01T10:00:00Z"), sent: new Date("2026-02-01T09:59:00Z") },
        placement: {
          ...{ trackingToken: "CRM:0001001", regarding: contact, ownerId: annId, queueIds: [queueId] },
          parties: [party(PARTICIPATION.sender, carl, contact), party(PARTICIPATION.to, support), party(PARTICIPATION.cc, other)],
        },
      });
      const sent = incoming({
        ...{
          conversationIndex,
          received: new Date("2026-02-02T10:00:00Z"),
          sent: new Date("2026-02-02T09:00:00Z"),
          inReplyTo: asked.messageId,
        },
        placement: {
          direction: "outgoing",
          parentEmailId: asked.id,
          parties: [party(PARTICIPATION.sender, ann), party(PARTICIPATION.to, carl, contact)],
        },
      });
      const again = incoming({ messageId: asked.messageId, received: new Date("2026-01-01T00:00:00Z") });
      await here.embedded.deliver([asked, sent, again]);
      const draft = await here.draft({ from: ann, to: [carl], subject: "draft" });
      const heads = [
        head({
          from: [carl.toUpperCase()],
          to: [support, ann.replace("@", "+x@")],
          cc: [twin, unique("nobody")],
          inReplyTo: [asked.messageId ?? ""],
        }),
        head({ from: [other], references: [sent.messageId ?? "", "x' or true or ' @y"], subject: "Re: CRM:0001001", conversationIndex }),
      ];
      for (const owner of [{ type: "systemuser", id: annId }, { type: "queue", id: queueId }, { type: "forward" }]) {
        const asking = { ...query(heads), mailbox: { address: ann, owner }, reported: [{ messageId: "reported@x", emailId: draft }] };
        assert.deepEqual(comparable(await here.crm.facts(asking)), comparable(await here.embedded.facts(asking)));
      }
      const byAddress = { ...query(heads), mailbox: { address: ann, owner: { type: "systemuser", address: ann.toUpperCase() } } };
      assert.equal((await here.crm.facts(byAddress)).mailboxOwner?.record.id, annId);
    });

    test("of a Message-ID that a stranger repeats a thousand times, the email that we sent under it stays in sight", async () => {
      const messageId = `${randomUUID()}@x.test`;
      const sent = incoming({ messageId, received: new Date("2026-01-01T00:00:00Z"), placement: { direction: "outgoing" } });
      await here.crm.deliver([sent]);
      await here.database.query(
        `insert into crm.email (activityid, subject, directioncode, statuscode, messageid, receivedon, actualend)
         select gen_random_uuid(), 'flood', false, 4, $1, now(), now() from generate_series(1, 1100)`,
        [messageId],
      );
      const found = (await here.crm.facts(query([head({ inReplyTo: [messageId] })]))).emailsByMessageId.get(messageId) ?? [];
      assert.deepEqual([found.length, found.filter(({ direction }) => direction === "outgoing").map(({ id }) => id)], [11, [sent.id]]);
    });

    test("an earlier email that is answered or reported about is found whether its Message-ID is kept with angle brackets or without", async () => {
      const [bare, bracketed, both] = [0, 1, 2].map(() => `${randomUUID()}@x.test`);
      assert.ok(bare !== undefined && bracketed !== undefined && both !== undefined);
      const emails = [bare, bracketed, both, both].map((messageId) => incoming({ messageId, placement: { direction: "outgoing" } }));
      await here.crm.deliver(emails);
      const rewritten = [emails[1]?.id, emails[3]?.id];
      await here.database.query("update crm.email set messageid = '<' || messageid || '>' where activityid = any($1::uuid[])", [rewritten]);
      const ways: readonly FactsQuery[] = [
        query([head({ inReplyTo: [bare], references: [bracketed, both] })]),
        { ...query([]), reported: [bare, bracketed, both].map((messageId) => ({ messageId, emailId: null })) },
      ];
      for (const asked of ways) {
        const facts = await here.crm.facts(asked);
        const found: readonly (readonly EarlierEmail[])[] = [bare, bracketed, both].map((id) => facts.emailsByMessageId.get(id) ?? []);
        assert.deepEqual(
          found.map((its) => its.map(({ id }) => id).sort()),
          [[emails[0]?.id], [emails[1]?.id], [emails[2]?.id, emails[3]?.id].sort()],
        );
        assert.deepEqual(
          found.flat().map(({ messageId }) => messageId),
          [bare, bracketed, both, both],
          "as the rules compare them",
        );
      }
    });

    test("a mailbox whose owner is not in the organization is told of", async () => {
      for (const owner of [
        { type: "systemuser", id: randomUUID() },
        { type: "queue", address: unique("none") },
      ]) {
        const missing = { ...query([]), mailbox: { address: "a@x.test", owner } };
        await assert.rejects(here.crm.facts(missing), { code: "mailbox owner missing" });
      }
    });
  });
}
