import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import type { DataverseClient, Request } from "../../src/connectors/dataverse/client/client.ts";
import { type EmbeddedCrm, openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { PARTICIPATION } from "../../src/model/decision.ts";
import type { Facts, FactsQuery } from "../../src/model/facts.ts";
import { Failure } from "../../src/model/failure.ts";
import type { Crm, Step } from "../../src/ports.ts";
import { isStranger } from "../../src/tracking/stranger.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { head, incoming, party, query } from "./crm-fixtures.ts";
import { indexedOrganization, isBeginning, SilentIndex, withoutAddressIndex, withoutBatchedBeginnings } from "./indexed-organization.ts";

/** Numbers from a seed, so that a failure can be had again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fff_ffff;
    return (state >>> 8) % below;
  };
}

const ADDRESSES = Array.from({ length: 24 }, (_, index) => `person${index}@crm.test`);
const IDS = Array.from({ length: 16 }, (_, index) => `Message-${index}@crm.test`);
const TOKENS = Array.from({ length: 8 }, (_, index) => `CRM:000100${index}`);
const CONVERSATIONS = Array.from({ length: 6 }, (_, index) => Buffer.alloc(22, index + 1).toString("base64"));

/** An organization that somebody works in, at random. */
class Busy {
  readonly #crm: Crm & EmbeddedCrm;
  readonly #database: TestDatabase;
  readonly random: (below: number) => number;
  readonly users: string[] = [];

  constructor(database: TestDatabase, seed: number) {
    this.#database = database;
    this.#crm = openEmbeddedCrm(database);
    this.random = randomFrom(seed);
  }

  pick<T>(list: readonly T[]): T {
    const one = list[this.random(list.length)];
    assert.ok(one !== undefined);
    return one;
  }

  async change(): Promise<void> {
    const random = this.random;
    switch (random(8)) {
      case 0: {
        const address = this.pick(ADDRESSES);
        const filter = ([0, 1, 2, 3, 4] as const)[random(5)] ?? 1;
        const [id] = (await this.#crm.putUsers([{ name: address, address, filter }])).values();
        if (id !== undefined && !this.users.includes(id)) this.users.push(id);
        return;
      }
      case 1: {
        const address = this.pick(ADDRESSES);
        await this.#crm.putQueues([{ name: address, address, filter: ([0, 1, 3] as const)[random(3)] ?? 1 }]);
        return;
      }
      case 2:
      case 3: {
        const type = this.pick(["contact", "account", "lead"] as const);
        const addresses = ["", this.pick(ADDRESSES)].slice(random(2));
        await this.#crm.createRecords([{ type, name: "Somebody", lastname: "Somebody", addresses }]);
        return;
      }
      case 4:
        await this.#database.query(
          "update crm.contact set emailaddress1 = $1 where contactid = (select contactid from crm.contact order by contactid limit 1)",
          [this.pick(ADDRESSES)],
        );
        return;
      case 5:
        await this.#database.query(
          "delete from crm.email where activityid = (select activityid from crm.email order by activityid limit 1)",
        );
        return;
      default: {
        const id = randomUUID();
        await this.#crm.deliver([
          incoming({
            id,
            messageId: this.pick(IDS),
            conversationIndex: random(2) === 0 ? this.pick(CONVERSATIONS) : null,
            placement: {
              ...(random(2) === 0 && { direction: "outgoing" as const }),
              trackingToken: random(2) === 0 ? this.pick(TOKENS) : null,
              parties: [party(PARTICIPATION.sender, this.pick(ADDRESSES)), party(PARTICIPATION.to, this.pick(ADDRESSES))],
            },
          }),
        ]);
        // Some programs write a Message-ID with the angle brackets of its header.
        if (random(2) === 0)
          await this.#database.query("update crm.email set messageid = '<' || messageid || '>' where activityid = $1", [id]);
      }
    }
  }

  /** Heads of whoever, of which some are strangers'. */
  heads(count: number): FactsQuery["heads"] {
    const random = this.random;
    const address = () => (random(3) === 0 ? `stranger${random(1000)}@else.test` : this.pick(ADDRESSES));
    return Array.from({ length: count }, (_, index) =>
      head({
        ref: { stream: "INBOX", id: `1.${index}` },
        from: [random(3) === 0 ? this.pick(ADDRESSES) : `stranger${random(1000)}@else.test`],
        to: [address()],
        cc: random(3) === 0 ? [address(), address().replace("@", "+x@")] : [],
        messageId: random(8) === 0 ? this.pick(IDS) : `${randomUUID()}@else.test`,
        inReplyTo: random(6) === 0 ? [this.pick(IDS)] : [],
        subject: random(6) === 0 ? `Re: ${this.pick(TOKENS)}` : "Offer",
        conversationIndex: random(6) === 0 ? this.pick(CONVERSATIONS) : null,
      }),
    );
  }
}

