import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Address } from "./address.ts";
import { decisionKey, emailIdFor, type Identity, identityOf, strengthen } from "./identity.ts";
import type { MessageHead } from "./message.ts";

const text = fc.oneof(
  fc.string({ maxLength: 30 }),
  fc.string({ unit: "binary", maxLength: 30 }),
  fc.constantFrom("", "Offer", "a,b", '","'),
);
const address: fc.Arbitrary<Address> = fc.record({ name: text, address: text });
const addresses = fc.array(address, { maxLength: 3 });
const ids = fc.array(text, { maxLength: 3 });
const RECEIVED = new Date("2026-03-02T10:00:00Z");
const ref = fc.record({ stream: text, id: text });
const headers = fc.array(fc.tuple(text, text), { maxLength: 3 });
const date = fc.date({ noInvalidDate: true });

const key = fc.string({ unit: fc.constantFrom(..."0123456789abcdef"), minLength: 64, maxLength: 64 });

/** What the author wrote. */
const written = fc.record({
  inReplyTo: ids,
  subject: text,
  from: addresses,
  to: addresses,
  cc: addresses,
  date: fc.option(date),
});
/** What transport, the server and the place add. */
const added = fc.record({
  ref,
  folders: ids,
  received: date,
  size: fc.nat(),
  flags: ids,
  providerId: fc.option(text),
  references: ids,
  sender: fc.option(address),
  replyTo: addresses,
  bcc: addresses,
  conversationIndex: fc.option(text),
  headers,
  truncated: fc.boolean(),
});
const messageId = fc.option(text);

function headOf(
  id: string | null,
  own: typeof written extends fc.Arbitrary<infer W> ? W : never,
  rest: typeof added extends fc.Arbitrary<infer A> ? A : never,
): MessageHead {
  return { ...rest, ...own, messageId: id };
}

describe("the identity of a message", () => {
  test("is the same in whichever mailbox, folder and state it is read", () => {
    fc.assert(
      fc.property(messageId, written, added, added, (id, own, here, there) => {
        assert.deepEqual(identityOf(headOf(id, own, here)), identityOf(headOf(id, own, there)));
      }),
    );
  });

  test("is weak without a Message-ID and without a date that tells: what has no clock uses one id for all", () => {
    fc.assert(
      fc.property(fc.string(), written, added, (id, own, rest) => {
        const weak = (date: Date | null, messageId: string | null = id) => identityOf(headOf(messageId, { ...own, date }, rest)).weak;
        assert.deepEqual(
          [weak(new Date("2026-03-02T10:00:00Z")), weak(null), weak(new Date(0)), weak(new Date(Number.NaN))],
          [false, true, true, true],
        );
        assert.equal(weak(new Date("2026-03-02T10:00:00Z"), null), true);
      }),
    );
  });

  test("does not depend on the case of addresses, on display names, or on how a server folds the subject", () => {
    fc.assert(
      fc.property(messageId, written, added, fc.constantFrom(" ", "  ", "\r\n ", "\t"), (id, own, rest, fold) => {
        const ascii = { ...own, from: [{ name: "", address: "Ann@Example.Test" }], subject: "An  offer for you" };
        const other = { ...ascii, from: [{ name: "Ann", address: " ann@example.test " }], subject: ` An${fold}offer for you ` };
        assert.deepEqual(identityOf(headOf(id, ascii, rest)), identityOf(headOf(id, other, rest)));
      }),
    );
  });

  test("tells messages apart whose sender uses a Message-ID again: by author, date or subject", () => {
    fc.assert(
      fc.property(fc.string(), written, written, added, (id, one, other, rest) => {
        const told = ({ from, date: at, subject }: typeof one) =>
          [from.map((author) => author.address.trim().toLowerCase()).join(), at?.toISOString(), subject.replace(/\s+/g, " ").trim()].join(
            "\n",
          );
        fc.pre(told(one) !== told(other));
        assert.notEqual(identityOf(headOf(id, one, rest)).key, identityOf(headOf(id, other, rest)).key);
      }),
    );
  });

  test("counts the recipients always", () => {
    fc.assert(
      fc.property(written, added, (own, rest) => {
        const more = { ...own, to: [...own.to, { name: "", address: "one-more@example.test" }] };
        assert.notEqual(identityOf(headOf(null, own, rest)).key, identityOf(headOf(null, more, rest)).key);
        assert.notEqual(identityOf(headOf("m@x", own, rest)).key, identityOf(headOf("m@x", more, rest)).key);
      }),
    );
  });
});

