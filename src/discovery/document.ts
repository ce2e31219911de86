import { Failure } from "../model/failure.ts";
import { hostName, isSameOwner } from "./domain.ts";

/** One question over HTTPS. */
export interface HttpRequest {
  readonly url: string;
  /** XML to post; null: GET. */
  readonly body: string | null;
  /** False where somebody else than the domain named the host: then it must not lie inside this network. */
  readonly mayBePrivate: boolean;
  readonly signal: AbortSignal;
}

export interface HttpAnswer {
  readonly status: number;
  readonly location: string | null;
  /** Cut nowhere: an answer that is too long is a Failure. */
  readonly body: Buffer;
}

/** One exchange over HTTPS with a verified certificate and without credentials; follows no redirect. Throws Failure. */
export type Exchange = (request: HttpRequest) => Promise<HttpAnswer>;

/** What was found at the end of a way. */
export interface FetchedDocument {
  readonly status: number;
  readonly body: Buffer;
  /** Where it was in the end. */
  readonly place: string;
  /** One sentence for each step of the way that left the hands of the domain's owner. */
  readonly doubts: readonly string[];
}

export const MAXIMUM_REDIRECTS = 3;

const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** What a document itself may say: look elsewhere. */
export type LeadsTo = (body: Buffer) => string | null;

/** Asks, and follows redirects: a few, only over HTTPS, and each that leaves the registered domain is told as a doubt. Throws Failure. */
export async function fetchDocument(
  exchange: Exchange,
  request: HttpRequest,
  owner: string,
  leadsTo: LeadsTo = () => null,
): Promise<FetchedDocument> {
  const doubts: string[] = [];
  let current = request;
  for (let redirects = 0; ; redirects++) {
    const { status, location, body } = await exchange(current);
    const next = REDIRECTS.has(status) ? location : status === 200 ? leadsTo(body) : null;
    if (next === null) return { status, body, place: current.url, doubts };
    if (redirects === MAXIMUM_REDIRECTS) throw refusal(request.url, `leads on and on, more than ${MAXIMUM_REDIRECTS} times`);
    const { url, host } = followed(current.url, next);
    const elsewhere = !isSameOwner(host, owner);
    if (elsewhere) doubts.push(`${hostOf(current.url)} leads to ${host}, outside of ${owner}; make sure that it belongs to your provider.`);
    current = { ...current, url, mayBePrivate: current.mayBePrivate && !elsewhere };
  }
}

function followed(from: string, to: string): { url: string; host: string } {
  const url = URL.canParse(to, from) ? new URL(to, from) : null;
  if (url === null) throw refusal(from, "leads to something that is no URL");
  if (url.protocol !== "https:") throw refusal(from, "leads to a place without HTTPS, which anybody on the way could have written");
  if (url.username !== "" || url.password !== "" || url.port !== "") throw refusal(from, "leads to a URL with a user or a port of its own");
  const host = hostName(url.hostname);
  if (host === null) throw refusal(from, "leads to an address instead of a host name, for which no certificate vouches");
  return { url: url.href, host };
}

function hostOf(url: string): string {
  return new URL(url).hostname;
}

function refusal(url: string, why: string): Failure {
  return new Failure({
    scope: "process",
    code: "redirect refused",
    message: `${hostOf(url)} ${why}.`,
    remedy: "Ask your provider for the settings.",
    waitingHelps: false,
  });
}
