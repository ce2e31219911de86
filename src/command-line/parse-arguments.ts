import { Resolver } from "node:dns";
import { InvalidArgumentError } from "commander";
import type { Role } from "../engine/engine.ts";

/** Arguments and options as they are typed; what is none is an InvalidArgumentError that says what it must be. */

/** What a process does, separated by commas. */
export function parseRoles(list: string): ReadonlySet<Role> {
  const known: readonly Role[] = ["web", "worker", "watcher"];
  const roles = list.split(",").map((one) => one.trim());
  const unknown = roles.find((one) => !known.some((role) => role === one));
  if (unknown !== undefined) throw new InvalidArgumentError(`"${unknown}" is no role; there are ${known.join(", ")}.`);
  return new Set(known.filter((role) => roles.includes(role)));
}

/** Seconds, an hour at most. */
export function parseSeconds(text: string): number {
  const value = wholeNumber(text);
  if (value > 3600) throw new InvalidArgumentError("At most 3600 seconds.");
  return value;
}

/** One more name server: an address, with a port if wanted. */
export function parseNameServers(text: string, before: readonly string[] = []): readonly string[] {
  try {
    new Resolver().setServers([text]);
  } catch {
    throw new InvalidArgumentError("It must be an IP address, or address:port.");
  }
  return [...before, text];
}

/** A port, 0 for any. */
export function parsePort(text: string): number {
  const port = wholeNumber(text);
  if (port > 65_535) throw new InvalidArgumentError("A port is at most 65535.");
  return port;
}

/** One more whole number. */
export function parseNumbers(text: string, before: readonly number[]): readonly number[] {
  return [...before, wholeNumber(text)];
}

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!/^\d+$/.test(text) || !Number.isSafeInteger(value)) throw new InvalidArgumentError("It must be a whole number.");
  return value;
}

/** The id of an email. */
export function parseId(text: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text)) throw new InvalidArgumentError("It must be the id of an email.");
  return text;
}
