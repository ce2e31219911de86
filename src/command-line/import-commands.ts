import type { Command } from "commander";
import type { OrganizationSync } from "../engine/operations/server-side-sync.ts";
import type { ServerSideSync, Takeover } from "../model/server-side-sync.ts";
import type { Surroundings } from "./by-hand-commands.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { askHidden } from "./hidden-line.ts";
import { untilInterrupted } from "./interruption.ts";
import type { Json } from "./json.ts";
import { plural, printable } from "./print.ts";
import { takeoverLines } from "./print-take-over.ts";
import { missingSecrets, writeConfiguration, writeSecret } from "./take-over-files.ts";

/** What the command needs of the program around it. */
export interface ImportSurroundings extends Surroundings {
  /** The configuration file. */
  file(): string;
  /** Configuration for what an organization says, beside what the file holds. */
  takeOver(file: string, sync: ServerSideSync, organization: string): Takeover;
  /** The text of the configuration file with that added; checked. */
  withAdded(file: string, yaml: string): string;
}

interface ImportOptions {
  readonly to?: string;
  readonly overwrite?: boolean;
  readonly dryRun?: boolean;
  readonly askPasswords?: boolean;
}

/** Adds the command that takes over what Dynamics' server-side synchronization does (docs/crm/import-server-side-synchronization.md). */
export function addImportCommands(program: Command, surroundings: ImportSurroundings): void {
  const { withDoor, takeOver, print, file } = surroundings;
  program
    .command("import")
    .description("take over what another program does with the organization's email")
    .command("server-side-synchronization")
    .description("read email server profiles and mailboxes from an organization of Dynamics 365, and print or write configuration for them")
    .argument("[organization]", "its name in the configuration; may be left out where there is only one of Dynamics 365")
    .option("--dry-run", "only tell what would be taken over, what not, and why")
    .option("--to <file>", "write the configuration with what is taken over into this file, in the folder of the configuration")
    .option("--overwrite", "write over the file if it is there, which may be the configuration itself")
    .option("--ask-passwords", "ask for the missing secrets on the terminal, and write their files")
    .action((organization: string | undefined, options: ImportOptions) =>
      withDoor(async (door) => {
        const answer = await door.call("serverSideSync", organization ?? null, untilInterrupted());
        const takeover = takeOver(file(), withDates(answer.sync), answer.organization);
        const told = takeoverLines(answer.organization, takeover);
        if (options.dryRun === true) {
          print({ organization: answer.organization, ...takeover }, told);
          return exitCode(takeover);
        }
        if (options.to === undefined || takeover.yaml === "") {
          print({ organization: answer.organization, ...takeover }, pasted(told, takeover));
          return exitCode(takeover);
        }
        return writeTo(options.to, { organization: answer.organization, takeover, told }, options, surroundings);
      }),
    );
}

interface Writing {
  readonly organization: string;
  readonly takeover: Takeover;
  readonly told: readonly string[];
}

async function writeTo(
  to: string,
  { organization, takeover, told }: Writing,
  { overwrite = false, askPasswords = false }: ImportOptions,
  { file, withAdded, print }: ImportSurroundings,
): Promise<ExitCode> {
  writeConfiguration(to, withAdded(file(), takeover.yaml), { beside: file(), overwrite });
  const provided = askPasswords ? await askForSecrets(takeover, to) : 0;
  const missing = missingSecrets(takeover.secrets, to);
  const files = missing.map((one) => one.file).join(", ");
  print({ organization, ...takeover, written: to, missing }, [
    ...told,
    "",
    printable(`${to} is written.`),
    ...(provided === 0 ? [] : [`${plural(provided, "secret")} written.`]),
    missing.length === 0 ? "No secret is missing." : `${plural(missing.length, "secret")} to be provided: ${files}.`,
  ]);
  return missing.length > 0 ? EXIT.attention : exitCode(takeover);
}

/** Asks for each secret that is not there yet, on the error stream, where nothing of the result stands. Returns how many were given. */
async function askForSecrets({ secrets }: Takeover, configuration: string): Promise<number> {
  const missing = missingSecrets(secrets, configuration);
  if (missing.length > 0) process.stderr.write("Nothing of what you type is shown; Enter leaves a secret out.\n");
  let provided = 0;
  for (const secret of missing) {
    const given = await askHidden(`${printable(secret.what)}: `, { input: process.stdin, output: process.stderr });
    if (given === "") continue;
    writeSecret(secret, given, configuration);
    provided++;
  }
  return provided;
}

/** YAML to be pasted, with what is to be known of it as comments before it. */
function pasted(told: readonly string[], { yaml }: Takeover): string[] {
  return yaml === "" ? [...told] : [...told.map((line) => (line === "" ? "#" : `# ${line}`)), ...yaml.trimEnd().split("\n")];
}

function exitCode({ notes }: Takeover): ExitCode {
  return notes.some(({ kind }) => kind === "to do") ? EXIT.attention : EXIT.ok;
}

/** As it was before its trip through JSON. */
export function withDates(sync: Json<OrganizationSync["sync"]>): ServerSideSync {
  const date = (text: string | null) => (text === null ? null : new Date(text));
  return {
    ...sync,
    profiles: sync.profiles.map((one) => ({ ...one, readFrom: date(one.readFrom) })),
    mailboxes: sync.mailboxes.map((one) => ({ ...one, readFrom: date(one.readFrom), lastSync: date(one.lastSync) })),
  };
}
