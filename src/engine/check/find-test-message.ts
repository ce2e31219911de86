import { setTimeout as sleep } from "node:timers/promises";
import type { ChosenFolder } from "../../ledger/folders.ts";
import { testToken } from "../../ledger/mailbox-tests.ts";
import { listMailboxes } from "../../ledger/mailboxes.ts";
import { readDeliveryReport } from "../../mime/delivery-report.ts";
import { looksLikeReport } from "../../model/delivery-report.ts";
import { Failure } from "../../model/failure.ts";
import type { FolderChoice } from "../../model/mailbox.ts";
import type { Cursor, Folder, MessageHead } from "../../model/message.ts";
import type { MailSource } from "../../ports.ts";
import { accessTo } from "../context.ts";
import { chooseFolders } from "../receive/choose-folders.ts";
import { whyNotTested } from "../why-not.ts";
import { type CheckStep, isTooSoon } from "./check-step.ts";
import type { Position } from "./position.ts";
import type { Test, TestSearch } from "./test-message.ts";

/** Pauses between two looks, in milliseconds: most servers deliver within a second, and a slow one is not pestered. */
const PAUSES = [300, 700, 1000, 2000, 3000];
const LONGEST_PAUSE = 5000;
/** Milliseconds in which places other than the inbox are looked through; the folder or mailbox in hand is the last. */
const ELSEWHERE = 30_000;

/** Heads of a look, bytes of a bounce, folders and other mailboxes in which a message that did not come is looked for. */
const PAGE = 200;
const BOUNCE_BYTES = 1024 * 1024;
const FOLDERS = 200;
const OTHER_MAILBOXES = 20;

const name = "find the test message";

/** Looks for the message in the inbox until it is there or the time is over; then says what was found instead. */
export async function* findTestMessage(
  search: TestSearch,
  test: Test,
  { inbox, cursor }: Position,
  isFull: boolean,
): AsyncGenerator<CheckStep> {
  const { signal, waitSeconds } = search.options;
  const until = performance.now() + waitSeconds * 1000;
  const place: Place = { inbox, cursor, looks: 0 };
  let found: Found | null = null;
  let askedToWait = 0;
  while (found === null && !signal.aborted) {
    const looked = await look(search, place, test, until);
    if (looked instanceof Failure) {
      const wait = (looked.notBefore?.getTime() ?? 0) - Date.now();
      // It may ask for all the time that there is, but once only.
      const isOver = wait > 0 ? ++askedToWait > 1 || wait > waitSeconds * 1000 : until - performance.now() < LONGEST_PAUSE;
      if (isOver) found = notLookedFor(search.work.mailbox.address, looked);
      else await pause(Math.max(wait, LONGEST_PAUSE), signal);
      continue;
    }
    found = looked;
    const left = until - performance.now();
    if (found !== null || left <= 0) break;
    await pause(Math.min(PAUSES[place.looks - 1] ?? LONGEST_PAUSE, left), signal);
  }
  if (signal.aborted && found === null) return;
  found ??= await elsewhere(search, test, isFull);
  yield { ...found, direction: found.code === "test message bounced" ? "send" : "receive" };
}

/** Where the search stands. */
interface Place {
  readonly inbox: Folder;
  cursor: Cursor | null;
  looks: number;
}

/** What a look shows, or the failure of a server that does not let the mailbox in again so soon. */
async function look(search: TestSearch, place: Place, test: Test, until: number): Promise<Found | null | Failure> {
  try {
    return await withSource(search, (source) => lookWhileOpen(source, place, test, search, until));
  } catch (error) {
    if (isTooSoon(error)) return error;
    throw error;
  }
}

/** Looks once, and again at each news as long as the mail system tells of them on the open connection and there is time. */
async function lookWhileOpen(source: MailSource, place: Place, test: Test, search: TestSearch, until: number): Promise<Found | null> {
  const { signal } = search.options;
  for (;;) {
    const seen = await lookOnce(source, place.inbox, place.cursor, test, search.work.mailbox.address);
    place.cursor = seen.cursor;
    place.looks++;
    const left = until - performance.now();
    if (seen.found !== null || source.awaitNews === undefined || left <= 0 || signal.aborted) return seen.found;
    await source.awaitNews(place.inbox.stream, Math.min(LONGEST_PAUSE, left), signal);
  }
}

