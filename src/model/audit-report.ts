/** What a mailbox holds, by the mail system's own listing, compared with what became of it. Each message in a folder that is read stands in exactly one of the parts. */
export interface AuditReport {
  /** Messages in the folders that are read. */
  readonly there: number;
  /** Of these, received before the mailbox's start date: left alone. */
  readonly beforeStart: number;
  /** Of these, not read yet: they came while it was looked, or there is much to read. */
  readonly notReadYet: number;
  /** Of these, decided where they lie: `qualified`, `skipped` and `quarantined` together. */
  readonly seen: number;
  /** Of those seen, the ones that the rules wanted: `tracked`, `deleted` and `lost` together. */
  readonly qualified: number;
  /** Their email stands in the CRM. */
  readonly tracked: number;
  /** Somebody deleted their email in the CRM. */
  readonly deleted: number;
  readonly skipped: number;
  readonly quarantined: number;
  /** They should stand in the CRM and do not: `unseen` and `lost` together. */
  readonly missing: number;
  /** They were passed by: nothing was decided about them, and nothing more would be. */
  readonly unseen: number;
  /** Their email was made and is gone, and nobody deleted it. */
  readonly lost: number;
  /** Of those missing, how many are not any more, because they were read again. */
  readonly repaired: number;
  /** The first of those missing. */
  readonly examples: readonly MissingMessage[];
  /** Folders whose messages are not counted in the others. */
  readonly notCounted: readonly FolderNotCounted[];
}

/** A message that is missing. */
export interface MissingMessage {
  /** Name of its folder. */
  readonly folder: string;
  readonly messageId: string | null;
  readonly received: Date;
  readonly why: "unseen" | "lost";
}

/** A folder that was left out, with the number of its messages where the mail system tells it. */
export interface FolderNotCounted {
  readonly folder: string;
  readonly messages: number | null;
  readonly because: string;
  /** It would be counted, and could not be looked at this time. */
  readonly failed: boolean;
}

export const NOTHING_FOUND: AuditReport = {
  there: 0,
  beforeStart: 0,
  notReadYet: 0,
  seen: 0,
  qualified: 0,
  tracked: 0,
  deleted: 0,
  skipped: 0,
  quarantined: 0,
  missing: 0,
  unseen: 0,
  lost: 0,
  repaired: 0,
  examples: [],
  notCounted: [],
};

/** Missing messages that a report names. */
const MOST_EXAMPLES = 20;

/** Two parts of one report. Pure. */
export function addReports(one: AuditReport, other: AuditReport): AuditReport {
  const sum = (count: CountName) => one[count] + other[count];
  return {
    there: sum("there"),
    beforeStart: sum("beforeStart"),
    notReadYet: sum("notReadYet"),
    seen: sum("seen"),
    qualified: sum("qualified"),
    tracked: sum("tracked"),
    deleted: sum("deleted"),
    skipped: sum("skipped"),
    quarantined: sum("quarantined"),
    missing: sum("missing"),
    unseen: sum("unseen"),
    lost: sum("lost"),
    repaired: sum("repaired"),
    examples: [...one.examples, ...other.examples].slice(0, MOST_EXAMPLES),
    notCounted: [...one.notCounted, ...other.notCounted],
  };
}

type CountName = Exclude<keyof AuditReport, "examples" | "notCounted">;
