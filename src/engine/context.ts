import type { Database } from "../database/database.ts";
import { isTransient } from "../database/sql-error.ts";
import type { MailboxRow, ProfileRow } from "../ledger/mailboxes.ts";
import type { ContentReader } from "../mime/content-reader.ts";
import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import type { Direction, ServerProfile } from "../model/mailbox.ts";
import type { Credentials, Crm, MailboxAccess, MailSystem } from "../ports.ts";
import type { Authorizations } from "./authorizations.ts";
import type { Connections } from "./connections/connections.ts";
import type { Log } from "./log.ts";
import type { Opening } from "./opening.ts";

/** Everything that the engine works with; put together once, in the composition root. */
export interface EngineContext {
  readonly database: Database;
  readonly log: Log;
  /** The clock, so that tests can move it. */
  now(): Date;
  crm(organization: string): Crm;
  /** Opened once for each profile and kept. */
  mailSystem(profile: ServerProfile): MailSystem;
  credentials(mailboxAddress: string): Credentials;
  /** How the mailbox is opened, for people and for limits. */
  opening(mailbox: MailboxRow, direction: Direction): Opening;
  readonly authorizations: Authorizations;
  /** Reads messages off the event loop. */
  readonly content: Pick<ContentReader, "read" | "headsOfAttached" | "attached">;
  /** Enqueues work for a mailbox; never lost, never doubled. */
  wake(work: "receive" | "send", mailboxId: string): Promise<void>;
  /** The connections to mail servers, counted over all processes. */
  readonly connections: Connections;
  readonly measure: Measure;
}

/** Counters and durations, by name; see docs/monitoring.md. */
export interface Measure {
  count(name: "messages_decided" | "emails_sent" | "failures", labels: Readonly<Record<string, string>>, amount?: number): void;
  observe(name: "arrival_to_email_seconds" | "job_seconds", labels: Readonly<Record<string, string>>, value: number): void;
}

/** A mailbox with the profile that leads to its server. */
export interface Work {
  readonly mailbox: MailboxRow;
  readonly profile: ProfileRow;
}

export function accessTo(context: EngineContext, mailbox: MailboxRow): MailboxAccess {
  return { address: mailbox.address, credentials: context.credentials(addressKey(mailbox.address)) };
}

/** An error as a Failure. What is none already is a fault of the program, and says so. */
export function asFailure(error: unknown, mailbox: string): Failure {
  if (error instanceof Failure) return error;
  if (isTransient(error)) {
    return new Failure({
      scope: "process",
      code: "database busy",
      message: `Two pieces of work met in the database while mailbox ${mailbox} was worked on; one of them is done again.`,
      serverSaid: error instanceof Error ? error.message : undefined,
      remedy: "Nothing is to be done: it is tried again by itself.",
      waitingHelps: true,
      cause: error,
    });
  }
  return new Failure({
    scope: "mailbox",
    code: "unexpected error",
    message: `Mailbox ${mailbox}: ${error instanceof Error ? error.message : String(error)}`,
    remedy: "This is a fault of Waypost. The log has the details; please report it. The mailbox is tried again by itself.",
    waitingHelps: true,
    cause: error,
  });
}
