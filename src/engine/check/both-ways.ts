import { storeTestMessage } from "../../ledger/mailbox-tests.ts";
import { Failure } from "../../model/failure.ts";
import type { Direction } from "../../model/mailbox.ts";
import type { Step, Submission } from "../../ports.ts";
import { refusalOf } from "../../wire/refusal.ts";
import { connectionForCheck } from "../connections/for-check.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { type CheckOptions, type CheckStep, failedStep, isTooSoon } from "./check-step.ts";
import { findTestMessage } from "./find-test-message.ts";
import { positionOf } from "./position.ts";
import { type Test, type TestSearch, testMessageFor } from "./test-message.ts";

/**
 * Sends a message from the mailbox to itself, files its copy as for every email, and looks for it in the inbox. The message stays where it
 * arrives: nothing is deleted in a mailbox. The connections to both servers are held one after the other and never together: two checks that
 * each waited for what the other holds would wait for ever, and one alone where a single connection is allowed.
 * @param before the steps of both directions: a mailbox that is full explains why the message does not come
 */
export async function* testBothWays(
  context: EngineContext,
  work: Work,
  options: CheckOptions,
  before: readonly CheckStep[],
): AsyncGenerator<CheckStep> {
  const { mailbox } = work;
  const search: TestSearch = { context, work, options };
  const holding = async <T>(way: Direction, use: () => Promise<T>): Promise<T> => {
    await using _ = await connectionForCheck(context, work, way, options.patienceSeconds);
    return await use();
  };
  let name = "look at the inbox";
  let direction: CheckStep["direction"] = "receive";
  try {
    const position = await holding("receive", () => positionOf(search));
    name = "send a test message";
    direction = "send";
    const test = await testMessageFor(context, work);
    // Known before it leaves: a message that arrives at once is recognized too, and becomes no email.
    await storeTestMessage(context.database, { ...test, mailboxId: mailbox.id });
    const signsIn = work.profile.outgoing?.authentication !== "none";
    const submitted = sent(await holding("send", () => submit(context, work, test)), mailbox.address, signsIn);
    yield { ...submitted, direction };
    if (submitted.result === "failed") return;
    name = "find the test message";
    direction = "receive";
    await using _ = await connectionForCheck(context, work, "receive", options.patienceSeconds);
    name = "file the sent copy";
    direction = "send";
    const copy = await fileCopy(context, work, test);
    if (copy !== null) yield { ...copy, direction };
    name = "find the test message";
    direction = "both ways";
    const isFull = [...before, copy].some((step) => step !== null && IS_FULL.has(step.code ?? ""));
    yield* findTestMessage(search, test, position, isFull);
  } catch (error) {
    const failed = failedStep(name, asFailure(error, mailbox.address));
    yield { ...failed, ...(isTooSoon(error) && { result: "warning" }), direction };
  }
}

/** What the steps before say of a mailbox that has no room. */
const IS_FULL: ReadonlySet<string> = new Set(["mailbox full", "sent copy: mailbox full"]);

async function submit(context: EngineContext, { mailbox, profile }: Work, { mime }: Test): Promise<Submission> {
  const sender = context.mailSystem(profile).sender(accessTo(context, mailbox));
  try {
    return await sender.submit({ from: mailbox.address, recipients: [mailbox.address], needsSmtpUtf8: false }, mime, {
      transmitting: async () => undefined,
    });
  } finally {
    await sender.close();
  }
}

function sent(submission: Submission, address: string, signedIn: boolean): Step {
  const name = "send a test message";
  const refused =
    submission.kind === "unknown"
      ? undefined
      : (submission.refused[0]?.response ?? (submission.kind === "refused" ? submission.response : undefined));
  if (refused !== undefined) return { name, result: "failed", serverSaid: refused, ...refusalOf(refused, address, signedIn) };
  if (submission.kind === "unknown")
    return {
      name,
      result: "warning",
      code: "outcome unknown",
      message: `The test message went out and no answer came back: ${submission.reason}`,
      remedy: "If it arrives it was sent. If this comes often, look into the outgoing server's log at this time.",
    };
  return {
    name,
    result: "ok",
    message: `The outgoing server took a message from ${address} to itself.`,
    serverSaid: submission.kind === "accepted" ? submission.response : undefined,
  };
}

/** Sent emails get a copy in Sent; the test message shows whether they can. Null where the mail system or a setting does it otherwise. */
async function fileCopy(context: EngineContext, { mailbox, profile }: Work, test: Test): Promise<Step | null> {
  const name = "file the sent copy";
  const system = context.mailSystem(profile);
  const settings = await context.crm(mailbox.organization).organizationSettings();
  const { filesSentCopy, lacksSentFolder = false } = system.capabilities;
  if (filesSentCopy || lacksSentFolder || !settings.SSSSaveOutgoingEmailToExchangeSentFolder) return null;
  const source = system.source(accessTo(context, mailbox));
  try {
    const filed = await source.fileSent(test.messageId, test.mime, test.sentAt);
    if (filed !== "no folder") return { name, result: "ok", message: `A copy lies in the folder for sent mail of ${mailbox.address}.` };
    return {
      name,
      result: "warning",
      code: "no folder for sent mail",
      message: `${mailbox.address} has no folder that the server marks as the one for sent mail, so copies of sent emails are not filed.`,
      remedy: "Have the server mark one (special use \\Sent), or switch SSSSaveOutgoingEmailToExchangeSentFolder off.",
    };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    // Emails leave all the same: what fails is the copy.
    return copyFailed(name, mailbox.address, error);
  } finally {
    await source.close();
  }
}

function copyFailed(name: string, address: string, failure: Failure): Step {
  return {
    ...failedStep(name, failure),
    result: "warning",
    code: `sent copy: ${failure.code}`,
    message: `Emails of ${address} leave, but no copy can be filed in Sent: ${failure.message}`,
    ...(failure.code === "no right" && {
      remedy: "Have the right to add messages to that folder granted, or switch SSSSaveOutgoingEmailToExchangeSentFolder off.",
    }),
  };
}