async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });
}

type Found = Omit<CheckStep, "direction">;

interface Look {
  readonly found: Found | null;
  readonly cursor: Cursor | null;
}

async function lookOnce(source: MailSource, inbox: Folder, cursor: Cursor | null, test: Test, address: string): Promise<Look> {
  if (cursor === null) return { cursor, found: (await source.find(inbox.id, test.messageId)).length > 0 ? arrived(address) : null };
  const pull = await source.pull(inbox.stream, cursor, { limit: PAGE, since: test.sentAt });
  if (pull.kind === "reset") return { cursor: null, found: null };
  for (const head of pull.heads.filter((one) => one.folders.includes(inbox.id))) {
    if (head.messageId === test.messageId) return { cursor: pull.cursor, found: arrived(address) };
    if (testToken(head.subject) === test.token) return { cursor: pull.cursor, found: rewritten(head, test) };
    if (looksLikeReport(head)) {
      const diagnosis = await diagnosisOf(source, head, test);
      if (diagnosis !== null) return { cursor: pull.cursor, found: bounced(address, diagnosis) };
    }
  }
  return pull.more ? await lookOnce(source, inbox, pull.cursor, test, address) : { cursor: pull.cursor, found: null };
}

/** What a bounce says about the test message; null when it is about another one. */
async function diagnosisOf(source: MailSource, head: MessageHead, { messageId }: Test): Promise<string | null> {
  for await (const content of source.content([head.ref], { maximumSize: BOUNCE_BYTES })) {
    const report = content.kind === "mime" ? readDeliveryReport(content.mime) : null;
    if (report?.messageIds.includes(messageId)) return report.recipients[0]?.diagnosis ?? "(no diagnosis)";
  }
  return null;
}

/** The message is not in the inbox: where else could it be? Junk first, then every other folder, then the inboxes of the profile's other mailboxes. */
async function elsewhere(search: TestSearch, test: Test, isFull: boolean): Promise<Found> {
  const { work, options } = search;
  const { address } = work.mailbox;
  const inTime = timeFor(ELSEWHERE, options.signal);
  const folder = await folderOfItsOwn(search, test, inTime);
  if (folder?.role === "junk") return inJunk(address, folder);
  if (folder !== null) return inFolder(address, folder);
  const other = await otherMailboxWith(search, test.messageId, inTime);
  if (other !== null) return inOtherMailbox(address, other);
  if (isFull) return noRoom(address);
  return {
    name,
    result: "failed",
    code: "test message not arrived",
    message: `The outgoing server took the test message, and it did not arrive in ${address} within ${options.waitSeconds} s.`,
    remedy: `Search the outgoing server's log and queue for the Message-ID <${test.messageId}>. If mail takes longer there, run the check again with a larger --wait.`,
  };
}

/** Another folder of the mailbox that holds the message. A server that does not let it in again so soon speaks POP3, which shows one folder only. */
async function folderOfItsOwn(search: TestSearch, { messageId }: Test, inTime: () => boolean): Promise<ChosenFolder | null> {
  try {
    return await withSource(search, (source) => folderWith(source, messageId, search.work.profile.folders, inTime));
  } catch (error) {
    if (isTooSoon(error)) return null;
    throw error;
  }
}

/** Tells whether there is time left. */
function timeFor(milliseconds: number, signal: AbortSignal): () => boolean {
  const until = performance.now() + milliseconds;
  return () => performance.now() < until && !signal.aborted;
}

async function folderWith(
  source: MailSource,
  messageId: string,
  choice: FolderChoice,
  inTime: () => boolean,
): Promise<ChosenFolder | null> {
  const folders = chooseFolders(await source.folders(), choice).filter(
    (one) => one.selectable && one.unreadable === null && one.role !== "sent",
  );
  folders.sort((one, other) => rank(one) - rank(other));
  for (const folder of folders.slice(0, FOLDERS)) {
    if (!inTime()) break;
    if ((await source.find(folder.id, messageId)).length > 0) return folder;
  }
  return null;
}

function rank({ role, underInbox }: Folder): number {
  return role === "junk" ? 0 : underInbox ? 1 : 2;
}

