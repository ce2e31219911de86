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
  /**
   * Breaks the next connection (and only that) when that many bytes of one side have passed, counted from its beginning or from
   * where that side first says `after` (which must be in clear); the rest is never delivered.
   */
  cutNext(side: keyof Passed, bytes: number, after?: string): void;
  /** Connections that were broken so until now. */
  cuts(): number;
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

interface Cut {
  readonly side: keyof Passed;
  readonly bytes: number;
  readonly after: string;
}

/** For each piece of a stream in turn: how many of its bytes lie before the cut. */
function bytesLeft({ bytes, after }: Cut): (piece: Buffer) => number {
  let passed = 0;
  let said = "";
  let at = after === "" ? bytes : Number.POSITIVE_INFINITY;
  return (piece) => {
    if (at === Number.POSITIVE_INFINITY) {
      said += piece.toString("latin1");
      const found = said.indexOf(after);
      if (found >= 0) at = found + bytes;
    }
    const left = at - passed;
    passed += piece.length;
    return left;
  };
}

/** Passes everything on to a port of 127.0.0.1 until told otherwise. */
export async function startCuttingProxy(serverPort: number, gauge: Gauge = { open: 0, most: 0 }): Promise<CuttingProxy> {
  const open = new Set<Socket>();
  const total = { fromServer: 0, fromClient: 0 };
  let cut: Cut | null = null;
  let frozen = false;
  let accepted = 0;
  let cuts = 0;

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
      const left = mine?.side === side ? bytesLeft(mine) : () => Number.POSITIVE_INFINITY;
      let isCut = false;
      from.on("data", (chunk: Buffer) => {
        if (frozen || isCut) return;
        const most = left(chunk);
        const kept = chunk.length > most ? chunk.subarray(0, most) : chunk;
        total[side] += kept.length;
        if (!to.write(kept)) {
          from.pause();
          to.once("drain", () => from.resume());
        }
        if (chunk.length < most) return;
        isCut = true;
        cuts++;
        to.end(destroy);
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
    cutNext: (side, bytes, after = "") => {
      cut = { side, bytes, after };
    },
    cuts: () => cuts,
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
