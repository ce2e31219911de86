/** The thread that reads long JSON; see `body-reader.ts`. */
import { parentPort } from "node:worker_threads";
import type { Read } from "./body-reader.ts";
import { problemOfBounds } from "./json-bounds.ts";

if (parentPort === null) throw new Error("body-worker.ts runs as a worker thread only.");
const port = parentPort;

port.on("message", ({ id, bytes }: { readonly id: number; readonly bytes: Uint8Array }) => {
  port.postMessage(answer(id, bytes));
});

function answer(id: number, bytes: Uint8Array): Read {
  try {
    const problem = problemOfBounds(bytes);
    if (problem !== null) return { id, problem };
    return { id, value: JSON.parse(new TextDecoder().decode(bytes)) };
  } catch (error) {
    return { id, problem: error instanceof Error ? error.message : String(error) };
  }
}
