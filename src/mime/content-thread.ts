/** The thread in which messages are read, one after the other, in the order in which they come; see `content-reader.ts`. */
import { hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import { originalId } from "../model/forwarded.ts";
import type { Attachment, MessageHead } from "../model/message.ts";
import type { Origin } from "../model/origin.ts";
import { parseContent } from "./content.ts";
import { contentFingerprint } from "./fingerprint.ts";
import { attachedMessages } from "./forward.ts";
import { type HeadFacts, originDigest, originOf, parseHead } from "./head.ts";
import { replyOf } from "./reply-text.ts";
import { type Storable, type StorageLimits, storable } from "./storable.ts";

/** What is asked about a message. */
export type Question =
  | {
      readonly kind: "read";
      readonly limits: StorageLimits;
      readonly fingerprint: boolean;
      readonly originDigest?: string | undefined;
    }
  /** The heads of the messages that are attached to it. What is given is known of itself. */
  | { readonly kind: "heads of attached"; readonly facts: HeadFacts }
  /** The bytes of those messages: which of them, from 1. */
  | { readonly kind: "attached"; readonly numbers: readonly number[] };

export interface Request {
  readonly mime: Uint8Array<ArrayBuffer>;
  readonly question: Question;
}

export type Response =
  | { readonly kind: "ready" }
  | {
      readonly kind: "read";
      readonly storable: Storable;
      readonly reply: string | null;
      readonly fingerprint: string | null;
      readonly origin: Origin | null;
    }
  | { readonly kind: "heads of attached"; readonly heads: readonly MessageHead[]; readonly isCut: boolean }
  | {
      readonly kind: "attached";
      /** How many there are. */
      readonly of: number;
      /** By number. */
      readonly messages: ReadonlyMap<number, Uint8Array<ArrayBuffer>>;
    }
  | { readonly kind: "failed"; readonly message: string };

if (parentPort === null) throw new Error("content-thread.ts runs as a worker thread only.");
const port = parentPort;

port.on("message", async (requests: readonly Request[]) => {
  for (const request of requests) await answer(request);
});
port.postMessage({ kind: "ready" } satisfies Response);

async function answer({ mime, question }: Request): Promise<void> {
  try {
    const bytes = Buffer.from(mime.buffer, mime.byteOffset, mime.byteLength);
    if (question.kind === "read") await read(bytes, question);
    else if (question.kind === "attached") attached(bytes, question.numbers);
    else port.postMessage(headsOfAttached(bytes, question.facts));
  } catch (error) {
    port.postMessage({ kind: "failed", message: error instanceof Error ? error.message : String(error) } satisfies Response);
  }
}

async function read(
  bytes: Buffer<ArrayBuffer>,
  { limits, fingerprint, originDigest: expected }: Extract<Question, { kind: "read" }>,
): Promise<void> {
  const origin = expected !== undefined && originDigest(bytes) === expected ? null : originOf(bytes);
  const content = await parseContent(bytes);
  const kept = storable(content, limits);
  const attachments = kept.content.attachments.map((one) => handedOver(one, bytes.buffer));
  const response: Response = {
    kind: "read",
    storable: { ...kept, content: { ...kept.content, attachments } },
    reply: replyOf(kept.content),
    fingerprint: fingerprint ? contentFingerprint(content) : null,
    origin,
  };
  port.postMessage(response, [...new Set(attachments.map(({ body }) => body.buffer as ArrayBuffer))]);
}

function headsOfAttached(bytes: Buffer, facts: HeadFacts): Response {
  const { originals, isCut } = attachedMessages(bytes);
  const of = originals.length;
  const heads = originals.map((original, index) => {
    const id = originalId({ forward: facts.ref.id, number: index + 1, of });
    return parseHead(original, { ...facts, ref: { ...facts.ref, id }, size: original.length });
  });
  return { kind: "heads of attached", heads, isCut };
}

function attached(bytes: Buffer, numbers: readonly number[]): void {
  const { originals } = attachedMessages(bytes);
  const messages = new Map(
    numbers.flatMap((number) => {
      const original = originals[number - 1];
      return original === undefined ? [] : [[number, alone(original, bytes.buffer)] as const];
    }),
  );
  const response: Response = { kind: "attached", of: originals.length, messages };
  port.postMessage(
    response,
    [...messages.values()].map(({ buffer }) => buffer),
  );
}

/** In memory of its own, so that it keeps nothing else alive and can be given away. */
function alone(original: Buffer, message: ArrayBufferLike): Uint8Array<ArrayBuffer> {
  const { buffer } = original;
  const isAlone = buffer instanceof ArrayBuffer && buffer !== message && buffer.byteLength === original.length;
  return isAlone ? new Uint8Array(buffer) : new Uint8Array(original);
}

/**
 * The attachment with its hash, and with a body whose memory can be given to the other thread without a copy: its own, or a piece of the message.
 * A body that shares Node's pool of small buffers is copied, because giving it away would take the pool along.
 */
function handedOver(attachment: Attachment, message: ArrayBufferLike): Attachment {
  const { body } = attachment;
  const own = body.buffer === message || body.buffer.byteLength === body.byteLength;
  const given = own ? body : Buffer.from(new Uint8Array(body).buffer);
  return { ...attachment, body: given, hash: hash("sha256", body) };
}
