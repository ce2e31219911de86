import { readFileSync, rmSync, writeFileSync } from "node:fs";
import http from "node:http";
import path from "node:path";
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { z } from "zod";
import type { Operations } from "../engine/operations/operations.ts";
import { Failure } from "../model/failure.ts";
import { asJson, type Json } from "./json.ts";

/** Where a running service of an embedded database lets the command line in: written beside the database, readable for its owner only. */
export const DOOR_FILE = "service.json";

/** How long a service may take to say that it lives, before it counts as gone. */
const LIFE_SIGN_MS = 2_000;

const doorFile = z.object({ url: z.url(), token: z.string().min(20) });
type DoorFile = z.infer<typeof doorFile>;

/** The operations as the command line calls them: in this process, or in the service that holds the database's folder. */
export interface Door {
  call<Name extends keyof Operations>(name: Name, ...args: unknown[]): Promise<Json<Awaited<ReturnType<Operations[Name]>>>>;
}

/** Operations of this process. */
export function ownDoor(operations: Operations): Door {
  return {
    async call(name, ...args) {
      const operation = operations[name] as (...values: unknown[]) => Promise<unknown>;
      // What is told on the way has the same shape from here as over HTTP.
      const local = args.map((one) => (isTell(one) ? (...progress: unknown[]) => one(...progress.map(asJson)) : one));
      return asJson(await operation(...local)) as never;
    },
  };
}

/** Leaves the address and the key of a running service in its folder. Returns the way to take them away. */
export function openServiceDoor(folder: string, door: DoorFile): { close(): void } {
  const file = path.join(folder, DOOR_FILE);
  const close = () => rmSync(file, { force: true });
  // Made anew, so that a file that a killed service left with other rights cannot show the key.
  close();
  writeFileSync(file, JSON.stringify(door), { mode: 0o600, flag: "wx" });
  return { close };
}

/** The door of the service that holds this folder, or null when none lives there: a service that was killed leaves its address behind. */
export async function serviceDoor(folder: string): Promise<Door | null> {
  const door = readDoor(path.join(folder, DOOR_FILE));
  if (door === null || !(await lives(door.url))) return null;
  return {
    async call(name, ...args) {
      const signal = args.find((one) => one instanceof AbortSignal);
      const tell = args.find(isTell);
      // A signal becomes the end of the connection, and progress comes back line by line.
      const travelling = args.filter((one) => typeof one !== "function" && !(one instanceof AbortSignal));
      const { status, body } = await post(door, `/api/operations/${name}`, { arguments: travelling }, { signal, tell });
      if (status === 200) return result.parse(body).result as never;
      throw remoteFailure(body, status);
    },
  };
}

type Tell = (...progress: unknown[]) => void;

function isTell(value: unknown): value is Tell {
  return typeof value === "function";
}

const result = z.object({ result: z.unknown() });
/** A line of an answer that comes in lines. */
const answerLine = z.union([z.object({ progress: z.array(z.unknown()) }), z.object({ error: z.unknown() }), result]);
const LINES = "application/x-ndjson";
const remoteError = z.object({ code: z.string(), message: z.string(), serverSaid: z.string().optional(), remedy: z.string() });

function readDoor(file: string): DoorFile | null {
  try {
    return doorFile.safeParse(JSON.parse(readFileSync(file, "utf8"))).data ?? null;
  } catch {
    // Not there, or just being written: either way nobody can be reached by it.
    return null;
  }
}

async function lives(url: string): Promise<boolean> {
  try {
    return (await fetch(new URL("/healthz", url), { signal: AbortSignal.timeout(LIFE_SIGN_MS) })).ok;
  } catch {
    return false;
  }
}

/** Not `fetch`, which gives up after five minutes without an answer: the first reading of a large mailbox takes longer. */
async function post(
  { url, token }: DoorFile,
  route: string,
  body: unknown,
  { signal, tell }: { readonly signal: AbortSignal | undefined; readonly tell: Tell | undefined },
): Promise<{ status: number; body: unknown }> {
  try {
    const response = await new Promise<http.IncomingMessage>((resolve, reject) => {
      const request = http.request(new URL(route, url), {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json", ...(tell && { accept: LINES }) },
        ...(signal && { signal }),
      });
      request.once("error", reject).once("response", resolve).end(JSON.stringify(body));
    });
    const status = response.statusCode ?? 0;
    if (tell && response.headers["content-type"] === LINES) return await lastLine(response, tell);
    return { status, body: JSON.parse(await text(response)) };
  } catch (cause) {
    throw new Failure({
      scope: "process",
      code: signal?.aborted ? "interrupted" : "service ended",
      message: signal?.aborted
        ? `You interrupted the command; the service at ${url} stops at the next safe point.`
        : `The running service at ${url} did not answer to the end.`,
      serverSaid: cause instanceof Error ? cause.message : String(cause),
      remedy: "Nothing is lost. Run the command again.",
      waitingHelps: true,
      cause,
    });
  }
}

/** Tells the progress as it comes; the last line is the answer. */
async function lastLine(response: http.IncomingMessage, tell: Tell): Promise<{ status: number; body: unknown }> {
  for await (const line of createInterface({ input: response, crlfDelay: Number.POSITIVE_INFINITY })) {
    const said = answerLine.parse(JSON.parse(line));
    if ("progress" in said) tell(...said.progress);
    else if ("error" in said) return { status: 500, body: said.error };
    else return { status: 200, body: said };
  }
  throw new Error("it ended without an answer");
}

function remoteFailure(body: unknown, status: number): Failure {
  const facts = remoteError.safeParse(body).data ?? {
    code: "service refused",
    message: `The running service answered with status ${status}.`,
    remedy: "Look into the service's log.",
  };
  return new Failure({ scope: "process", waitingHelps: false, ...facts });
}
