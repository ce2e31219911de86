import type { Server } from "node:net";

/** Starts listening and tells the port. @throws the listener's error, when the port is taken for instance */
export function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once("error", reject);
    server.listen(port, host, () => {
      server.off("error", reject);
      const address = server.address();
      if (address === null || typeof address === "string") reject(new Error("Not listening on a TCP port"));
      else resolve(address.port);
    });
  });
}
