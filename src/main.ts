import { userInfo } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";
import { Argument, Command, CommanderError, Option } from "commander";
import pino from "pino";
import { addApprovalCommands } from "./command-line/approval-commands.ts";
import { addAuditCommands } from "./command-line/audit-commands.ts";
import { addByHandCommands } from "./command-line/by-hand-commands.ts";
import { checkWriter } from "./command-line/check-lines.ts";
import { addCrmTokenCommand } from "./command-line/crm-token-command.ts";
import { EXIT, EXIT_MEANINGS, type ExitCode, exitCodeOf, exitCodeOfLeft } from "./command-line/exit-codes.ts";
import { addFolderCommands } from "./command-line/folder-commands.ts";
import { addForwardRule } from "./command-line/forward-rule.ts";
import { addImportCommands } from "./command-line/import-commands.ts";
import { untilInterrupted } from "./command-line/interruption.ts";
import { parseId, parseNameServers, parseNumbers, parsePort, parseRoles, parseSeconds } from "./command-line/parse-arguments.ts";
import {
  authorizedLines,
  explanationLines,
  folded,
  isTakenByServers,
  nothingKnownLines,
  offerLines,
  plural,
  printable,
  quarantineLines,
  receivedLines,
  sentLines,
  statusLines,
} from "./command-line/print.ts";
import { foundLines } from "./command-line/print-found.ts";
import { allPresets, presetLines, profileLines } from "./command-line/print-presets.ts";
import { addPrivacyCommands } from "./command-line/privacy-commands.ts";
import { progressBar } from "./command-line/progress.ts";
import { type Door, ownDoor, serviceDoor } from "./command-line/service-door.ts";
import { addWhatIf } from "./command-line/what-if.ts";
import { type Configuration, configurationJsonSchema, problemLine, readConfiguration } from "./config.ts";
import type { Role } from "./engine/engine.ts";
import { takingOver } from "./migrate/server-side-sync/taking-over.ts";
import { Failure } from "./model/failure.ts";
import { VERSION } from "./model/version.ts";

/** The `waypost` command: parses, calls, prints. Everything it does is a function elsewhere. */

/** How long a command waits for a data folder that a starting service or another command has in hand. */
const BUSY_PATIENCE_MS = 10_000;
const BUSY_LOOK_MS = 250;
/** Lines for a screen narrower than this are left to the terminal to break. */
const NARROWEST_SCREEN = 60;

const program = new Command("waypost")
  .description("Connects mail systems to a CRM: mail in, mail out, and the reason for every decision.")
  .version(VERSION)
  .option("-c, --config <file>", "configuration file", process.env.WAYPOST_CONFIG ?? "waypost.yaml")
  .option("--json", "print the result as JSON, one document on one line")
  .showHelpAfterError("Add --help to see how it is used.")
  .configureHelp({ showGlobalOptions: true })
  .exitOverride()
  .addHelpText("afterAll", () => `\n${fitted(process.stdout, exitCodeLines()).join("\n")}`);

interface GlobalOptions {
  readonly config: string;
  readonly json?: boolean;
}

interface DiscoverCommandOptions {
  readonly askIspdb?: boolean;
  readonly nameServer?: readonly string[];
  readonly certificateAuthorities?: string;
  readonly all?: boolean;
}

function globalOptions(): GlobalOptions {
  return program.opts<GlobalOptions>();
}

program
  .command("serve")
  .description("run the service: reads, sends, watches, and answers on its web address")
  .addOption(
    new Option("--roles <list>", "what this process does, separated by commas")
      .argParser(parseRoles)
      .default(parseRoles("web,worker,watcher"), "web,worker,watcher"),
  )
  .action(async ({ roles }: { roles: ReadonlySet<Role> }) => {
    const configuration = readConfiguration(globalOptions().config);
    const stop = untilInterrupted("quietly");
    const { serve } = await import("./serve.ts");
    await serve(configuration, { roles, log: logTo(configuration, "stdout"), stop });
  });

program
  .command("demo")
  .description("everything in one process with sample data and a mail system of its own; nothing else needed")
  .option("--once", "run the sample traffic, print a summary as JSON on the last line, and end")
  .addOption(new Option("--port <number>", "port of the web address").argParser(parsePort).default(8025))
  .action(async ({ once, port }: { once?: boolean; port: number }) => {
    const stop = untilInterrupted("quietly");
    const { demo } = await import("./demo.ts");
    const complete = await demo({ once: once === true, port, json: globalOptions().json === true, stop });
    process.exitCode = complete ? EXIT.ok : EXIT.failed;
  });

