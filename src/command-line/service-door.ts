import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import type { Operations } from "../engine/operations/operations.ts";
import { Failure } from "../model/failure.ts";
import { asJson, type Json } from "./json.ts";

/** Where a running service of an embedded database lets the command line in: written beside the database, readable for its owner only. */
export const DOOR_FILE = "service.json";

const door = z.object({ url: z.url(), token: z.string().min(20) });

/** The operations as the command line calls them: in this process, or in the service that holds the database's folder. */
export interface Door {
  call<Name extends keyof Operations>(name: Name, ...args: unknown[]): Promise<Json<Awaited<ReturnType<Operations[Name]>>>>;
}

/** Operations of this process. */
export function ownDoor(operations: Operations): Door {
  return {
    async call(name, ...args) {
      const operation = operations[name] as (...values: unknown[]) => Promise<unknown>;
      return asJson(await operation(...args)) as never;
    },
  };
}

/** The door of the service that holds this folder, or null when none left its address there. */
export function serviceDoor(folder: string): Door | null {
  const file = path.join(folder, DOOR_FILE);
  if (!existsSync(file)) return null;
  const { url, token } = door.parse(JSON.parse(readFileSync(file, "utf8")));
  return {
    async call(name, ...args) {
      const response = await fetch(new URL(`/api/operations/${name}`, url), {
        method: "POST",
        headers: { authorization: `Bearer ${token}`, "content-type": "application/json" },
        // Signals and progress callbacks do not travel.
        body: JSON.stringify({ arguments: args.filter((one) => typeof one !== "function" && !(one instanceof AbortSignal)) }),
      });
      const body: unknown = await response.json();
      if (response.ok) return (body as { result: unknown }).result as never;
      throw remoteFailure(body, response.status);
    },
  };
}

const remoteError = z.object({ code: z.string(), message: z.string(), serverSaid: z.string().optional(), remedy: z.string() });

function remoteFailure(body: unknown, status: number): Failure {
  const parsed = remoteError.safeParse(body);
  const facts = parsed.success
    ? parsed.data
    : { code: "service refused", message: `The running service answered with status ${status}.`, remedy: "Look into the service's log." };
  return new Failure({ scope: "process", waitingHelps: false, ...facts });
}
