import assert from "node:assert/strict";
import { test } from "node:test";
import type { NamespacesObject } from "imapflow";
import { foldersOf } from "./folders.ts";
import { asOwnerSees, type Listed, type OtherUser, otherUsers, withSpecialUse } from "./other-user.ts";

const listed = (path: string, changes: Partial<Listed> & { readonly noselect?: boolean } = {}): Listed => ({
  path,
  pathAsListed: path,
  delimiter: "/",
  flags: new Set(changes.noselect ? ["\\Noselect"] : []),
  ...changes,
});

function ann(namespaces: NamespacesObject, user = "ann"): OtherUser {
  const [only] = otherUsers(namespaces, user);
  assert.ok(only);
  return only;
}

const DOVECOT: NamespacesObject = {
  personal: [{ prefix: "", delimiter: "/" }],
  other: [{ prefix: "shared/", delimiter: "/" }],
  shared: false,
};
const CYRUS: NamespacesObject = {
  personal: [{ prefix: "INBOX.", delimiter: "." }],
  other: [{ prefix: "user.", delimiter: "." }],
  shared: [{ prefix: "", delimiter: "." }],
};

const paths = (listing: readonly Listed[], user: OtherUser) => asOwnerSees(listing, user).map(({ path, ownPath }) => [path, ownPath]);

test("Dovecot: the user's name is the inbox, and what lies below is named as the user names it", () => {
  const listing = ["shared/ann/Projects", "shared/ann", "shared/ann/INBOX/Größe & Café", "shared/anna", "shared/anna/Private", "INBOX"];
  assert.deepEqual(
    paths(
      listing.map((path) => listed(path)),
      ann(DOVECOT),
    ),
    [
      ["shared/ann", "INBOX"],
      ["shared/ann/Projects", "Projects"],
      ["shared/ann/INBOX/Größe & Café", "INBOX/Größe & Café"],
    ],
  );
});

test("Cyrus: where folders hang below the inbox for their user, they do so here too, and dots of a name are carets", () => {
  const user = ann(CYRUS, "ann.lee");
  assert.equal(user.root, "user.ann^lee");
  const dotted = (path: string) => listed(path, { delimiter: "." });
  const own = asOwnerSees([dotted("user.ann^lee"), dotted("user.ann^lee.Sent"), dotted("user.ann^lee.Rules.Deep")], user);
  assert.deepEqual(
    own.map((one) => one.ownPath),
    ["INBOX", "INBOX.Sent", "INBOX.Rules.Deep"],
  );
  const seen = foldersOf(
    own.map((one) => ({ ...one, path: one.ownPath })),
    undefined,
  );
  assert.deepEqual(
    seen.map((one) => [one.name, one.underInbox, one.namespace]),
    [
      ["INBOX", true, "personal"],
      ["INBOX/Sent", true, "personal"],
      ["INBOX/Rules/Deep", true, "personal"],
    ],
  );
});

test("Zimbra: paths begin with the delimiter, and the inbox lies below a folder that holds no messages", () => {
  const user = ann(
    { personal: [{ prefix: "", delimiter: "/" }], other: [{ prefix: "/home/", delimiter: "/" }], shared: false },
    "ann@example.com",
  );
  const zimbra = (path: string, noselect = false) => listed(path.slice(1), { pathAsListed: path, noselect });
  const listing = [zimbra("/home/ann@example.com", true), zimbra("/home/ann@example.com/Inbox"), zimbra("/home/ann@example.com/Sent")];
  assert.deepEqual(paths(listing, user), [
    ["/home/ann@example.com/Inbox", "INBOX"],
    ["/home/ann@example.com/Sent", "Sent"],
  ]);
});

test("levels are parted as the user has them where the namespaces differ", () => {
  const user = ann({ personal: [{ prefix: "INBOX.", delimiter: "." }], other: [{ prefix: "shared/", delimiter: "/" }], shared: false });
  const [, folder] = asOwnerSees([listed("shared/ann/Rules/Deep")], user);
  assert.deepEqual([folder?.path, folder?.ownPath, folder?.delimiter], ["shared/ann/Rules/Deep", "INBOX.Rules.Deep", "."]);
});

test("an inbox that is not listed, or listed as holding no messages, is opened all the same", () => {
  assert.deepEqual(paths([listed("shared/ann/Projects")], ann(DOVECOT))[0], ["shared/ann", "INBOX"]);
  const [inbox] = asOwnerSees([listed("shared/ann", { noselect: true })], ann(DOVECOT));
  assert.deepEqual([inbox?.path, inbox?.flags.size], ["shared/ann", 0]);
});

test("no namespace of other users, or a name that cannot stand in a path, leads nowhere", () => {
  assert.deepEqual(otherUsers({ personal: [{ prefix: "", delimiter: "/" }], other: false, shared: false }, "ann"), []);
  assert.deepEqual(otherUsers(undefined, "ann"), []);
  for (const name of ["ann/Private", ""]) assert.deepEqual(otherUsers(DOVECOT, name), []);
});

test("each namespace of other users is a place to look in", () => {
  const two = { ...DOVECOT, other: [...(DOVECOT.other || []), { prefix: "old/", delimiter: "/" }] };
  assert.deepEqual(
    otherUsers(two, "ann").map((one) => one.root),
    ["shared/ann", "old/ann"],
  );
});

test("special use that the server marks only in one's own folders counts for the same names of others, before any guess", () => {
  const shared = asOwnerSees(
    [
      listed("shared/ann/Archive"),
      listed("shared/ann/Sent", { specialUse: "\\Sent", specialUseSource: "name" }),
      listed("shared/ann/Ausgang"),
    ],
    ann(DOVECOT),
  );
  const own = [
    listed("Archive", { specialUse: "\\Archive", specialUseSource: "extension" }),
    listed("Ausgang", { specialUse: "\\Sent", specialUseSource: "extension" }),
    listed("Papierkorb", { specialUse: "\\Trash", specialUseSource: "name" }),
  ];
  const uses = (folders: typeof shared) => Object.fromEntries(folders.map((one) => [one.ownPath, one.specialUse]));
  assert.deepEqual(uses(withSpecialUse(shared, own)), { INBOX: undefined, Archive: "\\Archive", Sent: undefined, Ausgang: "\\Sent" });
  const marked = shared.map((one) => (one.ownPath === "Sent" ? { ...one, specialUseSource: "extension" as const } : one));
  assert.deepEqual(uses(withSpecialUse(marked, own)), { INBOX: undefined, Archive: undefined, Sent: "\\Sent", Ausgang: undefined });
});
