/** What mail servers write into their logs of who signed in. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { imapSystem } from "../../src/connectors/imap/system.ts";
import { VERSION } from "../../src/model/version.ts";
import { startScriptedImap } from "../servers/scripted-imap.ts";
import { access, imapEndpoint, profileWith } from "./imap-rig.ts";

test("an IMAP server that asks is told name and version, and nobody else's", async () => {
  await using server = await startScriptedImap({ capabilities: ["ID"] });
  await using system = imapSystem({ profile: profileWith(imapEndpoint(server.port)) });
  await system.source(access("ann")).folders();
  const told = server.heard.filter((command) => command.startsWith("ID "));
  assert.ok(told.length > 0, "the server was told");
  for (const command of told) assert.equal(command, `ID ("name" "Waypost" "version" "${VERSION}")`);
});
