import { type DeliveryReport, isNullPath, isServer, type ReportKind } from "../model/delivery-report.ts";
import type { MessageHead } from "../model/message.ts";
import { claimedAuthors } from "./author.ts";
import { isUnread } from "./program-address.ts";
import { quote } from "./sentence.ts";

/** What kind of program wrote a message. */
export type AutomatonKind = "delivery report" | "complaint" | "receipt" | "automatic reply" | "mailing list" | "bulk mail" | "notification";

/** A program that wrote a message, and by what it is known. */
export interface Automaton {
  readonly kind: AutomatonKind;
  /** The evidence as the end of a sentence: `its header has "Auto-Submitted: auto-replied"`. */
  readonly evidence: string;
}

/** What one field tells; null: nothing. */
interface Mark {
  readonly field: string;
  readonly kind: (value: string) => AutomatonKind | null;
}

const always =
  (kind: AutomatonKind): Mark["kind"] =>
  () =>
    kind;
const unlessNo =
  (kind: AutomatonKind): Mark["kind"] =>
  (value) =>
    /^(?:no|none|false|0)\b/i.test(withoutComments(value)) ? null : kind;
const where =
  (said: RegExp, kind: AutomatonKind): Mark["kind"] =>
  (value) =>
    said.test(withoutComments(value)) ? kind : null;

/**
 * The marks in the order of their weight: what says of itself that it is an answer, then what mailing lists and bulk mailers must say (RFC 2919,
 * RFC 2369, RFC 8058), then what only tells that no person pressed Send. Auto-Submitted is RFC 3834 5, Precedence RFC 3834 2, the others are custom.
 */
const MARKS: readonly Mark[] = [
  { field: "content-type", kind: (value) => (/^multipart\/report\b/i.test(value) ? reportType(value) : null) },
  { field: "x-failed-recipients", kind: always("delivery report") },
  { field: "auto-submitted", kind: where(/^auto-replied\b/i, "automatic reply") },
  { field: "x-autoreply", kind: unlessNo("automatic reply") },
  { field: "x-autorespond", kind: unlessNo("automatic reply") },
  { field: "x-autoresponder", kind: unlessNo("automatic reply") },
  { field: "x-autoreply-from", kind: always("automatic reply") },
  { field: "x-mail-autoreply", kind: unlessNo("automatic reply") },
  { field: "delivered-to", kind: where(/^autoresponder$/i, "automatic reply") },
  { field: "precedence", kind: precedence },
  { field: "list-id", kind: always("mailing list") },
  { field: "list-post", kind: always("mailing list") },
  { field: "list-unsubscribe", kind: always("bulk mail") },
  { field: "list-unsubscribe-post", kind: always("bulk mail") },
  { field: "auto-submitted", kind: unlessNo("notification") },
  // Its rules answer, and forward what people wrote: Exchange says no more.
  { field: "x-ms-exchange-generated-message-source", kind: where(/^mailbox rules agent$/i, "notification") },
  { field: "x-fc-machinegenerated", kind: unlessNo("notification") },
  // Who wants neither receipts nor reports only, may be a person (MS-OXCMAIL 2.1.3.2.20).
  { field: "x-auto-response-suppress", kind: where(/(?:^|[\s,;])(?:all|oof|autoreply)(?:$|[\s,;])/i, "notification") },
  { field: "x-loop", kind: always("notification") },
];

/** Services that deliver for others set it, whatever they deliver: it counts where nothing else tells more. */
const MARKS_OF_SERVICES: readonly Mark[] = [{ field: "feedback-id", kind: always("bulk mail") }];

/** What the words of Precedence tell, the weightiest first: some write several. */
const PRECEDENCES: readonly (readonly [word: string, kind: AutomatonKind])[] = [
  ["auto_reply", "automatic reply"],
  ["auto-reply", "automatic reply"],
  ["list", "mailing list"],
  ["bulk", "bulk mail"],
  ["junk", "bulk mail"],
];

function precedence(value: string): AutomatonKind | null {
  const words = withoutComments(value)
    .toLowerCase()
    .split(/[\s,;]+/);
  return PRECEDENCES.find(([word]) => words.includes(word))?.[1] ?? null;
}

/** A value without its comments (RFC 5322 3.2.2), innermost first; what is not closed stays. */
function withoutComments(value: string): string {
  let rest = value;
  for (let depth = 0; depth < DEEPEST_COMMENT && rest.includes("("); depth++) rest = rest.replace(/\([^()]*\)/g, " ");
  return rest.trim();
}

/** So deep nobody nests comments. */
const DEEPEST_COMMENT = 5;

/** How absent people's programs begin their subjects. A person may write so too: it counts only beside another mark. */
const AWAY =
  /^\s*(?:(?:re|aw)\s*:\s*)?(?:automatic reply|auto(?:matic|mated)?[ -]?(?:reply|response)|out of (?:the )?office|automatische antwort|abwesenheit|abwesend|réponse automatique|respuesta automática|risposta automatica|vacation)/i;

/**
 * The program that a message comes from, as far as its head tells and, where it is known, its content; null where nothing tells of one. Nothing but
 * the marks that programs set themselves counts: a mark taken too wide would call people's mail automatic.
 */
export function automatonOf(head: MessageHead, report: Pick<DeliveryReport, "kind"> | null = null): Automaton | null {
  if (report !== null) return { kind: kindOfReport(report.kind), evidence: `its content is a report with the outcome "${report.kind}"` };
  const marked = markOf(head, MARKS) ?? pathMark(head) ?? senderMark(head) ?? markOf(head, MARKS_OF_SERVICES);
  if (marked === null || marked.kind !== "notification" || !AWAY.test(head.subject)) return marked;
  return { kind: "automatic reply", evidence: `${marked.evidence}, and its subject begins like one` };
}

function markOf({ headers }: MessageHead, marks: readonly Mark[]): Automaton | null {
  for (const mark of marks) {
    for (const [name, value] of headers) {
      const kind = name === mark.field ? mark.kind(value.trim()) : null;
      if (kind !== null) return { kind, evidence: `its header has ${quote(`${fieldName(name)}: ${value}`)}` };
    }
  }
  return null;
}

/** What answers by itself has no return path, lest two programs answer each other (RFC 3834 4). */
function pathMark({ headers, inReplyTo }: MessageHead): Automaton | null {
  const path = headers.find(([name]) => name === "return-path")?.[1];
  if (path === undefined || !isNullPath(path)) return null;
  return { kind: inReplyTo.length > 0 ? "automatic reply" : "notification", evidence: "it has no return path" };
}

function senderMark(head: MessageHead): Automaton | null {
  for (const author of claimedAuthors(head)) {
    if (isServer(author)) return { kind: "notification", evidence: `a mail server wrote it as ${quote(author.address)}` };
    if (isUnread(author.address)) return { kind: "notification", evidence: `nobody reads answers to ${quote(author.address)}` };
  }
  return null;
}

function reportType(contentType: string): AutomatonKind {
  if (/\bfeedback-report\b/i.test(contentType)) return "complaint";
  return /\bdisposition-notification\b/i.test(contentType) ? "receipt" : "delivery report";
}

function kindOfReport(kind: ReportKind): AutomatonKind {
  if (kind === "complaint") return "complaint";
  return kind === "displayed" || kind === "deleted" || kind === "processed" ? "receipt" : "delivery report";
}

/** As people know it: `auto-submitted` is Auto-Submitted. */
function fieldName(name: string): string {
  return name.replace(/(?:^|-)[a-z]/g, (letter) => letter.toUpperCase());
}