function without({ unasked: _, ...facts }: Facts): Facts {
  return facts;
}

const VERSIONS = [
  ["Dynamics' own index of addresses", (client: DataverseClient) => client, undefined],
  ["the tables, where that index is not shown", withoutAddressIndex, undefined],
  ["the tables, where that index does not tell its changes", withoutBatchedBeginnings, new SilentIndex()],
] as const;

for (const [name, around, hook] of VERSIONS) {
  onBothEngines(`facts by the index are those that are asked for, followed by ${name}`, async (database) => {
    await openEmbeddedCrm(database).putSettings({ enablesmartmatching: false });
    let settled = 0;
    for (const seed of [1, 2]) {
      await using there = await indexedOrganization(database, {
        milliseconds: 0,
        around,
        ...(hook && { hook }),
        organization: `CRM ${seed}`,
      });
      const busy = new Busy(database, seed);
      for (let changes = 0; changes < 25; changes++) await busy.change();
      await there.crm.keepIndex(AbortSignal.timeout(60_000));
      for (let page = 0; page < 4; page++) {
        for (let changes = 0; changes < 4; changes++) await busy.change();
        const owner = page % 2 === 0 ? { type: "forward" } : { type: "systemuser", id: busy.pick(busy.users) };
        const asked = { ...query([...busy.heads(12)]), mailbox: { address: "box@crm.test", owner } };
        const by = await there.crm.facts({ ...asked, mayRestOnIndex: true });
        const plain = await there.plain.facts(asked);
        assert.deepEqual(without(by), without(plain), `seed ${seed}, page ${page}`);
        assert.equal((await there.crm.facts(asked)).unasked, undefined, "who does not say that it notes it rests on nothing");
        for (const at of by.unasked?.keys() ?? []) {
          const one = asked.heads[at];
          assert.ok(one !== undefined && isStranger(one, plain));
        }
        settled += by.unasked?.size ?? 0;
      }
      assert.deepEqual(there.served.faults, []);
    }
    assert.ok(settled > 8, `${settled} heads were settled by the index`);
  });
}

