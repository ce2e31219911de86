import assert from "node:assert/strict";
import { test } from "node:test";
import type { WhatIfChange } from "../engine/operations/what-if.ts";
import type { Json } from "./json.ts";
import { whatIfChangeLines } from "./print-what-if.ts";

const CHANGE: Json<WhatIfChange> = {
  decisionId: 7,
  mailbox: "ann@example.test",
  received: "2026-03-10T09:00:00.000Z",
  messageId: "a@stranger.test",
  from: "…@stranger.test",
  isPrivate: false,
  stored: "skipped",
  before: { outcome: "skipped", reason: 1, sentences: ["filter: no."] },
  after: { outcome: "tracked", reason: 6, sentences: ["filter: yes."] },
};

test("a message whose outcome changes is named by its Message-ID and the domain, private mail by the number of its decision alone", () => {
  assert.match(
    whatIfChangeLines(CHANGE)[1] ?? "",
    /^skipped → tracked: message <a@stranger\.test> from …@stranger\.test, received .* decision 7$/,
  );
  assert.match(whatIfChangeLines({ ...CHANGE, messageId: null })[1] ?? "", /message without Message-ID from …@stranger\.test/);
  const [, said = ""] = whatIfChangeLines({ ...CHANGE, messageId: null, from: null, isPrivate: true });
  assert.match(said, /^skipped → tracked: message of somebody \(marked as private\), received .* decision 7$/);
});
