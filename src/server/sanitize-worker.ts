/** The thread that makes HTML bodies safe; see `sanitizer.ts`. */
import { parentPort } from "node:worker_threads";
import { type SafeBody, sanitize } from "./sanitize.ts";

export interface Request {
  readonly body: string;
  readonly pictures: ReadonlyMap<string, string>;
}

if (parentPort === null) throw new Error("sanitize-worker.ts runs as a worker thread only.");
const port = parentPort;

port.on("message", ({ body, pictures }: Request) => {
  port.postMessage(sanitize(body, pictures) satisfies SafeBody);
});
