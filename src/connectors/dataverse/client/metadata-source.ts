/** Where the metadata of an organization come from: asked for once by all who need them at the same time, and kept. */
import { Readable } from "node:stream";
import { setImmediate as turn } from "node:timers/promises";
import { createGunzip } from "node:zlib";
import type { Answered, Refused, SendOptions } from "./client.ts";
import type { RawAnswer } from "./exchange.ts";
import { organizationFailure } from "./failures.ts";
import { judge } from "./judge.ts";
import { LIMITS } from "./limits.ts";
import type { Metadata } from "./metadata.ts";
import { MetadataReader, NoMetadata } from "./metadata-reader.ts";
import { rawRequest } from "./raw-request.ts";
import type { Judged, Sender } from "./sender.ts";

/** Bytes that are read in one go: some milliseconds. */
const PIECE = 32 * 1024;

interface Kept {
  readonly metadata: Metadata;
  readonly etag: string | null;
  readonly until: number;
}

type Found = { readonly kind: "document"; readonly answer: RawAnswer } | { readonly kind: "same" } | Refused;

export class MetadataSource {
  readonly #sender: Sender;
  #kept: Kept | null = null;
  #reading: Promise<Kept> | null = null;

  constructor(sender: Sender) {
    this.#sender = sender;
  }

  /** @throws Failure of scope organization */
  async metadata(options: SendOptions): Promise<Metadata> {
    if (this.#kept !== null && performance.now() < this.#kept.until) return this.#kept.metadata;
    this.#reading ??= this.#read(options).finally(() => {
      this.#reading = null;
    });
    this.#kept = await this.#reading;
    return this.#kept.metadata;
  }

  /** Others may wait for the same: nobody's signal ends it. */
  async #read({ caller, patience }: SendOptions): Promise<Kept> {
    const etag = this.#kept?.etag ?? null;
    const options = { caller, patience };
    const annotated = await this.#ask(etag, { annotations: "true" }, options);
    // Old versions tell the annotations without being asked, and may not know the question.
    const found = annotated.kind === "refused" && annotated.status === 400 ? await this.#ask(etag, {}, options) : annotated;
    const until = performance.now() + LIMITS.metadataLife;
    if (found.kind === "refused") throw organizationFailure("no Web API", this.#sender.root.host, { serverSaid: found.failure.serverSaid });
    if (found.kind === "document") return { metadata: await this.#parsed(found.answer), etag: found.answer.headers.etag ?? null, until };
    if (this.#kept === null) throw organizationFailure("metadata not understood", this.#sender.root.host, { serverSaid: "status 304" });
    return { ...this.#kept, until };
  }

  async #ask(etag: string | null, query: Readonly<Record<string, string>>, options: SendOptions): Promise<Found> {
    const headers = { Accept: "application/xml", ...(etag !== null && { "If-None-Match": etag }) };
    const raw = rawRequest({ method: "GET", path: "$metadata", query, headers, largestAnswer: LIMITS.metadata }, this.#sender.root);
    const judged = (answer: RawAnswer) => this.#judged(answer);
    const sent = await this.#sender.run<Found>({ raw: { ...raw, keepsPacked: true }, repeatable: true, judged }, options);
    if (sent.kind === "unknown") throw sent.failure;
    return sent.value;
  }

  #judged(answer: RawAnswer): Judged<Found> {
    const { status, headers } = answer;
    if (status === 200 && /\bxml\b/i.test(headers["content-type"] ?? "")) return { kind: "done", value: { kind: "document", answer } };
    if (status === 304) return { kind: "done", value: { kind: "same" } };
    const { host } = this.#sender.root;
    const verdict = judge({ status, headers, body: null }, host, new Date());
    if (verdict.kind === "refused") return { kind: "done", value: verdict };
    return verdict.kind === "answered" ? notXml(verdict, host) : verdict;
  }

  async #parsed({ headers, body }: RawAnswer): Promise<Metadata> {
    const reader = new MetadataReader();
    const decoder = new TextDecoder();
    try {
      for await (const piece of pieces(body, headers["content-encoding"] === "gzip")) {
        reader.write(decoder.decode(piece, { stream: true }));
        await turn();
      }
      reader.write(decoder.decode());
      return reader.end();
    } catch (error) {
      const isTheirs = error instanceof NoMetadata || (error instanceof Error && "code" in error && String(error.code).startsWith("Z_"));
      if (!isTheirs) throw error;
      throw organizationFailure("metadata not understood", this.#sender.root.host, {
        serverSaid: error.message.slice(0, LIMITS.words),
        cause: error,
      });
    }
  }
}

function notXml({ headers }: Answered, host: string): Judged<Found> {
  const serverSaid = `it calls itself ${headers["content-type"]?.slice(0, 100) ?? "nothing"}`;
  return { kind: "not understood", failure: organizationFailure("answer not understood", host, { serverSaid }) };
}

async function* pieces(body: Buffer, isPacked: boolean): AsyncGenerator<Buffer> {
  if (!isPacked) {
    for (let at = 0; at < body.length; at += PIECE) yield body.subarray(at, at + PIECE);
    return;
  }
  let size = 0;
  for await (const piece of Readable.from([body]).pipe(createGunzip({ chunkSize: PIECE }))) {
    if (!Buffer.isBuffer(piece)) throw new NoMetadata("it is no text");
    size += piece.length;
    if (size > LIMITS.metadata) throw new NoMetadata(`it has more than ${LIMITS.metadata} bytes`);
    yield piece;
  }
}
