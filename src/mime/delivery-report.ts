import {
  type DeliveryReport,
  looksLikeReport,
  REPORT_KINDS,
  REPORTED_RECIPIENTS,
  type ReportedRecipient,
  type ReportKind,
} from "../model/delivery-report.ts";
import { decodeText } from "./charset.ts";
import { parseHead } from "./head.ts";
import { messageIds } from "./message-ids.ts";
import { parameterText } from "./parameters.ts";
import { type Leaf, type PartLimits, partsOf } from "./parts.ts";
import { plainReport } from "./plain-report.ts";
import { addressIn, type FieldGroup, fieldGroups, first, recipientOf } from "./report-fields.ts";
import { NOTHING_RETURNED, type ReturnedHeader, returnedHeader } from "./returned-message.ts";
import { decodeTransfer } from "./transfer-encoding.ts";

/** Reports have three parts; what they give back is one of them, however many it has itself. */
const REPORT_LIMITS: PartLimits = { parts: 50, depth: 10 };

/** Bytes of a part that are read as words. */
const TEXT_BYTES = 256 * 1024;

const DELIVERY_STATUS = /^message\/(?:global-)?delivery-status$/;
const DISPOSITION = /^message\/(?:global-)?disposition-notification$/;
const FEEDBACK = /^message\/feedback-report$/;
const RETURNED = /^(?:message\/(?:rfc822|global|global-headers|rfc822-headers)|text\/rfc822-headers)$/;

/** Kinds of feedback that are no complaint: RFC 5965 7.3, RFC 6591. */
const NO_COMPLAINT: ReadonlySet<string> = new Set(["not-spam", "auth-failure", "dmarc"]);

const NO_FACTS = { ref: { stream: "", id: "" }, folders: [], received: new Date(0), size: 0, flags: [], providerId: null };

/**
 * The delivery report that a raw message is, or null when it is none: RFC 3464 (delivery status), RFC 5965 (complaints), RFC 8098 (receipts), and what
 * servers write in words of their own. Only what {@link looksLikeReport} by its head is read: a report that a person forwards is a message of that
 * person. Never throws, whatever the bytes, and takes time linear in them. It is a stranger's word: anybody who knows a Message-ID can write one.
 */
export function readDeliveryReport(mime: Buffer): DeliveryReport | null {
  const head = parseHead(mime, NO_FACTS);
  if (!looksLikeReport(head)) return null;
  const { leaves } = partsOf(mime, REPORT_LIMITS);
  const bodyOf = (types: RegExp): Buffer | null => {
    const leaf = leaves.find(({ type }) => types.test(type.value));
    return leaf === undefined ? null : decodeTransfer(leaf.body, leaf.encoding);
  };
  const returnedBody = bodyOf(RETURNED);
  const part = returnedBody === null ? null : returnedHeader(returnedBody);
  const groups = (types: RegExp) => leaves.filter(({ type }) => types.test(type.value)).flatMap(groupsOf);
  const plain = () => plainReport(head, wordsOf(leaves), part !== null);
  const standard = ofStatus(groups(DELIVERY_STATUS), part) ?? ofFeedback(groups(FEEDBACK), part) ?? ofDisposition(groups(DISPOSITION));
  // The header may be given back in plain words behind a report of the standard form.
  const inWords = standard === null || part === null ? plain() : null;
  const found = standard ?? inWords;
  if (found === null) return null;
  const { messageIds: named, emailMark } = part ?? inWords?.returned ?? NOTHING_RETURNED;
  const ids = [...new Set([...("originalIds" in found ? found.originalIds : []), ...named])];
  return {
    kind: "kind" in found ? found.kind : gravest(found.recipients),
    recipients: found.recipients,
    // Some servers give nothing back, and write their report as an answer.
    messageIds: ids.length > 0 ? ids : head.inReplyTo.slice(0, 1),
    emailMark,
  };
}

interface Standard {
  readonly kind: ReportKind;
  readonly recipients: readonly ReportedRecipient[];
  /** Message-IDs that the report's own fields name. */
  readonly originalIds: readonly string[];
}

function groupsOf(leaf: Leaf): FieldGroup[] {
  return fieldGroups(decodeTransfer(leaf.body, leaf.encoding));
}

/** A group that names nobody is about the one whom the message was for. */
function ofStatus(groups: readonly FieldGroup[], returned: ReturnedHeader | null): Standard | null {
  const otherwise = returned?.to.length === 1 ? (returned.to[0] ?? "") : "";
  const recipients = groups.flatMap((group) => recipientOf(group, otherwise) ?? []).slice(0, REPORTED_RECIPIENTS);
  return recipients.length === 0 ? null : { kind: gravest(recipients), recipients, originalIds: [] };
}

/** Whom a complaint is from is often kept from us: then it is whom the message was for, as far as that came along. */
function ofFeedback(groups: readonly FieldGroup[], returned: ReturnedHeader | null): Standard | null {
  const kind = groups.map((group) => first(group, "feedback-type")).find((type) => type !== "");
  if (kind === undefined || NO_COMPLAINT.has(kind.trim().toLowerCase())) return null;
  const named = groups.flatMap((group) => group.get("original-rcpt-to") ?? []).flatMap((one) => addressIn(one) ?? []);
  const addresses = (named.length > 0 ? named : (returned?.to ?? [])).slice(0, REPORTED_RECIPIENTS);
  const recipients = addresses.map((address) => ({
    address,
    originalAddress: null,
    kind: "complaint" as const,
    status: null,
    diagnosis: null,
  }));
  return { kind: "complaint", recipients, originalIds: [] };
}

function ofDisposition(groups: readonly FieldGroup[]): Standard | null {
  const group = groups.find((one) => one.has("disposition"));
  const recipient = group === undefined ? null : recipientOf(group);
  if (group === undefined || recipient === null) return null;
  const kind = dispositionOf(first(group, "disposition"));
  const originalIds = messageIds(first(group, "original-message-id")).ids.slice(0, 1);
  return { kind, recipients: [{ ...recipient, kind }], originalIds };
}

/** `manual-action/MDN-sent-manually; displayed/error` (RFC 8098 3.2.6). */
function dispositionOf(disposition: string): ReportKind {
  const type = disposition
    .slice(disposition.indexOf(";") + 1)
    .split("/", 1)[0]
    ?.trim()
    .toLowerCase();
  return type === "displayed" || type === "deleted" ? type : "processed";
}

function gravest(recipients: readonly ReportedRecipient[]): ReportKind {
  return REPORT_KINDS.find((kind) => recipients.some((one) => one.kind === kind)) ?? "failed";
}

/** All parts that a person would read, in order. Some servers declare the type of the message that they give back instead of their own. */
function wordsOf(leaves: readonly Leaf[]): string {
  return leaves
    .filter(({ type }) => type.value.startsWith("text/") && !RETURNED.test(type.value))
    .map((leaf) => decodeText(decodeTransfer(leaf.body, leaf.encoding).subarray(0, TEXT_BYTES), parameterText(leaf.type, "charset")))
    .join("\n\n")
    .replaceAll("\r\n", "\n");
}
