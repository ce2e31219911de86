import type { DecidedMessage } from "../../ledger/decisions.ts";
import { parseHead } from "../../mime/head.ts";
import { REASON } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageHead } from "../../model/message.ts";
import { tooLarge } from "./item-failures.ts";
import type { Candidate, Reading } from "./reading.ts";

/** Why a message is quarantined whose header the server does not hand out. */
export function unreadable(mailbox: string, head: MessageHead): Failure {
  if (head.forwarded?.kind === "too large") return tooLarge(mailbox, head.forwarded.size, head.forwarded.limit);
  return new Failure({
    scope: "item",
    code: "message unreadable",
    message: `Mailbox ${mailbox}: the server does not hand out a message in ${head.folders.join(", ")} (${head.ref.id}).`,
    serverSaid: head.unreadable,
    remedy:
      "Open the message with a mail program. If that fails too, the mail server's administrator has to mend it; then run `waypost quarantine retry`.",
    waitingHelps: false,
  });
}

/** The decision about such a message: nothing could be asked. */
export function undecidable({ head, places, key }: Candidate, failure: Failure): DecidedMessage {
  const rules = [{ rule: "quarantine", answer: "yes" as const, because: `${failure.message} ${failure.remedy}` }];
  return { head, places, identity: key, outcome: "quarantined", reason: REASON.unknown, rules, emailId: null, waitingFor: [] };
}

/**
 * Reads the heads of messages again that the server once did not hand out, and opens forwards again that were not opened or not believed; those that the
 * server still withholds stay as they are, those that left are left out.
 */
export async function readHeadsAgain(reading: Reading, heads: readonly MessageHead[]): Promise<MessageHead[]> {
  const read: MessageHead[] = [];
  for (const head of heads) {
    if (isClosedForward(reading, head)) {
      read.push(...(await reading.source.heads([head.ref])));
      continue;
    }
    const again = head.unreadable === undefined ? head : await readHeadAgain(reading, head);
    if (again !== null) read.push(again);
  }
  return read;
}

function isClosedForward({ work }: Reading, { forwarded, unreadable: withheld }: MessageHead): boolean {
  return work.mailbox.owner.type === "forward" && (withheld !== undefined || (forwarded !== undefined && forwarded.kind !== "original"));
}

async function readHeadAgain({ source, work }: Reading, head: MessageHead): Promise<MessageHead | null> {
  try {
    for await (const content of source.content([head.ref], { maximumSize: work.profile.maximumMessageSize })) {
      if (content.kind === "gone") return null;
      if (content.kind === "mime")
        return { ...parseHead(headerOf(content.mime), head), received: head.received, size: content.mime.length };
    }
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
  }
  return head;
}

function headerOf(mime: Buffer): Buffer {
  const end = mime.indexOf("\r\n\r\n");
  return end < 0 ? mime : mime.subarray(0, end + 2);
}
