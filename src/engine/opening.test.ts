import assert from "node:assert/strict";
import { test } from "node:test";
import { countedAs, type Opening, openingWords } from "./opening.ts";

const opening = (access: Opening["access"], serviceAccount: string | null = "router"): Opening => ({ access, user: "ann", serviceAccount });

test("each way to open a mailbox is told in words of its own, with the account that does it", () => {
  const words = (["masterUser", "authorizationIdentity", "sharedFolders", "itself"] as const).map((access) =>
    openingWords(opening(access)),
  );
  assert.equal(new Set(words).size, 4);
  for (const one of words) assert.match(one, /^by the service account router, /);
  assert.equal(openingWords(opening("password", null)), "as ann, with its own password");
  assert.equal(openingWords(opening("token", null)), "as ann, with an access token");
  assert.equal(openingWords(opening("none", null)), "without signing in");
});

test("a server counts a connection for whom it takes it: for the service account only where that signs in as itself", () => {
  const names = (["masterUser", "authorizationIdentity", "sharedFolders", "itself"] as const).map((access) => countedAs(opening(access)));
  assert.deepEqual(names, ["ann", "ann", "router", "router"]);
  assert.equal(countedAs(opening("password", null)), "ann");
});
