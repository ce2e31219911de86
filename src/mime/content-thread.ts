/** The thread in which messages are read, one after the other, in the order in which they come; see `content-reader.ts`. */
import { hash } from "node:crypto";
import { parentPort } from "node:worker_threads";
import type { Attachment } from "../model/message.ts";
import type { Origin } from "../model/origin.ts";
import { parseContent } from "./content.ts";
import { contentFingerprint } from "./fingerprint.ts";
import { originDigest, originOf } from "./head.ts";
import { replyOf } from "./reply-text.ts";
import { type Storable, type StorageLimits, storable } from "./storable.ts";

export interface Request {
  readonly mime: Uint8Array<ArrayBuffer>;
  readonly limits: StorageLimits;
  readonly fingerprint: boolean;
  readonly originDigest?: string | undefined;
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
  | { readonly kind: "failed"; readonly message: string };

if (parentPort === null) throw new Error("content-thread.ts runs as a worker thread only.");
const port = parentPort;

port.on("message", async (requests: readonly Request[]) => {
  for (const request of requests) await answer(request);
});
port.postMessage({ kind: "ready" } satisfies Response);

async function answer({ mime, limits, fingerprint, originDigest: expected }: Request): Promise<void> {
  try {
    const bytes = Buffer.from(mime.buffer, mime.byteOffset, mime.byteLength);
    const origin = expected !== undefined && originDigest(bytes) === expected ? null : originOf(bytes);
    const content = await parseContent(bytes);
    const kept = storable(content, limits);
    const attachments = kept.content.attachments.map((one) => handedOver(one, mime.buffer));
    const response: Response = {
      kind: "read",
      storable: { ...kept, content: { ...kept.content, attachments } },
      reply: replyOf(kept.content),
      fingerprint: fingerprint ? contentFingerprint(content) : null,
      origin,
    };
    port.postMessage(response, [...new Set(attachments.map(({ body }) => body.buffer as ArrayBuffer))]);
  } catch (error) {
    port.postMessage({ kind: "failed", message: error instanceof Error ? error.message : String(error) } satisfies Response);
  }
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
