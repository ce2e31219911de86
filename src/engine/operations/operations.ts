import { readProfile } from "../../ledger/mailboxes.ts";
import { listQuarantine, type QuarantineRow } from "../../ledger/quarantine.ts";
import type { Step } from "../../ports.ts";
import { accessTo, type EngineContext } from "../context.ts";
import { chooseFolders } from "../receive/choose-folders.ts";
import type { Counts } from "../receive/reading.ts";
import { decideUnknown, type Verdict } from "../send/decide-unknown.ts";
import type { SendCounts } from "../send/send-mailbox.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";
import { type Explanation, explain } from "./explain.ts";
import { retryQuarantine } from "./retry-quarantine.ts";
import { type Progress, type RunResult, receiveNow, sendNow } from "./run-now.ts";
import { type FolderStatus, type Status, status } from "./status.ts";

/** What the command line and the API can ask of a Waypost: the same whether it runs in this process or is called over HTTP. */
export interface Operations {
  status(): Promise<Status>;
  explain(key: string): Promise<Explanation>;
  quarantineList(): Promise<readonly QuarantineRow[]>;
  quarantineRetry(ids: readonly number[] | "all"): Promise<{ marked: number }>;
  decide(emailId: string, verdict: Verdict): Promise<{ decided: string }>;
  receive(addresses: readonly string[], signal: AbortSignal, progress: Progress): Promise<RunResult<Counts>>;
  send(addresses: readonly string[], signal: AbortSignal, progress: Progress): Promise<RunResult<SendCounts>>;
  check(addresses: readonly string[]): Promise<readonly MailboxCheck[]>;
}

/** What `check` found for one mailbox. */
export interface MailboxCheck {
  readonly mailbox: string;
  readonly steps: readonly Step[];
  /** Which folders would be read and which not, with counts; empty when the mailbox could not be opened. */
  readonly folders: readonly FolderStatus[];
}

export function operationsOf(context: EngineContext, organizations: readonly string[]): Operations {
  return {
    status: () => status(context, organizations),
    explain: (key) => explain(context, key),
    quarantineList: () => listQuarantine(context.database),
    quarantineRetry: async (ids) => ({ marked: (await retryQuarantine(context, ids)).marked }),
    decide: async (emailId, verdict) => {
      await decideUnknown(context, emailId, verdict);
      return { decided: verdict };
    },
    receive: (addresses, signal, progress) => receiveNow(context, addresses, signal, progress),
    send: (addresses, signal, progress) => sendNow(context, addresses, signal, progress),
    check: (addresses) => check(context, addresses),
  };
}

async function check(context: EngineContext, addresses: readonly string[]): Promise<MailboxCheck[]> {
  const checks: MailboxCheck[] = [];
  for (const mailbox of await chooseMailboxes(context, addresses)) {
    const profile = await readProfile(context.database, mailbox.profile);
    if (!profile) continue;
    const steps: Step[] = [];
    const system = context.mailSystem(profile);
    for (const direction of ["receive", "send"] as const) {
      if (!(direction === "receive" ? profile.incoming : profile.outgoing)) continue;
      for await (const step of system.check(accessTo(context, mailbox), direction)) steps.push(step);
    }
    const reads = profile.incoming !== null && steps.every((step) => step.result !== "failed");
    checks.push({
      mailbox: mailbox.address,
      steps,
      folders: reads ? await folders(system.source(accessTo(context, mailbox)), profile.folders) : [],
    });
  }
  return checks;
}

async function folders(
  source: ReturnType<ReturnType<EngineContext["mailSystem"]>["source"]>,
  choice: "inbox" | "personal",
): Promise<FolderStatus[]> {
  try {
    return chooseFolders(await source.folders(), choice).map((one) => ({
      name: one.name,
      messages: one.messages,
      read: one.notReadBecause === null,
      because: one.notReadBecause,
    }));
  } finally {
    await source.close();
  }
}