program
  .command("receive")
  .description("read mailboxes once, now: all of them, or those named")
  .argument("[addresses...]")
  .action((addresses: string[]) =>
    withDoor(async (door) => {
      const stop = untilInterrupted();
      const bar = progressBar("Receiving", globalOptions().json === true);
      const result = await door.call("receive", addresses, stop, bar.update).finally(() => bar.stop());
      print(result, receivedLines(result));
      if (result.failures.length > 0 || stop.aborted) return EXIT.failed;
      return exitCodeOfLeft(result.left) || (result.counts.quarantined > 0 ? EXIT.attention : EXIT.ok);
    }),
  );

program
  .command("send")
  .description("send what is pending once, now: of all mailboxes, or of those named")
  .argument("[addresses...]")
  .action((addresses: string[]) =>
    withDoor(async (door) => {
      const stop = untilInterrupted();
      const bar = progressBar("Sending", globalOptions().json === true);
      const result = await door.call("send", addresses, stop, bar.update).finally(() => bar.stop());
      print(result, sentLines(result));
      if (result.failures.length > 0 || stop.aborted) return EXIT.failed;
      return exitCodeOfLeft(result.left) || (result.counts.failed + result.counts.unknown > 0 ? EXIT.attention : EXIT.ok);
    }),
  );

program
  .command("explain")
  .description("say why a message was or was not tracked, what became of an email that was sent, or why a mailbox is left alone")
  .argument("<message-id>", "Message-ID with or without angle brackets, id of an email, number of a decision, or address of a mailbox")
  .action((key: string) =>
    withDoor(async (door) => {
      const result = await door.call("explain", key, actor());
      const known = result.incoming.length + result.outgoing.length + result.mailboxes.length > 0 || result.pending !== null;
      print(result, known ? explanationLines(result) : nothingKnownLines(key, result));
      return known ? EXIT.ok : EXIT.notFound;
    }),
  );

addWhatIf(program, {
  withDoor,
  isJson: () => globalOptions().json === true,
  print: (result) => print(result, []),
  write: (lines) => write(process.stdout, lines),
});

const quarantine = program.command("quarantine").description("messages that could not be processed");
quarantine
  .command("list", { isDefault: true })
  .description("list them with their reasons")
  .action(() =>
    withDoor(async (door) => {
      const rows = await door.call("quarantineList");
      print(rows, quarantineLines(rows));
      return rows.length > 0 ? EXIT.attention : EXIT.ok;
    }),
  );
quarantine
  .command("retry")
  .description("process them again: those numbers, or all; a running service does it at once, else the next `waypost receive`")
  .addArgument(new Argument("[numbers...]", "as `waypost quarantine list` shows them").argParser(parseNumbers).default([], "all"))
  .action((numbers: readonly number[]) =>
    withDoor(async (door) => {
      const result = await door.call("quarantineRetry", numbers.length === 0 ? "all" : numbers);
      const none = numbers.length > 0 ? "None of these is in quarantine." : "Nothing is in quarantine.";
      print(result, [result.marked === 0 ? none : `${plural(result.marked, "message")} will be processed again.`]);
      return numbers.length > 0 && result.marked === 0 ? EXIT.notFound : EXIT.ok;
    }),
  );

program
  .command("status")
  .description("how every mailbox stands in both directions, which folders are read and which are not, alerts")
  .action(() =>
    withDoor(async (door) => {
      const result = await door.call("status");
      print(result, statusLines(result));
      return result.alerts.length + result.quarantined + result.unknownEmails.length > 0 ? EXIT.attention : EXIT.ok;
    }),
  );

