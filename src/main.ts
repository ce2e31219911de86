import { Command, CommanderError, Option } from "commander";
import pino from "pino";
import { databasePlace, openApp } from "./app.ts";
import { EXIT, type ExitCode } from "./command-line/exit-codes.ts";
import { checkLines, explanationLines, failureLines, plural, printable, quarantineLines, statusLines } from "./command-line/print.ts";
import { progressBar } from "./command-line/progress.ts";
import { type Door, ownDoor, serviceDoor } from "./command-line/service-door.ts";
import { type Configuration, ConfigurationError, configurationJsonSchema, readConfiguration } from "./config.ts";
import type { Role } from "./engine/engine.ts";
import { Failure } from "./model/failure.ts";
import { serve } from "./serve.ts";

/** The `waypost` command: parses, calls, prints. Everything it does is a function elsewhere. */

const program = new Command("waypost")
  .description("Connects mail systems to a CRM: mail in, mail out, and the reason for every decision.")
  .version("0.1.0")
  .option("-c, --config <file>", "configuration file", process.env.WAYPOST_CONFIG ?? "waypost.yaml")
  .option("--json", "print the result as JSON, one document on one line")
  .showHelpAfterError()
  .exitOverride()
  .addHelpText(
    "after",
    `\nExit codes: ${EXIT.ok} done; ${EXIT.failed} could not be done; ${EXIT.usage} wrong command line or configuration; ${EXIT.attention} done, but something needs a person; ${EXIT.notFound} not found.`,
  );

interface GlobalOptions {
  readonly config: string;
  readonly json?: boolean;
}

function globalOptions(): GlobalOptions {
  return program.opts<GlobalOptions>();
}

program
  .command("serve")
  .description("run the service: reads, sends, watches, and answers on its web address")
  .addOption(new Option("--roles <list>", "what this process does, separated by commas").default("web,worker,watcher"))
  .action(async ({ roles }: { roles: string }) => {
    const configuration = readConfiguration(globalOptions().config);
    await serve(configuration, { roles: parseRoles(roles), log: logTo(configuration, "stdout") });
  });

program
  .command("demo")
  .description("everything in one process with sample data and a mail system of its own; nothing else needed")
  .option("--once", "run the sample traffic, print a summary as JSON on the last line, and end")
  .option("--port <number>", "port of the web address", "8025")
  .action(async ({ once, port }: { once?: boolean; port: string }) => {
    const { demo } = await import("./demo.ts");
    process.exitCode = (await demo({ once: once === true, port: numberOption(port, "--port"), json: globalOptions().json === true }))
      ? EXIT.ok
      : EXIT.failed;
  });

program
  .command("receive")
  .description("read mailboxes once, now: all of them, or those named")
  .argument("[addresses...]")
  .action((addresses: string[]) =>
    withDoor(async (door) => {
      const bar = progressBar("Receiving", globalOptions().json === true);
      const result = await door.call("receive", addresses, new AbortController().signal, bar.update).finally(() => bar.stop());
      const { received, tracked, skipped, duplicate, quarantined, moved } = result.counts;
      print(result, [
        `${plural(result.mailboxes, "mailbox").replace("mailboxs", "mailboxes")} read: ${plural(received, "message")}, ${tracked} tracked, ${skipped} skipped, ${duplicate} duplicate, ${quarantined} quarantined, ${moved} moved`,
        ...failureLines(result.failures),
      ]);
      return result.failures.length > 0 ? EXIT.failed : quarantined > 0 ? EXIT.attention : EXIT.ok;
    }),
  );

program
  .command("send")
  .description("send what is pending once, now: of all mailboxes, or of those named")
  .argument("[addresses...]")
  .action((addresses: string[]) =>
    withDoor(async (door) => {
      const bar = progressBar("Sending", globalOptions().json === true);
      const result = await door.call("send", addresses, new AbortController().signal, bar.update).finally(() => bar.stop());
      const { sent, failed, waiting, unknown } = result.counts;
      print(result, [`${sent} sent, ${failed} failed, ${waiting} to be tried again, ${unknown} unknown`, ...failureLines(result.failures)]);
      return result.failures.length > 0 ? EXIT.failed : failed + unknown > 0 ? EXIT.attention : EXIT.ok;
    }),
  );

