import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { childrenOf, LONGEST_DOCUMENT, MAXIMUM_DEPTH, MAXIMUM_ELEMENTS, readXml, textOf, XmlRefused } from "./xml.ts";

describe("readXml", () => {
  it("reads elements, attributes and text, whatever the prefixes", () => {
    const root = readXml('<?xml version="1.0"?><x:a xmlns:x="urn:x"><x:B k="v"> 1 &amp; <![CDATA[<2>]]> </x:B></x:a>');
    assert.equal(root.name, "a");
    assert.equal(textOf(root, "b"), "1 & <2>");
    assert.equal(childrenOf(root, "B")[0]?.attributes.k, "v");
  });

  it("refuses a DOCTYPE, and with it every entity of its own", () => {
    for (const document of [
      '<!DOCTYPE a [<!ENTITY e SYSTEM "file:///etc/passwd">]><a>&e;</a>',
      '<!DOCTYPE a [<!ENTITY e "eeee"><!ENTITY f "&e;&e;">]><a>&f;</a>',
      "<!DOCTYPE html><a/>",
    ])
      assert.throws(() => readXml(document), new XmlRefused("it has a DOCTYPE"));
    assert.throws(() => readXml("<a>&e;</a>"), XmlRefused);
  });

  it("refuses what is not well-formed", () => {
    for (const document of ["", "text", "<a>", "<a></b>", "<a/><b/>", "<a b='1' b='2'/>", "<html><body><br></body></html>"])
      assert.throws(() => readXml(document), XmlRefused, document);
  });

  it("refuses what is too long, too deep or too much, without taking long over it", () => {
    const begun = performance.now();
    assert.throws(() => readXml(`<a>${"x".repeat(LONGEST_DOCUMENT)}</a>`), /too long/);
    assert.throws(() => readXml("<a>".repeat(50_000)), /too deep/);
    assert.throws(() => readXml(`<a>${"<b/>".repeat(MAXIMUM_ELEMENTS)}</a>`), /too many/);
    assert.throws(() => readXml(`<a ${Array.from({ length: 20_000 }, (_, i) => `a${i}=""`).join(" ")}`), XmlRefused);
    assert.ok(performance.now() - begun < 5000);
    assert.ok(readXml(`${"<a>".repeat(MAXIMUM_DEPTH)}${"</a>".repeat(MAXIMUM_DEPTH)}`));
  });

  it("answers any text with a tree or with XmlRefused", () => {
    const piece = fc.constantFrom(
      "<a>",
      "</a>",
      "<b ",
      "x='1'",
      ">",
      "/>",
      "&amp;",
      "&x;",
      "<![CDATA[",
      "]]>",
      "<!--",
      "-->",
      "<?",
      "?>",
      "<!DOCTYPE",
      "\0",
      "é",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: "binary" }),
          fc.array(piece).map((pieces) => pieces.join("")),
        ),
        (document) => {
          try {
            readXml(document);
          } catch (error) {
            assert.ok(error instanceof XmlRefused);
          }
        },
      ),
    );
  });
});
