import type { WhatIfChange, WhatIfCounts, WhatIfMailbox, WhatIfOutcome } from "../engine/operations/what-if.ts";
import type { Json } from "./json.ts";
import { plural, printable } from "./print.ts";

const OUTCOMES = ["tracked", "skipped", "duplicate", "quarantined"] as const;

/** How many messages of each mailbox would come to what, as things stand and with the other settings. */
export function whatIfCountLines({ since, mailboxes, changed, withoutHead, doubtful }: Json<WhatIfCounts>): string[] {
  return [
    `Messages received since ${moment(since)}; nothing is written.`,
    ...mailboxes.flatMap(mailboxLines),
    ...(withoutHead === 0 ? [] : [`${plural(withoutHead, "message")} cannot be tried: the header is kept no longer.`]),
    ...(doubtful === 0
      ? []
      : [
          `Of ${plural(doubtful, "message")} only the content tells all: whether two without a Message-ID or a date are one email, and what a delivery report is about.`,
        ]),
    changed === 0 ? "No message's outcome changes." : `The outcome of ${plural(changed, "message")} changes.`,
  ].map(printable);
}

function mailboxLines({ mailbox, before, after, changed, otherwiseToday }: Json<WhatIfMailbox>): string[] {
  return [
    `${mailbox}  (${changed} of ${plural(
      OUTCOMES.reduce((sum, one) => sum + before[one], 0),
      "message",
    )} ${changed === 1 ? "changes" : "change"})`,
    ...OUTCOMES.filter((one) => before[one] + after[one] > 0).map((one) => `  ${`${one}:`.padEnd(13)}${before[one]} → ${after[one]}`),
    ...(otherwiseToday === 0
      ? []
      : [
          `  ${plural(otherwiseToday, "message")} would be decided otherwise today than ${otherwiseToday === 1 ? "it was" : "they were"}, without any other setting: what the CRM knows has changed, or the settings have.`,
        ]),
  ];
}

/** One message whose outcome changes, and why. */
export function whatIfChangeLines({
  decisionId,
  mailbox,
  received,
  messageId,
  from,
  isPrivate,
  before,
  after,
}: Json<WhatIfChange>): string[] {
  const id = messageId === null ? "message without Message-ID" : `message <${messageId}>`;
  const which = isPrivate ? "message of somebody (marked as private)" : `${id} from ${from ?? "nobody"}`;
  return [
    "",
    `${before.outcome} → ${after.outcome}: ${which}, received ${moment(received)} in ${mailbox}, decision ${decisionId}`,
    ...whyLines("now", before),
    ...whyLines("then", after),
  ].map(printable);
}

function whyLines(when: string, { reason, sentences }: Json<WhatIfOutcome>): string[] {
  const said = reason === null ? ["what other messages become in between decides it"] : sentences;
  return (said.length > 0 ? said : [`reason ${reason}`]).map((sentence) => `  ${`${when}:`.padEnd(6)}${sentence}`);
}

/** What is said at the end of a list that was cut short. */
export function whatIfEndLines(told: number, changed: number): string[] {
  return ["", `${changed - told} more: --all shows all of them, --limit another number.`];
}

function moment(iso: string): string {
  return `${iso.slice(0, 19).replace("T", " ")} UTC`;
}
