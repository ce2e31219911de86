import type { DecidedMessage } from "../../ledger/decisions.ts";
import type { QuarantineStep } from "../../ledger/quarantine.ts";
import { contentHash, partsOf } from "../../model/content-hash.ts";
import { REASON } from "../../model/decision.ts";
import type { IncomingEmail } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { emailIdFor, strengthen } from "../../model/identity.ts";
import type { Content } from "../../model/message.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { incomingEmail } from "./incoming-email.ts";
import { itemFault } from "./item-fault.ts";
import type { Reading, TrackedCandidate } from "./reading.ts";

/** Bytes of content, as they really came, after which a chunk ends; and messages in one transaction. A larger message ends its chunk. */
const CHUNK_BYTES = 8 * 1024 * 1024;
const CHUNK_MESSAGES = 100;

/** Characters of a body (`description`): Dynamics' usual limit of that column. */
const MAXIMUM_BODY = 1_048_576;

/** A message with its content read, ready for the CRM. */
export interface Ready {
  readonly candidate: TrackedCandidate;
  /** Claimed identity. */
  readonly identity: string;
  readonly email: IncomingEmail;
  /** Hash of the content, where messages are deleted and somebody will ask for it; else null. */
  readonly contentHash: string | null;
  /** What could not be read of the message, as sentences. */
  readonly remarks: readonly string[];
}

export interface Broken {
  readonly candidate: TrackedCandidate;
  readonly step: QuarantineStep;
  readonly failure: Failure;
}

/** What is stored together. */
export interface Chunk {
  readonly ready: readonly Ready[];
  readonly broken: readonly Broken[];
  readonly slipped: readonly DecidedMessage[];
  /** Nothing comes after it. */
  readonly last: boolean;
}

/** A chunk in the making. */
interface Filling {
  readonly reading: Promise<Ready | Broken>[];
  readonly broken: Broken[];
  readonly slipped: DecidedMessage[];
  bytes: number;
}

/**
 * Downloads and reads the content of all these messages, chunk by chunk. A message gone meanwhile slipped away: where it turns up again, it is decided
 * as if never seen. One that the server does not hand out, or that cannot be read as mail, is broken: it must not keep the others from being delivered.
 */
export async function* readChunks(
  reading: Reading,
  tracked: readonly TrackedCandidate[],
  settings: OrganizationSettings,
): AsyncGenerator<Chunk> {
  const { work, source } = reading;
  const waiting = new Map(tracked.map((candidate) => [candidate.head.ref.id, candidate]));
  const refs = tracked.map((one) => one.head.ref);
  let filling = emptyChunk();
  try {
    for await (const content of source.content(refs, { maximumSize: work.profile.maximumMessageSize })) {
      const candidate = waiting.get(content.ref.id);
      if (!candidate) continue;
      waiting.delete(content.ref.id);
      fill(filling, reading, candidate, content, settings);
      if (waiting.size > 0 && filling.bytes < CHUNK_BYTES && messagesIn(filling) < CHUNK_MESSAGES) continue;
      yield await filled(filling, waiting.size === 0);
      filling = emptyChunk();
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    for (const candidate of waiting.values()) filling.broken.push({ candidate, step: "read", failure: error });
    waiting.clear();
    yield await filled(filling, true);
  }
  if (waiting.size > 0) throw new Error(`the connector left ${waiting.size} messages of ${work.mailbox.address} without an answer`);
}

function emptyChunk(): Filling {
  return { reading: [], broken: [], slipped: [], bytes: 0 };
}

function messagesIn({ reading, broken, slipped }: Filling): number {
  return reading.length + broken.length + slipped.length;
}

/** Waits until all of it is read. */
async function filled({ reading, broken, slipped }: Filling, last: boolean): Promise<Chunk> {
  const read = await Promise.all(reading);
  const ready = read.filter((one) => "email" in one);
  return { ready, broken: [...broken, ...read.filter((one) => "failure" in one)], slipped, last };
}

function fill(filling: Filling, reading: Reading, candidate: TrackedCandidate, content: Content, settings: OrganizationSettings): void {
  const { mailbox } = reading.work;
  if (content.kind === "gone") {
    filling.slipped.push(slippedAway(candidate));
  } else if (content.kind === "too large") {
    filling.broken.push({ candidate, step: "read", failure: tooLarge(mailbox.address, content.size, content.limit) });
  } else {
    filling.bytes += content.mime.length;
    const read = readMessage(reading, candidate, content.mime, settings);
    // It is awaited when the chunk is full, and may have failed by then.
    read.catch(() => undefined);
    filling.reading.push(read);
  }
}

async function readMessage(
  { context, work: { mailbox } }: Reading,
  candidate: TrackedCandidate,
  mime: Buffer,
  settings: OrganizationSettings,
): Promise<Ready | Broken> {
  const limits = {
    blockedattachments: settings.blockedattachments,
    maxuploadfilesize: settings.maxuploadfilesize,
    maximumBodyLength: MAXIMUM_BODY,
  };
  try {
    const { storable, fingerprint } = await context.content.read(mime, { limits, fingerprint: candidate.identity.weak });
    const identity = fingerprint === null ? candidate.identity.key : strengthen(candidate.identity, fingerprint).key;
    const id = emailIdFor(mailbox.organization, identity);
    const email = incomingEmail(id, candidate, mailbox.address, storable);
    const hash = mailbox.deleteSince === null ? null : contentHash(partsOf(storable.content));
    return { candidate, identity, email, contentHash: hash, remarks: storable.content.remarks };
  } catch (error) {
    if (error instanceof Failure && error.scope !== "item") throw error;
    const what = `Mailbox ${mailbox.address}: a message cannot be read as mail`;
    // Nothing here asks anybody else, so whatever goes wrong is about this message.
    const failure = itemFault(error, what) ?? unreadableAsMail(what, error);
    return { candidate, step: "parse", failure };
  }
}

function slippedAway({ head, places, key, decision }: TrackedCandidate): DecidedMessage {
  const because =
    "The message left its folder before its content could be read. Where it turns up in a folder that is read, it is decided again.";
  const rules = [...decision.rules, { rule: "content", answer: "no" as const, because }];
  return { head, places, identity: key, outcome: "skipped", reason: REASON.unknown, rules, emailId: null, waitingFor: [], undecided: true };
}
function tooLarge(mailbox: string, size: number, limit: number): Failure {
  const megabytes = (bytes: number) => `${(bytes / 1024 / 1024).toFixed(1)} MB`;
  return new Failure({
    scope: "item",
    code: "message too large",
    message: `Mailbox ${mailbox}: a message of ${megabytes(size)} is larger than the limit of ${megabytes(limit)} and was not downloaded.`,
    remedy: "Raise maximumMessageMegabytes in the server profile, then run `waypost quarantine retry`.",
    waitingHelps: false,
  });
}
function unreadableAsMail(what: string, cause: unknown): Failure {
  return new Failure({
    scope: "item",
    code: "message not readable as mail",
    message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`,
    remedy: "Nothing is lost: the message stays in its mailbox. Please report it; after an update run `waypost quarantine retry`.",
    waitingHelps: false,
    cause,
  });
}