program
  .command("explain")
  .description("say why a message was or was not tracked, or what became of an email that was sent")
  .argument("<message-id>", "Message-ID with or without angle brackets, id of an email, or number of a decision")
  .action((key: string) =>
    withDoor(async (door) => {
      const result = await door.call("explain", key);
      const known = result.incoming.length + result.outgoing.length > 0;
      print(
        result,
        known
          ? explanationLines(result)
          : [
              `Nothing is known of ${printable(key)}. Either no mailbox that is read has seen it, or its folder is not read: \`waypost status\` names those.`,
            ],
      );
      return known ? EXIT.ok : EXIT.notFound;
    }),
  );

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
  .argument("[numbers...]")
  .action((numbers: string[]) =>
    withDoor(async (door) => {
      const result = await door.call("quarantineRetry", numbers.length === 0 ? "all" : numbers.map((one) => numberOption(one, "number")));
      print(result, [`${plural(result.marked, "message")} will be processed again.`]);
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
  .description("try the way to each mailbox's servers step by step, and list the folders that are read and not read")
  .argument("[addresses...]")
  .action((addresses: string[]) =>
    withDoor(async (door) => {
      const checks = await door.call("check", addresses);
      print(checks, checkLines(checks));
      return checks.some((one) => one.steps.some((step) => step.result === "failed")) ? EXIT.failed : EXIT.ok;
    }),
  );

program
  .command("decide")
  .description("end an unknown outcome by your word: the email was sent, is to be sent again, or counts as failed")
  .argument("<email-id>")
  .argument("<verdict>", "sent, again or failed")
  .action((emailId: string, verdict: string) =>
    withDoor(async (door) => {
      if (!["sent", "again", "failed"].includes(verdict)) throw usage(`"${verdict}" is none of sent, again, failed`);
      const result = await door.call("decide", emailId, verdict);
      print(result, [`Decided: ${result.decided}.`]);
      return EXIT.ok;
    }),
  );

const config = program.command("config").description("the configuration file");
config
  .command("check", { isDefault: true })
  .description("check it and say what is wrong, by line and field")
  .action(() => {
    const configuration = readConfiguration(globalOptions().config);
    print({ valid: true, mailboxes: configuration.mailboxes.length }, [
      `${globalOptions().config} is right: ${plural(configuration.mailboxes.length, "mailbox").replace("mailboxs", "mailboxes")}.`,
    ]);
  });
config
  .command("schema")
  .description("print the JSON Schema of the file")
  .action(() => {
    process.stdout.write(`${JSON.stringify(configurationJsonSchema(), null, 2)}\n`);
  });

/** Runs an operation here, or in the service that holds the embedded database at this moment. */
async function withDoor(work: (door: Door) => Promise<ExitCode>): Promise<void> {
  const configuration = readConfiguration(globalOptions().config);
  const place = databasePlace(configuration);
  const log = logTo(configuration, "stderr");
  try {
    await using app = await openApp(configuration, { log });
    process.exitCode = await work(ownDoor(app.operations));
  } catch (error) {
    const service = "folder" in place && error instanceof Failure && error.code === "folder in use" ? serviceDoor(place.folder) : null;
    if (service === null) throw error;
    process.exitCode = await work(service);
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

function print(result: unknown, lines: readonly string[]): void {
  process.stdout.write(globalOptions().json ? `${JSON.stringify(result)}\n` : `${lines.join("\n")}\n`);
}

function parseRoles(list: string): ReadonlySet<Role> {
  const known: readonly Role[] = ["web", "worker", "watcher"];
  const roles = list.split(",").map((one) => one.trim());
  const unknown = roles.find((one) => !known.some((role) => role === one));
  if (unknown !== undefined) throw usage(`"${unknown}" is no role; there are ${known.join(", ")}`);
  return new Set(known.filter((role) => roles.includes(role)));
}

function numberOption(text: string, name: string): number {
  const value = Number(text);
  if (!Number.isSafeInteger(value) || value < 0) throw usage(`${name}: "${text}" is not a whole number`);
  return value;
}

function usage(message: string): CommanderError {
  return new CommanderError(EXIT.usage, "waypost.usage", message);
}

function report(error: unknown): ExitCode {
  if (error instanceof CommanderError) {
    if (error.code === "waypost.usage") process.stderr.write(`${error.message}\n`);
    return error.exitCode === 0 ? EXIT.ok : EXIT.usage;
  }
  const failure = error instanceof Failure ? error : null;
  if (globalOptions().json)
    process.stdout.write(
      `${JSON.stringify({ error: { code: failure?.code ?? "unexpected error", message: failure?.message ?? String(error), serverSaid: failure?.serverSaid, remedy: failure?.remedy } })}\n`,
    );
  else if (failure)
    process.stderr.write(
      `${failure.message}\n${failure.serverSaid ? `The server said: ${failure.serverSaid}\n` : ""}What to do: ${failure.remedy}\n`,
    );
  else
    process.stderr.write(
      `${error instanceof Error ? (error.stack ?? error.message) : String(error)}\nThis is a fault of Waypost; please report it.\n`,
    );
  return error instanceof ConfigurationError || failure?.code === "configuration missing" ? EXIT.usage : EXIT.failed;
}

try {
  await program.parseAsync();
} catch (error) {
  process.exitCode = report(error);
}
