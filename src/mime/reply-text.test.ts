import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import fc from "fast-check";
import { parseContent } from "./content.ts";
import { htmlToText } from "./html-text.ts";
import { REPLY_CHARACTERS, replyText } from "./reply-text.ts";

const corpus = path.resolve(import.meta.dirname, "../../../shared/corpus/mime");
const skip = existsSync(corpus) ? false : `The sample messages are not there: ${corpus}`;

/** Least share of the samples in which exactly the reply is found. */
const AGREEMENT = 0.95;

/** What a person would say that is new; null: all of it. */
const TALON: Readonly<Record<string, string>> = { "outlook.eml html": "Allo! Follow up MIME!" };
const OTHERWISE_TALON = "Hello";
const GITHUB: Readonly<Record<string, RegExp | string | null>> = {
  "correct_sig.txt": "this is an email with a correct -- signature.",
  "email_1_1.txt": /^Hi folks\n[\s\S]*HTTP API\.$/,
  "email_1_2.txt": /^Hi,\n+You can list the keys[\s\S]*individually\."$/,
  "email_1_3.txt": "Oh thanks.\n\nHaving the function would be great.",
  "email_1_4.txt": "Awesome! I haven't had another problem with it.",
  "email_1_5.txt": null,
  "email_1_6.txt": "I get proper rendering as well.",
  "email_1_7.txt": ":+1:",
  "email_1_8.txt": /^I will reply under this one\n+and under this\.$/,
  "email_2_1.txt": "Outlook with a reply",
  "email_2_2.txt": "Outlook with a reply directly above line",
  "email_2_3.txt": "Outlook with a reply directly above line",
  "email_BlackBerry.txt": "Here is another email",
  "email_bullets.txt": /^test 2 this should list second\n[\s\S]* - and another$/,
  "email_iPhone.txt": "Here is another email",
  "email_multi_word_sent_from_my_mobile_device.txt": "Here is another email",
  "email_one_is_not_on.txt": /^Thank, this is really helpful\.\n[\s\S]*when I run\.\.\.$/,
  "email_sent_from_my_not_signature.txt": null,
  "email_sig_delimiter_in_middle_of_line.txt": null,
  "greedy_on.txt": /^On your remote host you can run:\n[\s\S]*is not working\.$/,
};

function agrees(found: string | null, expected: RegExp | string | null): boolean {
  return expected instanceof RegExp ? found !== null && expected.test(found) : found === expected;
}

test("reply: of the samples of talon and GitHub nearly all give exactly what is new", { skip }, async (context) => {
  const other: string[] = [];
  let samples = 0;
  const judge = (name: string, found: string | null, expected: RegExp | string | null): void => {
    samples += 1;
    if (!agrees(found, expected)) other.push(name);
  };
  const folder = path.join(corpus, "replies-talon/standard_replies");
  for (const file of readdirSync(folder)) {
    const { text, html } = await parseContent(readFileSync(path.join(folder, file)));
    if (text !== null) judge(file, replyText(text), OTHERWISE_TALON);
    if (html !== null) judge(`${file} html`, replyText(htmlToText(html)), TALON[`${file} html`] ?? OTHERWISE_TALON);
  }
  const { text } = await parseContent(readFileSync(path.join(corpus, "replies-talon/reply-quotations-share-block.eml")));
  judge("reply-quotations-share-block.eml", replyText(text ?? ""), /^Hi Katharine\.[\s\S]*from you soon\.\s+Joe XXX$/);
  for (const [file, expected] of Object.entries(GITHUB))
    judge(file, replyText(readFileSync(path.join(corpus, "replies-github", file), "utf8")), expected);
  context.diagnostic(`${samples - other.length} of ${samples} replies are found; not in ${other.join(", ") || "none"}`);
  assert.ok(samples >= 40);
  assert.ok(1 - other.length / samples >= AGREEMENT, other.join(", "));
});

const QUOTED = "> Could you send it?\n> Bob\n";
/** What programs write above what they quote. */
const ATTRIBUTIONS = [
  "On Mon, Apr 2, 2012 at 6:26 PM, Bob <bob@example.test> wrote:",
  "On 11-Apr-2011, at 6:54 PM, Bob Builder <bob@example.test>\nwrote:",
  "On Nov 30, 2011, at 12:47 PM, Bob <\n416ffd3258d4d2fa4c85cfa4c44e1721@mail.example.test>\nwrote:",
  "--- On Wed, 4/4/12, bob@example.test <bob@example.test> wrote:",
  "Am 14.03.2024 um 09:15 schrieb Bob <bob@example.test>:",
  "Bob <bob@example.test> schrieb am Mo., 4. März 2024, 10:00:",
  "Le 23 janv. 2015 à 22:03, Bob <bob@example.test> a écrit :",
  "El lun, 4 mar 2024 a las 10:00, Bob (<bob@example.test>) escribió:",
  "Il giorno lun 4 mar 2024 alle ore 10:00 Bob <bob@example.test> ha scritto:",
  "Em seg., 4 de mar. de 2024 às 10:00, Bob <bob@example.test> escreveu:",
  "Op 17-feb.-2015, om 13:18 heeft Bob <bob@example.test> het volgende geschreven:",
  "Den 14 september 2015 02:23, Bob (bob@example.test) skrev:",
  "W dniu 28.01.2015 o 01:53, Bob pisze:",
  "ke 4. maalisk. 2024 klo 10.00 Bob (bob@example.test) kirjoitti:",
  "пн, 4 мар. 2024 г. в 10:00, Bob <bob@example.test> написал:",
  "在 2024年3月4日，上午10:00，Bob <bob@example.test> 写道：",
  "2024年3月4日(月) 10:00 Bob <bob@example.test>のメッセージ:",
  "2024년 3월 4일 (월) 오전 10:00, Bob님이 작성:",
  "2014-10-17 11:28 GMT+03:00 Bob <\nbob@mail.example.test>:",
];
for (const attribution of ATTRIBUTIONS) {
  test(`reply: what is quoted below ${JSON.stringify(attribution)} is left out, marked or not`, () => {
    assert.equal(replyText(`Here it is.\n\n${attribution}\n\n${QUOTED}`), "Here it is.");
    assert.equal(replyText(`${attribution}\n\n${QUOTED}\nHere it is.\n`), "Here it is.");
  });
}

