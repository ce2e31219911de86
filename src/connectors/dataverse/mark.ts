import { z } from "zod";
import { REPORT_KINDS, type ReportKind } from "../../model/delivery-report.ts";

/**
 * What Waypost remembers on an email in Dynamics: in `activityadditionalparams`, which Dynamics keeps for what external programs have to say about an activity,
 * as JSON. There stands what no column of Dynamics takes from outside (wire 8.1: inreplyto, conversationindex and senton are read-only).
 */
export interface Mark {
  /** Set as long as attachments are missing: the email is a draft, and whoever delivers it again completes it. */
  readonly incomplete?: true | undefined;
  /** Hash of the content as it was delivered (see contentHash in model/), and how many files it had. */
  readonly content?: string | undefined;
  readonly files?: number | undefined;
  readonly inReplyTo?: string | undefined;
  /** Oldest first. */
  readonly references?: readonly string[] | undefined;
  /** Base of the conversation index. */
  readonly conversation?: string | undefined;
  /** The Date header. */
  readonly sent?: string | undefined;
  /** What a delivery report says of the email `about`. */
  readonly report?: MarkedReport | undefined;
  /** The press of Send that was claimed last, and whether it came to its end. See generation.ts. */
  readonly generation?: number | undefined;
  readonly ended?: true | undefined;
  /** Whose claim that is: the Waypost with all its processes, and the one attempt to claim. Of several routers none settles what another has in hand. */
  readonly router?: string | undefined;
  readonly claim?: string | undefined;
  /** Some recipients have it already. */
  readonly partly?: true | undefined;
  /** Who pressed Send; null: the sender itself, or a program in its name. */
  readonly submitter?: string | null | undefined;
  /** Set where the sender itself may have pressed Send all the same; see Submitter. */
  readonly guessed?: true | undefined;
  /** Not to be sent again before this. Waypost writes it when it puts the email back to Pending Send, and takes it away when it claims it. */
  readonly notBefore?: string | undefined;
  /** `deliveryattempts` as Waypost wrote it when it put the email back. */
  readonly attempts?: number | undefined;
  /** What the mail system said. */
  readonly note?: string | undefined;
}

export interface MarkedReport {
  readonly about: string;
  readonly messageId: string | null;
  readonly recipients: readonly {
    readonly address: string;
    readonly kind: ReportKind;
    readonly status: string | null;
    readonly diagnosis: string | null;
  }[];
}

/** What `activityadditionalparams` takes; the mark leaves room for other programs as long as there is something that it can do without. */
const COLUMN_CHARACTERS = 8_192;
const MOST_CHARACTERS = 7_500;
/** Presses of Send that one email can have: more are none, but somebody's number. */
const MOST_GENERATIONS = 100_000;
const NAME = "waypost";

export const MARK = z.object({
  incomplete: z.literal(true).optional(),
  content: z.string().optional(),
  files: z.number().optional(),
  inReplyTo: z.string().optional(),
  references: z.array(z.string()).optional(),
  conversation: z.string().optional(),
  sent: z.string().optional(),
  report: z
    .object({
      about: z.string(),
      messageId: z.string().nullable(),
      recipients: z.array(
        z.object({ address: z.string(), kind: z.enum(REPORT_KINDS), status: z.string().nullable(), diagnosis: z.string().nullable() }),
      ),
    })
    .optional(),
  generation: z.number().int().positive().max(MOST_GENERATIONS).optional(),
  ended: z.literal(true).optional(),
  router: z.string().optional(),
  claim: z.string().optional(),
  partly: z.literal(true).optional(),
  submitter: z.string().nullable().optional(),
  guessed: z.literal(true).optional(),
  notBefore: z.string().optional(),
  attempts: z.number().int().nonnegative().optional(),
  note: z.string().optional(),
});

/** The mark on an email; an empty one where there is none, somebody wrote over it, or so many presses of Send are told that somebody made them up. */
export function readMark(parameters: string | null): Mark {
  const read = MARK.safeParse(objectOf(parameters)?.[NAME]);
  return read.success && (read.data.generation ?? 0) < MOST_GENERATIONS ? read.data : {};
}

/** Whether there is no mark, or that of an earlier press of Send that has ended: nothing says then whose claim a later one is. */
export function tellsNothingOf({ generation, ended }: Mark, later: number): boolean {
  return generation === undefined || (ended === true && generation < later);
}

/**
 * `activityadditionalparams` with this mark; what other programs said there stays. What does not fit is left off, the least needed first: what was said of
 * recipients, then the oldest references. Null where the column takes no mark: another program keeps something there that is no JSON object, or has filled it up.
 */
export function writeMark(mark: Mark): string;
export function writeMark(mark: Mark, before: string | null): string | null;
export function writeMark(mark: Mark, before: string | null = null): string | null {
  const others = objectOf(before);
  if (others === null) return null;
  let kept = mark;
  for (let text = JSON.stringify({ ...others, [NAME]: kept }); ; text = JSON.stringify({ ...others, [NAME]: kept })) {
    const less = text.length > MOST_CHARACTERS ? shorter(kept) : null;
    if (less === null) return text.length <= COLUMN_CHARACTERS ? text : null;
    kept = less;
  }
}

/** `activityadditionalparams` without a mark, where the column takes no newer one: what was true once must not be taken for what is. Undefined: there is none on it. */
export function withoutMark(before: string | null): string | undefined {
  const { [NAME]: mark, ...others } = objectOf(before) ?? {};
  return mark === undefined ? undefined : JSON.stringify(others);
}

/** The mark with less in it; null when nothing can be left off. */
function shorter(mark: Mark): Mark | null {
  const { report, references, note } = mark;
  if (report?.recipients.some(({ diagnosis }) => diagnosis !== null))
    return { ...mark, report: { ...report, recipients: report.recipients.map((one) => ({ ...one, diagnosis: null })) } };
  if (report !== undefined && report.recipients.length > 1)
    return { ...mark, report: { ...report, recipients: report.recipients.slice(0, Math.trunc(report.recipients.length / 2)) } };
  // The first one tells the thread, the last ones its latest turn.
  if (references !== undefined && references.length > 2)
    return { ...mark, references: [...references.slice(0, 1), ...references.slice(Math.ceil(references.length / 2))] };
  if (note !== undefined && note.length > 100) return { ...mark, note: note.slice(0, 100) };
  if (references !== undefined) return { ...mark, references: undefined };
  if (mark.inReplyTo !== undefined) return { ...mark, inReplyTo: undefined };
  if (report !== undefined) return { ...mark, report: undefined };
  return null;
}

/** Null: there is something that is no JSON object. */
function objectOf(parameters: string | null): Readonly<Record<string, unknown>> | null {
  if (parameters === null || parameters.trim() === "") return {};
  try {
    const read: unknown = JSON.parse(parameters);
    return typeof read === "object" && read !== null && !Array.isArray(read) ? { ...read } : null;
  } catch {
    // Another program's own language.
    return null;
  }
}
