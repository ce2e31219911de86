import type { Command } from "commander";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { untilInterrupted } from "./interruption.ts";
import { contactLines, regardingLines, resolveLines, trackLines, untrackLines } from "./print-by-hand.ts";
import type { Door } from "./service-door.ts";

/** What a command needs of the program around it. */
export interface Surroundings {
  /** Runs an operation here, or in the service that holds the database. */
  withDoor(work: (door: Door) => Promise<ExitCode>): Promise<void>;
  print(result: unknown, lines: readonly string[]): void;
  /** The result is wanted as JSON. */
  isJson(): boolean;
  /** Who runs the command, for the audit. */
  actor(): string;
}

const MESSAGE = "Message-ID with or without angle brackets, number of a decision as `waypost explain` shows it, or id of an email";
/** How a record is named. */
export const RECORD = "contact:<id>, account:<id>, lead:<id>, or an e-mail address that exactly one active one of these has";

/** Adds the commands by which a person overrules the rules for one message (docs/track-by-hand.md). */
export function addByHandCommands(program: Command, { withDoor, print, actor }: Surroundings): void {
  program
    .command("track")
    .description("make an email of a message, whatever the rules say; a running service does it at once, else the next `waypost receive`")
    .argument("<message>", MESSAGE)
    .option("--regarding <record>", `what the email is about: ${RECORD}`)
    .action((message: string, { regarding = null }: { regarding?: string | null }) =>
      withDoor(async (door) => {
        const result = await door.call("track", message, regarding, actor());
        print(result, trackLines(result));
        return result.left.length > 0 ? EXIT.attention : EXIT.ok;
      }),
    );

  program
    .command("untrack")
    .description("say that a message shall be no email; nothing but `waypost track` brings it back")
    .argument("<message>", MESSAGE)
    .option("--delete-email", "delete the email in the CRM too, with its attachments and queue items; without it the email stays")
    .action((message: string, { deleteEmail = false }: { deleteEmail?: boolean }) =>
      withDoor(async (door) => {
        const result = await door.call("untrack", message, deleteEmail, actor());
        print(result, untrackLines(result));
        return EXIT.ok;
      }),
    );

  program
    .command("regarding")
    .description("say what the email of a message is about")
    .argument("<message>", MESSAGE)
    .argument("<record>", `${RECORD}; or none`)
    .action((message: string, record: string) =>
      withDoor(async (door) => {
        const result = await door.call("regarding", message, record, actor());
        print(result, regardingLines(result));
        return EXIT.ok;
      }),
    );

  program
    .command("contact")
    .description("make a contact of an e-mail address in the CRM, unless a record has it already")
    .argument("<address>")
    .option("--name <name>", 'what the contact is called, like "Carla Gray" or "Gray, Carla"; left out: by the address')
    .option("--organization <name>", "the CRM; needed where there are several")
    .action((address: string, { name = null, organization = null }: { name?: string | null; organization?: string | null }) =>
      withDoor(async (door) => {
        const result = await door.call("contact", address, { name, organization }, actor());
        print(result, contactLines(result));
        return EXIT.ok;
      }),
    );

  program
    .command("resolve")
    .description("say which record an e-mail address is that stands unresolved on emails, and resolve it on all of them")
    .argument("<address>", "the address as it stands on the emails")
    .argument("<record>", RECORD)
    .option("--message <message>", `resolve it on the email of this message, also where emails are not resolved alike: ${MESSAGE}`)
    .option("--beside", "keep the address beside the record's e-mail columns, also where one of them is free")
    .action((address: string, record: string, { message = null, beside = false }: { message?: string | null; beside?: boolean }) =>
      withDoor(async (door) => {
        const stop = untilInterrupted();
        const result = await door.call("resolve", address, record, { message, beside }, actor(), stop, () => undefined);
        print(result, resolveLines(result));
        return result.unfinished ? EXIT.failed : EXIT.ok;
      }),
    );
}