const HEADS = [
  "-----Original Message-----\nFrom: Bob\nSent: Monday\n",
  "-----Ursprüngliche Nachricht-----\nVon: Bob\n",
  "________________________________\nFrom: Bob <bob@example.test>\nSent: Monday, April 2, 2012 5:44 PM\nTo: Ann\nSubject: Test\n",
  "Von: Bob\nGesendet: Montag, 4. März 2024 10:00\nAn: Ann\nBetreff: Angebot\n",
  "De : Bob [mailto:bob@example.test]\nEnvoyé : lundi 4 mars 2024 10:00\nÀ : Ann\nObjet : Offre\n",
  "  *From:* bob@example.test [mailto:\n  bob@example.test]\n  *Sent:* Wednesday, June 27, 2012 3:05 PM\n  *To:* ann\n  *Subject:* Hello\n",
  "Date: Wed, 16 May 2012 00:15:02 -0600\nTo: ann@example.test\n",
  "发件人: Bob <bob@example.test>\n发送时间: 2024年3月4日 10:00\n收件人: Ann\n主题: 报价\n",
];
for (const head of HEADS) {
  test(`reply: all that follows ${JSON.stringify(head.slice(0, 40))} is left out`, () => {
    assert.equal(replyText(`Here it is.\n\n${head}\nCould you send it?\n`), "Here it is.");
  });
}

const SIGNATURES = [
  "-- \nAnn Onym\nExample Ltd",
  "--\nAnn",
  "Sent from my iPhone",
  "Get Outlook for iOS",
  "Von meinem iPhone gesendet",
  "-Ann Onym",
  `${"_".repeat(47)}\nlist mailing list\nlist@example.test`,
];
for (const signature of SIGNATURES) {
  test(`reply: the signature ${JSON.stringify(signature)} is left out, alone and above what is quoted`, () => {
    assert.equal(replyText(`Here it is.\n\n${signature}\n`), "Here it is.");
    assert.equal(replyText(`Here it is.\n\n${signature}\n\n${ATTRIBUTIONS[0]}\n${QUOTED}`), "Here it is.");
  });
}

const WHOLE: readonly (readonly [title: string, text: string])[] = [
  ["a text that answers nothing", "Hello,\n\nplease send it.\n\nRegards\nAnn\n"],
  ["an empty text", "\n\n"],
  ["nothing but a quotation", `${ATTRIBUTIONS[0]}\n${QUOTED}`],
  [
    "a message handed on",
    "FYI\n\n---------- Forwarded message ----------\nFrom: bob@example.test\nDate: Tue\nSubject: Two\nTo: ann@example.test\n\nText",
  ],
  ["a sentence that begins like a telephone's line", "I am late.\nSent from my desk, is much easier than my phone."],
  ["a journey", "From: Berlin\nTo: Paris\n\nCan you book it?"],
  ["a single marked line", "Visit us.\n>>> >>> http://www.example.test <<<\nThe link is above."],
  ["a sentence with a verb of an attribution", "On Monday 3 of us met.\nShe wrote: nothing in 2012."],
  ["a rule between two parts of a long text", `first\n--\n${"more\n".repeat(20)}`],
  ["a text that is too long to look through", `Here it is.\n\n${ATTRIBUTIONS[0]}\n${"> x\n".repeat(REPLY_CHARACTERS / 4)}`],
];
for (const [title, text] of WHOLE) {
  test(`reply: nothing is left out of ${title}`, () => assert.equal(replyText(text), null));
}

test("reply: answers between the quotations all stay, in their order", () => {
  const text = `Hi Bob,\n${ATTRIBUTIONS[0]}\n> First?\n> \nYes.\n> Second?\nNo.\n\n-- \nAnn\n`;
  assert.equal(replyText(text), "Hi Bob,\nYes.\nNo.");
});

test("reply: whatever the text, each of its lines is one of the text's, in the same order", () => {
  const line = fc.oneof(
    fc.constantFrom(...ATTRIBUTIONS.join("\n").split("\n"), ...HEADS.join("\n").split("\n"), ...SIGNATURES.join("\n").split("\n")),
    fc.constantFrom("", "> a", ">> b", "Hello", "wrote:", "On 1", "From: a@b", "---"),
    fc.string({ unit: "binary", maxLength: 20 }),
  );
  fc.assert(
    fc.property(fc.array(line, { maxLength: 40 }), (lines) => {
      const text = lines.join("\n");
      const reply = replyText(text);
      let at = 0;
      const source = text.split("\n").map((one) => one.trim());
      for (const one of reply?.split("\n") ?? []) {
        at = source.indexOf(one.trim(), at) + 1;
        assert.ok(at > 0, JSON.stringify(one));
      }
    }),
    { numRuns: 1000 },
  );
});
