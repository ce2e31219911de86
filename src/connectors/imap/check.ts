import type { ImapFlow } from "imapflow";
import { Failure } from "../../model/failure.ts";
import type { MailboxAccess, Step } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { connect, disconnect, endingOf, type Target } from "./connect.ts";
import { type ConnectStep, classify, imapFailure, stepOf } from "./failures.ts";
import { listFolders } from "./list-folders.ts";
import { listMailbox } from "./listing.ts";
import { quotaStep } from "./quota.ts";
import { examine } from "./session.ts";

const STEPS: readonly ConnectStep[] = ["find the server", "connect", "encrypt", "sign in"];

/** "Test & enable" for incoming mail: each step up to the first that fails. Changes nothing in the mailbox. */
export async function* check(target: Target, mailbox: MailboxAccess): AsyncGenerator<Step> {
  const secrets = new KeptSecrets(mailbox);
  for await (const step of steps(target, secrets.mailbox)) yield secrets.step(step);
}

async function* steps(target: Target, mailbox: MailboxAccess): AsyncGenerator<Step> {
  let client: ImapFlow;
  let tried: ImapFlow | null = null;
  const secret = await secretFailure(target, mailbox);
  if (secret !== null) {
    yield failedStep("credentials", secret);
    return;
  }
  try {
    client = await connect(target, mailbox, { onAttempt: (attempt) => (tried = attempt) });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const failed = reached(stepOf(error), target, tried);
    for (const name of STEPS.slice(0, STEPS.indexOf(failed))) yield done(name, target, mailbox, null);
    yield failedStep(failed, error);
    return;
  }
  try {
    for (const name of STEPS) yield done(name, target, mailbox, client);
    yield* inside(client, target, mailbox);
  } finally {
    await disconnect(client);
  }
}

/** The step at which it failed: what was not reached did not fail, and what came before TLS was not encrypted. */
function reached(step: ConnectStep, { endpoint }: Target, client: ImapFlow | null): ConnectStep {
  const needsTls = step === "sign in" && endpoint.security !== "none";
  return needsTls && !client?.tls ? "encrypt" : step;
}

/** Why there is nothing to sign in with; the server was not asked anything then. */
async function secretFailure({ endpoint }: Target, { credentials }: MailboxAccess): Promise<Failure | null> {
  if (endpoint.authentication === "none") return null;
  try {
    await credentials.current();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}

async function* inside(client: ImapFlow, target: Target, mailbox: MailboxAccess): AsyncGenerator<Step> {
  const about = { endpoint: target.endpoint, mailbox: mailbox.address };
  let name = "list the folders";
  try {
    const { folders, shared, empty } = await listMailbox(client, mailbox, target.endpoint, false);
    if (shared !== null && empty) await listFolders(client, mailbox, target.endpoint);
    yield {
      name,
      result: "ok",
      message: `${mailbox.address} has ${folders.filter((folder) => folder.selectable).length} folders for messages${shared === null ? "" : ` that ${shared.name} may see`}.`,
    };
    name = "open the inbox";
    const { exists } = await examine(client, folders.find((folder) => folder.role === "inbox")?.path ?? "INBOX");
    yield { name, result: "ok", message: `The inbox holds ${exists} messages. It was opened for reading only.` };
    name = "look at the quota";
    const quota = await quotaStep(client, mailbox.address);
    if (quota !== null) yield quota;
  } catch (error) {
    const failure = classify(error, { ...about, folder: "INBOX", connectionError: endingOf(client) });
    const isMissing = failure.code === "folder gone" && name === "open the inbox";
    yield failedStep(name, isMissing ? imapFailure("inbox missing", about, { serverSaid: failure.serverSaid, cause: failure }) : failure);
  }
}

/** `client` is null where a later step failed: then only what must have been passed is known. */
function done(name: ConnectStep, { endpoint }: Target, mailbox: MailboxAccess, client: ImapFlow | null): Step {
  const where = `${endpoint.host}:${endpoint.port}`;
  switch (name) {
    case "find the server":
      return { name, result: "ok", message: `The host ${endpoint.host} is known.` };
    case "connect":
      return { name, result: "ok", message: `${where} takes connections.`, serverSaid: client?.greeting };
    case "sign in":
      return { name, result: "ok", message: `${where} lets ${whoSignsIn(mailbox)} in.` };
    case "encrypt":
      return encrypted(name, where, endpoint, client);
  }
}

function whoSignsIn({ address, serviceAccount }: MailboxAccess): string {
  if (serviceAccount === undefined) return address;
  const purpose = serviceAccount.access === "sharedFolders" ? "" : ` for ${serviceAccount.user}`;
  return `the service account ${serviceAccount.name}${purpose}`;
}

function encrypted(name: ConnectStep, where: string, endpoint: Target["endpoint"], client: ImapFlow | null): Step {
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
    return {
      name,
      result: "warning",
      code: "certificate not verified",
      message: `The connection with ${where} is encrypted, but anybody could be at its other end: certificates are not verified.`,
      remedy,
    };
  }
  const version = client?.tls ? ` (${client.tls.version ?? "TLS"})` : "";
  return { name, result: "ok", message: `The connection with ${where} is encrypted${version}, and its certificate is trusted.` };
}

function failedStep(name: string, failure: Failure): Step {
  return { name, result: "failed", code: failure.code, message: failure.message, serverSaid: failure.serverSaid, remedy: failure.remedy };
}
