import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { SHOWN_HTML, sanitize } from "./sanitize.ts";

const NONE: ReadonlyMap<string, string> = new Map();
const PIXEL = "data:image/gif;base64,R0lGODlhAQABAAAAACw=";

function markup(body: string, pictures = NONE): string {
  return sanitize(body, pictures).markup;
}

test("formatting, tables and plain styles stay", () => {
  const body = `<h1>A</h1><p style="color:#123456;font-family:'Segoe UI', Arial">b <b>c</b></p><table border="1"><tr><td colspan="2" bgcolor="#eee">d</td></tr></table>`;
  assert.equal(markup(body), body);
});

/** What strangers try, and what may be left of it. */
const ATTACKS: readonly (readonly [what: string, body: string, left: string])[] = [
  ["a script", "a<script>alert(1)</script>b", "ab"],
  ["a script in a script", "<scr<script>ipt>alert(1)</scr</script>ipt>", "ipt&gt;alert(1)ipt&gt;"],
  ["an unclosed script", "a<script>alert(1)", "a"],
  ["event handlers", `<p onclick="x()" ONMOUSEOVER=x() onfocus='x()'>a</p>`, "<p>a</p>"],
  ["a handler after a slash", `<img/onerror=alert(1)/src=x>`, "<span></span>"],
  ["an SVG", `a<svg onload=alert(1)><script>x</script><a xlink:href="javascript:x">b</a></svg>c`, "ac"],
  ["MathML", `a<math><mtext><style><img src=x onerror=alert(1)></style></mtext></math>`, "a"],
  ["a refresh", `<meta http-equiv="refresh" content="0;url=https://evil.example">a`, "a"],
  ["a base", `<base href="https://evil.example/">a`, "a"],
  ["a form", `<form action="https://evil.example"><input name=p type=password><button formaction=x>Send</button></form>`, "Send"],
  ["a frame", `<iframe src="https://evil.example" srcdoc="<script>x</script>">b</iframe>a`, "a"],
  ["an object", `<object data="https://evil.example">b</object><embed src="x">a`, "a"],
  ["a style sheet", `<style>@import url(https://evil.example);</style><link rel=stylesheet href="//evil.example">a`, "a"],
  ["media", `<video src="https://evil.example/v" poster="https://evil.example/p">b</video><audio src=x></audio>a`, "a"],
  [
    "a background picture",
    `<table background="https://evil.example/b.png"><tr><td>a</td></tr></table>`,
    "<table><tr><td>a</td></tr></table>",
  ],
  ["a style that fetches", `<p style="background:url(https://evil.example)">a</p>`, "<p>a</p>"],
  ["a style that fetches by an escape", `<p style="background:\\75rl(https://evil.example)">a</p>`, "<p>a</p>"],
  ["a style that fetches by a set", `<p style="background:image-set('https://evil.example' 1x)">a</p>`, "<p>a</p>"],
  ["a style with a comment", `<p style="width:expr/**/ession(alert(1))">a</p>`, "<p>a</p>"],
  ["a style that imports", `<p style="@import 'https://evil.example'">a</p>`, "<p>a</p>"],
  ["a variable", `<p style="--x:url(https://evil.example);background:var(--x)">a</p>`, "<p>a</p>"],
  ["a style out of its place", `<div style="position:fixed;top:0;left:0;z-index:9">a</div>`, "<div>a</div>"],
  ["a style that ends its attribute", `<p style="color:red&quot; onclick=&quot;x()">a</p>`, "<p>a</p>"],
  ["a quote that ends its attribute", `<p title='"><script>x</script>'>a</p>`, `<p title="&quot;&gt;&lt;script&gt;x&lt;/script&gt;">a</p>`],
  ["a comment for old browsers", "<!--[if IE]><script>x</script><![endif]-->a", "a"],
  ["markup hidden by a title", `<title><!--</title><img src=x onerror=alert(1)>-->`, "<span></span>--&gt;"],
  ["markup hidden by noscript", `<noscript><p title="</noscript><img src=x onerror=alert(1)>">a`, ""],
  ["markup in a text area", `<textarea></textarea/><img src=x onerror=alert(1)></textarea>a`, "<span></span>a"],
  ["escaped markup", "&lt;script&gt;alert(1)&lt;/script&gt;", "&lt;script&gt;alert(1)&lt;/script&gt;"],
  ["a name and an id", `<div id="header" class="x" name="y">a</div>`, "<div>a</div>"],
  ["a half tag at the end", `a<img src="https://evil.example`, "a"],
  ["a tag that nobody knows", "<o:p>a</o:p><x-evil onclick=1>b</x-evil>", "ab"],
];

