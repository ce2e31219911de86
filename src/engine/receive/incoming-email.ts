import type { Storable } from "../../mime/storable.ts";
import type { IncomingEmail } from "../../model/email.ts";
import type { MessageHead } from "../../model/message.ts";
import { whereRead } from "../../tracking/where-read.ts";
import type { TrackedCandidate } from "./reading.ts";

/** The email activity that a tracked message becomes: what the head says and what of the content the CRM may store. Pure. */
export function incomingEmail(
  id: string,
  candidate: TrackedCandidate,
  mailboxAddress: string,
  { content, notifications }: Pick<Storable, "content" | "notifications">,
  reply: string | null,
): IncomingEmail {
  const { head, decision } = candidate;
  if (decision.placement === null) throw new Error("only tracked messages become emails");
  return {
    id,
    messageId: head.messageId,
    inReplyTo: head.inReplyTo[0] ?? null,
    conversationIndex: head.conversationIndex,
    subject: head.subject,
    received: head.received,
    sent: head.date,
    html: content.html,
    text: content.text,
    reply,
    attachments: content.attachments,
    notifications,
    importance: importanceOf(head),
    submittedBy: whereRead(head, mailboxAddress),
    headers:
      head.references.length > 0 ? [...head.headers, ["references", head.references.map((one) => `<${one}>`).join(" ")]] : head.headers,
    placement: decision.placement,
    ...aboutOf(candidate),
  };
}

/** A report of which nothing is known that could be shown is an email like any other. */
function aboutOf({ report, decision }: TrackedCandidate): Pick<IncomingEmail, "about"> {
  const emailId = decision.placement?.reportedEmailId;
  if (report == null || emailId === undefined) return {};
  return { about: { emailId, messageId: report.messageIds[0] ?? null, recipients: report.recipients } };
}

/** `prioritycode` from Importance (RFC 4021 2.1.54) or the older X-Priority (1 highest, 5 lowest). */
function importanceOf(head: MessageHead): 0 | 1 | 2 {
  const value = (name: string) =>
    head.headers
      .find(([key]) => key === name)?.[1]
      .trim()
      .toLowerCase() ?? "";
  const importance = value("importance");
  if (importance === "high" || /^[12]\b/.test(value("x-priority"))) return 2;
  if (importance === "low" || /^[45]\b/.test(value("x-priority"))) return 0;
  return 1;
}
