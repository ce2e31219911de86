/** How much the answer to one command may bring, and how long it may take: a server that keeps talking is never silent, and need not come to an end. */
import type { ImapFlow } from "imapflow";
import { z } from "zod";
import { Flooded } from "./failures.ts";

/** Milliseconds between two looks at what has come. */
const LOOK = 1000;

const MEBIBYTE = 1024 * 1024;

/**
 * Bytes of the answer to a command that brings lists or a few words, and of one line of any answer. A SEARCH that finds a million messages brings 11 MiB,
 * and its numbers are held.
 */
export const ANSWER_BYTES = 32 * MEBIBYTE;

/** Bytes of the answer to opening a folder, where the server tells of each message that was changed meanwhile (QRESYNC): a hundred for each of a million. */
const OPENING_BYTES = 128 * MEBIBYTE;

/**
 * Bytes of rows: more than a list of a million messages, or the largest message that may be allowed, has. Those who ask for rows bound them by what they
 * asked for, but do not see what comes in their place.
 */
const ROWS_BYTES = 1024 * MEBIBYTE;

/** Timeouts that an answer may take in all: an hour, where a minute without a word is allowed. */
const LONGEST = 60;

/** Timeouts that rows may take in all: a large message on a slow line. */
const LONGEST_ROWS = 600;

interface Allowance {
  readonly bytes: number;
  readonly timeouts: number;
}

const USUAL: Allowance = { bytes: ANSWER_BYTES, timeouts: LONGEST };
const OPENING: Allowance = { bytes: OPENING_BYTES, timeouts: LONGEST };
const ROWS: Allowance = { bytes: ROWS_BYTES, timeouts: LONGEST_ROWS };
/** To wait for news, or for the next command, takes as long as whoever waits likes. */
const WAITING: Allowance = { bytes: ANSWER_BYTES, timeouts: Number.POSITIVE_INFINITY };

const ALLOWANCES: Readonly<Record<string, Allowance>> = {
  EXAMINE: OPENING,
  SELECT: OPENING,
  FETCH: ROWS,
  "UID FETCH": ROWS,
  IDLE: WAITING,
};

/** A command that was sent and is not answered to its end. */
export interface UnderWay {
  readonly tag: string;
  readonly command: string;
}

interface Moment {
  /** Milliseconds. */
  readonly now: number;
  /** Bytes that the connection has received in all. */
  readonly received: number;
}

/** Watches the answer to one command after the other. */
export class Answers {
  readonly #timeout: number;
  #tag: string | null = null;
  #begun: Moment;
  #last: Moment;

  /** `timeout`: the endpoint's, in milliseconds. */
  constructor(timeout: number, at: Moment) {
    this.#timeout = timeout;
    this.#begun = at;
    this.#last = at;
  }

  /** Whether the answer to the command under way has no end. A command counts from the last look at which there was another one. */
  isEndless(at: Moment, under: UnderWay | null): boolean {
    const tag = under?.tag ?? null;
    if (tag !== this.#tag) {
      this.#tag = tag;
      this.#begun = this.#last;
    }
    this.#last = at;
    const { bytes, timeouts } = under === null ? WAITING : (ALLOWANCES[under.command.toUpperCase()] ?? USUAL);
    return at.received - this.#begun.received > bytes || at.now - this.#begun.now > timeouts * this.#timeout;
  }
}

const Request = z.object({ tag: z.string(), command: z.string() });

/** imapflow does not tell which command it has sent: it holds the command here until it is answered. */
function underWay(client: ImapFlow): UnderWay | null {
  return Request.safeParse(Reflect.get(client, "currentRequest")).data ?? null;
}

/**
 * Closes the connection, after telling `onFlood` why, when an answer has no end. Looks each second and when an answer ends, whatever comes in between. A
 * tag ends nothing by itself: a hostile server makes tags up.
 */
export function closeWhenFlooded(client: ImapFlow, timeout: number, onFlood: (flooded: Flooded) => void): void {
  const moment = () => ({ now: performance.now(), received: client.stats().received });
  const answers = new Answers(timeout, moment());
  const look = () => {
    if (!answers.isEndless(moment(), underWay(client))) return;
    onFlood(new Flooded());
    client.close();
  };
  const timer = setInterval(look, LOOK).unref();
  client.on("response", look);
  client.once("close", () => clearInterval(timer));
}
