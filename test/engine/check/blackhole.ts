import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { connect, type Socket } from "node:net";

/** Listens with room for one connection and never takes any: once the room is full, the kernel answers nobody, as a filtering firewall does. */
const PROGRAM = `
const server = require("node:net").createServer().listen({ port: 0, host: "127.0.0.1", backlog: 1 }, () => {
  process.stdout.write(server.address().port + "\\n", () => Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0));
});`;

/** Connections that fill the room on every kernel; those above it are refused the third step of TCP. */
const FILLING = 4;

/** A port of 127.0.0.1 that gives no sign of life. */
export async function startBlackhole(): Promise<AsyncDisposable & { readonly port: number }> {
  const child: ChildProcess = spawn(process.execPath, ["-e", PROGRAM], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = once(child, "exit");
  const [line] = await once(child.stdout ?? process.stdin, "data");
  const port = Number(String(line).trim());
  const sockets: Socket[] = [];
  for (let i = 0; i < FILLING; i++) sockets.push(connect({ port, host: "127.0.0.1" }).on("error", () => undefined));
  return {
    port,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      child.kill("SIGKILL");
      await exited;
    },
  };
}
