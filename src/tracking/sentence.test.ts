import assert from "node:assert/strict";
import { test } from "node:test";
import { commandAbout } from "./sentence.ts";

test("a command is handed out only about an address that no shell reads as something else", () => {
  const said = (address: string) => commandAbout(address, (one) => `waypost contact ${one}`);
  assert.equal(said("carla.gray+old@customer-1.example"), "`waypost contact carla.gray+old@customer-1.example`");
  for (const hostile of [
    "$(id)@a.example",
    "a;id@b.example",
    "a`id`@b.example",
    "a b@c.example",
    "-x@a.example",
    "a'b@c.example",
    "a@b.example\nid",
    "…@customer.example",
    "a@",
  ])
    assert.equal(said(hostile), null, hostile);
});
