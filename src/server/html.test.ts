import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { html } from "./html.ts";

test("text is escaped in content and in attributes", () => {
  const name = `"><script>alert('1')</script>&amp;`;
  assert.equal(
    String(html`<a title="${name}">${name}</a>`),
    '<a title="&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;">&quot;&gt;&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;&amp;amp;</a>',
  );
});

test("markup and lists of markup go in as they are, nothing for null, undefined and false", () => {
  const rows = ["<a>", "b"].map((one) => html`<li>${one}</li>`);
  assert.equal(String(html`<ul>${rows}${null}${undefined}${false}${0}</ul>`), "<ul><li>&lt;a&gt;</li><li>b</li>0</ul>");
});

test("an object that looks like markup is none", () => {
  const forged = { toString: () => "<script>" } as unknown as string;
  assert.throws(() => html`${forged}`);
});

test("marks that reorder text and control characters are shown as replaced", () => {
  assert.equal(String(html`${"invoice\u202Efdp.exe\u0000\u001b[2J"}`), "invoice\uFFFDfdp.exe\uFFFD\uFFFD[2J");
});

test("no text whatever opens a tag or ends an attribute", () => {
  fc.assert(fc.property(fc.string({ unit: "binary" }), (text) => !/[<>"']/.test(String(html`${text}`))));
});
