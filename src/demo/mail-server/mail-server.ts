import { Failure } from "../../model/failure.ts";
import { canonicalFlag } from "./flags.ts";
import type { SpecialUse } from "./folder.ts";
import { startImapServer } from "./imap-server.ts";
import { MAXIMUM_KEPT_BYTES, MAXIMUM_KEPT_SUBMISSIONS } from "./limits.ts";
import { Refusal } from "./refusal.ts";
import { type Submission, startSmtpServer } from "./smtp-server.ts";
import { type Account, type AccountFacts, INBOX, MailStore } from "./store.ts";
import { storableMime, withTraceFields } from "./trace-fields.ts";

export type { Submission } from "./smtp-server.ts";
export type { AccountFacts } from "./store.ts";

export interface DemoMailServerOptions {
  readonly accounts: readonly AccountFacts[];
  /** Domains whose addresses are local: an address in them without an account is refused. */
  readonly domains: readonly string[];
  /** Loopback only: passwords travel in clear. */
  readonly host?: "127.0.0.1";
  /** 0 or nothing takes a free port. */
  readonly ports?: { readonly imap?: number; readonly smtp?: number };
}

export interface DeliverOptions {
  /** Default INBOX; made when missing. */
  readonly folder?: string;
  /** Default now. */
  readonly internalDate?: Date;
  /** System flags (`\Seen`) and keywords; default none. */
  readonly flags?: readonly string[];
}

/** A message that arrived somewhere: in an account's folder, or at an address outside, where it goes no further. */
export type Delivery =
  | { readonly kind: "local"; readonly address: string; readonly folder: string; readonly uid: number; readonly mime: Buffer }
  | ({ readonly kind: "outside" } & OutsideCopy);

export interface OutsideCopy {
  readonly address: string;
  readonly submission: Submission;
}

export interface FolderSummary {
  readonly path: string;
  readonly specialUse: SpecialUse | null;
  readonly messages: number;
  readonly unseen: number;
}

export interface MessageSummary {
  readonly uid: number;
  readonly flags: readonly string[];
  readonly internalDate: Date;
  readonly mime: Buffer;
}

export interface DemoMailServer {
  readonly imapPort: number;
  readonly smtpPort: number;
  /** Puts a message into a folder, as a mail system would. Lone line feeds become CRLF. @throws Failure when there is no such account or no room */
  deliver(address: string, mime: Buffer | string, options?: DeliverOptions): { readonly uid: number };
  /** @throws Failure when there is no such account */
  folders(address: string): FolderSummary[];
  /** @throws Failure when there is no such account or folder */
  messages(address: string, folder: string): MessageSummary[];
  /** What SMTP accepted, oldest first; only the last {@link MAXIMUM_KEPT_SUBMISSIONS} and {@link MAXIMUM_KEPT_BYTES}. */
  readonly submitted: readonly Submission[];
  /** Copies for addresses outside the domains, oldest first, likewise. Nobody sends them anywhere. */
  readonly outside: readonly OutsideCopy[];
  /** Calls back for every message that arrives by SMTP or `deliver`. Returns the way to stop it. */
  onDelivery(listener: (delivery: Delivery) => void): () => void;
  close(): Promise<void>;
}

/**
 * A small mail server in memory for the one-command start: IMAP4rev1 and SMTP on loopback. No mail ever leaves the process.
 *
 * @throws the listener's error (port taken); then nothing is left listening
 */
