import { createHash } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { ImapFlow } from "imapflow";
import type { Dovecot } from "../servers/dovecot.ts";
import type { Chance } from "./random.ts";
import { addressOf } from "./world.ts";

/** Below the inbox, so that Waypost reads it. */
export const SUB_FOLDER = "INBOX/Projects";
export const FOLDERS = ["INBOX", SUB_FOLDER] as const;

/** Milliseconds between two arrivals. */
const PAUSE = { from: 30, to: 170 };
/** An answer comes this many messages before what it answers. */
const EARLY = { from: 1, to: 12 };
const LARGEST_ATTACHMENT = 200_000;

/** A message that was put into mailboxes, with what is to become of it. */
export interface FedMail {
  readonly messageId: string;
  /** Milliseconds of the epoch. */
  readonly arrivedAt: number;
  /** Names of the mailboxes that hold it. */
  readonly mailboxes: readonly string[];
  readonly toQueue: boolean;
  /** It is to become an email. */
  readonly tracked: boolean;
  /** Message-ID of the message that it answers. */
  readonly answers: string | null;
  /** SHA-256 of its attachment. */
  readonly attachment: string | null;
}

/** Mail that goes on arriving. */
export interface Feed {
  /** Resolves when the last message has arrived and nothing is moved any more. */
  stop(): Promise<readonly FedMail[]>;
}

interface Letter extends Omit<FedMail, "arrivedAt"> {
  readonly mime: string;
}

interface Place {
  readonly client: ImapFlow;
  folder: string;
  uid: number;
}

/**
 * Lets mail arrive for three mailboxes: `ann` (a user who takes all), `bob` (a user who takes only answers) and `desk` (a queue that takes all).
 * Some messages lie in all three, some in a folder below the inbox, some are moved from one to the other later, some have attachments; some
 * answers to what ann gets arrive at bob's before the message that they answer arrives at all.
 */
export function startFeed(dovecot: Dovecot, chance: Chance): Feed {
  const stopping = new AbortController();
  const fed: FedMail[] = [];
  const feeding = withClients(dovecot, ["ann", "bob", "desk"], async (clients) => {
    const late: { readonly letter: Letter; readonly at: number }[] = [];
    const movable: Place[] = [];
    const put = async (letter: Letter) => {
      for (const name of letter.mailboxes) {
        const client = clients.get(name);
        if (client === undefined) throw new Error(`nobody feeds ${name}`);
        const folder = chance.happens(0.7) ? "INBOX" : SUB_FOLDER;
        const kept = await client.append(folder, letter.mime);
        if (kept === false || kept.uid === undefined) throw new Error(`${letter.messageId} did not get into ${folder} of ${name}`);
        movable.push({ client, folder, uid: kept.uid });
      }
      const { mime: _, ...mail } = letter;
      fed.push({ ...mail, arrivedAt: Date.now() });
    };
    for (let number = 0; !stopping.signal.aborted || late.length > 0; number++) {
      while (late[0] !== undefined && (late[0].at <= number || stopping.signal.aborted)) await put(late.shift()?.letter ?? late[0].letter);
      if (stopping.signal.aborted) break;
      for (const { letter, afterwards } of newLetters(chance, number)) {
        if (!afterwards) await put(letter);
        else late.push({ letter, at: number + chance.integer(EARLY.from, EARLY.to) });
      }
      if (chance.happens(0.25)) await moveOne(movable, chance);
      await sleep(chance.between(PAUSE.from, PAUSE.to));
    }
  });
  // Whoever stops it hears of its trouble.
  feeding.catch(() => undefined);
  return {
    async stop() {
      stopping.abort();
      await feeding;
      return fed;
    },
  };
}

