/** One request to a sign-in service and its answer: bounded in time and size, over TLS, and never redirected with a secret in it. */
import http from "node:http";
import https from "node:https";
import { isIP } from "node:net";
import { connect, type SecureContext, type TLSSocket } from "node:tls";
import { retryAfter } from "../retry-after.ts";

/** Milliseconds until the whole answer must be there. */
const EXCHANGE_TIME = 30_000;

/** Bytes of an answer; tokens take a few thousand. */
const LARGEST_ANSWER = 256 * 1024;

/** A service that cannot answer now: 429 or 5xx (RFC 6585 4, RFC 9110 15.6). */
export class ServiceBusy extends Error {
  readonly status: number;
  /** RFC 9110 10.2.3; undefined where the service named no time. */
  readonly notBefore: Date | undefined;
  readonly said: string;

  constructor(status: number, notBefore: Date | undefined, said: string) {
    super(`the sign-in service answered with status ${status}`);
    this.name = "ServiceBusy";
    this.status = status;
    this.notBefore = notBefore;
    this.said = said;
  }
}

/** An answer that no sign-in service gives: a redirection, or one without end. */
export class AnswerRefused extends Error {
  override readonly name = "AnswerRefused";
}

export class NoAnswer extends Error {
  override readonly name = "NoAnswer";
}

export interface ExchangeRequest {
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly signal: AbortSignal | undefined;
}

/**
 * Sends the request and resolves to the answer. Only the address given is asked, with its own certificate verified.
 * @throws {@link ServiceBusy}, {@link AnswerRefused}, {@link NoAnswer}, the abort reason, or the error of the socket
 */
export async function exchange(url: URL, request: ExchangeRequest, trust: SecureContext): Promise<Response> {
  const timeout = AbortSignal.timeout(EXCHANGE_TIME);
  const signal = request.signal === undefined ? timeout : AbortSignal.any([timeout, request.signal]);
  try {
    const { status, headers, body } = await sendAndRead(url, { ...request, signal }, trust);
    if (status === 429 || status >= 500) throw new ServiceBusy(status, retryAfter(headers["retry-after"], new Date()), excerpt(body));
    if (status >= 300 && status < 400) throw new AnswerRefused(`it sends the request on to another address (status ${status})`);
    // RFC 6749 5.2 has the reason in the body; the challenge beside it says less, and other headers nothing.
    return new Response(status === 204 ? null : body, { status, headers: { "content-type": headers["content-type"] ?? "" } });
  } catch (error) {
    if (timeout.aborted && request.signal?.aborted !== true) throw new NoAnswer(`no answer within ${EXCHANGE_TIME / 1000} seconds`);
    throw error;
  }
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: Buffer<ArrayBuffer>;
}

async function sendAndRead(url: URL, { method, headers, body, signal }: ExchangeRequest, trust: SecureContext): Promise<Answer> {
  const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
    const options = { method, headers: { ...headers, "content-length": String(Buffer.byteLength(body)) }, signal, agent: false };
    const request =
      url.protocol === "https:"
        ? https.request(url, { ...options, createConnection: () => encrypted(url, trust) })
        : http.request(url, options);
    request.once("error", reject).once("response", resolve).end(body);
  });
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of response) {
    if (!Buffer.isBuffer(chunk)) throw new AnswerRefused("it sends no bytes");
    size += chunk.length;
    if (size > LARGEST_ANSWER) throw new AnswerRefused(`its answer is larger than ${LARGEST_ANSWER} bytes`);
    chunks.push(chunk);
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) };
}

/** Node's agents take no ready-made trust, and to read all the system's certificates for each request costs 0.1 s. */
function encrypted({ hostname, port }: URL, secureContext: SecureContext): TLSSocket {
  const host = hostname.replace(/^\[|\]$/g, "");
  return connect({ host, port: Number(port === "" ? 443 : port), secureContext, ...(isIP(host) === 0 && { servername: host }) });
}

/** Enough of an answer to show a person; markup of error pages says nothing. */
function excerpt(body: Buffer): string {
  const text = body.toString("utf8");
  return /^\s*</.test(text) ? "" : text.replace(/\s+/g, " ").trim().slice(0, 300);
}
