import assert from "node:assert/strict";
import { test } from "node:test";
import { serverProblems } from "./servers.ts";

test("what a protocol cannot do is said of the field that asks for it", () => {
  const fields = (protocol: string, authentication: string, incoming?: string) =>
    serverProblems({ incoming: { protocol, authentication }, serviceAccount: incoming === undefined ? undefined : { incoming } }).map(
      ({ field }) => field.join("."),
    );
  assert.deepEqual(fields("imap", "auto", "sharedFolders"), []);
  assert.deepEqual(fields("pop3", "apop"), []);
  assert.deepEqual(fields("imap", "apop"), ["incoming.authentication"]);
  assert.deepEqual(fields("pop3", "none"), ["incoming.authentication"]);
  assert.deepEqual(fields("pop3", "auto", "masterUser"), []);
  assert.deepEqual(fields("pop3", "auto", "sharedFolders"), ["serviceAccount.incoming"]);
  assert.deepEqual(fields("pop3", "apop", "authorizationIdentity"), ["serviceAccount.incoming"]);
});
