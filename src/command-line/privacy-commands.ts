import { Argument, type Command, Option } from "commander";
import type { Forgotten } from "../engine/operations/forget.ts";
import type { HistoryRead, MailboxHistory } from "../engine/operations/history.ts";
import type { UntrackedShown } from "../ledger/privacy.ts";
import { parseTime } from "./audit-commands.ts";
import type { Surroundings } from "./by-hand-commands.ts";
import { EXIT } from "./exit-codes.ts";
import { untilInterrupted } from "./interruption.ts";
import type { Json } from "./json.ts";
import { moment, plural, printable } from "./print.ts";
import { progressBar } from "./progress.ts";

/** Adds the commands about what is kept and shown of mail that is not tracked (docs/privacy.md). */
export function addPrivacyCommands(program: Command, surroundings: Surroundings): void {
  const { withDoor, print, actor } = surroundings;
  addHistory(program, surroundings);
  program
    .command("privacy")
    .description("say whether administrators are shown subject and counterpart of mail that is no email; show or hide them from now on")
    .addArgument(new Argument("[verdict]").choices(["show", "hide"]))
    .action((verdict?: "show" | "hide") =>
      withDoor(async (door) => {
        const result = verdict === undefined ? await door.call("privacy") : await door.call("showUntracked", verdict === "show", actor());
        print(result, privacyLines(result));
        return EXIT.ok;
      }),
    );

  program
    .command("forget")
    .description("purge what is known of an address from mail that is no email; emails of the CRM with it are listed and stay")
    .argument("<address>")
    .action((address: string) =>
      withDoor(async (door) => {
        const result = await door.call("forget", address, actor());
        print(result, forgottenLines(result));
        return result.waiting > 0 ? EXIT.attention : EXIT.ok;
      }),
    );
}

/** What of the time before its start lies in a mailbox, and the reading of it by choice. */
function addHistory(program: Command, { withDoor, print, isJson, actor }: Surroundings): void {
  program
    .command("history")
    .description("count what a mailbox holds from before its start, and what would become of it; with --read it is read")
    .argument("<mailbox>")
    .addOption(
      new Option("--from <time>", "received then or later, like 2026-05-01 or 2026-05-01T08:00:00+02:00")
        .argParser(parseTime)
        .makeOptionMandatory(),
    )
    .option("--read", "set the start of the mailbox back to that time: what was passed over is read")
    .action((mailbox: string, { from, read = false }: { from: Date; read?: boolean }) =>
      withDoor(async (door) => {
        if (read) {
          const result = await door.call("readHistory", mailbox, from, actor());
          print(result, historyReadLines(result));
          return EXIT.ok;
        }
        const bar = progressBar("Looking", isJson());
        const result = await door.call("history", mailbox, from, untilInterrupted(), bar.update).finally(() => bar.stop());
        print(result, historyLines(result));
        return result.failed.length > 0 ? EXIT.attention : EXIT.ok;
      }),
    );
}

/** A preview as people read it. */
export function historyLines({
  mailbox,
  from,
  until,
  messages,
  outcomes,
  known,
  doubtful,
  folders,
  failed,
}: Json<MailboxHistory>): string[] {
  const { tracked, skipped, duplicate, quarantined } = outcomes;
  return [
    `${mailbox}, received from ${moment(from)} on and before its start, ${moment(until)}: ${plural(messages, "message")}.`,
    ...folders.filter((one) => one.messages > 0).map((one) => `  ${one.folder}: ${one.messages}`),
    ...failed.map((one) => `  ${one.folder}: not counted. ${one.because}`),
    `By the rules of now, as far as their heads tell: ${tracked} would become emails, ${skipped} would be left alone.`,
    ...(duplicate > 0 ? [`  ${duplicate} ${duplicate === 1 ? "is an email" : "are emails"} already, from other mailboxes.`] : []),
    ...(known > 0 ? [`  ${known} are emails or in quarantine already, and stay what they are.`] : []),
    ...(quarantined > 0 ? [`  ${quarantined} would go into quarantine: the server does not hand out their headers.`] : []),
    ...(doubtful > 0
      ? [`  Of those to become emails, ${doubtful} have no Message-ID or no date: only their content tells whether two are one.`]
      : []),
    "Nothing was stored. With --read the mailbox is read from then on.",
  ].map(printable);
}

function historyReadLines({ mailbox, from, before }: Json<HistoryRead>): string[] {
  return [
    `${mailbox} starts at ${moment(from)} from now on, and not at ${moment(before)} any more. What was passed over is read at once by a running service, else by the next \`waypost receive\`.`,
  ].map(printable);
}

function forgottenLines({ address, messages, words, waiting, emails }: Json<Forgotten>): string[] {
  return [
    `Of ${plural(messages, "message")} with ${address} that became no email, nothing is known any more but that ${messages === 1 ? "it was" : "they were"} seen.`,
    ...(words > 0 ? [`Closed alerts and entries of the quarantine that named it went too: ${words}.`] : []),
    ...(waiting > 0
      ? [
          `${plural(waiting, "message")} with it wait in quarantine or to be decided again. Run the command once more when they are decided.`,
        ]
      : []),
    ...(emails.length > 0 ? ["Emails of the CRM with it, which stay:", ...emails.map((id) => `  ${id}`)] : ["No email of the CRM has it."]),
  ].map(printable);
}

function privacyLines(organizations: readonly Json<UntrackedShown>[]): string[] {
  return organizations
    .map(({ organization, since, by }) =>
      since === null
        ? `${organization}: subject and counterpart of mail that is no email are not shown.`
        : `${organization}: subject and counterpart of mail that is no email are shown to administrators, but of private and confidential mail; ${by} switched that on, ${moment(since)}. Each look is audited.`,
    )
    .map(printable);
}
