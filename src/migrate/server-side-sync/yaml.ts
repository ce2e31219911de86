import { Document, isCollection, isMap, isScalar, isSeq, type Node, parseDocument, visit } from "yaml";
import { oneLine } from "./foreign-text.ts";

/** A server profile or a mailbox as YAML will hold it, with what a person should look at first. */
export interface Commented {
  readonly value: object;
  readonly comments: readonly string[];
}

export interface Sections {
  readonly serverProfiles: readonly Commented[];
  readonly mailboxes: readonly Commented[];
}

const LONGEST_COMMENT = 1000;
/** Small things stand on one line: references to secrets, the servers of a profile. */
const ON_ONE_LINE: readonly unknown[] = ["password", "clientSecret", "incoming", "outgoing", "trust"];

/** The sections as YAML, written by the library that reads it; empty where there is nothing. */
export function yamlOf({ serverProfiles, mailboxes }: Sections): string {
  if (serverProfiles.length + mailboxes.length === 0) return "";
  const document = new Document({
    ...(serverProfiles.length > 0 && { serverProfiles: serverProfiles.map(({ value }) => value) }),
    ...(mailboxes.length > 0 && { mailboxes: mailboxes.map(({ value }) => value) }),
  });
  for (const [section, items] of [
    ["serverProfiles", serverProfiles],
    ["mailboxes", mailboxes],
  ] as const) {
    const sequence = document.get(section, true);
    if (!isSeq(sequence)) continue;
    for (const [index, node] of sequence.items.entries()) comment(node, items[index]?.comments ?? []);
  }
  shorten(document);
  return document.toString({ lineWidth: 0 });
}

function comment(node: unknown, comments: readonly string[]): void {
  if (!isMap(node) || comments.length === 0) return;
  node.commentBefore = comments.map((one) => ` ${oneLine(one, LONGEST_COMMENT)}`).join("\n");
}

function shorten(document: Document): void {
  visit(document, {
    Pair(_key, { key, value }) {
      if (isScalar(key) && ON_ONE_LINE.includes(key.value) && isCollection(value)) value.flow = true;
    },
  });
}

/**
 * A configuration file with the sections added to those that it has; what stands there, comments too, stays. Where a second server profile or organization makes
 * it necessary, mailboxes that named none name theirs.
 */
export function addedTo(text: string, yaml: string): string {
  const document = parseDocument(text);
  const piece = parseDocument(yaml);
  nameOnlyProfile(document);
  for (const section of ["serverProfiles", "mailboxes"]) {
    const added = piece.get(section, true);
    if (!isSeq<Node>(added)) continue;
    const there = document.get(section, true);
    if (!isSeq<Node>(there)) document.set(section, added);
    else {
      if (there.items.length === 0) there.flow = false;
      there.items.push(...added.items);
    }
  }
  return document.toString({ lineWidth: 0 });
}

/** While there is only one server profile, mailboxes may leave its name out. */
function nameOnlyProfile(document: Document.Parsed): void {
  const profiles = document.get("serverProfiles", true);
  const mailboxes = document.get("mailboxes", true);
  if (!isSeq(profiles) || profiles.items.length !== 1 || !isSeq(mailboxes)) return;
  const [only] = profiles.items;
  const name: unknown = isMap(only) ? only.get("name") : undefined;
  if (typeof name !== "string") return;
  for (const mailbox of mailboxes.items) if (isMap(mailbox) && !mailbox.has("profile")) mailbox.set("profile", name);
}
