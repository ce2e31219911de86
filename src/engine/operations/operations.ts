import { listQuarantine, type QuarantineRow } from "../../ledger/quarantine.ts";
import type { EngineContext } from "../context.ts";
import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { Step } from "../../ports.ts";
import type { Place } from "../connections/connections.ts";
import { accessTo, type EngineContext, type Work } from "../context.ts";
import { chooseFolders } from "../receive/choose-folders.ts";
import type { Counts } from "../receive/reading.ts";
import { decideUnknown, type Verdict } from "../send/decide-unknown.ts";
import type { SendCounts } from "../send/send-mailbox.ts";
import { approve } from "./approve.ts";
import { type CheckEvent, type CheckRequest, check, type MailboxCheck } from "./check.ts";
import { type Explanation, explain } from "./explain.ts";
import { retryQuarantine } from "./retry-quarantine.ts";
import { type Progress, type RunResult, receiveNow, sendNow } from "./run-now.ts";
import { type Status, status } from "./status.ts";

/** What the command line and the API can ask of a Waypost: the same whether it runs in this process or is called over HTTP. */
export interface Operations {
  status(): Promise<Status>;
  explain(key: string): Promise<Explanation>;
  quarantineList(): Promise<readonly QuarantineRow[]>;
  quarantineRetry(ids: readonly number[] | "all"): Promise<{ marked: number }>;
  decide(emailId: string, verdict: Verdict): Promise<{ decided: string }>;
  receive(addresses: readonly string[], signal: AbortSignal, progress: Progress): Promise<RunResult<Counts>>;
  send(addresses: readonly string[], signal: AbortSignal, progress: Progress): Promise<RunResult<SendCounts>>;
  /** Tests mailboxes and keeps the results; `tell` is told of each step. */
  check(
    addresses: readonly string[],
    request: CheckRequest,
    signal: AbortSignal,
    tell: (event: CheckEvent) => void,
  ): Promise<readonly MailboxCheck[]>;
  /** `actor`: who says so, for the audit. */
  approve(address: string, verdict: "approve" | "reject", actor: string): Promise<{ mailbox: string; approval: "approved" | "rejected" }>;
}

export function operationsOf(context: EngineContext, organizations: readonly string[]): Operations {
  return {
    status: () => status(context, organizations),
    explain: (key) => explain(context, organizations, key),
    quarantineList: () => listQuarantine(context.database),
    quarantineRetry: async (ids) => ({ marked: (await retryQuarantine(context, ids)).marked }),
    decide: async (emailId, verdict) => {
      await decideUnknown(context, emailId, verdict);
      return { decided: verdict };
    },
    receive: (addresses, signal, progress) => receiveNow(context, addresses, signal, progress),
    send: (addresses, signal, progress) => sendNow(context, addresses, signal, progress),
    check: (addresses, request, signal, tell) => check(context, addresses, request, signal, tell),
    approve: (address, verdict, actor) => approve(context, address, verdict, actor),
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
      await using _ = await connectionFor(context, { mailbox, profile }, direction);
      for await (const step of system.check(accessTo(context, mailbox), direction)) steps.push(step);
    }
    const reads = profile.incoming !== null && steps.every((step) => step.result !== "failed");
    checks.push({
      mailbox: mailbox.address,
      steps,
      folders: reads ? await folders(context, { mailbox, profile }) : [],
    });
  }
  return checks;
}

/** How long a check waits for one of the connections that the profile allows. */
const CHECK_PATIENCE_MS = 60_000;

/** The right to connect, waited for; throws a Failure when the connections are in use for too long. */
async function connectionFor({ connections }: EngineContext, work: Work, direction: Direction): Promise<Place> {
  const place = await connections.takeInTurn(work, "check", AbortSignal.timeout(CHECK_PATIENCE_MS), direction);
  if (place !== null) return place;
  const { mailbox, profile } = work;
  throw new Failure({
    scope: "mailbox",
    code: "no connection free",
    message: `${mailbox.address} could not be checked: all ${profile.maxConcurrentConnections} connections that the server profile "${profile.name}" allows were in use for ${CHECK_PATIENCE_MS / 1000} s.`,
    remedy: 'Try again later, or raise "maxConcurrentConnections" of the server profile if its server takes more.',
    waitingHelps: true,
  });
}

async function folders(context: EngineContext, { mailbox, profile }: Work): Promise<FolderStatus[]> {
  await using _ = await connectionFor(context, { mailbox, profile }, "receive");
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  try {
    return chooseFolders(await source.folders(), profile.folders).map((one) => ({
      name: one.name,
      messages: one.messages,
      read: one.notReadBecause === null,
      because: one.notReadBecause,
    }));
  } finally {
    await source.close();
  }
}