program
  .command("check")
  .description("test mailboxes step by step, in and out, with a message from each to itself; what passes is enabled")
  .argument("[addresses...]")
  .option("--profile <name>", "only mailboxes of this server profile")
  .option("--no-test-message", "send no message")
  .addOption(new Option("--wait <seconds>", "how long the message is looked for").argParser(parseSeconds).default(60))
  .action((addresses: string[], { profile, testMessage, wait }: { profile?: string; testMessage: boolean; wait: number }) =>
    withDoor(async (door) => {
      const stop = untilInterrupted();
      // Each step is shown when it is done: a test message can take its time.
      const tell = globalOptions().json ? () => undefined : checkWriter((lines) => write(process.stdout, lines));
      const checks = await door.call("check", addresses, { profile, testMessage, waitSeconds: wait }, stop, tell);
      if (globalOptions().json) print(checks, []);
      if (checks.some((one) => one.steps.some((step) => step.result === "failed")) || stop.aborted) return EXIT.failed;
      return addresses.length > 0 && checks.some((one) => one.steps.length === 0 && one.untouched.length > 0) ? EXIT.attention : EXIT.ok;
    }),
  );

const surroundings = { withDoor, print, actor, isJson: () => globalOptions().json === true };
addApprovalCommands(program, surroundings);
addByHandCommands(program, surroundings);
addAuditCommands(program, surroundings);
addFolderCommands(program, surroundings);
addPrivacyCommands(program, surroundings);
addCrmTokenCommand(program, surroundings);
addImportCommands(program, { ...surroundings, ...takingOver, file: () => globalOptions().config });
addForwardRule(program, {
  configuration: () => readConfiguration(globalOptions().config),
  print,
  end: (code) => {
    process.exitCode = code;
  },
});

program
  .command("decide")
  .description("end an unknown outcome by your word: the email was sent, is to be sent again, or counts as failed")
  .addArgument(new Argument("<email-id>", "as `waypost status` shows it").argParser(parseId))
  .addArgument(new Argument("<verdict>", "what is true, or shall be").choices(["sent", "again", "failed"]))
  .action((emailId: string, verdict: string) =>
    withDoor(async (door) => {
      const result = await door.call("decide", emailId, verdict);
      print(result, [`Decided: ${result.decided}.`]);
      return EXIT.ok;
    }),
  );

program
  .command("authorize")
  .description("bring the first access token of a mailbox, or of a server profile for all its mailboxes, and each one after it was revoked")
  .argument("<mailbox-or-profile>")
  .option("--device", "sign in with a browser on another machine, by a code")
  .addOption(
    new Option("--port <number>", "port to which the browser returns, to forward it from another machine")
      .argParser(parsePort)
      .default(0, "any"),
  )
  .action((target: string, { device, port }: { device?: boolean; port: number }) =>
    withDoor(async (door) => {
      const stop = untilInterrupted();
      const offer = await door.call("authorizeBegin", target, { device: device === true, port });
      print(offer, offerLines(offer));
      const result = await door.call("authorizeFinish", offer.id, stop);
      print(result, authorizedLines(result));
      return result.renewable && !stop.aborted && isTakenByServers(result) ? EXIT.ok : EXIT.attention;
    }),
  );

const config = program.command("config").description("the configuration file");
config
  .command("check", { isDefault: true })
  .description("check it and say what is wrong, by line and field, or what the server profiles come to with their presets")
  .action(async () => {
    const { checkConfiguration } = await import("./app.ts");
    const { configuration, notes } = checkConfiguration(globalOptions().config, new Date());
    const { mailboxes, serverProfiles } = configuration;
    print({ valid: true, mailboxes: mailboxes.length, serverProfiles, notes }, [
      `${globalOptions().config} is right: ${plural(mailboxes.length, "mailbox")}.`,
      ...notes.map((note) => printable(`note: ${problemLine(note)}`)),
      ...profileLines(serverProfiles).map(printable),
    ]);
  });
config
  .command("schema")
  .description("print the JSON Schema of the file")
  .action(() => {
    const schema = configurationJsonSchema();
    print(schema, [JSON.stringify(schema, null, 2)]);
  });

program
  .command("discover")
  .description("find the mail servers of an address by the published methods, and print what to write into the configuration")
  .argument("<address>", "a mail address of the domain; no password is asked for or sent")
  .option("--ask-ispdb", "ask Mozilla's database of providers too; it learns the domain")
  .addOption(
    new Option("--name-server <address>", "a name server to ask instead of the system's; may be given several times").argParser(
      parseNameServers,
    ),
  )
  .option("--certificate-authorities <file>", "PEM file with certificate authorities to trust beside the system's")
  .option("--all", "tell of the places too where there is nothing")
  .action(async (address: string, options: DiscoverCommandOptions) => {
    const { discoverServers } = await import("./app.ts");
    const { askIspdb = false, nameServer: nameServers, certificateAuthorities, all = false } = options;
    const found = await discoverServers(address, { askIspdb, nameServers, certificateAuthorities });
    print(found, foundLines(found, all));
    const hindered = found.notes.some(({ outcome }) => outcome === "failed");
    process.exitCode = found.candidates.length > 0 ? EXIT.ok : hindered ? EXIT.failed : EXIT.notFound;
  });

