import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";

/** Bytes of one connection, by the side that sent them. */
export interface Passed {
  readonly fromServer: number;
  readonly fromClient: number;
}

/** A TCP proxy on 127.0.0.1 that breaks connections where a test wants them broken. */
export interface CuttingProxy extends AsyncDisposable {
  readonly port: number;
  /** Breaks the next connection (and only that) when that many bytes of one side have passed; the rest is never delivered. */
  cutNext(side: keyof Passed, afterBytes: number): void;
  /** Breaks the connections that are open now. */
  cutNow(): void;
  /** While true, bytes are taken and not passed on: the other side seems to be gone without a word. */
  freeze(frozen: boolean): void;
  /** What passed over all connections so far. */
  passed(): Passed;
  /** Connections accepted so far. */
  accepted(): number;
  /** The most connections that were open at a time, over all proxies that share the gauge. */
  mostAtOnce(): number;
}

/** Counts connections; several proxies can share one. */
export interface Gauge {
  open: number;
  most: number;
}

/** Passes everything on to a port of 127.0.0.1 until told otherwise. */
export async function startCuttingProxy(serverPort: number, gauge: Gauge = { open: 0, most: 0 }): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const total = { fromServer: 0, fromClient: 0 };
  let cut: { readonly side: keyof Passed; readonly bytes: number } | null = null;
  let frozen = false;
  let accepted = 0;

  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: serverPort });
    const mine = cut;
    cut = null;
    accepted++;
    gauge.most = Math.max(gauge.most, ++gauge.open);
    const both = [client, upstream];
    // It is over once a side has said so: what is still to be cleaned up is no connection to the server any more.
    const counted = new AbortController();
    counted.signal.addEventListener("abort", () => gauge.open--, { once: true });
    for (const socket of both) socket.once("end", () => counted.abort()).once("close", () => counted.abort());
    const destroy = () => {
      for (const socket of both) {
        socket.destroy();
        open.delete(socket);
      }
    };
    for (const socket of both) {
      open.add(socket);
      // A broken connection is what this is for.
      socket.on("error", destroy).on("close", destroy);
    }
    const pass = (side: keyof Passed, from: Socket, to: Socket) => {
      let count = 0;
      from.on("data", (chunk: Buffer) => {
        if (frozen) return;
        const left = mine?.side === side ? mine.bytes - count : Number.POSITIVE_INFINITY;
        const kept = chunk.length > left ? chunk.subarray(0, left) : chunk;
        count += kept.length;
        total[side] += kept.length;
        if (!to.write(kept)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
        if (chunk.length >= left) to.end(destroy);
      });
    };
    pass("fromServer", upstream, client);
    pass("fromClient", client, upstream);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("the proxy has no port");

  const destroyAll = () => {
    for (const socket of open) socket.destroy();
  };
  return {
    port: address.port,
    cutNext: (side, bytes) => {
      cut = { side, bytes };
    },
    cutNow: destroyAll,
    freeze: (value) => {
      frozen = value;
    },
    passed: () => ({ ...total }),
    accepted: () => accepted,
    mostAtOnce: () => gauge.most,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      destroyAll();
      await closed;
    },
  };
}
