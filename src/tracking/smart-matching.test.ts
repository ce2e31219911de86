import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { DEFAULT_SETTINGS, type OrganizationSettings } from "../model/settings.ts";
import { agreementOf, emailHashes, hashesOf, type Likeness, likenessOf, type Mail } from "./smart-matching.ts";

const ON: OrganizationSettings = { ...DEFAULT_SETTINGS, enablesmartmatching: true };

/** Microseconds; below that a measurement says nothing. */
const MEASURABLE = 4_000;

function mail(change: Partial<Mail> = {}): Mail {
  return { subject: "", trackingToken: null, senderAddress: null, participants: [], ...change };
}

describe("words of a subject", () => {
  const rows: [what: string, subject: string, words: string[], settings?: Partial<OrganizationSettings>, token?: string][] = [
    ["are what white space separates, in lower case, each once", "The Offer  for\tthe mill", ["the", "offer", "for", "mill"]],
    ["are without the marks of answers and forwards", "Re: FW: Offer for Müller", ["offer", "for", "müller"]],
    ["are without tracking tokens, wherever they stand", "CRM:0001002 Re: Offer crm:0001003", ["offer"]],
    [
      "are without the email's own token, also when tokens are switched off",
      "Offer OLD:0001002",
      ["offer"],
      { trackingtokensenabled: false },
      "OLD:0001002",
    ],
    ["are not what has no letter or digit", "Offer - 50 % !!", ["offer", "50"]],
    ["are none in an empty subject", "  ", []],
    ["are none in a subject of marks only", "Re: Fwd:", []],
    ["are none in a subject of a token only", "CRM:0001002", []],
    ["are at most hashmaxcount", "one two three four", ["one", "two"], { hashmaxcount: 2 }],
    [
      "are without what hashfilterkeywords says, and nothing else is noise",
      "[List] Re: Offer (draft)",
      ["re:", "offer"],
      { hashfilterkeywords: String.raw`\[.*?\]|\(.*\)` },
    ],
    ["are the same however letters with accents are composed", "M\u0075\u0308ller", ["müller"]],
  ];
  for (const [what, subject, words, settings, token] of rows)
    it(what, () => assert.deepEqual(likenessOf(mail({ subject, trackingToken: token ?? null }), { ...ON, ...settings }).words, words));
});

describe("addresses of an email", () => {
  it("are those of the sender and of all participants, each once, in any spelling", () => {
    const { addresses } = likenessOf(mail({ senderAddress: " Bob@X.example", participants: ["bob@x.example", "ann@x.example"] }), ON);
    assert.deepEqual(addresses, ["bob@x.example", "ann@x.example"]);
  });
  it("are at most hashmaxcount, the same ones in whatever order they are listed, and the sender among them", () => {
    const participants = ["z@x.example", "b@x.example", "a@x.example"];
    for (const listed of [participants, participants.toReversed()])
      assert.deepEqual(likenessOf(mail({ senderAddress: "z@x.example", participants: listed }), { ...ON, hashmaxcount: 2 }).addresses, [
        "z@x.example",
        "a@x.example",
      ]);
  });
});

describe("hashes of an email", () => {
  const offer = mail({ subject: "Re: Offer mill", participants: ["ann@x.example", "bob@x.example"] });
  it("are one per address, the same for an answer", () => {
    assert.equal(emailHashes(offer, ON).length, 2);
    assert.deepEqual(emailHashes({ ...offer, subject: "MILL offer" }, ON), emailHashes(offer, ON));
  });
  it("are others for other words, and for other people", () => {
    const all = [offer, { ...offer, subject: "Offer" }, { ...offer, participants: ["carl@x.example"] }].flatMap((one) =>
      emailHashes(one, ON),
    );
    assert.equal(new Set(all).size, 5);
  });
  it("fit into a bigint", () => {
    for (const one of emailHashes(offer, ON)) assert.equal(BigInt.asIntN(64, BigInt(one)), BigInt(one));
  });
  const none: [what: string, settings: Partial<OrganizationSettings>][] = [
    ["smart matching is off, as by default", { enablesmartmatching: false }],
    ["DisableSmartMatchingEmailHashCreation is on", { DisableSmartMatchingEmailHashCreation: true }],
  ];
  for (const [what, settings] of none) it(`are none where ${what}`, () => assert.deepEqual(emailHashes(offer, { ...ON, ...settings }), []));
  it("are still made where DisableSmartMatching only stops the search", () => {
    assert.equal(emailHashes(offer, { ...ON, DisableSmartMatching: true }).length, 2);
  });
});