for (const [what, body, left] of ATTACKS) {
  test(`no harm is left of ${what}`, () => assert.equal(markup(body), left));
}

test("links lead nowhere and say where they would have led", () => {
  const { markup, remarks } = sanitize(
    `<a href="https://example.test/?a=1&b=2" target=_top ping=x>a</a><a href="java&#10;script:alert(1)">b</a>`,
    NONE,
  );
  assert.equal(markup, `<a title="https://example.test/?a=1&amp;b=2">a</a><a title="java\nscript:alert(1)">b</a>`);
  assert.deepEqual(remarks, ["Links are switched off; point at one to see where it leads."]);
});

test("remote pictures are not loaded: their text stands instead", () => {
  const forms = [
    `src="https://evil.example/1.gif" alt="Logo"`,
    `src="//evil.example/2.gif"`,
    `srcset="https://evil.example/3.gif 2x"`,
    `src="/emails/x"`,
    ` lowsrc=x`,
  ];
  const { markup, remarks } = sanitize(forms.map((one) => `<img ${one}>`).join(""), NONE);
  assert.equal(markup, `<span>[Logo]</span>${"<span></span>".repeat(4)}`);
  assert.deepEqual(remarks, ["5 pictures from elsewhere are not loaded."]);
});

test("a picture of the message stands where its Content-ID is named, and nowhere else", () => {
  const pictures = new Map([["logo@a b", PIXEL]]);
  const { markup, remarks } = sanitize(
    `<img src="cid:logo@a%20b" alt="x" onerror="y"><img src="CID:other" alt="o"><img src="cid:%">`,
    pictures,
  );
  assert.equal(markup, `<img src="${PIXEL}" alt="x" /><span>[o]</span><span></span>`);
  assert.deepEqual(remarks, ["2 pictures of the message cannot be shown."]);
});

test("of data: addresses only raster pictures pass", () => {
  assert.equal(markup(`<img src="${PIXEL}">`), `<img src="${PIXEL}" />`);
  for (const src of ["data:text/html,<script>x</script>", "data:image/svg+xml;base64,PHN2Zz4=", "data:image/png,x", "data:;base64,AAAA"]) {
    assert.equal(markup(`<img src="${src}">`), "<span></span>");
  }
  assert.equal(markup(`<a href="data:text/html,x">a</a>`), `<a title="data:text/html,x">a</a>`);
});

test("a very long body is cut, and says so", () => {
  const { markup, remarks } = sanitize(`${"a".repeat(SHOWN_HTML)}<b>b</b>`, NONE);
  assert.equal(markup.length, SHOWN_HTML);
  assert.deepEqual(remarks, [`The body is ${SHOWN_HTML + 8} characters long; the first ${SHOWN_HTML} are shown.`]);
});

test("nesting is flattened, and a very long style dropped", () => {
  const deep = markup(`${"<b>".repeat(500)}a`);
  assert.ok(deep.includes("a") && deep.split("<b>").length - 1 <= 100);
  assert.equal(markup(`<p style="${"color:red;".repeat(500)}">a</p>`), "<p>a</p>");
});

test("whatever pieces are put together, nothing that runs or fetches comes out", () => {
  const piece = fc.constantFrom(
    ...`< > " ' \` = / & ; <!-- --> ]]> <![CDATA[ <script </script> <svg> </svg> <math> <style> </style> <title> </title> <noscript> </noscript> <textarea> <table> <td> <p <img <a src= href= style= onerror= javascript: data: cid:x url( \\ \u0000 &#x6a; &lt; alert(1) x`.split(
      " ",
    ),
    " ",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 40 }), (pieces) => {
      const safe = markup(pieces.join(""));
      // Attribute values hold no `>` or quote, so that tags can be read with a pattern.
      for (const [, name = "", attributes = ""] of safe.matchAll(/<\/?([^\s>/]*)((?:[^"'>]|"[^"<>]*")*)>/g)) {
        assert.match(name, /^(?:a|img|p|span|table|td)$/, safe);
        for (const [, attribute = ""] of attributes.matchAll(/\s([^\s=/"]+)/g)) assert.match(attribute, /^(?:title|alt|style|x)$|^&/, safe);
      }
      assert.doesNotMatch(safe.replace(/<(?:\/?(?:p|span|table|td|a)|img)\b(?:[^"'>]|"[^"<>]*")*>/g, ""), /</, safe);
    }),
    { numRuns: 500 },
  );
});