onBothEngines(
  "a page costs no exchange where all are strangers, one where an email is reported about, and as many as before where some are none, however many",
  async (database) => {
    const people = openEmbeddedCrm(database);
    await people.putSettings({ enablesmartmatching: false });
    const [userId] = (await people.putUsers([{ name: "Ann", address: "ann@crm.test", filter: 2 }])).values();
    await people.createRecords([{ type: "contact", lastname: "Carla", addresses: ["carla@customer.test"] }]);
    await using there = await indexedOrganization(database, { milliseconds: 600_000, settingsMilliseconds: 600_000 });
    await there.crm.keepIndex(AbortSignal.timeout(60_000));
    const page = (known: number): FactsQuery => ({
      mailbox: { address: "ann@crm.test", owner: { type: "systemuser", id: userId ?? "" } },
      heads: Array.from({ length: 200 }, (_, index) =>
        head({
          from: [index < known * 2 ? "carla@customer.test" : `stranger${index}@else.test`],
          to: ["ann@crm.test"],
          messageId: `${randomUUID()}@else.test`,
        }),
      ),
    });
    const cost = async (known: number, mayRestOnIndex: boolean, reported: FactsQuery["reported"] = []) => {
      const before = there.served.exchanges();
      const { mailboxOwner } = await there.crm.facts({ ...page(known), mayRestOnIndex, reported });
      assert.equal(mailboxOwner?.record.id, userId);
      return there.served.exchanges() - before;
    };
    await cost(0, true);
    assert.equal(await cost(0, true), 0);
    assert.equal(await cost(0, true, [{ messageId: "sent@crm.test", emailId: null }]), 1);
    const asked = await cost(25, false);
    for (const known of [1, 25, 100]) {
      const by = await cost(known, true);
      assert.ok(by <= asked, `${by} exchanges with ${known} of a hundred, ${asked} where everything is asked for`);
    }
  },
);

async function standing(crm: Crm): Promise<Step | undefined> {
  let last: Step | undefined;
  for await (const step of crm.check?.(AbortSignal.timeout(60_000)) ?? []) last = step;
  return last;
}

onBothEngines(
  "tables stand in for an index of addresses that tells no changes, but not where it has addresses of others; it is tried once an hour",
  async (database) => {
    await openEmbeddedCrm(database).putSettings({ enablesmartmatching: false });
    const asked = { ...query([head({ from: ["nobody@else.test"] })]), mayRestOnIndex: true };
    const silent = new SilentIndex();
    await using there = await indexedOrganization(database, {
      milliseconds: 600_000,
      hook: silent,
      role: "Waypost Service",
      around: withoutBatchedBeginnings,
    });
    await there.crm.keepIndex(AbortSignal.timeout(60_000));
    await there.crm.keepIndex(AbortSignal.timeout(60_000));
    assert.equal(silent.asked, 1);
    assert.equal((await there.crm.facts(asked)).unasked?.size, 1);
    assert.match((await standing(there.crm))?.message ?? "", /settled without asking/);
    await database.query("update waypost.key_table set set_at = set_at - interval '61 minutes' where name = 'emailsearch'");
    await there.crm.keepIndex(AbortSignal.timeout(60_000));
    assert.equal(silent.asked, 2);
    assert.equal((await there.crm.facts(asked)).unasked?.size, 1, "trying it again disturbs nothing");

    const others = new SilentIndex();
    others.holdsOthers = true;
    await using busy = await indexedOrganization(database, {
      milliseconds: 600_000,
      hook: others,
      organization: "busy",
      around: withoutBatchedBeginnings,
    });
    await busy.crm.keepIndex(AbortSignal.timeout(60_000));
    assert.equal((await busy.crm.facts(asked)).unasked, undefined, "everything is asked for");
    assert.match((await standing(busy.crm))?.message ?? "", /does not tell what changes in emailsearch/);
  },
);

onBothEngines(
  "all tables are begun in one exchange, and each by itself where the organization tells no changes of what is read in a batch",
  async (database) => {
    await openEmbeddedCrm(database).putSettings({ enablesmartmatching: false });
    const withoutTracking = (request: Request): Request =>
      isBeginning(request) ? { ...request, headers: { ...request.headers, Prefer: "odata.maxpagesize=2000" } } : request;
    for (const deaf of [false, true]) {
      const begun = { together: 0, alone: 0 };
      const around = (client: DataverseClient): DataverseClient => ({
        ...client,
        send: (request, options) => {
          if (isBeginning(request)) begun.alone += 1;
          return client.send(request, options);
        },
        batch: (requests, options) => {
          if (requests.some(isBeginning)) begun.together += 1;
          return client.batch(deaf ? requests.map(withoutTracking) : requests, options);
        },
      });
      await using there = await indexedOrganization(database, { milliseconds: 600_000, organization: `deaf ${deaf}`, around });
      await there.crm.keepIndex(AbortSignal.timeout(60_000));
      assert.equal((await standing(there.crm))?.message, "Mail of strangers is settled without asking the organization.");
      assert.deepEqual(begun, { together: 1, alone: deaf ? 5 : 0 });
    }
  },
);

