import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { htmlToText, textToHtml } from "./html-text.ts";

const TABLE: readonly (readonly [title: string, html: string, text: string])[] = [
  ["paragraphs and breaks", "<p>one<br>two</p><p>three</p>", "one\ntwo\n\nthree\n"],
  ["blanks collapse, entities are read", "a \n  b&nbsp;&amp;\tc", "a b & c\n"],
  ["words of inline elements join, blocks part", "<b>a</b>b<div>c</div>d", "ab\nc\nd\n"],
  ["lists", "<ul><li>one</li><li>two</li></ul>", "- one\n- two\n"],
  [
    "links show their address once",
    '<a href="https://x.test/a">here</a> <a href="https://x.test">x.test</a>',
    "here <https://x.test/a> x.test\n",
  ],
  [
    "of what links show, blanks around it and on a line that is left out count for nothing",
    '<pre>  <a href="mailto:a@x.test"><p>a@x.test</a> <a href="https://x.test">&nbsp;x.test </a></pre>',
    "a@x.test\n\n \u00a0x.test\n",
  ],
  ["a link to a script shows none", '<a href="javascript:alert(1)">here</a>', "here\n"],
  ["quotes are marked by depth", "me<blockquote>you<blockquote>him</blockquote></blockquote>", "me\n\n> you\n\n>> him\n"],
  ["what is not seen stays out", "<head><title>t</title><style>p{}</style></head><script>x()</script><p>seen</p>", "seen\n"],
  ["preformatted text keeps its lines", "<pre>a\n  b</pre>", "a\n  b\n"],
  ["table cells stand apart", "<table><tr><td>a</td><td>b</td></tr><tr><td>c</td></tr></table>", "a b\nc\n"],
  ["pictures by their text", '<img alt="logo" src="cid:x"> Acme', "logo Acme\n"],
  ["nothing", "", "\n"],
];

for (const [title, html, text] of TABLE) test(`html to text: ${title}`, () => assert.equal(htmlToText(html), text));

test("html to text: whatever the HTML, it answers, and a text made HTML comes back", () => {
  fc.assert(fc.property(fc.stringMatching(/^[<>/a-z"'= &;!-]*$/), (html) => assert.equal(typeof htmlToText(html), "string")));
  fc.assert(
    fc.property(fc.array(fc.stringMatching(/^[!-~]{1,9}( [!-~]{1,9}){0,4}$/), { minLength: 1 }), (lines) => {
      assert.equal(htmlToText(textToHtml(lines.join("\n"))), `${lines.join("\n")}\n`);
    }),
  );
});
