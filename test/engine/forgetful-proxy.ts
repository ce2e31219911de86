import { connect, createServer, type Socket } from "node:net";

/** A TCP proxy on 127.0.0.1 that lets a question through and its answer not. */
export interface ForgetfulProxy extends AsyncDisposable {
  readonly port: number;
  /** The connection on which a client next says something that holds this text breaks before any answer comes back. The server has heard it. */
  forgetAnswerTo(text: string): void;
  /** Whether that has happened. */
  forgot(): boolean;
}

/** Longer than the server needs to do what it was asked. */
const UNTIL_DONE = 300;

export async function startForgetfulProxy(serverPort: number): Promise<ForgetfulProxy> {
  const sockets = new Set<Socket>();
  let awaited: string | null = null;
  let forgot = false;
  const server = createServer((client) => {
    const upstream = connect({ host: "127.0.0.1", port: serverPort });
    let deaf = false;
    const end = () => {
      client.destroy();
      upstream.destroy();
    };
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", end).on("close", end);
    }
    client.on("data", (chunk: Buffer) => {
      if (awaited !== null && chunk.includes(awaited)) {
        awaited = null;
        forgot = true;
        deaf = true;
        setTimeout(end, UNTIL_DONE);
      }
      upstream.write(chunk);
    });
    upstream.on("data", (chunk: Buffer) => {
      if (!deaf) client.write(chunk);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return {
    port: address.port,
    forgetAnswerTo(text) {
      awaited = text;
      forgot = false;
    },
    forgot: () => forgot,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
