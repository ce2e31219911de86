/** `npm run bench -- <name> [options]`: measurements, side by side in one run on the same data. Options: --json, and those of the bench. */
import { parseArgs } from "node:util";
import { benchReceive } from "./receive.ts";

/** What a bench gives: a table for people, and the same figures for programs. */
export interface Measured {
  readonly table: string;
  readonly figures: object;
}

const benches: Readonly<Record<string, (messages: number | undefined) => Promise<Measured>>> = { receive: benchReceive };

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { json: { type: "boolean", default: false }, messages: { type: "string" } },
});
const names = positionals.length > 0 ? positionals : Object.keys(benches);
const messages = values.messages === undefined ? undefined : Number(values.messages);
const unknown = names.filter((name) => !Object.hasOwn(benches, name));

if (unknown.length > 0 || (messages !== undefined && !(Number.isInteger(messages) && messages > 0))) {
  console.error(`usage: npm run bench -- [${Object.keys(benches).join("|")}] [--messages <number>] [--json]`);
  process.exitCode = 2;
} else {
  const all: Record<string, object> = {};
  for (const name of names) {
    const measured = await benches[name]?.(messages);
    if (measured === undefined) continue;
    console.log(measured.table);
    all[name] = measured.figures;
  }
  if (values.json) console.log(JSON.stringify(all));
}
