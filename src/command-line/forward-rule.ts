import type { Command } from "commander";
import type { Configuration } from "../config.ts";
import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";

/** What the command needs of the program around it. */
export interface ForwardRuleSurroundings {
  configuration(): Configuration;
  print(result: unknown, lines: readonly string[]): void;
  end(code: ExitCode): void;
}

/** A rule for a user's mailbox. */
export interface ForwardRule {
  readonly mailbox: string;
  readonly sink: string;
  /** A script of Sieve (RFC 5228) with the extension `copy` (RFC 3894). */
  readonly script: string;
  /** What keeps the forwards from being taken, as the configuration stands. */
  readonly warnings: readonly string[];
}

/** Adds the command that writes the rule of a user's mailbox (docs/forward-mailbox.md). */
export function addForwardRule(program: Command, { configuration, print, end }: ForwardRuleSurroundings): void {
  program
    .command("forward-rule")
    .description("print the Sieve script that sends a copy of what a mailbox gets to a forward mailbox")
    .argument("<mailbox>", "address of the user's or queue's mailbox")
    .option("--sink <address>", "the forward mailbox; may be left out where the configuration has one only")
    .action((mailbox: string, { sink }: { sink?: string }) => {
      const rule = forwardRule(configuration(), mailbox, sink);
      print(rule, [...rule.script.split("\n"), ...rule.warnings.map((one) => `# Attention: ${one}`)]);
      end(rule.warnings.length > 0 ? EXIT.attention : EXIT.ok);
    });
}

/** The rule for a mailbox of the configuration. Throws a Failure where it, or the forward mailbox, is none. */
export function forwardRule(configuration: Configuration, address: string, sinkAddress: string | undefined): ForwardRule {
  const find = (wanted: string) => configuration.mailboxes.find((one) => addressKey(one.address) === addressKey(wanted));
  const mailbox = find(address);
  if (mailbox?.forward) throw isSink(mailbox.address);
  if (mailbox === undefined) throw noMailbox(address);
  const sinks = configuration.mailboxes.filter((one) => one.forward);
  const named = sinkAddress === undefined ? undefined : find(sinkAddress);
  const sink = sinkAddress === undefined ? (sinks.length === 1 ? sinks[0] : undefined) : named?.forward === true ? named : undefined;
  if (sink === undefined) throw noSink(sinkAddress, sinks.length);
  return {
    mailbox: mailbox.address,
    sink: sink.address,
    script: sieveScript(mailbox.address, sink.address),
    warnings: warningsOf(mailbox, sink),
  };
}

type MailboxInFile = Configuration["mailboxes"][number];

function warningsOf(mailbox: MailboxInFile, sink: MailboxInFile): string[] {
  const servers = sink.trust?.forwardingServers ?? [];
  return [
    ...(mailbox.incoming === "forward mailbox"
      ? []
      : [`${mailbox.address} does not have "incoming: forward mailbox", so that nothing is taken from its forwards.`]),
    ...(servers.length > 0
      ? []
      : [`${sink.address} names no forwardingServers. This script redirects, and of redirected messages only those prove the user.`]),
  ];
}

/**
 * The original itself goes to the forward mailbox, and the user keeps it. Redirecting and not attaching: no Sieve in use encloses a message (RFC 5703 6;
 * Dovecot's Pigeonhole has no `enclose`). What came from Waypost, went through this very rule, or came from the forward mailbox goes nowhere: no loops.
 */
export function sieveScript(mailbox: string, sink: string): string {
  return `# What ${mailbox} gets, goes to the forward mailbox ${sink} too. The user keeps it.
require ["copy"];

if not anyof (
    exists "X-Waypost-Email",
    header :is "X-Sieve-Redirected-From" ${either(mailbox)},
    header :is "Delivered-To" ${either(sink)}
) {
    redirect :copy ${quoted(sink)};
}`;
}

/** Servers write addresses in angle brackets or without. */
function either(address: string): string {
  return `[${quoted(address)}, ${quoted(`<${address}>`)}]`;
}

/** RFC 5228 2.4.2. */
function quoted(text: string): string {
  return `"${text.replace(/[\\"]/g, "\\$&")}"`;
}

function noMailbox(address: string): Failure {
  return new Failure({
    scope: "process",
    code: "mailbox unknown",
    message: `The configuration has no mailbox ${address} of a user or queue.`,
    remedy: "Add it under mailboxes, with incoming: forward mailbox.",
    waitingHelps: false,
  });
}

function isSink(address: string): Failure {
  return new Failure({
    scope: "process",
    code: "forward mailbox",
    message: `${address} is the forward mailbox itself: the rule is for the mailbox of a user or queue.`,
    remedy: "Name one of those; --sink names the forward mailbox.",
    waitingHelps: false,
  });
}

function noSink(address: string | undefined, sinks: number): Failure {
  return new Failure({
    scope: "process",
    code: "forward mailbox unknown",
    message:
      address === undefined
        ? `The configuration has ${sinks === 0 ? "no" : "several"} forward mailboxes.`
        : `The configuration has no forward mailbox ${address}.`,
    remedy: sinks === 0 ? "Add one under mailboxes, with forward: true." : "Name one that it has with --sink.",
    waitingHelps: false,
  });
}
