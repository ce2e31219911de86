import assert from "node:assert/strict";
import { test } from "node:test";
import { deletionSentence } from "./explain-deletion.ts";

const AT = new Date("2026-03-02T10:00:00Z");
const note = { decisionId: 1, folders: ["INBOX"], deletedAt: null, askedAt: null, refused: null, gone: false, keptBecause: null };

test("what was deleted names the folder, the time, the setting, and where the content is now", () => {
  const said = deletionSentence({ ...note, deletedAt: AT }, "e1");
  assert.match(said, /^Waypost deleted it from INBOX on 2026-03-02 10:00:00 UTC: .*deleteAfterProcessing.* email e1\.$/);
});

test("each reason to keep a message has its own words, and one that may be deleted says so", () => {
  const all = (["other content", "too large", "unreadable"] as const).map((keptBecause) =>
    deletionSentence({ ...note, keptBecause }, "e1"),
  );
  const asked = deletionSentence({ ...note, askedAt: AT, gone: true }, "e1");
  assert.equal(new Set([...all, asked]).size, 4);
  for (const said of all) assert.match(said, /^A message in INBOX is not deleted\. /);
  assert.match(asked, /^On 2026-03-02 10:00:00 UTC Waypost asked the mail server to delete it from INBOX/);
});

test("what the server did not delete, or did not say so, is told with its words, and whether it is there", () => {
  const refused = { ...note, askedAt: AT, refused: "held" };
  const asked =
    'On 2026-03-02 10:00:00 UTC Waypost asked the mail server to delete it from INBOX, and it is not known to be done: "held". ';
  assert.equal(deletionSentence(refused, "e1"), `${asked}It is asked again at the first round after 2026-03-02 11:00:00 UTC.`);
  assert.equal(
    deletionSentence({ ...refused, gone: true }, "e1"),
    `${asked}It is gone; its content was proven to be in the email e1 before.`,
  );
});

test("what the server does not hand out to be compared is told with its words, and is no message that was asked to be deleted", () => {
  const said = deletionSentence({ ...note, askedAt: AT, refused: "backend down", keptBecause: "unreadable" }, "e1");
  assert.equal(
    said,
    'A message in INBOX is not deleted. It could not be compared with the email e1 on 2026-03-02 10:00:00 UTC: "backend down". It is asked for again at the first round after 2026-03-02 11:00:00 UTC.',
  );
});
