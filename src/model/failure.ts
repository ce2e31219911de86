/** How far one kind of trouble reaches. It never spreads past its scope (DESIGN, ports). */
export type Scope = "item" | "folder" | "mailbox" | "profile" | "organization" | "process";

export interface FailureFacts {
  readonly scope: Scope;
  /** Stable word for programs and alerts, e.g. `sign-in refused`, `host unknown`. One word for one cause. */
  readonly code: string;
  /** What happened, for a person; names the server. */
  readonly message: string;
  /** The foreign system's own words, when it said any. */
  readonly serverSaid?: string | undefined;
  /** The next step for a person. */
  readonly remedy: string;
  /** Whether the same call may succeed later without anybody doing anything. */
  readonly waitingHelps: boolean;
  /** Earliest useful time for another try, when the foreign system named one. */
  readonly notBefore?: Date | undefined;
  /** Failures in a row after which a person should know: more than 1 for what passes by itself, such as a mailbox that another program has open. */
  readonly alertAfter?: number | undefined;
  /** What it is instead if another folder of the mailbox can be read at that moment; of a trouble that one folder cannot have alone, nothing. */
  readonly ofFolder?: Failure | undefined;
  readonly cause?: unknown;
}

/** Whether other folders of a mailbox cannot be worked on either. */
export function isWiderThanFolder({ scope }: Failure): boolean {
  return scope !== "item" && scope !== "folder";
}

/** The one error of the product that crosses folders: a cause with a scope and a remedy. */
export class Failure extends Error {
  readonly scope: Scope;
  readonly code: string;
  readonly serverSaid: string | undefined;
  readonly remedy: string;
  readonly waitingHelps: boolean;
  readonly notBefore: Date | undefined;
  readonly alertAfter: number;
  readonly ofFolder: Failure | undefined;

  constructor(facts: FailureFacts) {
    super(facts.message, facts.cause === undefined ? undefined : { cause: facts.cause });
    this.name = "Failure";
    this.scope = facts.scope;
    this.code = facts.code;
    this.serverSaid = facts.serverSaid;
    this.remedy = facts.remedy;
    this.waitingHelps = facts.waitingHelps;
    this.notBefore = facts.notBefore;
    this.alertAfter = facts.alertAfter ?? 1;
    this.ofFolder = facts.ofFolder;
  }
}
