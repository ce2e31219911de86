import assert from "node:assert/strict";
import { test } from "node:test";
import { parseContent } from "./content.ts";
import { contentFingerprint } from "./fingerprint.ts";

const of = async (...lines: readonly string[]) => contentFingerprint(await parseContent(Buffer.from(lines.join("\r\n"))));
const base64 = (text: string) => Buffer.from(text).toString("base64");

const PLAIN = ["Content-Type: text/plain; charset=utf-8", "", "Größe 42", "", "Bye"];

function withFile(boundary: string, encoding: "base64" | "7bit", file: string): string[] {
  const body = encoding === "base64" ? base64(file) : file;
  return [
    ...[`Content-Type: multipart/mixed; boundary=${boundary}`, "", `--${boundary}`, "", "See the file.", `--${boundary}`],
    ...["Content-Type: application/x-list; name=a", `Content-Transfer-Encoding: ${encoding}`, "", body, `--${boundary}--`],
  ];
}

test("the same content has one fingerprint, however it is wrapped and encoded", async () => {
  const encoded = [
    "X-Added: 1",
    "Content-Transfer-Encoding: base64",
    "Content-Type: text/plain; charset=utf-8",
    "",
    base64("Größe 42\r\n\r\nBye\r\n"),
  ];
  assert.equal(await of(...encoded), await of(...PLAIN));
  assert.equal(await of(...withFile("one", "7bit", "1,2,3")), await of(...withFile("=_two", "base64", "1,2,3")));
});

test("a plain text made of the HTML changes nothing", async () => {
  const html = "<p>Good <b>morning</b></p>";
  const both = [
    "Content-Type: multipart/alternative; boundary=x",
    "",
    "--x",
    "",
    "Good morning",
    "--x",
    "Content-Type: text/html",
    "",
    html,
    "--x--",
  ];
  assert.equal(await of(...both), await of("Content-Type: text/html", "", html));
});

test("other words and other attachments are other content", async () => {
  const seen = [
    await of(...PLAIN),
    await of("", "Size 42"),
    await of(""),
    await of(...withFile("b", "7bit", "1")),
    await of(...withFile("b", "7bit", "2")),
  ];
  assert.equal(new Set(seen).size, seen.length);
});
