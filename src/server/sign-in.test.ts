import assert from "node:assert/strict";
import { test } from "node:test";
import { LINK_LIFETIME, SESSION_LIFETIME, SignIn } from "./sign-in.ts";

test("a link opens one session and no second one", () => {
  const signIn = new SignIn();
  const link = signIn.offer();
  assert.ok(signIn.opens(link));
  const session = signIn.enter(link);
  assert.ok(session !== null && session !== link && signIn.isSignedIn(session));
  assert.equal(signIn.opens(link), false);
  assert.equal(signIn.enter(link), null);
});

test("looking at a link does not use it up", () => {
  const signIn = new SignIn();
  const link = signIn.offer();
  for (let look = 0; look < 3; look++) assert.ok(signIn.opens(link));
  assert.ok(signIn.enter(link));
});

test("links and sessions end with their time", () => {
  let now = 0;
  const signIn = new SignIn(() => now);
  const [early, late] = [signIn.offer(), signIn.offer()];
  now = LINK_LIFETIME - 1;
  const session = signIn.enter(early) ?? "";
  now = LINK_LIFETIME;
  assert.equal(signIn.enter(late), null);
  now = LINK_LIFETIME - 1 + SESSION_LIFETIME - 1;
  assert.ok(signIn.isSignedIn(session));
  now += 1;
  assert.equal(signIn.isSignedIn(session), false);
});

test("a session ends when its reader leaves, and a link's key is no session", () => {
  const signIn = new SignIn();
  const session = signIn.enter(signIn.offer()) ?? "";
  signIn.leave(session);
  assert.equal(signIn.isSignedIn(session), false);
  assert.equal(signIn.isSignedIn(signIn.offer()), false);
  assert.equal(signIn.isSignedIn(undefined), false);
});
