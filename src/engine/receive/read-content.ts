import type { QuarantineStep } from "../../ledger/quarantine.ts";
import { MAXIMUM_BODY_LENGTH } from "../../mime/storable.ts";
import { contentHash, partsOf } from "../../model/content-hash.ts";
import type { IncomingEmail } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { emailIdFor, strengthen } from "../../model/identity.ts";
import type { Content } from "../../model/message.ts";
import type { Origin } from "../../model/origin.ts";
import type { OrganizationSettings } from "../../model/settings.ts";
import { incomingEmail } from "./incoming-email.ts";
import { tooLarge, unreadableAsMail } from "./item-failures.ts";
import { itemFault } from "./item-fault.ts";
import type { Reading, TrackedCandidate } from "./reading.ts";
import { contradictions, verifyContent } from "./verify-content.ts";

/** Bytes of content, as they really came, after which a chunk ends; and messages in one transaction. A larger message ends its chunk. */
const CHUNK_BYTES = 8 * 1024 * 1024;
const CHUNK_MESSAGES = 200;
/** Messages of the first chunk: the database has nothing to do until it is there. */
const FIRST_CHUNK_MESSAGES = 50;

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
  /** What a person should know of how the server handed it out, as a sentence; else null. */
  readonly handedOut: string | null;
}

/** The header in its content is not the one that it was decided on. */
interface Doubtful {
  readonly candidate: TrackedCandidate;
  /** What the content's own header says. */
  readonly contradicts: Origin;
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
  /** They left before their content was read. */
  readonly slipped: readonly TrackedCandidate[];
  /** Nothing comes after it, and nothing more is asked of the mail system. */
  readonly last: boolean;
}

/** A chunk in the making. */
interface Filling {
  readonly reading: Promise<Ready | Broken | Doubtful>[];
  readonly broken: Broken[];
  readonly slipped: TrackedCandidate[];
  bytes: number;
}

/**
 * Downloads and reads the content of all these messages, chunk by chunk. A message gone meanwhile slipped away. One that the server does not hand out, or that cannot be read as mail, is broken: it must not keep the others from being delivered.
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
  let most = FIRST_CHUNK_MESSAGES;
  try {
    for await (const content of source.content(refs, { maximumSize: work.profile.maximumMessageSize })) {
      const candidate = waiting.get(content.ref.id);
      if (!candidate) continue;
      waiting.delete(content.ref.id);
      fill(filling, reading, candidate, content, settings);
      if (waiting.size === 0) break;
      if (filling.bytes < CHUNK_BYTES && messagesIn(filling) < most) continue;
      yield await filled(filling, reading, settings, false);
      filling = emptyChunk();
      most = CHUNK_MESSAGES;
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (error.scope !== "item") {
      // What came before is not to be downloaded again: such trouble may come at the same place each time.
      if (messagesIn(filling) > 0) yield await filled(filling, reading, settings, false);
      throw error;
    }
    for (const candidate of waiting.values()) filling.broken.push({ candidate, step: "read", failure: error });
    waiting.clear();
  }
  if (waiting.size > 0) throw new Error(`the connector left ${waiting.size} messages of ${work.mailbox.address} without an answer`);
  yield await filled(filling, reading, settings, true);
}

function emptyChunk(): Filling {
  return { reading: [], broken: [], slipped: [], bytes: 0 };
}

function messagesIn({ reading, broken, slipped }: Filling): number {
  return reading.length + broken.length + slipped.length;
}

/** Waits until all of it is read; what contradicts its head is looked at again, one by one, while nothing else is asked of the mail system. */
async function filled(
  { reading: started, broken, slipped }: Filling,
  reading: Reading,
  settings: OrganizationSettings,
  last: boolean,
): Promise<Chunk> {
  const chunk = { ready: [] as Ready[], broken: [...broken], slipped: [...slipped] };
  for (const one of await Promise.all(started)) {
    const settled = "contradicts" in one ? await readAgain(reading, one, settings) : one;
    if ("email" in settled) chunk.ready.push(settled);
    else if ("failure" in settled) chunk.broken.push(settled);
    else chunk.slipped.push(settled);
  }
  return { ...chunk, last };
}

async function readAgain(
  reading: Reading,
  { candidate, contradicts }: Doubtful,
  settings: OrganizationSettings,
): Promise<Ready | Broken | TrackedCandidate> {
  try {
    const verified = await verifyContent(reading, candidate, contradicts);
    if (verified.kind === "gone") return candidate;
    if (verified.kind === "another") return { candidate, step: "read", failure: verified.failure };
    return await parse(reading, candidate, verified.mime, settings, (ready) => ({ ...ready, handedOut: verified.remark }));
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    return { candidate, step: "read", failure: error };
  }
}

function fill(filling: Filling, reading: Reading, candidate: TrackedCandidate, content: Content, settings: OrganizationSettings): void {
  const { mailbox } = reading.work;
  if (content.kind === "gone") {
    filling.slipped.push(candidate);
  } else if (content.kind === "too large") {
    filling.broken.push({ candidate, step: "read", failure: tooLarge(mailbox.address, content.size, content.limit) });
  } else {
    filling.bytes += content.mime.length;
    const read = parse<Ready | Doubtful>(reading, candidate, content.mime, settings, (ready, origin) =>
      origin !== null && contradictions(candidate.head, origin).length > 0 ? { candidate, contradicts: origin } : ready,
    );
    // It is awaited when the chunk is full, and may have failed by then.
    read.catch(() => undefined);
    filling.reading.push(read);
  }
}

async function parse<T>(
  { context, work: { mailbox } }: Reading,
  candidate: TrackedCandidate,
  mime: Buffer,
  settings: OrganizationSettings,
  finish: (ready: Ready, origin: Origin | null) => T,
): Promise<T | Broken> {
  const limits = {
    blockedattachments: settings.blockedattachments,
    maxuploadfilesize: settings.maxuploadfilesize,
    maximumBodyLength: MAXIMUM_BODY_LENGTH,
  };
  try {
    const { originDigest } = candidate.head;
    const { storable, reply, fingerprint, origin } = await context.content.read(mime, {
      limits,
      fingerprint: candidate.identity.weak,
      originDigest,
    });
    const identity = fingerprint === null ? candidate.identity.key : strengthen(candidate.identity, fingerprint).key;
    const id = emailIdFor(mailbox.organization, identity);
    const email = incomingEmail(id, candidate, mailbox.address, storable, reply);
    const hash = mailbox.deleteSince === null ? null : contentHash(partsOf(storable.content));
    return finish({ candidate, identity, email, contentHash: hash, remarks: storable.content.remarks, handedOut: null }, origin);
  } catch (error) {
    if (error instanceof Failure && error.scope !== "item") throw error;
    const what = `Mailbox ${mailbox.address}: a message cannot be read as mail`;
    // Nothing here asks anybody else, so whatever goes wrong is about this message.
    const failure = itemFault(error, what) ?? unreadableAsMail(what, error);
    return { candidate, step: "parse", failure };
  }
}
