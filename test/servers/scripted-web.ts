import { once } from "node:events";
import { createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { createServer as createTlsServer } from "node:tls";
import type { Certificate } from "./certificates.ts";

/** A request as it was heard. */
export interface HeardRequest {
  readonly method: string;
  readonly path: string;
  /** Names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** Which connection, from 1. */
  readonly connection: number;
  /** Which request of all, from 1. */
  readonly number: number;
}

/** What the server answers, and how it goes wrong. */
export interface WebAct {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | Buffer | object;
  /** These bytes instead of an answer. */
  readonly raw?: string | Buffer;
  /** Milliseconds before the first byte. */
  readonly afterMs?: number;
  /** Of the answer only so many bytes are sent, and then the connection ends. */
  readonly cutAfter?: number;
  /** What it says of its length, instead of the truth. */
  readonly claimedLength?: number;
}

export interface ScriptedWeb extends AsyncDisposable {
  readonly origin: string;
  readonly heard: readonly HeardRequest[];
  /** Connections so far. */
  connections(): number;
  /** Ends all connections that are open now. */
  cutNow(): void;
}

/** A web server on 127.0.0.1 that answers as told, goes wrong as told, and remembers all that it heard. */
export async function startScriptedWeb(
  script: (request: HeardRequest) => WebAct | Promise<WebAct>,
  certificate: Certificate | null = null,
): Promise<ScriptedWeb> {
  const heard: HeardRequest[] = [];
  const sockets = new Set<Socket>();
  let connections = 0;
  const serve = (socket: Socket) => {
    const connection = ++connections;
    sockets.add(socket);
    socket.on("error", () => sockets.delete(socket)).on("close", () => sockets.delete(socket));
    converse(socket, async (request) => {
      const whole = { ...request, connection, number: heard.length + 1 };
      heard.push(whole);
      await answer(socket, await script(whole));
    }).catch((error: unknown) => socket.destroy(error instanceof Error ? error : new Error(String(error))));
  };
  const server = certificate === null ? createServer(serve) : createTlsServer({ cert: certificate.cert, key: certificate.key }, serve);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the server has no port");
  return {
    origin: certificate === null ? `http://127.0.0.1:${address.port}` : `https://localhost:${address.port}`,
    heard,
    connections: () => connections,
    cutNow() {
      for (const socket of sockets) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}

async function answer(socket: Socket, act: WebAct): Promise<void> {
  if (act.afterMs !== undefined) await sleep(act.afterMs);
  const bytes = act.raw === undefined ? bytesOf(act) : Buffer.from(act.raw);
  if (act.cutAfter === undefined) {
    socket.write(bytes);
    return;
  }
  await new Promise<void>((resolve) => socket.write(bytes.subarray(0, act.cutAfter), () => resolve()));
  socket.destroy();
}

function bytesOf({ status = 200, headers = {}, body = "", claimedLength }: WebAct): Buffer {
  const isData = typeof body === "string" || Buffer.isBuffer(body);
  const content = Buffer.from(isData ? body : JSON.stringify(body));
  const lines = Object.entries({
    ...(isData ? {} : { "Content-Type": "application/json; odata.metadata=minimal" }),
    ...(status === 204 || status === 304 ? {} : { "Content-Length": String(claimedLength ?? content.length) }),
    ...headers,
  }).flatMap(([name, values]) => [values].flat().map((value) => `${name}: ${value}\r\n`));
  return Buffer.concat([Buffer.from(`HTTP/1.1 ${status} Status\r\n${lines.join("")}\r\n`), content]);
}

/** Reads requests one after the other; each is answered before the next is read. */
async function converse(socket: Socket, each: (request: Omit<HeardRequest, "connection" | "number">) => Promise<void>): Promise<void> {
  let buffered = Buffer.alloc(0);
  for await (const chunk of socket) {
    buffered = Buffer.concat([buffered, chunk]);
    for (let end = buffered.indexOf("\r\n\r\n"); end >= 0; end = buffered.indexOf("\r\n\r\n")) {
      const [first = "", ...lines] = buffered.toString("latin1", 0, end).split("\r\n");
      const headers = Object.fromEntries(
        lines.map((line) => [line.slice(0, line.indexOf(":")).trim().toLowerCase(), line.slice(line.indexOf(":") + 1).trim()]),
      );
      const size = Number(headers["content-length"] ?? 0);
      if (buffered.length < end + 4 + size) break;
      const [method = "", path = ""] = first.split(" ");
      const body = Buffer.from(buffered.subarray(end + 4, end + 4 + size));
      buffered = buffered.subarray(end + 4 + size);
      await each({ method, path, headers, body });
    }
  }
}
