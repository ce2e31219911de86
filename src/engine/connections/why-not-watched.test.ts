import assert from "node:assert/strict";
import { test } from "node:test";
import type { Capacity, Wanted } from "../../ledger/connections.ts";
import { whyNotWatchedNow } from "./why-not-watched.ts";

const watch: Wanted = { use: "watch", mailboxId: "1", profile: "office", host: "mail.test", account: "ann" };
const profile: Capacity = { kind: "profile", name: "office", limit: 10, learned: false, used: 0, watches: 0 };
const host: Capacity = { ...profile, kind: "host", name: "mail.test" };
const account: Capacity = { ...profile, kind: "account", name: "mail.test\nann", learned: true };

test("the limit that leaves no connection to wait with is the one that is named, with where it is set", () => {
  const sentences: readonly (readonly [readonly Capacity[], RegExp])[] = [
    [
      [{ ...profile, used: 6, watches: 6 }, host],
      /Of the 10 connections of the server profile "office", 6 may wait.*\(maxConcurrentConnections\)/,
    ],
    [
      [profile, { ...host, used: 6, watches: 6 }],
      /Of the 10 connections that mail\.test is asked for, .* 6 may wait.*\(hosts, maxConcurrentConnections\)/,
    ],
    [
      [profile, host, { ...host, learned: true, limit: 3, watches: 2 }],
      /Of the 3 connections that mail\.test takes, as it showed by refusing more, 2 may/,
    ],
    [[profile, { ...account, limit: 3, watches: 2 }], /Of the 3 connections that mail\.test takes from ann, .* 2 may wait/],
    [[{ ...profile, limit: 1 }, host], /The one connection of the server profile "office" is kept for reading and sending; with more/],
    [[{ ...profile, used: 10, watches: 2 }, host], /All connections that may be open are at work/],
    [[profile, host], /begins to wait for its new mail within seconds/],
  ];
  for (const [capacities, sentence] of sentences) assert.match(whyNotWatchedNow(watch, capacities), sentence);
  assert.equal(new Set(sentences.map(([capacities]) => whyNotWatchedNow(watch, capacities))).size, sentences.length);
});

test("the profile is named where its host, which is asked for no more than it, leaves none either", () => {
  const full = { used: 6, watches: 6 };
  assert.match(
    whyNotWatchedNow(watch, [
      { ...host, ...full },
      { ...profile, ...full },
    ]),
    /of the server profile "office"/,
  );
});

test("limits of others are not to blame", () => {
  const others = [
    { ...profile, name: "other", watches: 6 },
    { ...host, name: "other.test", watches: 6 },
    { ...account, name: "mail.test\nben", watches: 6 },
  ];
  assert.match(whyNotWatchedNow(watch, [profile, ...others]), /within seconds/);
});
