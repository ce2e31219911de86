/** One HTTP exchange with the organization's own host: bounded in time and size, over TLS that is verified, and never redirected. */
import type { IncomingHttpHeaders } from "node:http";
import type { SecureContext } from "node:tls";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import type { Dispatcher } from "undici";
import type { Method } from "./client.ts";
import { LIMITS } from "./limits.ts";

/** A request as it goes over the wire. */
export interface RawRequest {
  readonly method: Method;
  /** From the root of the host, with its query, encoded. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
  readonly largestAnswer: number;
  /** Milliseconds until the whole answer must be there; left out: `LIMITS.answerTime`. */
  readonly answerTime?: number | undefined;
  /** A packed answer stays packed: whoever asked unpacks it piece by piece. */
  readonly keepsPacked?: boolean | undefined;
}

export interface RawAnswer {
  readonly status: number;
  /** Names in small letters; of several with one name the first. */
  readonly headers: Readonly<Record<string, string>>;
  /** All values of `www-authenticate`. */
  readonly challenges: readonly string[];
  readonly body: Buffer;
}

/** No answer came, or none that is one. */
export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
  /** Whether any of the request may have left: then it may have been done. */
  readonly sent: boolean;
  readonly reason: "cut" | "too late" | "too large" | "not HTTP" | "aborted";

  constructor(reason: NoAnswer["reason"], sent: boolean, message: string, cause?: unknown) {
    super(message, { cause });
    this.reason = reason;
    this.sent = sent;
  }
}

/** What undici connects with: the trust of this organization, HTTP/1.1 alone. */
export function connectionOptions(trust: SecureContext | null) {
  return {
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: LIMITS.idleTime,
    headersTimeout: LIMITS.answerTime,
    bodyTimeout: LIMITS.answerTime,
    connect: { timeout: LIMITS.connectTime, ...(trust !== null && { secureContext: trust, rejectUnauthorized: true }) },
  };
}

const unpack = promisify(gunzip);

/** @throws {@link NoAnswer} */
export async function exchange(dispatcher: Dispatcher, origin: string, request: RawRequest, signal?: AbortSignal): Promise<RawAnswer> {
  const answer = await collect(dispatcher, origin, request, signal);
  const encoding = answer.headers["content-encoding"]?.toLowerCase() ?? "identity";
  if (encoding === "identity" || answer.body.length === 0) return answer;
  if (encoding === "gzip" && request.keepsPacked === true) return answer;
  if (encoding !== "gzip") throw new NoAnswer("not HTTP", true, `it is packed in a way that was not asked for (${encoding.slice(0, 40)})`);
  try {
    return { ...answer, body: await unpack(answer.body, { maxOutputLength: request.largestAnswer }) };
  } catch (error) {
    const large = error instanceof RangeError;
    throw large ? tooLarge(request) : new NoAnswer("not HTTP", true, "it cannot be unpacked", error);
  }
}

function collect(dispatcher: Dispatcher, origin: string, request: RawRequest, signal: AbortSignal | undefined): Promise<RawAnswer> {
  const { method, path, headers, body, largestAnswer, answerTime = LIMITS.answerTime } = request;
  return new Promise((resolve, reject) => {
    let sent = false;
    let head: Omit<RawAnswer, "body"> | null = null;
    let controller: Dispatcher.DispatchController | null = null;
    let size = 0;
    const chunks: Buffer[] = [];
    const giveUp = (error: NoAnswer) => {
      settle();
      reject(error);
      controller?.abort(error);
    };
    const late = setTimeout(
      () => giveUp(new NoAnswer("too late", sent, `no whole answer came in ${answerTime / 1000} seconds`)),
      answerTime,
    );
    const aborted = () => giveUp(new NoAnswer("aborted", sent, "it was given up", signal?.reason));
    const settle = () => {
      clearTimeout(late);
      signal?.removeEventListener("abort", aborted);
    };
    if (signal?.aborted) return aborted();
    signal?.addEventListener("abort", aborted, { once: true });
    dispatcher.dispatch(
      { origin, path, method, headers: { ...headers, "accept-encoding": "gzip" }, body },
      {
        onRequestStart(started) {
          controller = started;
          sent = true;
        },
        onResponseStart(_controller, status, given) {
          head = { status, ...headersOf(given) };
        },
        onResponseData(_controller, chunk) {
          size += chunk.length;
          if (size > largestAnswer) giveUp(tooLarge(request));
          else chunks.push(chunk);
        },
        onResponseEnd() {
          settle();
          if (head === null) reject(new NoAnswer("not HTTP", sent, "it has no status"));
          else resolve({ ...head, body: Buffer.concat(chunks) });
        },
        onResponseError(_controller, error) {
          settle();
          reject(error instanceof NoAnswer ? error : new NoAnswer(reasonOf(error), sent, error.message, error));
        },
      },
    );
  });
}

function tooLarge({ largestAnswer }: RawRequest): NoAnswer {
  return new NoAnswer("too large", true, `the answer has more than ${largestAnswer} bytes`);
}

function reasonOf(error: Error): NoAnswer["reason"] {
  const code = "code" in error ? String(error.code) : "";
  if (/^UND_ERR_(HEADERS_TIMEOUT|BODY_TIMEOUT|CONNECT_TIMEOUT)$/.test(code)) return "too late";
  if (error.name === "HTTPParserError") return "not HTTP";
  return /^(HPE_|UND_ERR_(HEADERS_OVERFLOW|RES_|INVALID))/.test(code) ? "not HTTP" : "cut";
}

function headersOf(given: IncomingHttpHeaders): Pick<RawAnswer, "headers" | "challenges"> {
  const headers: Record<string, string> = Object.create(null);
  for (const [name, value] of Object.entries(given)) {
    const first = Array.isArray(value) ? value[0] : value;
    if (first !== undefined) headers[name.toLowerCase()] = first;
  }
  const all: unknown = given["www-authenticate"];
  const challenges = Array.isArray(all) ? all.map(String) : all === undefined ? [] : [String(all)];
  return { headers, challenges };
}
