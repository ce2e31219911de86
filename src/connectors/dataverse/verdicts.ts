import { z } from "zod";
import { type Address, addressKey } from "../../model/address.ts";
import { REASON, type ReasonCode } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import type { MessageHead } from "../../model/message.ts";
import type { CrmVerdict } from "../../model/verdict.ts";
import type { VerdictQuery } from "../../ports.ts";
import { literal } from "./any-of.ts";
import { answered, type Request } from "./client/client.ts";
import type { Organization } from "./organization.ts";
import { notUnderstood } from "./row.ts";

export const CHECK = "CheckIncomingEmail";

/** `messageid` takes no more (wire 8.1). */
const LONGEST_MESSAGE_ID = 320;

/** Characters of a question: it stands in an address, also within a batch, and servers cut long ones (wire 7.1). About a longer one the rules here decide. */
const LONGEST_QUESTION = 12_000;

/** Statuses that blame the question: what it says, or how long it is. */
const OFFENDED: ReadonlySet<number> = new Set([400, 413, 414]);

const ANSWER = z.object({ ShouldDeliver: z.boolean(), ReasonCode: z.number().int() });

const REASONS: ReadonlySet<number> = new Set(Object.values(REASON));

/**
 * What Dynamics says of messages: CheckIncomingEmail for each, all in one batch (product-behaviour 5.2). Null where the organization has no such function, or is not to
 * decide. The function knows no mailbox: its address is told among the blind copies where a list or a blind copy names it nowhere.
 * @throws Failure where the organization cannot be asked
 */
export async function readVerdicts(organization: Organization, { mailbox, heads }: VerdictQuery): Promise<(CrmVerdict | null)[] | null> {
  if (!organization.decides || !(await organization.tables()).can(CHECK)) return null;
  const questions = heads.map((head) => questionOf(head, mailbox.address));
  const answers = await organization.client.batch(questions.flatMap((one) => one ?? []));
  let next = 0;
  return questions.map((one) => {
    if (one === null) return null;
    const answer = answers[next++];
    if (answer === undefined) throw notUnderstood("an answer to each question");
    if (answer.kind === "refused") {
      // One that it takes offence at is decided here: it is this message's trouble, and no word about it.
      if (answer.failure.scope === "item" && OFFENDED.has(answer.status)) return null;
      throw ofAll(answer.failure);
    }
    const read = ANSWER.safeParse(answered(answer).body);
    if (!read.success) throw notUnderstood("an answer of CheckIncomingEmail");
    return { delivers: read.data.ShouldDeliver, reason: reasonOf(read.data.ReasonCode) };
  });
}

/** That the function cannot be asked is no trouble of the one message that it was asked about. */
function ofAll(failure: Failure): Failure {
  if (failure.scope !== "item") return failure;
  return new Failure({
    scope: "organization",
    code: "messages not judged",
    message: `Dynamics does not say which messages it wants, so that none can be decided: ${failure.message}`,
    serverSaid: failure.serverSaid,
    remedy:
      "Give the role of Waypost's user the privileges on emails (prvReadActivity), or have the rules of Waypost decide (decides: waypost).",
    waitingHelps: failure.waitingHelps,
    cause: failure,
  });
}

function questionOf(head: MessageHead, mailbox: string): Request | null {
  const named = [...head.to, ...head.cc, ...head.bcc].some(({ address }) => addressKey(address) === addressKey(mailbox));
  const own = named ? [] : [{ name: "", address: mailbox }];
  const messageId = head.messageId ?? "";
  const query = {
    "@p1": literal(messageId.length > LONGEST_MESSAGE_ID ? "" : messageId),
    "@p2": literal(head.subject),
    "@p3": literal(listOf(head.from.slice(0, 1))),
    "@p4": literal(listOf(head.to)),
    "@p5": literal(listOf(head.cc)),
    "@p6": literal(listOf([...head.bcc, ...own])),
  };
  const length = Object.values(query).reduce((sum, value) => sum + encodeURIComponent(value).length, 0);
  if (length > LONGEST_QUESTION) return null;
  return { method: "GET", path: `${CHECK}(MessageId=@p1,Subject=@p2,From=@p3,To=@p4,Cc=@p5,Bcc=@p6)`, query };
}

/** Addresses with semicolons between them; one that holds such a character would be taken for two. */
function listOf(list: readonly Address[]): string {
  return list
    .map(({ address }) => address)
    .filter((address) => address !== "" && !address.includes(";"))
    .join(";");
}

function reasonOf(code: number): ReasonCode {
  return isReason(code) ? code : REASON.unknown;
}

function isReason(code: number): code is ReasonCode {
  return REASONS.has(code);
}
