import { setTimeout as sleep } from "node:timers/promises";
import type { ExpungeEvent, ImapFlow, MailboxObject, SearchObject } from "imapflow";
import { Failure } from "../../model/failure.ts";
import type { MailboxAccess } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { connect, disconnect, endingOf, isExpiring, type Target } from "./connect.ts";
import { progressing, TooLate } from "./deadline.ts";
import { ConnectionGone, classify, Flooded, type ImapTrouble, imapFailure, isConnectionGone, isRefusal, Refused } from "./failures.ts";

/**
 * Timeouts after which a command that brings nothing is given up, though the server keeps saying that it is still there: long, because
 * honest servers say so too while they search a large folder.
 */
const STUCK = 10;

/** Bytes that count as getting on within that time, for the content of a large message on a slow line. */
const SOME_BYTES = 64 * 1024;

/** Milliseconds between two questions for the same message alone. */
export const MOMENT = 500;

/** The connection of one mailbox: made when first needed, and again when it is needed after it broke. One command at a time. */
export class Session {
  readonly target: Target;
  readonly mailbox: MailboxAccess;
  readonly secrets: KeptSecrets<MailboxAccess>;
  #client: ImapFlow | null = null;
  #closed = false;
  /** Commands answered so far. */
  #answers = 0;
  #onExpunge: ((event: ExpungeEvent) => void) | null = null;

  constructor(target: Target, mailbox: MailboxAccess) {
    this.target = target;
    this.secrets = new KeptSecrets(mailbox);
    this.mailbox = this.secrets.mailbox;
  }

  /** Runs commands and turns whatever goes wrong into a Failure about the folder, or about the mailbox where there is none. */
  async run<T>(folder: string | undefined, work: (client: ImapFlow) => Promise<T>): Promise<T> {
    try {
      const client = await this.#ready();
      try {
        return await progressing(STUCK * this.target.endpoint.timeout, work(client), this.#progressOf(client));
      } catch (error) {
        throw this.#failureOf(error, client, folder);
      }
    } catch (error) {
      throw this.secrets.error(error);
    }
  }

  /**
   * The folder open on a connection that is alive, before messages are asked for again at which one ended. A server that restarts is gone
   * for a moment only, so that `patient` asking waits one before it blames a message.
   */
  async reopen(folder: string, { patient }: { readonly patient: boolean }): Promise<void> {
    if (patient) await sleep(MOMENT);
    await this.run(folder, (client) => opened(client, folder));
  }

  /** A failure of a kind that the server did not report itself. */
  failure(trouble: ImapTrouble, folder: string | undefined, facts: Parameters<typeof imapFailure>[2] = {}): Failure {
    return imapFailure(trouble, this.#about(folder), facts);
  }

  /**
   * The failure for a refusal that is about the folder, or messages of it, after which `run` may go on. Throws the error where the connection or
   * the server is in trouble.
   */
  refusal(error: unknown, client: ImapFlow, folder: string): Failure {
    const failure = isRefusal(error) ? this.secrets.error(this.#failureOf(error, client, folder)) : undefined;
    if (failure instanceof Failure && failure.scope === "folder") return failure;
    throw error;
  }

  /** Calls `onExpunge` for each message that the server tells to have left, while `work` runs. */
  async whileHearing<T>(onExpunge: (event: ExpungeEvent) => void, work: () => Promise<T>): Promise<T> {
    this.#onExpunge = onExpunge;
    try {
      return await work();
    } finally {
      this.#onExpunge = null;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    const client = this.#client;
    this.#client = null;
    if (client !== null) await disconnect(client);
  }

  async #ready(): Promise<ImapFlow> {
    if (this.#closed) throw new Error(`the mail source of ${this.mailbox.address} is closed`);
    if (this.#client !== null && isAlive(this.#client) && !isExpiring(this.#client)) return this.#client;
    this.#client?.close();
    const client = await connect(this.target, this.mailbox, { onExpunge: (event) => this.#onExpunge?.(event) });
    if (this.#closed) {
      await disconnect(client);
      throw new Error(`the mail source of ${this.mailbox.address} was closed while it connected`);
    }
    client.on("response", () => this.#answers++);
    this.#client = client;
    return client;
  }

  /** Tells, each time it is asked, whether a command was answered or much arrived since it was asked before. */
  #progressOf(client: ImapFlow): () => boolean {
    let answers = this.#answers;
    let bytes = client.stats().received;
    return () => {
      const { received } = client.stats();
      const progressed = this.#answers > answers || received - bytes >= SOME_BYTES;
      answers = this.#answers;
      bytes = received;
      return progressed;
    };
  }

  #failureOf(error: unknown, client: ImapFlow, folder: string | undefined): Failure {
    if (error instanceof TooLate) {
      client.close();
      return this.failure("connection timed out", folder, { cause: error });
    }
    if (error instanceof Flooded) {
      client.close();
      return classify(error, this.#about(folder));
    }
    const about = { ...this.#about(folder), connectionError: endingOf(client) };
    // imapflow may stumble over its own state when the connection goes between two commands.
    const stumbled = !isAlive(client) && !(error instanceof Failure) && !isConnectionGone(error) && !isRefusal(error);
    return classify(stumbled ? new ConnectionGone(client.byeReason, error) : error, about);
  }

  #about(folder: string | undefined) {
    return { endpoint: this.target.endpoint, mailbox: this.mailbox.address, ...(folder === undefined ? {} : { folder }) };
  }
}

/** Opens the folder for reading only (EXAMINE), so that nothing that follows can change a flag (invariant 11). */
export function examine(
  client: ImapFlow,
  path: string,
  since: { readonly uidValidity: bigint; readonly changedSince: bigint } | null = null,
): Promise<MailboxObject> {
  return client.mailboxOpen(path, { readOnly: true, ...since });
}

/** The folder, opened for reading unless it is open so already: opening a large one again takes servers a tenth of a second. */
export async function opened(client: ImapFlow, path: string): Promise<MailboxObject> {
  const { mailbox } = client;
  return mailbox !== false && mailbox.path === path && mailbox.readOnly === true ? mailbox : examine(client, path);
}

/** UIDs that match, ascending. */
export async function searchUids(client: ImapFlow, query: SearchObject): Promise<readonly number[]> {
  const found = await client.search(query, { uid: true });
  if (!Array.isArray(found)) throw refused(client, "SEARCH");
  return found;
}

/** Why imapflow answered `false`: the server said no, or the connection went without a command under way. */
export function refused(client: ImapFlow, command: string): Error {
  return isAlive(client) ? new Refused(`${command} refused`) : new ConnectionGone(client.byeReason);
}

/** After BYE the connection is closed a moment later. */
function isAlive(client: ImapFlow): boolean {
  return client.usable && client.byeReason === undefined;
}
