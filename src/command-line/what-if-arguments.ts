import { InvalidArgumentError } from "commander";
import type { WhatIfRequest } from "../engine/operations/what-if.ts";
import { DEFAULT_SETTINGS, type FilterMethod } from "../model/settings.ts";

/** What is tried: `name=value` with an organization setting of Dynamics' name. May be given several times. */
export function parseSetting(text: string, before: WhatIfRequest["settings"] = {}): WhatIfRequest["settings"] {
  const [name, value] = halves(text, "--set takes name=value, for example emailcorrelationenabled=false.");
  const known = Object.keys(DEFAULT_SETTINGS).find((one) => one.toLowerCase() === name.toLowerCase());
  if (known === undefined) throw new InvalidArgumentError(`There is no organization setting ${name}; docs/configuration.md lists them.`);
  return { ...before, [known]: typed(value, Reflect.get(DEFAULT_SETTINGS, known)) };
}

/** In the type of the setting; what is none of that type is told by whoever checks the settings. */
function typed(text: string, example: unknown): unknown {
  if (typeof example === "boolean") return TRUTHS.get(text.toLowerCase()) ?? text;
  if (typeof example === "number") return /^-?\d+$/.test(text) ? Number(text) : text;
  return Array.isArray(example) ? text.split(";").filter((one) => one !== "") : text;
}

const TRUTHS: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["on", true],
  ["1", true],
  ["false", false],
  ["off", false],
  ["0", false],
]);

/** The names of the configuration and Dynamics' numbers. */
const METHODS: ReadonlyMap<string, FilterMethod> = new Map([
  ["all", 0],
  ["0", 0],
  ["replies", 1],
  ["1", 1],
  ["contacts", 2],
  ["2", 2],
  ["records", 3],
  ["3", 3],
  ["none", 4],
  ["4", 4],
]);

/** The filter of a user or queue that is tried: `address=method`. May be given several times. */
export function parseFilter(text: string, before: WhatIfRequest["filters"] = []): WhatIfRequest["filters"] {
  const [address, name] = halves(text, "--filter takes address=method, for example ann@example.com=replies.");
  const method = METHODS.get(name.toLowerCase());
  if (method === undefined) throw new InvalidArgumentError("A filter is all, replies, contacts, records or none (0 to 4).");
  return [...before.filter((one) => one.address !== address), { address, method }];
}

/** A value may hold more of them than the first, a name or address holds none. */
function halves(text: string, hint: string): [string, string] {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError(hint);
  return [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}
