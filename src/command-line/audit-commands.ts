import { type Command, InvalidArgumentError, Option } from "commander";
import type { AuditResult } from "../engine/operations/audit.ts";
import type { Surroundings } from "./by-hand-commands.ts";
import { EXIT, type ExitCode, exitCodeOfLeft } from "./exit-codes.ts";
import { untilInterrupted } from "./interruption.ts";
import type { Json } from "./json.ts";
import { receivedLines } from "./print.ts";
import { auditLines, replaySenderLines } from "./print-audit.ts";
import { progressBar } from "./progress.ts";

interface ReplayOptions {
  readonly from?: Date;
  readonly to?: Date;
  readonly sender?: string;
}

/** Adds the commands that compare mailboxes with the CRM, and have mail decided anew (docs/audit.md). */
export function addAuditCommands(program: Command, { withDoor, print, isJson }: Surroundings): void {
  program
    .command("audit")
    .description("compare mailboxes with the CRM, message by message, from the mail server's own listing: all of them, or those named")
    .argument("[addresses...]")
    .option("--repair", "read again what is missing, where it lies")
    .action((addresses: string[], { repair = false }: { repair?: boolean }) =>
      withDoor(async (door) => {
        const stop = untilInterrupted();
        const bar = progressBar("Comparing", isJson());
        const result = await door.call("audit", addresses, repair, stop, bar.update).finally(() => bar.stop());
        print(result, auditLines(result));
        const isMissing = result.reports.some(({ missing, repaired }) => missing > repaired);
        return exitCodeOf(result, stop) || (isMissing ? EXIT.attention : EXIT.ok);
      }),
    );

  program
    .command("replay")
    .description("have mail decided anew by the rules of now: what mailboxes received in a window of time, or what came from a sender")
    .argument("[addresses...]")
    .addOption(new Option("--from <time>", "received then or later, like 2026-05-01 or 2026-05-01T08:00:00+02:00").argParser(parseTime))
    .addOption(new Option("--to <time>", "received then or earlier; left out: until now").argParser(parseTime))
    .option("--sender <address>", "instead: what no filter wanted of this sender; --from goes further back than the setting days")
    .action((addresses: string[], options: ReplayOptions) => {
      const wrong = whatIsWrong(addresses, options);
      if (wrong !== null) program.error(`error: ${wrong}`);
      const { from = null, to = null, sender } = options;
      return withDoor(async (door) => {
        if (sender !== undefined) {
          const result = await door.call("replaySender", addresses, sender, from);
          print(result, replaySenderLines(result));
          return EXIT.ok;
        }
        const stop = untilInterrupted();
        const bar = progressBar("Replaying", isJson());
        const result = await door.call("replay", addresses, { from, to }, stop, bar.update).finally(() => bar.stop());
        print(result, receivedLines(result));
        return exitCodeOf(result, stop) || (result.counts.quarantined > 0 ? EXIT.attention : EXIT.ok);
      });
    });
}

function exitCodeOf({ failures, left }: Json<AuditResult>, stop: AbortSignal): ExitCode {
  return failures.length > 0 || stop.aborted ? EXIT.failed : exitCodeOfLeft(left);
}

function whatIsWrong(addresses: readonly string[], { from, to, sender }: ReplayOptions): string | null {
  if (sender !== undefined && !sender.includes("@"))
    return `"${sender}" is no e-mail address; --sender takes one like carla@customer.example`;
  if (sender !== undefined) return to === undefined ? null : "--to goes with --from, and not with --sender";
  if (addresses.length === 0) return "name the mailboxes, or a --sender";
  if (from === undefined) return "say --from when, or a --sender";
  return to !== undefined && to < from ? "--to lies before --from" : null;
}

/** A day is its beginning in UTC. */
export function parseTime(text: string): Date {
  const time = new Date(text);
  if (!/^\d{4}-\d{2}-\d{2}(T\d{2}:\d{2}(:\d{2}(\.\d{1,3})?)?(Z|[+-]\d{2}:\d{2}))?$/.test(text) || Number.isNaN(time.getTime()))
    throw new InvalidArgumentError("It must be a day like 2026-05-01, or a time with its zone like 2026-05-01T08:00:00+02:00.");
  return time;
}
