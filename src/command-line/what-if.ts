import { type Command, InvalidArgumentError, Option } from "commander";
import type { WhatIfEvent, WhatIfRequest } from "../engine/operations/what-if.ts";
import { parseTime } from "./audit-commands.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { untilInterrupted } from "./interruption.ts";
import type { Json } from "./json.ts";
import { whatIfChangeLines, whatIfCountLines, whatIfEndLines } from "./print-what-if.ts";
import type { Door } from "./service-door.ts";
import { parseFilter, parseSetting } from "./what-if-arguments.ts";

/** What a command needs of the program that it belongs to. */
export interface Surroundings {
  withDoor(work: (door: Door) => Promise<ExitCode>): Promise<void>;
  isJson(): boolean;
  /** One document on one line. */
  print(result: unknown): void;
  write(lines: readonly string[]): void;
}

interface WhatIfOptions extends Pick<WhatIfRequest, "days"> {
  readonly mailbox: readonly string[];
  readonly set: WhatIfRequest["settings"];
  readonly filter: WhatIfRequest["filters"];
  readonly readFrom?: Date;
  readonly limit: number;
  readonly all?: boolean;
}

/** Adds `waypost what-if` (docs/what-if.md). */
export function addWhatIf(program: Command, surroundings: Surroundings): void {
  program
    .command("what-if")
    .description("say what other settings would have made of the messages of the last days; nothing is written")
    .addOption(new Option("--days <number>", "how far back").argParser(wholeNumber(1, 3660)).default(30))
    .addOption(new Option("--mailbox <address...>", "only these are told of; --read-from is about them").default([], "all"))
    .addOption(new Option("--set <name=value>", "an organization setting by its Dynamics name").argParser(parseSetting).default({}, "none"))
    .addOption(new Option("--filter <address=method>", "the filter of a user or queue").argParser(parseFilter).default([], "none"))
    .addOption(
      new Option("--read-from <time>", "another start of the mailboxes, like 2026-05-01 or 2026-05-01T08:00:00+02:00").argParser(parseTime),
    )
    .addOption(new Option("--limit <number>", "messages shown whose outcome changes").argParser(wholeNumber(0, 1_000_000)).default(50))
    .option("--all", "show all of them")
    .action((options: WhatIfOptions) => surroundings.withDoor((door) => run(door, requestOf(options), surroundings)));
}

function requestOf({ days, mailbox, set, filter, readFrom, limit, all }: WhatIfOptions): WhatIfRequest {
  return { days, mailboxes: mailbox, settings: set, filters: filter, readFrom: readFrom ?? null, limit: all ? null : limit };
}

async function run(door: Door, request: WhatIfRequest, { isJson, print, write }: Surroundings): Promise<ExitCode> {
  const changes: unknown[] = [];
  // Each is shown when it is found: all of them may be more than anybody holds.
  const tell = (event: Json<WhatIfEvent>): void => {
    if ("change" in event && isJson()) changes.push(event.change);
    else if (!isJson()) write("counts" in event ? whatIfCountLines(event.counts) : whatIfChangeLines(event.change));
  };
  const { counts, told } = await door.call("whatIf", request, untilInterrupted(), tell);
  if (isJson()) print({ ...counts, changes });
  else if (told < counts.changed) write(whatIfEndLines(told, counts.changed));
  return EXIT.ok;
}

function wholeNumber(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text);
    if (!/^\d+$/.test(text) || value < least || value > most)
      throw new InvalidArgumentError(`It must be a whole number from ${least} to ${most}.`);
    return value;
  };
}
