import dns, { type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { SecureContext } from "node:tls";
import type { HttpAnswer, HttpRequest } from "../discovery/document.ts";
import type { Probe, Settings } from "../discovery/found.ts";
import type { World } from "../discovery/methods.ts";
import { Failure } from "../model/failure.ts";
import { connectingFailure } from "../wire/connection-failure.ts";
import { AnswerTooLarge, httpsExchange } from "../wire/https-exchange.ts";
import { mailGreeting, UnexpectedAnswer } from "../wire/mail-greeting.ts";
import { isPrivateAddress } from "../wire/private-address.ts";

export interface NetworkOptions {
  readonly trust: SecureContext;
  /** Name servers (`address` or `address:port`) to ask instead of the system's, for hosts too. */
  readonly nameServers?: readonly string[] | undefined;
  /** Milliseconds that a mail server may take to show what it offers. */
  readonly probeTimeout?: number;
  /** Where a port of the world really is: for tests, which cannot have 443. */
  readonly portOf?: (port: number) => number;
}

const PROBE_TIMEOUT = 10_000;
/** Of a name server: milliseconds, and how often it is asked. */
const NAME_TIMEOUT = 3000;
const NAME_TRIES = 2;

/**
 * The ports of mail (RFC 8314, RFC 5321). A domain may name any port of any host, also one inside this network: there, only these are connected
 * to, so that nobody can have this machine speak to something that is no mail server.
 */
const MAIL_PORTS: ReadonlySet<number> = new Set([25, 110, 143, 465, 587, 993, 995]);

/** No such name, or no such record of it. */
const NO_RECORDS: ReadonlySet<string> = new Set([dns.NOTFOUND, dns.NODATA]);

/** What discovery reaches of the world, over this machine's network. */
export function networkWorld(options: NetworkOptions): World {
  const { trust, nameServers, probeTimeout = PROBE_TIMEOUT, portOf = (port) => port } = options;
  const resolver = new dns.promises.Resolver({ timeout: NAME_TIMEOUT, tries: NAME_TRIES });
  if (nameServers !== undefined) resolver.setServers(nameServers);

  async function records<T>(name: string, ask: () => Promise<T[]>): Promise<T[]> {
    try {
      return await ask();
    } catch (error) {
      if (NO_RECORDS.has(codeOf(error))) return [];
      throw noNameService(name, error);
    }
  }

  async function addressesOf(host: string): Promise<LookupAddress[]> {
    if (nameServers === undefined) {
      try {
        return await dns.promises.lookup(host, { all: true });
      } catch (error) {
        throw explained(error, { host, port: 0 });
      }
    }
    const found = await Promise.all([
      records(host, async () => (await resolver.resolve4(host)).map((address) => ({ address, family: 4 }))),
      records(host, async () => (await resolver.resolve6(host)).map((address) => ({ address, family: 6 }))),
    ]);
    if (found.flat().length === 0) throw explained(Object.assign(new Error(host), { code: dns.NOTFOUND }), { host, port: 0 });
    return found.flat();
  }

  async function exchange(request: HttpRequest): Promise<HttpAnswer> {
    const { url, body, mayBePrivate, signal } = request;
    const host = new URL(url).hostname;
    const addresses = await addressesOf(host);
    if (!mayBePrivate && addresses.some(({ address }) => isPrivateAddress(address))) throw leadsInside(host);
    try {
      return await httpsExchange({ url, body, signal, trust, lookup: fixedLookup(addresses), port: portOf(443) });
    } catch (error) {
      throw explained(error, { host, port: 443 });
    }
  }

  async function probe(settings: Settings): Promise<Probe> {
    const { host, port } = settings;
    const untried: Probe = { result: "not tried", message: "", remedy: null, serverSaid: null, offers: [], warnings: [] };
    try {
      const addresses = await addressesOf(host);
      const inside = addresses.filter(({ address }) => isPrivateAddress(address)).map(({ address }) => address);
      const warnings = [...insideWarnings(host, inside), ...clearTextWarnings(settings)];
      if (inside.length > 0 && !MAIL_PORTS.has(port)) {
        const message = `Not tried: ${host} lies inside a private network, and ${port} is no usual port of mail.`;
        return { ...untried, message, remedy: "If it is your server, `waypost check` tries it.", warnings };
      }
      const signal = AbortSignal.timeout(probeTimeout);
      const answer = await mailGreeting({ ...settings, port: portOf(port), trust, signal, lookup: fixedLookup(addresses) });
      const message =
        settings.security === "none" ? "It answers, without protection." : "It answers, and the certificate is valid for its name.";
      return { ...untried, result: "answers", message, serverSaid: answer.greeting, offers: answer.offers, warnings };
    } catch (error) {
      if (error instanceof UnexpectedAnswer)
        return {
          ...untried,
          result: "failed",
          message: error.message,
          serverSaid: error.serverSaid,
          remedy: "Check port and protection with who runs it.",
        };
      const failure = error instanceof Failure ? error : explained(error, { host, port });
      return { ...untried, result: "failed", message: failure.message, remedy: failure.remedy };
    }
  }

  return {
    srv: (name) => records(name, () => resolver.resolveSrv(name)),
    mx: async (name) => {
      const exchangers = await records(name, () => resolver.resolveMx(name));
      return exchangers.sort((a, b) => a.priority - b.priority).map((one) => one.exchange);
    },
    txt: (name) => records(name, () => resolver.resolveTxt(name)),
    exchange,
    probe,
  };
}

/** The addresses that were looked at are those that are connected to, whatever the name servers say a moment later. */
function fixedLookup(addresses: readonly LookupAddress[]): LookupFunction {
  return (_host, options, callback) => {
    const [first] = addresses;
    if (options.all) callback(null, [...addresses]);
    else if (first) callback(null, first.address, first.family);
    else callback(Object.assign(new Error("no address"), { code: dns.NOTFOUND }), "", 0);
  };
}

/** An internal server is the usual case in a company, so this is told and not refused: the names come from the administrator's own name servers. */
function insideWarnings(host: string, inside: readonly string[]): readonly string[] {
  if (inside.length === 0) return [];
  return [`${host} is ${inside.join(", ")}, inside a private network: right for a server of your own, a sign of trickery for any other.`];
}

function clearTextWarnings({ security }: Settings): readonly string[] {
  return security === "none" ? ["Passwords and mail would cross the network in clear text."] : [];
}

function codeOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : "";
}