describe("the key of a decision", () => {
  test("follows the message to other places, unless the identity is weak: then every place has its own", () => {
    fc.assert(
      fc.property(fc.boolean(), key, ref, ref, (weak, itsKey, here, there) => {
        const identity: Identity = { key: itsKey, weak };
        const [one, other] = [here, there].map((place) => decisionKey(identity, { ref: place, providerId: null, received: RECEIVED }));
        assert.equal(one === other, !weak || (here.stream === there.stream && here.id === there.id));
      }),
    );
  });

  test("of a weak identity is another one where the number of a place was given to a message received at another moment", () => {
    fc.assert(
      fc.property(key, ref, fc.date({ noInvalidDate: true }), fc.date({ noInvalidDate: true }), (itsKey, place, once, later) => {
        const keyOf = (received: Date) => decisionKey({ key: itsKey, weak: true }, { ref: place, providerId: null, received });
        assert.equal(keyOf(once) === keyOf(later), once.getTime() === later.getTime());
        const read = (received: Date) =>
          decisionKey({ key: itsKey, weak: true }, { ref: place, providerId: null, received, receivedFrom: "reading" });
        assert.equal(read(once), read(later), "the moment of reading says nothing");
      }),
    );
  });

  test("follows also a weak identity where the mail system has an id that survives moves", () => {
    fc.assert(
      fc.property(key, ref, ref, text, text, (itsKey, here, there, mine, others) => {
        const keyOf = (place: typeof here, providerId: string) =>
          decisionKey({ key: itsKey, weak: true }, { ref: place, providerId, received: RECEIVED });
        assert.equal(keyOf(here, mine), keyOf(there, mine));
        assert.equal(keyOf(here, mine) === keyOf(here, others), mine === others);
      }),
    );
  });
});

describe("the id of an email", () => {
  test("is a UUID of version 8, the same for everybody who computes it, another for another message or organization", () => {
    fc.assert(
      fc.property(text, key, text, (organization, itsKey, other) => {
        const id = emailIdFor(organization, itsKey);
        assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
        assert.equal(emailIdFor(organization, itsKey), id);
        assert.equal(emailIdFor(other, itsKey) === id, other === organization);
      }),
    );
  });

  test("does not change: emails that stand in a CRM are found by it", () => {
    assert.equal(emailIdFor("contoso", "a".repeat(64)), "aca171da-d7ef-8570-b878-19c8d79c055f");
  });
});

describe("strengthening a weak identity", () => {
  const weak: Identity = { key: "abc", weak: true };

  test("joins it with the content", () => {
    fc.assert(
      fc.property(text, text, (one, other) => {
        assert.equal(strengthen(weak, one).weak, false);
        assert.equal(strengthen(weak, one).key === strengthen(weak, other).key, one === other);
      }),
    );
  });

  test("leaves a strong one alone", () => {
    const identity: Identity = { key: "abc", weak: false };
    assert.equal(strengthen(identity, "anything"), identity);
  });
});

test("the tag that a gateway writes before the subject of one copy makes no second message", () => {
  fc.assert(
    fc.property(written, added, (own, rest) => {
      const keyOf = (subject: string) => identityOf(headOf("m@x", { ...own, subject }, rest)).key;
      assert.equal(keyOf("[EXTERNAL] Order 17"), keyOf("Order 17"));
      assert.notEqual(keyOf("Order 18"), keyOf("Order 17"));
    }),
  );
});
