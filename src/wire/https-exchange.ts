import { request as httpsRequest } from "node:https";
import type { LookupFunction } from "node:net";
import { connect as connectTls, type SecureContext } from "node:tls";

/** One request over HTTPS with a verified certificate. */
export interface HttpsQuestion {
  readonly url: string;
  /** Sent as XML by POST; null: GET. */
  readonly body: string | null;
  readonly signal: AbortSignal;
  readonly trust: SecureContext;
  /** Instead of the operating system's name look-up. */
  readonly lookup?: LookupFunction | undefined;
  /** Instead of 443: for tests. */
  readonly port?: number | undefined;
}

export interface HttpsAnswer {
  readonly status: number;
  readonly location: string | null;
  readonly body: Buffer;
}

/** Bytes. */
export const LARGEST_ANSWER = 256 * 1024;

/** The answer is larger than anything that is asked for here. */
export class AnswerTooLarge extends Error {
  constructor() {
    super(`the answer has more than ${LARGEST_ANSWER} bytes`);
  }
}

/**
 * One exchange: sends no credentials and no cookies, follows no redirect, keeps no connection. Throws the socket's or the TLS error, the signal's
 * reason, or AnswerTooLarge.
 */
export function httpsExchange(question: HttpsQuestion): Promise<HttpsAnswer> {
  const { url, body, signal, trust, lookup, port = 443 } = question;
  const host = new URL(url).hostname;
  return new Promise((resolve, reject) => {
    const request = httpsRequest(
      url,
      {
        method: body === null ? "GET" : "POST",
        headers: {
          accept: "*/*",
          "user-agent": "Waypost",
          ...(body === null ? {} : { "content-type": "text/xml; charset=utf-8", "content-length": Buffer.byteLength(body) }),
        },
        signal,
        createConnection: () =>
          connectTls({ host, port, servername: host, secureContext: trust, rejectUnauthorized: true, ...(lookup && { lookup }) }),
      },
      (response) => {
        const chunks: Buffer[] = [];
        let size = 0;
        response.on("data", (chunk: Buffer) => {
          size += chunk.length;
          if (size > LARGEST_ANSWER) request.destroy(new AnswerTooLarge());
          else chunks.push(chunk);
        });
        response.on("error", reject);
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, location: response.headers.location ?? null, body: Buffer.concat(chunks) }),
        );
      },
    );
    request.on("error", reject);
    request.end(body ?? undefined);
  });
}
