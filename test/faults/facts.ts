import { spawn } from "node:child_process";
import path from "node:path";
import { text } from "node:stream/consumers";
import { z } from "zod";

/** A database as the programs that are no part of the product reach it. */
export type Place = { readonly folder: string } | { readonly url: string };

/** What `count.mjs` prints: facts after a run, as the database, the mailboxes and Postfix have them. */
const factsSchema = z.object({
  emails: z.array(
    z.object({
      id: z.string(),
      messageId: z.string().nullable(),
      outgoing: z.boolean(),
      status: z.number(),
      parentId: z.string().nullable(),
      senders: z.number(),
      recipients: z.number(),
      attachments: z.array(z.string()),
    }),
  ),
  decisions: z.array(
    z.object({
      mailbox: z.string(),
      messageId: z.string(),
      outcome: z.string(),
      emailId: z.string().nullable(),
      reconsider: z.boolean(),
      firstSeenAt: z.number(),
    }),
  ),
  quarantine: z.array(z.object({ mailbox: z.string(), code: z.string(), message: z.string() })),
  locations: z.array(z.object({ mailbox: z.string(), folder: z.string(), ref: z.string(), messageId: z.string() })),
  streams: z.array(z.object({ mailbox: z.string(), folder: z.string(), cursor: z.string().nullable(), read: z.boolean() })),
  queueItems: z.array(z.object({ queue: z.string(), emailId: z.string() })),
  outbox: z.array(
    z.object({
      emailId: z.string(),
      generation: z.number(),
      messageId: z.string(),
      stage: z.string(),
      attempts: z.number(),
      sentCopy: z.string().nullable(),
      /** Milliseconds of the epoch. */
      settledAt: z.number().nullable(),
      /** Process that had it in hand last. */
      process: z.number().nullable(),
    }),
  ),
  alerts: z.array(z.object({ scope: z.string(), subject: z.string(), code: z.string(), message: z.string() })),
  openClaims: z.array(z.object({ messageId: z.string().nullable() })),
  mailboxes: z.array(
    z.object({
      user: z.string(),
      folder: z.string(),
      validity: z.string(),
      next: z.number(),
      messages: z.array(z.object({ uid: z.number(), messageId: z.string(), marker: z.string().nullable() })),
    }),
  ),
  deliveries: z.array(z.object({ messageId: z.string().nullable(), recipient: z.string() })),
});

export type Facts = z.output<typeof factsSchema>;

export interface CountTask {
  /** The ledger. */
  readonly database: Place;
  /** The emails: the same database, or that of a CRM that stands elsewhere. */
  readonly crm: Place;
  readonly imap: { readonly port: number; readonly users: Readonly<Record<string, string>> };
  readonly postfixLog: string;
}

/** Counts; an embedded database must not be in use. */
export async function count(task: CountTask): Promise<Facts> {
  return factsSchema.parse(JSON.parse(await run("count.mjs", task, "")));
}

/** An email as a person who presses Send leaves it. */
export interface SeededEmail {
  readonly id: string;
  readonly from: string;
  readonly to: readonly string[];
  readonly subject: string;
  /** Word in the body by which it is known apart from its Message-ID. */
  readonly marker: string;
  readonly attachmentBytes: number;
  /** `delayedemailsendtime`, from now. */
  readonly dueInSeconds: number;
}

/** Makes emails pending in another process; an embedded database must not be in use. */
export async function seed(database: Place, emails: readonly SeededEmail[]): Promise<void> {
  await run("seed.mjs", database, JSON.stringify(emails));
}

async function run(program: string, argument: unknown, input: string): Promise<string> {
  const child = spawn(process.execPath, [path.join(import.meta.dirname, program), JSON.stringify(argument)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => child.once("error", reject).once("close", resolve));
  const output = await text(child.stdout);
  const code = await ended;
  if (code !== 0) throw new Error(`${program} ended with ${code}`);
  return output;
}