const words = fc.uniqueArray(fc.constantFrom("offer", "mill", "order", "invoice", "march", "river", "a", "b"), { maxLength: 6 });
const likeness: fc.Arbitrary<Likeness> = fc.record({
  words,
  addresses: fc.uniqueArray(fc.constantFrom("ann@x.example", "bob@x.example", "carl@y.example"), { maxLength: 3 }),
});

describe("smart matching, for any two emails", () => {
  it("finds the same in common whichever comes first", () => {
    fc.assert(
      fc.property(likeness, likeness, (one, other) => {
        const [there, back] = [agreementOf(one, other), agreementOf(other, one)];
        assert.deepEqual([there.sharedWords, there.differingWords], [back.sharedWords, back.differingWords]);
        assert.deepEqual(there.sharedAddresses.toSorted(), back.sharedAddresses.toSorted());
      }),
    );
  });

  it("gives both a hash in common exactly where they share an address and words, and differ by no more words than is allowed", () => {
    fc.assert(
      fc.property(likeness, likeness, fc.integer({ min: 0, max: 2 }), (one, other, hashdeltasubjectcount) => {
        const settings = { ...ON, hashdeltasubjectcount };
        const hashes = new Set(hashesOf(one, settings));
        const { sharedWords, differingWords, sharedAddresses } = agreementOf(one, other);
        const isLike = sharedWords > 0 && differingWords <= hashdeltasubjectcount && sharedAddresses.length > 0;
        assert.equal(
          hashesOf(other, settings).some((hash) => hashes.has(hash)),
          isLike,
        );
      }),
      { numRuns: 2_000 },
    );
  });

  it("is total and bounded, whatever stands in the subject and the settings", () => {
    const text = fc.oneof(
      fc.string({ unit: "binary", maxLength: 500 }),
      fc.constantFrom("Re:".repeat(5_000), "a ".repeat(100_000), "CRM:0001002 ".repeat(2_000), "ﷺ".repeat(9_000)),
    );
    const settings = fc.record({
      hashmaxcount: fc.integer({ min: 1, max: 50 }),
      hashdeltasubjectcount: fc.integer({ min: 0, max: 2 }),
      hashfilterkeywords: fc.string({ maxLength: 10 }),
    });
    const many = fc.array(fc.string(), { maxLength: 60 });
    fc.assert(
      fc.property(text, many, settings, fc.option(fc.string()), (subject, participants, own, trackingToken) => {
        const all = { ...ON, ...own };
        const it = likenessOf(mail({ subject, participants, trackingToken, senderAddress: participants[0] ?? null }), all);
        assert.ok(it.words.length <= own.hashmaxcount && it.addresses.length <= own.hashmaxcount);
        assert.ok(hashesOf(it, all).length <= 200);
      }),
    );
  });

  it("reads no more of a subject than its beginning, however long a stranger makes it", () => {
    const beginning = `Offer ${"x ".repeat(300)}`;
    const cost = (subject: string) => {
      const before = process.threadCpuUsage();
      for (let time = 0; time < 20; time++) likenessOf(mail({ subject }), ON);
      const { user, system } = process.threadCpuUsage(before);
      return user + system;
    };
    const best = (subject: string) => Math.min(...Array.from({ length: 5 }, () => cost(subject)));
    best(beginning.repeat(10));
    const [short, long] = [best(beginning.repeat(10)), best(beginning.repeat(10_000))];
    assert.ok(long < 10 * Math.max(short, MEASURABLE), `${short} µs, and ${long} µs for a subject a thousand times as long`);
  });
});
