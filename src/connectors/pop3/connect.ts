import { setTimeout as sleep } from "node:timers/promises";
import type { SecureContext } from "node:tls";
import { Failure } from "../../model/failure.ts";
import { type Endpoint, isSameSecret, type Secret } from "../../model/mailbox.ts";
import type { MailboxAccess } from "../../ports.ts";
import type { ConnectStep } from "../../wire/connect-steps.ts";
import { trustIn } from "../../wire/trust.ts";
import { Witnesses } from "../../wire/witnesses.ts";
import { Channel } from "./channel.ts";
import { Connection } from "./connection.ts";
import { type Circumstances, pop3Failure } from "./failures.ts";
import { SIGNED_IN_ALL_THE_SAME, troubleOfServiceAccount } from "./service-account.ts";
import { signIn } from "./sign-in.ts";

/** What connections are opened to. One for each mail system: the certificates in it take time to read. */
export interface Target {
  readonly endpoint: Endpoint;
  /** Whom TLS trusts; null where the profile's authorities are no certificates. */
  readonly trust: () => SecureContext | null;
  /** Whom a refused service account is asked about. */
  readonly witnesses: Witnesses<Secret>;
}

export function targetOf(endpoint: Endpoint): Target {
  let trust: SecureContext | null | undefined;
  return {
    endpoint,
    trust: () => {
      if (trust === undefined) trust = trustIn(endpoint.certificateAuthorities);
      return trust;
    },
    witnesses: new Witnesses(),
  };
}

/** How far connecting came, for whoever shows it. */
export interface Progress {
  step: ConnectStep;
  greeting?: string;
  protocol?: string | null;
}

/**
 * A connection that is signed in: the mailbox is locked by it until it is left (RFC 1939 5). Throws a Failure that names the cause; a refused
 * password is asked for again once, in case it was changed meanwhile. What a service account is refused is a failure of whomever it concerns.
 */
export async function connect(
  target: Target,
  mailbox: MailboxAccess,
  progress: Progress = { step: "find the server" },
): Promise<Connection> {
  const about = { endpoint: target.endpoint, mailbox: mailbox.address };
  try {
    return await signedIn(target, mailbox, about, progress);
  } catch (error) {
    const { serviceAccount } = mailbox;
    if (serviceAccount === undefined || !(error instanceof Failure)) throw error;
    throw await troubleOfServiceAccount(error, serviceAccount, about, {
      witnesses: target.witnesses,
      accepts: (secret) => isAccepted(target, secret, about),
    });
  }
}

/** Milliseconds for which a server that wants some time between two sign-ins is waited for at once. */
const SHORT_DELAY = 10_000;

/** Said to a mailbox that cannot speak for the account. */
const NOT_LET_IN: ReadonlySet<string> = new Set(["sign-in refused", "account disabled", "password expired"]);

/** Signs in and out again. */
async function isAccepted(target: Target, secret: Secret, about: Circumstances): Promise<boolean> {
  try {
    await (await attempt(target, secret, about, { step: "find the server" })).leave();
    return true;
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    if (SIGNED_IN_ALL_THE_SAME.has(error.code)) return true;
    if (NOT_LET_IN.has(error.code)) return false;
    throw error;
  }
}

async function signedIn(target: Target, mailbox: MailboxAccess, about: Circumstances, progress: Progress): Promise<Connection> {
  const secret = await mailbox.credentials.current();
  try {
    return await attempt(target, secret, about, progress);
  } catch (error) {
    if (!(error instanceof Failure) || !["sign-in refused", "token refused", "password expired"].includes(error.code)) throw error;
    const renewed = await mailbox.credentials.refresh();
    if (isSameSecret(renewed, secret)) throw error;
    return attempt(target, renewed, about, progress);
  }
}

/** One attempt, and another where the server let us in a moment ago and says that it soon does so again. */
async function attempt(target: Target, secret: Secret, about: Circumstances, progress: Progress): Promise<Connection> {
  try {
    return await attemptOnce(target, secret, about, progress);
  } catch (error) {
    const notBefore = error instanceof Failure && error.code === "sign-in too soon" ? error.notBefore : undefined;
    const wait = (notBefore?.getTime() ?? Number.POSITIVE_INFINITY) - Date.now();
    if (wait > SHORT_DELAY) throw error;
    await sleep(wait);
    return attemptOnce(target, secret, about, progress);
  }
}

async function attemptOnce(target: Target, secret: Secret, about: Circumstances, progress: Progress): Promise<Connection> {
  progress.step = "find the server";
  const channel = await Channel.open(about);
  try {
    progress.step = "connect";
    const connection = await secured(target, channel, about, progress);
    progress.step = "sign in";
    await signIn(connection, secret);
    // Another set may hold for the open mailbox, but a server that never heard of CAPA need not be asked twice.
    if (connection.tellsCapabilities) await connection.askCapabilities();
    return connection;
  } catch (error) {
    channel.destroy();
    throw error;
  }
}

async function secured(target: Target, channel: Channel, about: Circumstances, progress: Progress): Promise<Connection> {
  const { security } = target.endpoint;
  const encrypt = async (how: (trust: SecureContext) => Promise<void>) => {
    progress.step = "encrypt";
    const trust = target.trust();
    if (trust === null) throw pop3Failure("certificate authorities not readable", about);
    await how(trust);
    progress.protocol = channel.protocol;
  };
  if (security === "tls") await encrypt((trust) => channel.encrypt(trust));
  const connection = await Connection.greet(about, channel);
  progress.greeting = connection.greeting;
  if (security === "starttls") await encrypt((trust) => connection.startTls(trust));
  return connection;
}