async function moveOne(movable: readonly Place[], chance: Chance): Promise<void> {
  const place = movable[chance.integer(0, movable.length)];
  if (place === undefined) return;
  const destination = place.folder === "INBOX" ? SUB_FOLDER : "INBOX";
  await place.client.mailboxOpen(place.folder);
  const moved = await place.client.messageMove(String(place.uid), destination, { uid: true });
  const uid = moved === false ? undefined : moved.uidMap?.get(place.uid);
  if (uid === undefined) throw new Error(`message ${place.uid} was not moved to ${destination}`);
  place.folder = destination;
  place.uid = uid;
}

/** One message, or an answer with the message that it answers, which comes afterwards or before. */
function newLetters(chance: Chance, number: number): { readonly letter: Letter; readonly afterwards: boolean }[] {
  const write = (name: string, letter: Partial<FedMail>) => writeLetter(chance, `${number}.${name}.${chance.seed}@outside.test`, letter);
  const now = (letter: Letter) => ({ letter, afterwards: false });
  const kind = chance.between(0, 1);
  if (kind < 0.4) return [now(write("single", { mailboxes: ["ann"] }))];
  if (kind < 0.55) return [now(write("queued", { mailboxes: ["desk"], toQueue: true }))];
  if (kind < 0.7) return [now(write("everybody", { mailboxes: ["ann", "bob", "desk"], toQueue: true }))];
  if (kind < 0.8) return [now(write("chatter", { mailboxes: ["bob"], tracked: false }))];
  const question = write("question", { mailboxes: ["ann"] });
  const answer = write("answer", { mailboxes: ["bob"], answers: question.messageId });
  return chance.happens(0.5) ? [now(question), now(answer)] : [now(answer), { letter: question, afterwards: true }];
}

function writeLetter(chance: Chance, messageId: string, given: Partial<FedMail>): Letter {
  const { mailboxes = [], toQueue = false, tracked = true, answers = null } = given;
  const attachment = chance.happens(0.25) ? Buffer.alloc(chance.integer(1, LARGEST_ATTACHMENT), messageId) : null;
  const head = [
    `From: Customer <customer${chance.integer(1, 20)}@outside.test>`,
    `To: ${mailboxes.map(addressOf).join(", ")}`,
    `Subject: About ${messageId}`,
    `Date: ${new Date().toUTCString().replace("GMT", "+0000")}`,
    `Message-ID: <${messageId}>`,
    ...(answers === null ? [] : [`In-Reply-To: <${answers}>`]),
    "MIME-Version: 1.0",
  ];
  const lines = attachment === null ? [...head, "Content-Type: text/plain", "", "Hello."] : [...head, ...withAttachment(attachment)];
  return {
    messageId,
    mailboxes,
    toQueue,
    tracked,
    answers,
    attachment: attachment && createHash("sha256").update(attachment).digest("hex"),
    mime: `${lines.join("\r\n")}\r\n`,
  };
}

function withAttachment(attachment: Buffer): string[] {
  const base64 = attachment.toString("base64").match(/.{1,76}/g) ?? [];
  return [
    'Content-Type: multipart/mixed; boundary="part"',
    "",
    "--part",
    "Content-Type: text/plain",
    "",
    "Hello.",
    "--part",
    'Content-Type: application/octet-stream; name="data.bin"',
    'Content-Disposition: attachment; filename="data.bin"',
    "Content-Transfer-Encoding: base64",
    "",
    ...base64,
    "--part--",
  ];
}

/** A signed-in connection for each user for as long as `use` runs. */
async function withClients(
  dovecot: Dovecot,
  names: readonly string[],
  use: (clients: Map<string, ImapFlow>) => Promise<void>,
): Promise<void> {
  const clients = new Map<string, ImapFlow>();
  const open = async (left: readonly string[]): Promise<void> => {
    const [name, ...others] = left;
    if (name === undefined) return use(clients);
    await dovecot.withImap(name, async (client) => {
      clients.set(name, client);
      await client.mailboxCreate(SUB_FOLDER);
      await open(others);
    });
  };
  await open(names);
}