async function otherMailboxWith(search: TestSearch, messageId: string, inTime: () => boolean): Promise<string | null> {
  const { context, work } = search;
  const others = (await listMailboxes(context.database)).filter(
    (one) => one.profile === work.profile.name && one.id !== work.mailbox.id && whyNotTested("receive", one, work.profile) === null,
  );
  for (const mailbox of others.slice(0, OTHER_MAILBOXES)) {
    if (!inTime()) break;
    const source = context.mailSystem(work.profile).source(accessTo(context, mailbox));
    try {
      const inbox = (await source.folders()).find((one) => one.role === "inbox");
      if (inbox && (await source.find(inbox.id, messageId)).length > 0) return mailbox.address;
    } catch (error) {
      // It is another mailbox's test that tells what is wrong with it.
      context.log.debug({ mailbox: mailbox.address, error }, "the test message was not looked for in this mailbox");
    } finally {
      await source.close();
    }
  }
  return null;
}

/** A source for one look: some mail systems show what has arrived only to those who come anew (RFC 1939 3). */
async function withSource<T>({ context, work }: TestSearch, use: (source: MailSource) => Promise<T>): Promise<T> {
  const source = context.mailSystem(work.profile).source(accessTo(context, work.mailbox));
  try {
    return await use(source);
  } finally {
    await source.close();
  }
}

function notLookedFor(address: string, { message, serverSaid }: Failure): Found {
  return {
    name,
    result: "warning",
    code: "test message not looked for",
    message: `The outgoing server took the test message. Whether it arrived in ${address} was not seen: ${message}`,
    serverSaid,
    remedy: "Run the check again with a --wait longer than the server's delay, or look into the mailbox for the test message.",
  };
}

function noRoom(address: string): Found {
  return {
    name,
    result: "failed",
    code: "test message without room",
    message: `The outgoing server took the test message, and it did not arrive in ${address}, which is full.`,
    remedy: `Make room in the mailbox ${address} or raise its quota, then run the check again; what was sent to it meanwhile waits at its server or went back.`,
  };
}

function arrived(address: string): Found {
  return { name, result: "ok", message: `The test message arrived in the inbox of ${address}.` };
}

function rewritten(head: MessageHead, test: Test): Found {
  return {
    name,
    result: "warning",
    code: "Message-ID rewritten",
    message: `The test message left as <${test.messageId}> and arrived as <${head.messageId ?? "without Message-ID"}>: the outgoing server writes a Message-ID of its own.`,
    remedy:
      "Have the server keep the Message-ID of submitted mail. Until then answers find their email by the tracking token in the subject only.",
  };
}

function bounced(address: string, diagnosis: string): Found {
  return {
    name,
    result: "failed",
    code: "test message bounced",
    message: `The outgoing server took the test message and then sent it back to ${address} as undeliverable.`,
    serverSaid: diagnosis,
    remedy: `Have the mail administrator look where mail for ${address} is delivered to: an alias, a forwarding or a routing rule leads astray.`,
  };
}

function inJunk(address: string, folder: Folder): Found {
  return {
    name,
    result: "warning",
    code: "test message in Junk",
    message: `The test message arrived in the folder "${folder.name}" of ${address}, which holds junk mail and is not read.`,
    remedy: `Have mail from ${address} and from this outgoing server excepted from the spam filter; customers' spam filters may judge alike.`,
  };
}

function inFolder(address: string, folder: ChosenFolder): Found {
  const isRead = folder.notReadBecause === null;
  return {
    name,
    result: isRead ? "ok" : "warning",
    ...(!isRead && { code: "test message in another folder" }),
    message: `The test message arrived in the folder "${folder.name}" of ${address}, where a rule of the mailbox puts it.`,
    ...(!isRead && { remedy: 'Change the rule, or have that folder read ("folders: personal" in the server profile).' }),
  };
}

function inOtherMailbox(address: string, other: string): Found {
  return {
    name,
    result: "failed",
    code: "test message in another mailbox",
    message: `The test message to ${address} arrived in the mailbox ${other}: the server treats the one address as an alias of the other.`,
    remedy: `Have mail for ${address} delivered into its own mailbox, or take ${address} out of the mailboxes and add it to the owner of ${other} as a further address.`,
  };
}