export async function startMailServer(options: DemoMailServerOptions): Promise<DemoMailServer> {
  const host = options.host ?? "127.0.0.1";
  const store = new MailStore(options.accounts, options.domains, Math.floor(Date.now() / 1000));
  const listeners = new Set<(delivery: Delivery) => void>();
  const submitted: Submission[] = [];
  const outside: OutsideCopy[] = [];
  const announce = (delivery: Delivery) => {
    for (const listener of listeners) tell(listener, delivery);
  };

  const accept = (submission: Submission) => {
    const deliveries = distribute(submission, store);
    keep(submitted, submission, ({ mime }) => mime);
    for (const delivery of deliveries) {
      if (delivery.kind === "outside") keep(outside, delivery, (copy) => copy.submission.mime);
      announce(delivery);
    }
  };

  const imap = await startImapServer(store, host, options.ports?.imap ?? 0);
  const smtp = await startSmtpServer(store, accept, host, options.ports?.smtp ?? 0).catch(async (error: unknown) => {
    await imap.close();
    throw error;
  });

  return {
    imapPort: imap.port,
    smtpPort: smtp.port,
    submitted,
    outside,
    deliver(address, mime, { folder: path = INBOX, internalDate = new Date(), flags = [] } = {}) {
      const account = requireAccount(store, address);
      return orFailure(address, () => {
        const folder = account.folder(path) ?? account.create(path);
        const stored = account.append(folder, { mime: storableMime(mime), internalDate, flags: flags.map(requireFlag) });
        announce({ kind: "local", address: account.address, folder: folder.path, uid: stored.uid, mime: stored.mime });
        return { uid: stored.uid };
      });
    },
    folders(address) {
      return requireAccount(store, address)
        .folders()
        .map((folder) => ({
          path: folder.path,
          specialUse: folder.specialUse,
          messages: folder.size,
          unseen: [...folder.messages()].filter(({ flags }) => !flags.has("\\Seen")).length,
        }));
    },
    messages(address, path) {
      const account = requireAccount(store, address);
      const folder = orFailure(address, () => account.require(path));
      return [...folder.messages()].map(({ uid, flags, internalDate, mime }) => ({ uid, flags: [...flags], internalDate, mime }));
    },
    onDelivery(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    async close() {
      listeners.clear();
      await Promise.all([imap.close(), smtp.close()]);
    },
  };
}

/** The message is stored: a listener that fails must not make the sender send it again. */
function tell(listener: (delivery: Delivery) => void, delivery: Delivery): void {
  try {
    listener(delivery);
  } catch (error) {
    process.emitWarning(error instanceof Error ? error : String(error));
  }
}

/** Stores the copies of the accounts: all of them or, when one has no room, none (RFC 5321 4.2.5: one answer for all). @throws Refusal */
function distribute(submission: Submission, store: MailStore): Delivery[] {
  const addresses = [...new Set(submission.to.map((address) => store.account(address)?.address ?? address))];
  const copies = addresses.map((address) => {
    const account = store.account(address);
    return account ? { address, account, mime: withTraceFields(submission, address) } : { address, account: null };
  });
  for (const copy of copies) copy.account?.requireRoom(copy.account.require(INBOX), [copy.mime]);
  return copies.map((copy): Delivery => {
    if (!copy.account) return { kind: "outside", address: copy.address, submission };
    const message = { mime: copy.mime, internalDate: submission.at, flags: [] };
    const { uid } = copy.account.append(copy.account.require(INBOX), message);
    return { kind: "local", address: copy.address, folder: INBOX, uid, mime: copy.mime };
  });
}

/** Adds to a record that forgets its oldest entries, so that many or large messages do not fill the memory. */
function keep<T>(list: T[], entry: T, mimeOf: (entry: T) => Buffer): void {
  list.push(entry);
  let bytes = list.reduce((sum, each) => sum + mimeOf(each).length, 0);
  while (list.length > MAXIMUM_KEPT_SUBMISSIONS || bytes > MAXIMUM_KEPT_BYTES) {
    const oldest = list.shift();
    if (oldest) bytes -= mimeOf(oldest).length;
  }
}

function requireFlag(flag: string): string {
  const spelled = canonicalFlag(flag);
  if (spelled === null) throw new Refusal("CANNOT", `${flag} is no flag that a message can have`);
  return spelled;
}

function requireAccount(store: MailStore, address: string): Account {
  const account = store.account(address);
  if (account) return account;
  throw new Failure({
    scope: "mailbox",
    code: "mailbox unknown",
    message: `The demo mail server has no account ${address}.`,
    remedy: "Use one of the addresses that the demo was started with.",
    waitingHelps: false,
  });
}

/** What the store refuses, for those who call the server directly. */
function orFailure<T>(address: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Failure({
      scope: "mailbox",
      code: "mailbox refused",
      message: `The demo mail server refused for ${address}: ${error.message}.`,
      serverSaid: error.code,
      remedy:
        error.code === "NONEXISTENT" || error.code === "CANNOT"
          ? "Use a folder that the account has, and flags as RFC 3501 knows them."
          : "Delete messages of this account, or start the demo afresh.",
      waitingHelps: false,
      cause: error,
    });
  }
}
