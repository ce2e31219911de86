import { connect, createServer, type Socket } from "node:net";

/** Where the relay hangs up on both sides. */
export type RelayCut = "nowhere" | "before the content" | "after the content";

/** A wire between a client and a mail server (no TLS) that breaks when told: the server's end of it is real. */
export interface SmtpRelay extends AsyncDisposable {
  readonly port: number;
}

/**
 * `before the content` breaks when the server invites content, `after the content` when it answers it: by then the server has taken the
 * message, and the client never learns of it.
 */
export async function startSmtpRelay(serverPort: number, cut: RelayCut): Promise<SmtpRelay> {
  const open = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: serverPort });
    const hangUp = () => {
      client.destroy();
      upstream.destroy();
    };
    let said = "";
    let contentSent = false;
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", hangUp).on("close", () => {
        open.delete(socket);
        hangUp();
      });
    }
    client.on("data", (chunk: Buffer) => {
      said = (said + chunk.toString("latin1")).slice(-5);
      contentSent ||= said === "\r\n.\r\n";
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      const breaks = cut === "before the content" ? chunk.toString("latin1").startsWith("354") : cut === "after the content" && contentSent;
      if (breaks) hangUp();
      else client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return {
    port: address.port,
    async [Symbol.asyncDispose]() {
      for (const socket of open) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
