import type { EarlierEmail, Facts } from "../../model/facts.ts";
import type { CorrelationKeys } from "../../tracking/correlation-keys.ts";
import { anyId, groupsOf, literal, together } from "./any-of.ts";
import {
  conversationHash,
  conversationOf,
  EARLIER_COLUMNS,
  earlierEmail,
  instantOfEmail,
  messageIdOf,
  storedForms,
  storedMessageId,
} from "./email-row.ts";
import { readMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { participantsOf } from "./participants.ts";
import { type Query, readRows } from "./read.ts";
import { flagOf, keyOf, type Row, textOf } from "./row.ts";
import { storable } from "./storable.ts";
import type { Tables } from "./tables.ts";

export type EmailsByKey = Pick<Facts, "emailsByMessageId" | "emailsByToken" | "emailsByConversation" | "emailsByHash">;

/** Emails of one answer. Where there are more, some key has very many, and each is asked for by itself. */
const MOST_ROWS = 1_000;

/** One kind of key: what of an email holds it, and how it is asked for. */
interface Kind {
  conditions(tables: Tables, key: string): readonly string[];
  /** The key that an email has, as it is stored. */
  keyOf(row: Row): string | null;
  /** A key as it is stored. */
  stored(key: string): string;
}

const MESSAGE_ID: Kind = {
  conditions: (_, key) => storedForms(key).map((form) => `messageid eq ${literal(form)}`),
  keyOf: messageIdOf,
  stored: storedMessageId,
};

const TOKEN: Kind = {
  conditions: (_, key) => [`trackingtoken eq ${literal(key)}`],
  keyOf: (row) => textOf(row, "trackingtoken"),
  stored: storable,
};

/** Base64 characters of a base that no further byte of the index changes. */
const SURE_CHARACTERS = 29;

const CONVERSATION: Kind = {
  conditions: (tables, key) => [
    ...(tables.has("email", "baseconversationindexhash") ? [`baseconversationindexhash eq ${conversationHash(key)}`] : []),
    `startswith(conversationindex,${literal(key.slice(0, SURE_CHARACTERS))})`,
  ],
  keyOf: (row) => conversationOf(row, readMark(textOf(row, "activityadditionalparams"))),
  stored: (key) => key,
};

/**
 * Emails that the organization has under these keys, newest first; two exchanges, and further ones where keys have very many emails. By hashes none are found:
 * the Web API shows none, neither Dynamics' nor others.
 */
export async function earlierEmails(organization: Organization, keys: CorrelationKeys, perKey: number): Promise<EmailsByKey> {
  const [byMessageId, byToken, byConversation, sent] = await Promise.all([
    rowsByKey(organization, MESSAGE_ID, keys.messageIds, perKey),
    rowsByKey(organization, TOKEN, keys.tokens, perKey),
    rowsByKey(organization, CONVERSATION, keys.conversations, perKey),
    rowsById(
      organization,
      keys.sent.map(({ emailId }) => emailId),
    ),
  ]);
  for (const { messageId, emailId } of keys.sent) {
    const row = sent.get(emailId);
    if (row !== undefined) byMessageId.set(messageId, newestFirst([...(byMessageId.get(messageId) ?? []), row]));
  }
  const rows = [byMessageId, byToken, byConversation].flatMap((found) => [...found.values()].flat());
  const parties = await participantsOf(organization, [...new Set(rows.map((row) => keyOf(row, "activityid")))]);
  const emails = (found: ReadonlyMap<string, readonly Row[]>): Map<string, EarlierEmail[]> =>
    new Map([...found].map(([key, its]) => [key, its.map((row) => earlierEmail(row, parties.get(keyOf(row, "activityid")) ?? []))]));
  return {
    emailsByMessageId: fullIds(emails(byMessageId)),
    emailsByToken: emails(byToken),
    emailsByConversation: emails(byConversation),
    emailsByHash: new Map(),
  };
}

/** A Message-ID that the column cuts is told as it was asked for: the rules compare it with that of the message. */
function fullIds(found: Map<string, EarlierEmail[]>): Map<string, EarlierEmail[]> {
  for (const [key, its] of found) {
    if (storedMessageId(key) === key) continue;
    found.set(
      key,
      its.map((email) => (email.messageId === storedMessageId(key) ? { ...email, messageId: key } : email)),
    );
  }
  return found;
}

async function rowsByKey(
  organization: Organization,
  kind: Kind,
  keys: readonly string[],
  perKey: number,
): Promise<Map<string, readonly Row[]>> {
  const tables = await organization.tables();
  const stored = new Map(keys.map((key) => [kind.stored(key), key]));
  const groups = groupsOf(
    [...stored.keys()].filter((key) => key !== ""),
    (key) => kind.conditions(tables, key),
  );
  const wanted = { set: tables.set("email"), select: tables.select("email", EARLIER_COLUMNS), orderby: "createdon desc" };
  const answers = await readRows(
    organization.client,
    groups.map((conditions): Query => ({ ...wanted, filter: together(conditions), top: MOST_ROWS })),
  );
  const singly = groups
    .filter((_, index) => (answers[index]?.length ?? 0) >= MOST_ROWS)
    .flat()
    .flatMap((condition) =>
      [true, false].map((out): Query => ({ ...wanted, filter: `(${condition}) and directioncode eq ${out}`, top: perKey })),
    );
  const rows = [...answers.filter((its) => its.length < MOST_ROWS).flat(), ...(await readRows(organization.client, singly)).flat()];
  const once = new Map(rows.map((row) => [keyOf(row, "activityid"), row]));
  const found = Map.groupBy(once.values(), (row) => kind.keyOf(row) ?? "");
  return new Map([...found].flatMap(([key, its]) => (stored.has(key) ? [[stored.get(key) ?? key, perDirection(its, perKey)]] : [])));
}

/** So many of each direction, newest first. */
function perDirection(rows: readonly Row[], perKey: number): readonly Row[] {
  const sorted = newestFirst(rows);
  return [...Map.groupBy(sorted, (row) => flagOf(row, "directioncode") ?? true).values()].length < 2
    ? sorted.slice(0, perKey)
    : newestFirst([true, false].flatMap((out) => sorted.filter((row) => (flagOf(row, "directioncode") ?? true) === out).slice(0, perKey)));
}

function newestFirst(rows: readonly Row[]): readonly Row[] {
  return rows.toSorted(
    (one, other) =>
      instantOfEmail(other).getTime() - instantOfEmail(one).getTime() || (keyOf(one, "activityid") < keyOf(other, "activityid") ? -1 : 1),
  );
}

async function rowsById(organization: Organization, ids: readonly string[]): Promise<ReadonlyMap<string, Row>> {
  if (ids.length === 0) return new Map();
  const tables = await organization.tables();
  const wanted = { set: tables.set("email"), select: tables.select("email", EARLIER_COLUMNS) };
  const answers = await readRows(
    organization.client,
    anyId("activityid", new Set(ids)).map((filter) => ({ ...wanted, filter })),
  );
  return new Map(answers.flat().map((row) => [keyOf(row, "activityid"), row]));
}
