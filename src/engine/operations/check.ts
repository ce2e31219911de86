import { type MailboxRow, readMailbox, readProfile, readProfiles } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import { CrmChecks } from "../check/check-crm.ts";
import { checkMailbox } from "../check/check-mailbox.ts";
import type { CheckOptions, CheckStep, Untouched } from "../check/check-step.ts";
import { sideBySide } from "../check/side-by-side.ts";
import { connectionForCheck, PATIENCE_SECONDS } from "../connections/for-check.ts";
import { accessTo, type EngineContext, type Work } from "../context.ts";
import { chooseFolders, foldersOfSentMail } from "../receive/choose-folders.ts";
import { chooseMailboxes } from "./choose-mailboxes.ts";
import type { FolderStatus } from "./status.ts";
import { type TestState, testState } from "./test-state.ts";

/** What `check` found for one mailbox. */
export interface MailboxCheck {
  readonly mailbox: string;
  readonly steps: readonly CheckStep[];
  /** Directions that were not touched, and why. */
  readonly untouched: readonly Untouched[];
  readonly test: TestState;
  /** Which folders would be read and which not, with counts; empty when the mailbox could not be opened. */
  readonly folders: readonly FolderStatus[];
}

export interface CheckRequest {
  /** Only mailboxes of this server profile. */
  readonly profile?: string | undefined;
  /** Default true. */
  readonly testMessage?: boolean | undefined;
  /** How long the test message is looked for; default {@link WAIT_SECONDS}. */
  readonly waitSeconds?: number | undefined;
}

/** A mail server on the same network delivers within seconds; a minute covers a filter that looks closely. */
export const WAIT_SECONDS = 60;

/** Mailboxes tested side by side; fewer of one server profile that allows fewer connections. */
const AT_A_TIME = 4;

/** What happens while a check runs, for who watches: it comes to a mailbox, a step is done, a mailbox is done. Mailboxes are tested side by side. */
export type CheckEvent =
  | { readonly mailbox: string; readonly step: CheckStep }
  | { readonly mailbox: string; readonly begun: true }
  | { readonly mailbox: string; readonly done: MailboxCheck };

/** Tests mailboxes, some side by side: those named, those of a profile, or all of the configuration. The results have the order of the mailboxes. */
export async function check(
  context: EngineContext,
  addresses: readonly string[],
  request: CheckRequest,
  signal: AbortSignal,
  tell: (event: CheckEvent) => void,
): Promise<MailboxCheck[]> {
  const works = await worksOf(context, await chosen(context, addresses, request.profile));
  const width = {
    atATime: AT_A_TIME,
    groupOf: ({ profile }: Work) => profile.name,
    ofGroup: ({ profile }: Work) => profile.maxConcurrentConnections,
  };
  // Profiles may share a host that takes fewer connections: then one waits for the test messages of the others.
  const besides = Math.min(AT_A_TIME, works.length) - 1;
  const patienceSeconds = PATIENCE_SECONDS + besides * (request.waitSeconds ?? WAIT_SECONDS);
  const crm = new CrmChecks(context, signal);
  return sideBySide(works, width, signal, async (work) => {
    const mailbox = work.mailbox.address;
    tell({ mailbox, begun: true });
    const one = await checkOne(context, work, request, { patienceSeconds, crm, signal, onStep: (step) => tell({ mailbox, step }) });
    tell({ mailbox, done: one });
    return one;
  });
}

async function worksOf(context: EngineContext, mailboxes: readonly MailboxRow[]): Promise<Work[]> {
  const profiles = new Map((await readProfiles(context.database)).map((one) => [one.name, one]));
  return mailboxes.flatMap((mailbox) => {
    const profile = profiles.get(mailbox.profile);
    return profile === undefined ? [] : [{ mailbox, profile }];
  });
}

async function chosen(context: EngineContext, addresses: readonly string[], profile: string | undefined): Promise<MailboxRow[]> {
  const named = await chooseMailboxes(context, addresses);
  const all = addresses.length > 0 ? named : named.filter((one) => one.inFile);
  if (profile === undefined) return all;
  if ((await readProfile(context.database, profile)) === null) throw profileUnknown(profile);
  return all.filter((one) => one.profile === profile);
}

function profileUnknown(name: string): Failure {
  return new Failure({
    scope: "profile",
    code: "profile unknown",
    message: `There is no server profile "${name}".`,
    remedy: "`waypost status` names the profile of each mailbox.",
    waitingHelps: false,
  });
}

async function checkOne(
  context: EngineContext,
  work: Work,
  { testMessage = true, waitSeconds = WAIT_SECONDS }: CheckRequest,
  options: Pick<CheckOptions, "patienceSeconds" | "crm" | "signal" | "onStep">,
): Promise<MailboxCheck> {
  const { mailbox, profile } = work;
  const { steps, untouched, results } = await checkMailbox(context, work, { testMessage, waitSeconds, ...options });
  const after = (await readMailbox(context.database, mailbox.id)) ?? mailbox;
  const opened = results.receive !== undefined && !steps.some((step) => step.direction === "receive" && step.result === "failed");
  return {
    mailbox: mailbox.address,
    steps,
    untouched,
    test: testState(after, profile),
    folders: opened ? await foldersShown(context, work) : [],
  };
}

/** The folders are shown besides: trouble with them, as with a server that does not let us in again so soon, takes nothing back of what was tried. */
async function foldersShown(context: EngineContext, work: Work): Promise<FolderStatus[]> {
  try {
    return await foldersOf(context, work);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const { code, serverSaid, message } = error;
    context.log.warn({ mailbox: work.mailbox.address, code, serverSaid }, `the folders are not shown: ${message}`);
    return [];
  }
}

async function foldersOf(context: EngineContext, work: Work): Promise<FolderStatus[]> {
  await using _ = await connectionForCheck(context, work, "receive");
  const { mailbox, profile } = work;
  const source = context.mailSystem(profile).source(accessTo(context, mailbox));
  try {
    const [listed, settings] = [await source.folders(), await context.crm(mailbox.organization).organizationSettings()];
    return chooseFolders(listed, profile.folders, { sent: foldersOfSentMail(listed, settings, mailbox.owner) }).map((one) => ({
      name: one.name,
      messages: one.messages,
      read: one.notReadBecause === null,
      because: one.notReadBecause,
      remark: null,
    }));
  } finally {
    await source.close();
  }
}
