import { alertOf, closeAlerts, openAlert } from "../../ledger/alerts.ts";
import { keepTestResults, type TestResults } from "../../ledger/mailbox-tests.ts";
import { noteProfileSuccess } from "../../ledger/mailboxes.ts";
import { Failure } from "../../model/failure.ts";
import type { Direction, Endpoint } from "../../model/mailbox.ts";
import type { Step } from "../../ports.ts";
import { type Mistake, mistakeIn, whatAnswers } from "../../wire/answering.ts";
import { askedToWait, connectionForCheck } from "../connections/for-check.ts";
import { accessTo, asFailure, type EngineContext, type Work } from "../context.ts";
import { whyNotTested } from "../why-not.ts";
import { testBothWays } from "./both-ways.ts";
import { type CheckOptions, type CheckStep, failedStep, type Untouched } from "./check-step.ts";
import { tryDeleting } from "./try-deleting.ts";

export interface CheckResult {
  readonly steps: readonly CheckStep[];
  readonly untouched: readonly Untouched[];
  readonly results: TestResults;
}

const DIRECTIONS = ["receive", "send"] as const;

/**
 * "Test & Enable Mailbox" (product-behaviour 3.5): tries each direction that is switched on, then both together, and keeps what came of it. A
 * direction that passes is enabled and worked on at once with its failures forgotten; one that fails has one alert, which a passed test closes.
 */
export async function checkMailbox(context: EngineContext, work: Work, options: CheckOptions): Promise<CheckResult> {
  const { mailbox, profile } = work;
  const steps: CheckStep[] = [];
  const note = (step: CheckStep) => {
    steps.push(step);
    options.onStep(step);
  };
  const untouched = DIRECTIONS.flatMap((direction) => {
    const because = whyNotTested(direction, mailbox, profile);
    return because === null ? [] : [{ direction, because }];
  });
  const tried = DIRECTIONS.filter((direction) => !untouched.some((one) => one.direction === direction));
  for (const step of tried.length === 0 ? [] : await options.crm.stepsFor(mailbox.organization)) note(step);
  for (const direction of tried) {
    if (options.signal.aborted) return { steps, untouched, results: {} };
    for await (const step of stepsOf(context, work, direction, options)) note({ ...step, direction });
  }
  if (options.testMessage && tried.length === 2 && passed(steps.filter((step) => step.direction !== "CRM"))) {
    for await (const step of testBothWays(context, work, options, [...steps])) note(step);
  }
  const results = Object.fromEntries(tried.map((direction) => [direction, outcomeOf(direction, steps)] as const));
  if (!options.signal.aborted && tried.length > 0) await keep(context, work, results, steps);
  return { steps, untouched, results };
}

/** The steps of one direction; what the connector throws instead is the last of them. */
async function* stepsOf(
  context: EngineContext,
  work: Work,
  direction: Direction,
  { patienceSeconds, crm }: CheckOptions,
): AsyncGenerator<Step> {
  const { mailbox, profile } = work;
  const elsewhere = await crm.elsewhere(work, direction);
  if (elsewhere !== null) {
    yield elsewhere;
    return;
  }
  const asked = askedToWait(mailbox, direction, context.now());
  if (asked !== null) {
    yield failedStep("connect", asked);
    return;
  }
  try {
    await using _ = await connectionForCheck(context, work, direction, patienceSeconds);
    const endpoint = direction === "receive" ? profile.incoming : profile.outgoing;
    const mistake = endpoint === null ? null : await mistakeAt(endpoint);
    if (mistake !== null) {
      yield { name: "listen to the server", result: "failed", ...mistake };
      return;
    }
    let isGood = true;
    for await (const step of context.mailSystem(profile).check(accessTo(context, mailbox), direction)) {
      isGood &&= step.result !== "failed";
      yield step;
    }
    const deleting = direction === "receive" && isGood ? await tryDeleting(context, work) : null;
    if (deleting !== null) yield deleting;
  } catch (error) {
    yield failedStep("check", asFailure(error, mailbox.address));
  }
}

/** The wrong port and the wrong kind of TLS show before anything is said; a client would only see silence or nonsense. */
async function mistakeAt({ protocol, host, port, security }: Endpoint): Promise<Mistake | null> {
  if (protocol !== "imap" && protocol !== "pop3" && protocol !== "smtp") return null;
  const tls = security === "tls";
  return mistakeIn(await whatAnswers({ host, port }, tls), protocol, tls, { host, port });
}

function passed(steps: readonly CheckStep[]): boolean {
  return steps.every((step) => step.result !== "failed");
}

function outcomeOf(direction: Direction, steps: readonly CheckStep[]): "passed" | "failed" {
  return passed(steps.filter((step) => step.direction === direction)) ? "passed" : "failed";
}

/** A message that never came back puts reading in doubt, and one that could not be sent sending: its steps bear these directions. */
async function keep(context: EngineContext, { mailbox, profile }: Work, results: TestResults, steps: readonly CheckStep[]): Promise<void> {
  const now = context.now();
  // A CRM that is away or lacks something is no fault of the mailbox: it has alerts of its own.
  const failed = steps.filter((step) => step.result === "failed" && step.direction !== "CRM");
  const alert = failed[0] === undefined ? null : alertOf(failureOf(mailbox.address, failed), "testing", mailbox.id);
  await context.database.transaction(async (tx) => {
    await keepTestResults(tx, mailbox.id, results, now);
    // Its server can be reached: nobody who goes there need wait any more.
    for (const direction of DIRECTIONS) if (results[direction] === "passed") await noteProfileSuccess(tx, direction, profile.name, now);
    // One alert for a failed test, whatever failed the time before.
    await closeAlerts(tx, "mailbox", mailbox.id, "testing", now, alert?.code);
    if (alert !== null) await openAlert(tx, alert, now);
  }, "keep test results");
  for (const direction of DIRECTIONS) if (results[direction] === "passed") await context.wake(direction, mailbox.id);
}

function failureOf(address: string, failed: readonly CheckStep[]): Failure {
  const [first] = failed;
  return new Failure({
    scope: "mailbox",
    code: first?.code ?? "failed",
    message: `The test of ${address} failed: ${failed.map((step) => step.message).join(" ")}`,
    serverSaid: first?.serverSaid,
    remedy: `${failed.map((step) => step.remedy ?? "").join(" ")} Then run \`waypost check ${address}\` again.`,
    waitingHelps: false,
  });
}
