/**
 * What answers at a host and port, found out by listening: the wrong port or the wrong kind of TLS is the commonest slip in a server profile, and a
 * client that waits for its own protocol sees only silence or nonsense. Says nothing that could sign anybody in.
 */
import { connect, isIP, type Socket } from "node:net";
import { connect as connectTls, type TLSSocket } from "node:tls";

export type Protocol = "imap" | "pop3" | "smtp" | "http";

/** What was found. `protocol` null: it speaks, and none of these; `silent`: it takes connections and says nothing. */
export type Answering =
  | { readonly kind: "speaks"; readonly protocol: Protocol | null; readonly tls: boolean; readonly said: string }
  | { readonly kind: "silent"; readonly tls: boolean }
  /** No connection came about; the client's own failure says why. */
  | { readonly kind: "unreachable" };

/** Milliseconds: to connect, for a greeting (RFC 5321 wants servers to be quick; those that test patience are asked by the client), for TLS. */
const CONNECT = 3000;
const GREETING = 2000;
const HANDSHAKE = 3000;
/** Milliseconds that a server may take to close a connection that was ended. */
const LEAVING = 500;
/** Bytes of a greeting that tell. */
const TELLING = 512;

const NAMES: Readonly<Record<Protocol, string>> = { imap: "IMAP", pop3: "POP3", smtp: "SMTP", http: "HTTP" };
const PORTS: Readonly<Record<Exclude<Protocol, "http">, string>> = {
  imap: "IMAP has 993 with TLS and 143 with STARTTLS",
  pop3: "POP3 has 995 with TLS and 110 with STARTTLS",
  smtp: "sending has 465 with TLS and 587 with STARTTLS",
};

/** The mistake in an endpoint that is to speak `wanted`, or null when what answers may be right. */
export interface Mistake {
  readonly code: "another service" | "TLS expected" | "wrong security for the port";
  readonly message: string;
  readonly remedy: string;
  readonly serverSaid?: string | undefined;
}

export interface Place {
  readonly host: string;
  readonly port: number;
}

/** @param tls the endpoint begins with TLS */
export function mistakeIn(found: Answering, wanted: Exclude<Protocol, "http">, tls: boolean, { host, port }: Place): Mistake | null {
  if (found.kind === "unreachable") return null;
  const where = `${host}:${port}`;
  const expected: Mistake = {
    code: "TLS expected",
    message: `${where} waits for TLS from the first byte and says nothing before it (${NAMES[wanted]}).`,
    remedy: `Choose "security: tls" for this port, or the port where ${NAMES[wanted]} begins in clear and goes on with STARTTLS.`,
  };
  if (found.kind === "silent") return found.tls && !tls ? expected : null;
  if (found.protocol !== null && found.protocol !== wanted) {
    return {
      code: "another service",
      message: `${where} speaks ${NAMES[found.protocol]}, and the server profile wants ${NAMES[wanted]} there.`,
      remedy: anotherPort(found.protocol, wanted),
      serverSaid: found.said,
    };
  }
  if (found.protocol === wanted && found.tls !== tls) {
    return found.tls
      ? expected
      : {
          code: "wrong security for the port",
          message: `${where} speaks ${NAMES[wanted]} in clear at first; it does not begin with TLS.`,
          remedy: `Choose "security: starttls" for this port, or the port where ${NAMES[wanted]} begins with TLS.`,
          serverSaid: found.said,
        };
  }
  return null;
}

function anotherPort(found: Protocol, wanted: Exclude<Protocol, "http">): string {
  if (found === "http") return `That is a web server. Enter the mail server's port instead: ${PORTS[wanted]}.`;
  if (wanted === "smtp")
    return `That server reads ${NAMES[found]} and sends nothing. Enter the port of the outgoing server: ${PORTS.smtp}.`;
  if (found === "smtp") return `That server sends and hands out nothing. Enter the port of the incoming server: ${PORTS[wanted]}.`;
  return `Set "protocol: ${found}" for this port, or enter the other port: ${PORTS[wanted]}.`;
}

/** Listens at the place, in clear and by TLS, beginning with the way that the profile takes. Never throws; takes at most some ten seconds. */
export async function whatAnswers(place: Place, tls: boolean): Promise<Answering> {
  const first = tls ? await byTls(place) : await inClear(place);
  if (first.kind !== "silent") return first;
  const second = tls ? await inClear(place) : await byTls(place);
  if (second.kind === "speaks") return second;
  const web = await inClear(place, "HEAD / HTTP/1.0\r\n\r\n");
  if (web.kind === "speaks") return web;
  return [first, second].find((one) => one.kind === "silent" && one.tls) ?? first;
}

async function inClear(place: Place, opening?: string): Promise<Answering> {
  return await listen(connect({ host: place.host, port: place.port }), false, CONNECT, opening);
}

async function byTls(place: Place): Promise<Answering> {
  const found = await listen(encrypted(place), true, HANDSHAKE);
  if (found.kind !== "silent" || !found.tls) return found;
  const web = await listen(encrypted(place), true, HANDSHAKE, "HEAD / HTTP/1.0\r\n\r\n");
  return web.kind === "speaks" ? web : found;
}

/** Nothing secret is said, so whose certificate it is does not matter here; the client looks at it. */
function encrypted({ host, port }: Place): TLSSocket {
  return connectTls({ host, port, rejectUnauthorized: false, ...(isIP(host) === 0 ? { servername: host } : {}) });
}

function listen(socket: Socket, wantsTls: boolean, patience: number, opening?: string): Promise<Answering> {
  return new Promise((resolve) => {
    let heard = "";
    let tls = false;
    let connected = false;
    let ended = false;
    const end = () => {
      if (ended) return;
      ended = true;
      clearTimeout(timer);
      leave(socket, () => {
        if (heard !== "") resolve({ kind: "speaks", protocol: protocolOf(heard), tls, said: heard.split(/\r?\n/)[0] ?? "" });
        else resolve(connected ? { kind: "silent", tls } : { kind: "unreachable" });
      });
    };
    let timer = setTimeout(end, patience);
    const listenOn = () => {
      clearTimeout(timer);
      timer = setTimeout(end, GREETING);
      if (opening !== undefined) socket.write(opening);
    };
    socket.once("connect", () => {
      connected = true;
      if (!wantsTls) listenOn();
    });
    socket.once("secureConnect", () => {
      tls = true;
      listenOn();
    });
    socket.on("data", (chunk: Buffer) => {
      heard += chunk.toString("latin1", 0, TELLING);
      if (heard.includes("\n") || heard.length >= TELLING) end();
    });
    socket.on("error", end);
    socket.on("close", end);
  });
}

/** Goes once the server has closed too, or does not: whoever connects next must not be one connection too many for it. */
function leave(socket: Socket, left: () => void): void {
  const impatience = setTimeout(() => socket.destroy(), LEAVING);
  const gone = () => {
    clearTimeout(impatience);
    left();
  };
  if (socket.closed) gone();
  else socket.once("close", gone).end();
}

function protocolOf(heard: string): Protocol | null {
  if (/^\* (OK|PREAUTH|BYE)\b/i.test(heard)) return "imap";
  if (/^\+OK\b/i.test(heard)) return "pop3";
  if (/^(220|421|554)[ -]/.test(heard)) return "smtp";
  if (/^HTTP\//.test(heard)) return "http";
  return null;
}
