import { Argument, type Command } from "commander";
import type { Forgotten } from "../engine/operations/forget.ts";
import type { UntrackedShown } from "../ledger/privacy.ts";
import type { Surroundings } from "./by-hand-commands.ts";
import { EXIT } from "./exit-codes.ts";
import type { Json } from "./json.ts";
import { moment, plural, printable } from "./print.ts";

/** Adds the commands about what is kept and shown of mail that is not tracked (docs/privacy.md). */
export function addPrivacyCommands(program: Command, { withDoor, print, actor }: Surroundings): void {
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

function forgottenLines({ address, messages, words, waiting, emails }: Json<Forgotten>): string[] {
  return [
    `Of ${plural(messages, "message")} with ${address} that became no email, nothing is known any more but that they were seen.`,
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
