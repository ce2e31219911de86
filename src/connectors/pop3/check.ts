import { Failure } from "../../model/failure.ts";
import type { MailboxAccess, Step } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { type ConnectStep, connect, type Progress, type Target } from "./connect.ts";
import type { Connection } from "./connection.ts";
import { Maildrop } from "./maildrop.ts";

/** In the order in which they are shown; a server that cannot be found, or takes no connections, was not reached by either. */
const STEPS: readonly ConnectStep[] = ["find the server", "connect", "encrypt", "sign in"];

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
  const missing = await secretFailure(mailbox);
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
    for (const name of STEPS.slice(0, STEPS.indexOf(failed))) yield done(name, target, mailbox, progress);
    yield failedStep(failed, error);
    return;
  }
  try {
    for (const name of STEPS) yield done(name, target, mailbox, progress);
    yield await listing(connection);
  } finally {
    await release(connection);
  }
}

function stepOf(failure: Failure, { step }: Progress): ConnectStep {
  if (step !== "find the server") return step;
  return NOT_FOUND.has(failure.code) ? step : "connect";
}

/** Why there is nothing to sign in with; the server was not asked anything then. */
async function secretFailure({ credentials }: MailboxAccess): Promise<Failure | null> {
  try {
    await credentials.current();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

async function listing(connection: Connection): Promise<Step> {
  const name = "list the messages";
  try {
    const drop = new Maildrop(connection, true, { shared: new Set(), lost: new Set() });
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

function done(name: ConnectStep, { endpoint }: Target, mailbox: MailboxAccess, progress: Progress): Step {
  const where = `${endpoint.host}:${endpoint.port}`;
  switch (name) {
    case "find the server":
      return { name, result: "ok", message: `The host ${endpoint.host} is known.` };
    case "connect":
      return { name, result: "ok", message: `${where} takes connections.`, serverSaid: progress.greeting };
    case "sign in":
      return { name, result: "ok", message: `${where} lets ${whoSignsIn(mailbox)} in.` };
    case "encrypt":
      return encrypted(name, where, endpoint, progress);
  }
}

function whoSignsIn({ address, serviceAccount }: MailboxAccess): string {
  return serviceAccount === undefined ? address : `the service account ${serviceAccount.name} for ${serviceAccount.user}`;
}

function encrypted(name: ConnectStep, where: string, endpoint: Target["endpoint"], { protocol }: Progress): Step {
  if (endpoint.security === "none") {
    const remedy = "Choose TLS or STARTTLS in the server profile, unless the server is on this machine.";
    return {
      name,
      result: "warning",
      code: "in clear",
      message: `Password and mail go to ${where} in clear, as the server profile says.`,
      remedy,
    };
  }
  if (!endpoint.verifyCertificate) {
    const remedy = "Add the server's certificate authority to the server profile and have certificates verified again.";
    const message = `The connection with ${where} is encrypted, but anybody could be at its other end: certificates are not verified.`;
    return { name, result: "warning", code: "certificate not verified", message, remedy };
  }
  return {
    name,
    result: "ok",
    message: `The connection with ${where} is encrypted (${protocol ?? "TLS"}), and its certificate is trusted.`,
  };
}

function failedStep(name: string, failure: Failure): Step {
  return { name, result: "failed", code: failure.code, message: failure.message, serverSaid: failure.serverSaid, remedy: failure.remedy };
}
