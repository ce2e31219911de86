import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { attachmentDisposition } from "./content-disposition.ts";

test("a plain name stays what it is", () => {
  assert.equal(attachmentDisposition("prices.csv"), `attachment; filename="prices.csv"; filename*=UTF-8''prices.csv`);
});

test("a name in any script arrives whole, and old clients get something in ASCII", () => {
  assert.equal(
    attachmentDisposition("Preise für März.pdf"),
    `attachment; filename="Preise f_r M_rz.pdf"; filename*=UTF-8''Preise%20f%C3%BCr%20M%C3%A4rz.pdf`,
  );
});

test("a name cannot add a header field, end the quotes or leave the folder", () => {
  assert.equal(
    attachmentDisposition('a"\r\nSet-Cookie: x=1;../../b'),
    `attachment; filename="a___Set-Cookie: x=1;.._.._b"; filename*=UTF-8''a%22__Set-Cookie%3A%20x%3D1%3B.._.._b`,
  );
});

test("every name gives one line of printable ASCII of the same form", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (name) =>
      /^attachment; filename="[\x20\x21\x23-\x7e]+"; filename\*=UTF-8''[A-Za-z0-9%._~-]+$/.test(attachmentDisposition(name)),
    ),
  );
});