onBothEngines(
  "a table whose reading cannot go on where it began with the others is begun once more by itself, and no request is repeated without end",
  async (database) => {
    await openEmbeddedCrm(database).putSettings({ enablesmartmatching: false });
    await openEmbeddedCrm(database).createRecords(
      ["a", "b", "c"].map((name) => ({ type: "contact", firstname: name, addresses: [`${name}@known.test`] })),
    );
    const ofOneRow = (request: Request): Request =>
      isBeginning(request) ? { ...request, headers: { ...request.headers, Prefer: "odata.track-changes,odata.maxpagesize=1" } } : request;
    const gone = new Failure({ scope: "item", code: "gone", message: "Gone.", remedy: "Begin anew.", waitingHelps: false });
    let [dead, alone, isForEver] = [0, 0, false];
    const around = (client: DataverseClient): DataverseClient => ({
      ...client,
      batch: (requests, options) => client.batch(requests.map(ofOneRow), options),
      send: (request, options) => {
        if (isBeginning(request)) {
          alone += 1;
          return client.send(isForEver ? ofOneRow(request) : request, options);
        }
        if (request.link === undefined || (alone > 0 && !isForEver)) return client.send(request, options);
        dead += 1;
        return Promise.resolve({ kind: "refused", status: 410, code: "", failure: gone });
      },
    });
    await using there = await indexedOrganization(database, { milliseconds: 600_000, around });
    await there.crm.keepIndex(AbortSignal.timeout(20_000));
    assert.deepEqual([dead, alone > 0], [1, true]);
    assert.equal((await standing(there.crm))?.message, "Mail of strangers is settled without asking the organization.");

    [dead, alone, isForEver] = [0, 0, true];
    await using never = await indexedOrganization(database, { milliseconds: 600_000, organization: "never", around });
    await assert.rejects(never.crm.keepIndex(AbortSignal.timeout(20_000)), /that the one before named/);
    assert.ok(dead > 1 && dead < 10, `${dead} requests`);
  },
);

onBothEngines("the least role is enough, and check says how it stands with mail of strangers", async (database) => {
  await openEmbeddedCrm(database).putSettings({ enablesmartmatching: false });
  await using there = await indexedOrganization(database, { milliseconds: 600_000, role: "Waypost Service" });
  assert.match((await standing(there.crm))?.message ?? "", /not been read/);
  await there.crm.keepIndex(AbortSignal.timeout(60_000));
  assert.deepEqual(await standing(there.crm), {
    ...{ name: "mail of strangers", result: "ok", message: "Mail of strangers is settled without asking the organization." },
  });
  const unfollowed = (request: Request): Request =>
    request.path === "emails" ? { ...request, headers: { ...request.headers, Prefer: "odata.maxpagesize=1" } } : request;
  const refusing = (client: DataverseClient): DataverseClient => ({
    ...client,
    send: (request, options) => client.send(unfollowed(request), options),
    batch: (requests, options) => client.batch(requests.map(unfollowed), options),
  });
  await using other = await indexedOrganization(database, { milliseconds: 600_000, organization: "other", around: refusing });
  await other.crm.keepIndex(AbortSignal.timeout(60_000));
  const { result, code } = (await standing(other.crm)) ?? {};
  assert.deepEqual([result, code], ["warning", "changes not told"]);
  const asked = query([head({ from: ["nobody@else.test"] })]);
  assert.equal((await other.crm.facts({ ...asked, mayRestOnIndex: true })).unasked, undefined, "everything is asked for");
});
