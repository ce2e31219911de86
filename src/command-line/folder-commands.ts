import type { Command } from "commander";
import type { FolderRuleInfo, MailboxFolders } from "../engine/operations/folder-rules.ts";
import { RECORD, type Surroundings } from "./by-hand-commands.ts";
import { EXIT } from "./exit-codes.ts";
import type { Json } from "./json.ts";
import { plural, printable } from "./print.ts";

const MAILBOX = "address of the mailbox";
const FOLDER = "as `waypost folder list` and `waypost status` name it";

/** Adds the commands for rules about folders (docs/track-by-folder.md). */
export function addFolderCommands(program: Command, { withDoor, print, actor }: Surroundings): void {
  const folder = program.command("folder").description("folders in which every message becomes an email");
  folder
    .command("list", { isDefault: true })
    .description("list the rules of a mailbox, and its folders")
    .argument("<mailbox>", MAILBOX)
    .action((mailbox: string) =>
      withDoor(async (door) => {
        const result = await door.call("folderList", mailbox);
        print(result, folderLines(result));
        return result.rules.some((one) => one.missing) ? EXIT.attention : EXIT.ok;
      }),
    );
  folder
    .command("track")
    .description("make an email of every message in a folder, whatever the filters say; a running service does it at once")
    .argument("<mailbox>", MAILBOX)
    .argument("<folder>", FOLDER)
    .option("--regarding <record>", `what the emails are about: ${RECORD}`)
    .option("--children", "the folders below it too")
    .action((mailbox: string, name: string, { regarding = null, children = false }: { regarding?: string | null; children?: boolean }) =>
      withDoor(async (door) => {
        const result = await door.call("folderTrack", mailbox, name, { regarding, children }, actor());
        print(result, ruleLines(result));
        return EXIT.ok;
      }),
    );
  folder
    .command("untrack")
    .description("take the rule of a folder away; the emails stay")
    .argument("<mailbox>", MAILBOX)
    .argument("<folder>", FOLDER)
    .action((mailbox: string, name: string) =>
      withDoor(async (door) => {
        const result = await door.call("folderUntrack", mailbox, name, actor());
        print(result, ruleLines(result));
        return EXIT.ok;
      }),
    );
}

/** The rules and the folders of a mailbox, as lines for a person. */
export function folderLines(result: Json<MailboxFolders>): string[] {
  const folders = result.folders.map(({ name, rule, whyNone }) => {
    const says = rule === null ? (whyNone ?? "has no rule") : rule === name ? "has a rule" : `is covered by the rule of ${rule}`;
    return printable(`  folder:    ${name} ${whyNone === null ? says : `cannot have a rule. ${whyNone}`}`);
  });
  return [...ruleLines(result), ...folders];
}

function ruleLines({ mailbox, rules }: Json<MailboxFolders>): string[] {
  return [`${mailbox}: ${plural(rules.length, "rule")} about folders.`, ...rules.map(ruleLine)].map(printable);
}

function ruleLine({ folder, children, regarding, by, at, missing }: Json<FolderRuleInfo>): string {
  const below = children ? " and those below it" : "";
  const about = regarding === null ? "" : `, about the ${regarding.type} ${regarding.name} (${regarding.id})`;
  const state = missing ? " The folder is not there any more." : "";
  return `  rule:      ${folder}${below}${about}; said by ${by} on ${at.slice(0, 10)}.${state}`;
}
