import { createServer, type Server, type Socket } from "node:net";
import { serveImap } from "./imap/connection.ts";
import { MAXIMUM_CONNECTIONS } from "./limits.ts";
import { listen } from "./listen.ts";
import type { MailStore } from "./store.ts";

export interface RunningImapServer {
  readonly port: number;
  /** Ends all connections and stops listening. */
  close(): Promise<void>;
}

/** Listens for IMAP clients on loopback. Port 0 takes a free one. @throws the listener's error (port taken) */
export async function startImapServer(store: MailStore, host: string, port: number): Promise<RunningImapServer> {
  const sockets = new Set<Socket>();
  // Half open: a client that has said all still gets its answers.
  const server: Server = createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    // Read errors end the reading loop; a write error after that has nobody left to tell.
    socket.on("error", () => socket.destroy());
    serveImap(socket, store).catch((error: unknown) => {
      process.emitWarning(error instanceof Error ? error : String(error));
      socket.destroy();
    });
  });
  server.maxConnections = MAXIMUM_CONNECTIONS;
  return {
    port: await listen(server, host, port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        for (const socket of sockets) socket.destroy();
      }),
  };
}