program
  .command("presets")
  .description("the mail systems whose settings are known, and what `preset` in a server profile fills in")
  .action(() => {
    const presets = allPresets();
    print(presets, presetLines(presets));
  });

config
  .command("key")
  .description("print a new key that seals secrets in the database, for WAYPOST_KEY")
  .action(async () => {
    const { newKey } = await import("./ledger/sealing.ts");
    const key = newKey();
    print({ key }, [key]);
  });

/** Runs an operation here, or in the service that holds the embedded database at this moment. */
async function withDoor(work: (door: Door) => Promise<ExitCode>): Promise<void> {
  const configuration = readConfiguration(globalOptions().config);
  const log = logTo(configuration, "stderr");
  const { openApp } = await import("./app.ts");
  const deadline = Date.now() + BUSY_PATIENCE_MS;
  for (;;) {
    try {
      await using app = await openApp(configuration, { log });
      process.exitCode = await work(ownDoor(app.operations));
      return;
    } catch (error) {
      const { database } = configuration;
      if (!("folder" in database && error instanceof Failure && error.code === "folder in use")) throw error;
      const service = await serviceDoor(database.folder);
      if (service !== null) {
        process.exitCode = await work(service);
        return;
      }
      if (Date.now() > deadline) throw error;
      await sleep(BUSY_LOOK_MS);
    }
  }
}

/** Commands keep their output clean: only warnings, on the error stream. The service logs to standard output. */
function logTo(configuration: Configuration, stream: "stdout" | "stderr"): pino.Logger {
  const level = stream === "stderr" && configuration.logLevel === "info" ? "silent" : configuration.logLevel;
  return pino(
    { level, serializers: { error: pino.stdSerializers.err }, redact: ["*.password", "*.authorization"] },
    stream === "stderr" ? pino.destination(2) : pino.destination(1),
  );
}

/** Who runs the command, for the audit. */
function actor(): string {
  return `${userInfo().username} on the command line`;
}

function exitCodeLines(): string[] {
  return ["Exit codes:", ...Object.entries(EXIT_MEANINGS).map(([code, meaning]) => `  ${code}  ${meaning}`)];
}

function print(result: unknown, lines: readonly string[]): void {
  if (globalOptions().json) process.stdout.write(`${JSON.stringify(result)}\n`);
  else write(process.stdout, lines);
}

/** To a screen, long lines are broken at words; into a file or another program they go as they are. */
function write(stream: NodeJS.WriteStream, lines: readonly string[]): void {
  stream.write(`${fitted(stream, lines).join("\n")}\n`);
}

function fitted({ isTTY, columns }: NodeJS.WriteStream, lines: readonly string[]): readonly string[] {
  return isTTY && columns >= NARROWEST_SCREEN ? lines.flatMap((line) => folded(line, columns)) : lines;
}

function report(error: unknown): ExitCode {
  const { json } = globalOptions();
  if (error instanceof CommanderError) {
    // Commander has told it to the person already.
    const usage = { code: "usage", message: error.message.replace(/^error: /, ""), remedy: "Add --help to see how it is used." };
    if (json && error.exitCode !== 0) print({ error: usage }, []);
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const failure = error instanceof Failure ? error : null;
  if (json) {
    const { code, message, serverSaid, remedy } = failure ?? { code: "unexpected error", message: String(error) };
    print({ error: { code, message, serverSaid, remedy } }, []);
  } else if (failure)
    write(process.stderr, [
      ...failure.message.split("\n").map(printable),
      ...(failure.serverSaid ? [`The server said: ${printable(failure.serverSaid)}`] : []),
      `What to do: ${failure.remedy}`,
    ]);
  else
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a fault of Waypost; please report it.\n`,
    );
  return exitCodeOf(failure);
}

// `waypost status | head` ends before everything is written; that is nobody's fault, and what is in hand goes on to its end.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code !== "EPIPE") throw error;
});

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
