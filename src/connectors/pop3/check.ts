import { Failure } from "../../model/failure.ts";
import type { MailboxAccess, Step } from "../../ports.ts";
import { CONNECT_STEPS, type ConnectStep, failedStep, passed, secretFailure } from "../../wire/connect-steps.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { connect, type Progress, type Target } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { Maildrop } from "./maildrop.ts";

/** A server that cannot be found, or takes no connections, was not reached by either. */
const NOT_FOUND = new Set(["host unknown", "name service not available"]);

/**
 * "Test & enable" for incoming mail: each step up to the first that fails. Changes nothing in the mailbox. `release` takes the connection afterwards,
 * and leaves it sooner or later.
 */
export async function* check(
  target: Target,
  mailbox: MailboxAccess,
  release: (connection: Connection) => Promise<void>,
): AsyncGenerator<Step> {
  const secrets = new KeptSecrets(mailbox);
  for await (const step of steps(target, secrets.mailbox, release)) yield secrets.step(step);
}

async function* steps(target: Target, mailbox: MailboxAccess, release: (connection: Connection) => Promise<void>): AsyncGenerator<Step> {
  const missing = await secretFailure(mailbox.credentials);
  if (missing !== null) {
    yield failedStep("credentials", missing);
    return;
  }
  const progress: Progress = { step: "find the server" };
  let connection: Connection;
  try {
    connection = await connect(target, mailbox, progress);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const failed = stepOf(error, progress);
    for (const name of CONNECT_STEPS.slice(0, CONNECT_STEPS.indexOf(failed))) yield done(name, target, mailbox, progress);
    yield failedStep(failed, error);
    return;
  }
  try {
    for (const name of CONNECT_STEPS) yield done(name, target, mailbox, progress);
    yield await listing(connection);
  } finally {
    await release(connection);
  }
}

function stepOf(failure: Failure, { step }: Progress): ConnectStep {
  if (step !== "find the server") return step;
  return NOT_FOUND.has(failure.code) ? step : "connect";
}

async function listing(connection: Connection): Promise<Step> {
  const name = "list the messages";
  try {
    const drop = new Maildrop(connection, true, new Set());
    const { length } = await drop.entries();
    const message = `The mailbox holds ${length} messages, each with an id of its own. None was opened.`;
    if (connection.capabilities.top) return { name, result: "ok", message };
    const remedy = "Nothing, if it is fast enough. Else read the mailbox by IMAP.";
    return {
      name,
      result: "warning",
      code: "no TOP",
      message: `${message} The server knows no TOP: each is downloaded to see its head.`,
      remedy,
    };
  } catch (error) {
    if (error instanceof Failure) return failedStep(name, error);
    throw error;
  }
}

function done(name: ConnectStep, { endpoint }: Target, mailbox: MailboxAccess, { greeting, protocol }: Progress): Step {
  return passed(name, endpoint, { who: whoSignsIn(mailbox), greeting, tls: protocol ?? "TLS" });
}

function whoSignsIn({ address, serviceAccount }: MailboxAccess): string {
  return serviceAccount === undefined ? address : `the service account ${serviceAccount.name} for ${serviceAccount.user}`;
}