function noNameService(name: string, cause: unknown): Failure {
  return new Failure({
    scope: "process",
    code: "name service not available",
    message: `The name servers gave no answer about ${name} (${codeOf(cause) || String(cause)}).`,
    remedy: "Check the network and the name servers of this machine, or name one with --name-server.",
    waitingHelps: true,
    cause,
  });
}

function leadsInside(host: string): Failure {
  return new Failure({
    scope: "process",
    code: "leads inside",
    message: `${host} was named by somebody else and lies inside a private network; it was not asked.`,
    remedy: "Ask your provider for the settings.",
    waitingHelps: false,
  });
}

/** Errors of sockets, TLS and time-outs as Failures; anything else is a fault of this program and stays what it is. */
function explained(error: unknown, { host, port }: { host: string; port: number }): Failure {
  if (error instanceof Failure) return error;
  const facts = (code: string, message: string, remedy: string, waitingHelps: boolean) =>
    new Failure({ scope: "process", code, message, remedy, waitingHelps, cause: error });
  if (error instanceof AnswerTooLarge)
    return facts("answer too large", `${host} is not read: ${error.message}.`, "Ask your provider for the settings.", false);
  const isTimeout = error instanceof Error && (error.name === "TimeoutError" || error.name === "AbortError");
  const known = isTimeout ? Object.assign(new Error("timed out", { cause: error }), { code: "ETIMEDOUT" }) : error;
  if (codeOf(error).startsWith("HPE_"))
    return facts("not a web server", `${host} does not speak HTTP.`, "Ask your provider for the settings.", false);
  const failure = connectingFailure(known, { host, port, purpose: "looking for mail settings" });
  if (failure !== null) return facts(failure.code, failure.message, failure.remedy, failure.waitingHelps);
  throw error;
}
