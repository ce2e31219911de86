import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import type { Folder, FolderRole } from "../../model/message.ts";
import { chooseFolders, foldersOfSentMail } from "./choose-folders.ts";

function folder(name: string, change: Partial<Folder> = {}): Folder {
  const underInbox = name === "INBOX" || name.startsWith("INBOX/");
  const role: FolderRole = name === "INBOX" ? "inbox" : "none";
  return {
    id: name,
    stream: name,
    name,
    role,
    selectable: true,
    underInbox,
    namespace: "personal",
    messages: 1,
    unreadable: null,
    ...change,
  };
}

const mailbox = [
  folder("INBOX"),
  folder("INBOX/Customers"),
  folder("INBOX/Junk", { role: "junk" }),
  folder("INBOX/Junk/2020"),
  folder("Projects"),
  folder("Projects/Mill"),
  folder("Shelf", { selectable: false }),
  folder("Sent", { role: "sent" }),
  folder("Sent/2020"),
  folder("Sentences"),
  folder("All", { role: "all" }),
  folder("Other/ben", { namespace: "other" }),
];

function read(choice: "inbox" | "personal"): string[] {
  return chooseFolders(mailbox, choice).flatMap((one) => (one.notReadBecause === null ? [one.name] : []));
}

function because(name: string, choice: "inbox" | "personal" = "personal"): string | null | undefined {
  return chooseFolders(mailbox, choice).find((one) => one.name === name)?.notReadBecause;
}

const ON = { AutoTrackSentFolderItems: true };

describe("which folders hold mail that becomes outgoing emails", () => {
  test("those for sent mail and below, but for others of special use there", () => {
    const listed = [...mailbox, folder("Sent/Drafts", { role: "drafts" })];
    assert.deepEqual([...foldersOfSentMail(listed, ON, { type: "systemuser" })], ["Sent", "Sent/2020"]);
  });

  test("none where the organization does not want them, and none of a forward mailbox", () => {
    assert.equal(foldersOfSentMail(mailbox, { AutoTrackSentFolderItems: false }, { type: "systemuser" }).size, 0);
    assert.equal(foldersOfSentMail(mailbox, ON, { type: "forward" }).size, 0);
  });

  test("they are read besides; one that can hold no messages says so", () => {
    const listed = [...mailbox, folder("Sent/Shelf", { selectable: false })];
    const chosen = chooseFolders(listed, "inbox", { sent: foldersOfSentMail(listed, ON, { type: "queue" }) });
    assert.deepEqual(
      chosen.flatMap(({ name, wanted }) => (wanted ? [name] : [])),
      ["INBOX", "INBOX/Customers", "Sent", "Sent/2020"],
    );
    assert.equal(chosen.at(-1)?.notReadBecause, "It can hold only folders, no messages.");
  });
});

describe("which folders are read", () => {
  test("inbox: the inbox and all folders below it, except those of special use", () => {
    assert.deepEqual(read("inbox"), ["INBOX", "INBOX/Customers"]);
  });

  test("personal: all of one's own folders, except those of special use and what lies below them", () => {
    assert.deepEqual(read("personal"), ["INBOX", "INBOX/Customers", "Projects", "Projects/Mill", "Sentences"]);
  });

  test("each that is not read says why", () => {
    assert.equal(because("INBOX/Junk/2020"), "It holds junk mail (it lies below INBOX/Junk).");
    assert.equal(because("Sent"), "It holds sent mail.");
    assert.equal(because("All"), "It holds all mail, every message a second time.");
    assert.equal(because("Shelf"), "It can hold only folders, no messages.");
    assert.equal(because("Other/ben"), "It belongs to somebody else, or to everybody.");
    assert.match(because("Projects", "inbox") ?? "", /folders: personal/);
  });

  test("one that the server does not let be read is wanted all the same, and says it in the server's words", () => {
    const [inbox, sent] = chooseFolders(
      [folder("INBOX", { unreadable: "NO right" }), folder("Sent", { role: "sent", unreadable: "NO right" })],
      "inbox",
    );
    assert.deepEqual([inbox?.wanted, inbox?.notReadBecause], [true, "The server does not let it be read: NO right"]);
    assert.deepEqual([sent?.wanted, sent?.notReadBecause], [false, "It holds sent mail."]);
  });

  test("nothing is left out of the answer, and the inbox that can be read always is", () => {
    const role = fc.constantFrom<FolderRole>("sent", "drafts", "trash", "junk", "archive", "all", "flagged", "none");
    const name = fc.array(fc.constantFrom("INBOX", "a", "b", "Sent"), { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));
    const some = fc.array(
      fc.tuple(name, role).map(([at, its]) => (at === "INBOX" ? folder(at) : folder(at, { role: its }))),
      { maxLength: 8 },
    );
    fc.assert(
      fc.property(some, fc.constantFrom("inbox" as const, "personal" as const), (folders, choice) => {
        const chosen = chooseFolders(folders, choice);
        assert.deepEqual(
          chosen.map(({ wanted: _, notReadBecause: __, ruleId: ___, ...rest }) => rest),
          folders,
        );
        for (const one of chosen) {
          assert.equal(one.wanted, one.notReadBecause === null);
          if (one.role === "inbox") assert.ok(one.wanted);
          else if (one.role !== "none") assert.ok(!one.wanted);
        }
      }),
    );
  });
});
