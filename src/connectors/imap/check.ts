import type { ImapFlow } from "imapflow";
import { Failure } from "../../model/failure.ts";
import type { MailboxAccess, Step } from "../../ports.ts";
import { CONNECT_STEPS, type ConnectStep, failedStep, passed, secretFailure } from "../../wire/connect-steps.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { connect, disconnect, endingOf, type Target } from "./connect.ts";
import { classify, imapFailure, stepOf } from "./failures.ts";
import { listFolders } from "./list-folders.ts";
import { listMailbox } from "./listing.ts";
import { quotaStep } from "./quota.ts";
import { examine } from "./session.ts";

/** "Test & enable" for incoming mail: each step up to the first that fails. Changes nothing in the mailbox. */
export async function* check(target: Target, mailbox: MailboxAccess): AsyncGenerator<Step> {
  const secrets = new KeptSecrets(mailbox);
  for await (const step of steps(target, secrets.mailbox)) yield secrets.step(step);
}

async function* steps(target: Target, mailbox: MailboxAccess): AsyncGenerator<Step> {
  let client: ImapFlow;
  let tried: ImapFlow | null = null;
  const secret = target.endpoint.authentication === "none" ? null : await secretFailure(mailbox.credentials);
  if (secret !== null) {
    yield failedStep("credentials", secret);
    return;
  }
  try {
    client = await connect(target, mailbox, { onAttempt: (attempt) => (tried = attempt) });
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const failed = reached(stepOf(error), target, tried);
    for (const name of CONNECT_STEPS.slice(0, CONNECT_STEPS.indexOf(failed))) yield done(name, target, mailbox, null);
    yield failedStep(failed, error);
    return;
  }
  try {
    for (const name of CONNECT_STEPS) yield done(name, target, mailbox, client);
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
    const inbox = folders.find((folder) => folder.role === "inbox")?.path ?? "INBOX";
    const { exists } = await examine(client, inbox);
    yield { name, result: "ok", message: `The inbox holds ${exists} messages. It was opened for reading only.` };
    name = "look at the quota";
    const quota = await quotaStep(client, mailbox.address);
    if (quota !== null) yield quota;
  } catch (error) {
    const failure = classify(error, {
      ...about,
      ...(name !== "list the folders" && { folder: "INBOX" }),
      connectionError: endingOf(client),
    });
    const isMissing = failure.code === "folder gone" && name === "open the inbox";
    yield failedStep(name, isMissing ? imapFailure("inbox missing", about, { serverSaid: failure.serverSaid, cause: failure }) : failure);
  }
}

/** `client` is null where a later step failed: then only what must have been passed is known. */
function done(name: ConnectStep, { endpoint }: Target, mailbox: MailboxAccess, client: ImapFlow | null): Step {
  const tls = client?.tls ? (client.tls.version ?? "TLS") : null;
  return passed(name, endpoint, { who: whoSignsIn(mailbox), greeting: client?.greeting, tls });
}

function whoSignsIn({ address, serviceAccount }: MailboxAccess): string {
  if (serviceAccount === undefined) return address;
  const purpose = serviceAccount.access === "sharedFolders" ? "" : ` for ${serviceAccount.user}`;
  return `the service account ${serviceAccount.name}${purpose}`;
}
