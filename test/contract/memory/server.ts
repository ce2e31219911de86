import { Failure } from "../../../src/model/failure.ts";
import type { MailboxAccess } from "../../../src/ports.ts";
import type { Kind } from "./kind.ts";
import { MemoryMailbox } from "./mailbox.ts";

/** One request to the mail system. */
export interface Call {
  readonly verb: "folders" | "pull" | "list" | "content" | "find" | "submit" | "wasSent";
  readonly mailbox: string;
  readonly stream?: string;
  /** A pull from the beginning. */
  readonly fromStart?: boolean;
}

/** Mail that left the mail system. */
export interface Outside {
  readonly recipient: string;
  readonly mime: Buffer;
}

/** What becomes of one submission other than that it arrives and is answered. */
export type Fate =
  /** It never gets there; nothing was transmitted. */
  | "unreachable"
  /** It is transmitted and lost on the way; no answer comes. */
  | "lost"
  /** It arrives, its copy is filed, and the answer does not come back. */
  | "silent"
  /** As silent, and the copy shows only later. */
  | "silent, copy late";

/** The server's side of a mail system in memory: its mailboxes, what left it, and how it fails. */
export class MemoryServer {
  readonly kind: Kind;
  readonly mailboxes = new Map<string, MemoryMailbox>();
  readonly outside: Outside[] = [];
  readonly calls: Call[] = [];
  /** Asked before each call is answered: may throw a Failure, or forget the position of a pull. */
  onCall: (call: Call) => "forget" | undefined = () => undefined;
  /** What becomes of the next submissions; an empty list: they arrive and are answered. */
  readonly fates: Fate[] = [];
  /** Copies of sent messages that are not in Sent yet: call them to file them. */
  readonly late: (() => void)[] = [];
  /** The server gives no more on one page, whatever is asked for. */
  pageLimit = 1000;
  /** Bytes; what is larger is not sent. */
  sizeLimit = 1_000_000;

  constructor(kind: Kind) {
    this.kind = kind;
  }

  mailbox(address: string, password = ""): MemoryMailbox {
    const box = this.mailboxes.get(address) ?? new MemoryMailbox(address, password);
    this.mailboxes.set(address, box);
    return box;
  }

  /** Every call begins with it; the second value says that a position is forgotten. */
  async signIn({ address, credentials }: MailboxAccess, call: Call): Promise<{ box: MemoryMailbox; forgotten: boolean }> {
    this.calls.push(call);
    const forgotten = this.onCall(call) === "forget";
    const box = this.mailbox(address);
    const secret = await credentials.current();
    if (secret.kind !== "password" || secret.password !== box.password) {
      throw new Failure({
        scope: "mailbox",
        code: "sign-in refused",
        message: `The mail system does not let ${address} sign in.`,
        remedy: "Correct the password.",
        waitingHelps: false,
      });
    }
    return { box, forgotten };
  }
}
