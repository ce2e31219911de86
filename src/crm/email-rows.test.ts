import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { contentHash } from "./content.ts";
import { contentOf, storableInstant } from "./email-rows.ts";

test("instants are written as PostgreSQL reads them, and years outside 1 to 9999 not at all", () => {
  fc.assert(
    fc.property(fc.date({ noInvalidDate: false }), (date) => {
      const text = storableInstant(date);
      if (text === null) assert.ok(Number.isNaN(date.getTime()) || date.getUTCFullYear() < 1 || date.getUTCFullYear() > 9999);
      else assert.match(text, /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
    }),
  );
  assert.equal(storableInstant(new Date("9999-12-31T23:59:59.999Z")), "9999-12-31T23:59:59.999Z");
  assert.equal(storableInstant(null), null);
});

test("every hash that a row of an email names is among its bodies", () => {
  const email = fc.record({
    html: fc.option(fc.string({ unit: "binary" })),
    text: fc.option(fc.string({ unit: "binary" })),
    attachments: fc.array(
      fc.uint8Array().map((body) => ({ filename: "f", mimetype: "m", contentId: null, inline: false, body: Buffer.from(body) })),
    ),
  });
  fc.assert(
    fc.property(fc.array(email), (emails) => {
      const { bodies, hashes } = contentOf(emails);
      for (const [index, { html, text, attachments }] of emails.entries()) {
        for (const hash of [hashes[index]?.html, hashes[index]?.text, ...attachments.map(({ body }) => contentHash(body))]) {
          assert.ok(hash === null || contentHash(bodies.get(hash ?? "") ?? Buffer.from("missing")) === hash);
        }
        assert.deepEqual([hashes[index]?.html === null, hashes[index]?.text === null], [html === null, text === null]);
      }
    }),
  );
});

test("an empty body is a body, no body is none", () => {
  const { bodies, hashes } = contentOf([{ html: null, text: "", attachments: [] }]);
  assert.deepEqual(hashes, [{ html: null, text: contentHash(Buffer.alloc(0)), reply: null }]);
  assert.equal(bodies.size, 1);
});
