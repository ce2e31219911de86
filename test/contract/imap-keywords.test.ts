/** Keywords, by which people give messages a category: which messages bear one, and whether a server keeps them at all. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import type { Pull } from "../../src/ports.ts";
import { type ScriptedImapOptions, startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";
import { message } from "./mail-source-rig.ts";

const KEYWORD = "TrackedToDynamics365";
const messages = [1, 2, 3].map((uid) => ({ uid, mime: message(`m${uid}`) }));

type Page = Extract<Pull, { kind: "page" }>;

async function asked(options: ScriptedImapOptions, keyword: string | null = KEYWORD): Promise<{ page: Page; heard: readonly string[] }> {
  await using server = await startScriptedImap({ inbox: { uidNext: 4, messages }, ...options });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  const page = await system.source(access("ann")).pull("INBOX", null, { limit: 100, since: new Date("2001-01-01"), keyword });
  assert.equal(page.kind, "page");
  if (page.kind !== "page") throw new Error("unreachable");
  return { page, heard: server.heard };
}

const searching = (answer: string) => (command: string) => (/SEARCH.*\bKEYWORD\b/.test(command) ? answer : undefined);
const idsOf = ({ bearing }: Page) => bearing?.map(({ stream, id }) => `${stream} ${id}`);

test("the messages that bear it are told by their refs", async () => {
  const { page, heard } = await asked({ script: searching("* SEARCH 3 1\r\nOK done") });
  assert.deepEqual(idsOf(page)?.sort(), ["INBOX 7.1", "INBOX 7.3"]);
  assert.equal(heard.filter((command) => /KEYWORD TrackedToDynamics365/i.test(command)).length, 1);
});

test("a folder in which no message was ever given it is not searched", async () => {
  const script = (command: string) =>
    command.startsWith("EXAMINE")
      ? "* FLAGS (\\Seen $Other)\r\n* 3 EXISTS\r\n* OK [UIDVALIDITY 7] v\r\n* OK [UIDNEXT 4] n\r\nOK [READ-ONLY] done"
      : undefined;
  const { page, heard } = await asked({ script });
  assert.deepEqual(idsOf(page), []);
  assert.ok(!heard.some((command) => command.includes("KEYWORD")));
});

test("where the server refuses, where numbers do not last, and where nobody asks, nothing is told, and the mail is read", async () => {
  const cases = [
    await asked({ script: searching("BAD no such search key") }),
    await asked({ inbox: { validity: "0", uidNext: 4, messages } }),
    await asked({}, null),
  ];
  assert.deepEqual(
    cases.map(({ page }) => [page.heads.length, page.bearing]),
    cases.map(() => [3, undefined]),
  );
});
