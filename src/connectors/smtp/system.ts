/**
 * The outgoing half of a mail system over SMTP submission (RFC 6409, RFC 5321).
 *
 * The client is our own. nodemailer's (10.6, SMTPConnection) takes any 2yz after DATA for the final reply, be the content out or not,
 * takes 2yz for 354, sends an international address without SMTPUTF8 where that is not offered, has one idle timeout for all commands,
 * and keeps the announced size and extensions to itself. Each of these blurs "sent", "not sent" and "unknown", and keeping these apart
 * is what Waypost is for.
 */
import { createHash } from "node:crypto";
import type { SecureContext } from "node:tls";
import { Failure } from "../../model/failure.ts";
import { type Endpoint, type Secret, type ServerProfile, secretKey } from "../../model/mailbox.ts";
import type { Envelope, MailboxAccess, MailSender, Step, Submission, SubmitAttempt } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { trustIn } from "../../wire/trust.ts";
import { type Asking, Witnesses } from "../../wire/witnesses.ts";
import { check } from "./check.ts";
import { contentFacts } from "./content.ts";
import { envelopeRefusal } from "./envelope.ts";
import { smtpFailure } from "./failures.ts";
import { Pool } from "./pool.ts";
import { troubleOfServiceAccount } from "./service-account.ts";
import { openSession, type Session, type SessionOptions } from "./session.ts";
import { type OutgoingMessage, transact } from "./transaction.ts";

/** Milliseconds that an idle connection is kept: longer than the pause between two messages of one run, shorter than servers wait. */
const IDLE_TIME = 30_000;
/** Gmail and others hang up after about a hundred. */
const MESSAGES_PER_CONNECTION = 100;
/** RFC 5321 4.5.3.2.6, in milliseconds. */
const FINAL_REPLY_TIMEOUT = 10 * 60_000;

export interface SmtpLogger {
  debug(facts: object, message: string): void;
  warn(facts: object, message: string): void;
}

export interface SmtpSystemOptions {
  /** Its `outgoing` must be set. */
  readonly profile: ServerProfile;
  readonly logger?: SmtpLogger | undefined;
  /** Milliseconds to wait for the answer to the content; over them the outcome is unknown. Default 10 minutes (RFC 5321 4.5.3.2.6). */
  readonly finalReplyTimeout?: number | undefined;
}

/** The outgoing part of a `MailSystem`. */
export interface SmtpSystem extends AsyncDisposable {
  /** As the profile says: SMTP itself cannot tell. */
  readonly filesSentCopy: boolean;
  /**
   * Sends for one mailbox. `submit` throws only while nothing has been transmitted, even after `transmitting` was called; from the
   * first byte of content on it always returns, and a complete 4yz or 5yz to the content (421 and limits included) is `refused`.
   * `wasSent` cannot tell.
   */
  sender(mailbox: MailboxAccess): MailSender;
  /** Connects, encrypts, greets, signs in, and names the mailbox as sender; sends nothing. */
  check(mailbox: MailboxAccess): AsyncIterable<Step>;
}

/** Opens the outgoing part of a profile; connects when first used. Disposal waits for the submissions under way. */
export function smtpSystem(options: SmtpSystemOptions): SmtpSystem {
  const { profile, logger, finalReplyTimeout = FINAL_REPLY_TIMEOUT } = options;
  const endpoint = outgoingOf(profile);
  let trusted: SecureContext | null = null;
  const trust = () => {
    trusted ??= trustIn(endpoint.certificateAuthorities);
    if (!trusted) {
      throw smtpFailure("certificate authorities not readable", endpoint);
    }
    return trusted;
  };
  const sessionOptions = (secret: Secret | null): SessionOptions => ({
    endpoint,
    secret,
    trust,
    warn: (message) => logger?.warn({ host: endpoint.host, port: endpoint.port }, message),
  });
  const pool = new Pool<Session>({
    limit: Math.max(1, profile.maxConcurrentConnections),
    idleTime: IDLE_TIME,
    closed: () => smtpFailure("shutting down", endpoint),
    keep: (session) => session.usable && session.messages < MESSAGES_PER_CONNECTION,
  });
  const open = async (mailbox: MailboxAccess, secret: Secret | null): Promise<Session> => {
    logger?.debug({ host: endpoint.host, port: endpoint.port, mailbox: mailbox.address }, "opening an SMTP connection");
    return await openSession(sessionOptions(secret));
  };
  const asking: Asking<Secret> = { witnesses: new Witnesses(), accepts: (secret) => isAccepted(sessionOptions(secret)) };
  const lease = (mailbox: MailboxAccess, secret: Secret | null, fresh: boolean) =>
    pool.lease(keyOf(secret), () => open(mailbox, secret), fresh);

  async function submitOnce(mailbox: MailboxAccess, secret: Secret | null, message: OutgoingMessage, fresh: boolean): Promise<Submission> {
    const { connection, reused, release } = await lease(mailbox, secret, fresh);
    let begun = false;
    const transmitting = async () => {
      begun = true;
      await message.attempt.transmitting();
    };
    try {
      return await transact(connection, { ...message, attempt: { transmitting } });
    } catch (error) {
      connection.channel.destroy();
      if (!reused || begun || !diedIdle(error)) {
        throw error;
      }
      logger?.debug({ host: endpoint.host, port: endpoint.port, mailbox: mailbox.address }, "the idle SMTP connection had died");
    } finally {
      await release();
    }
    return await submitOnce(mailbox, secret, message, true);
  }

  async function submit(
    mailbox: MailboxAccess,
    envelope: Envelope,
    mime: Buffer,
    attempt: SubmitAttempt,
    keys: Set<string>,
  ): Promise<Submission> {
    const refusal = envelopeRefusal(envelope);
    if (refusal) {
      return refusal;
    }
    const message: OutgoingMessage = { envelope, mime, facts: contentFacts(mime), attempt, finalReplyTimeout };
    const secrets = new KeptSecrets(mailbox);
    try {
      const submission = await withSecret(endpoint, secrets.mailbox, (secret) => {
        keys.add(keyOf(secret));
        return submitOnce(mailbox, secret, message, false);
      });
      return discreet(submission, secrets);
    } catch (error) {
      throw secrets.error(await troubleOfServiceAccount(error, mailbox, endpoint, asking));
    }
  }

  return {
    filesSentCopy: profile.filesSentCopy,
    sender: (mailbox) => {
      const keys = new Set<string>();
      return {
        submit: (envelope, mime, attempt) => submit(mailbox, envelope, mime, attempt, keys),
        wasSent: async () => "cannot tell",
        // Whoever closes a sender gives its connection to others: an idle one would count against the server's limit as well.
        close: () => pool.closeIdle(keys),
      };
    },
    check: (mailbox) => check(mailbox, sessionOptions, asking),
    [Symbol.asyncDispose]: () => pool.close(),
  };
}

function outgoingOf({ name, outgoing }: ServerProfile): Endpoint {
  if (outgoing?.protocol !== "smtp") {
    throw new TypeError(`The server profile ${name} does not send by SMTP.`);
  }
  return outgoing;
}

/** Signs in with the current secret, and once more with a refreshed one where the current one is refused and the new one differs. */
async function withSecret<T>(endpoint: Endpoint, { credentials }: MailboxAccess, work: (secret: Secret | null) => Promise<T>): Promise<T> {
  if (endpoint.authentication === "none") {
    return await work(null);
  }
  const secret = await credentials.current();
  try {
    return await work(secret);
  } catch (error) {
    if (!(error instanceof Failure && ["sign-in refused", "token refused", "password expired"].includes(error.code))) {
      throw error;
    }
    const renewed = await credentials.refresh();
    if (keyOf(renewed) === keyOf(secret)) {
      throw error;
    }
    return await work(renewed);
  }
}

/** Signs in and says goodbye. */
async function isAccepted(options: SessionOptions): Promise<boolean> {
  try {
    await (await openSession(options)).close();
    return true;
  } catch (error) {
    if (error instanceof Failure && ["sign-in refused", "account disabled", "password expired"].includes(error.code)) return false;
    throw error;
  }
}

/** Connections are shared by those who sign in alike; a changed password makes another key. */
function keyOf(secret: Secret | null): string {
  return secret === null ? "" : createHash("sha256").update(secretKey(secret)).digest("base64");
}

/** The same outcome, without the secrets that the server may have said back. */
function discreet(submission: Submission, secrets: KeptSecrets): Submission {
  if (submission.kind === "unknown") return { ...submission, reason: secrets.text(submission.reason) };
  const refused = submission.refused.map((one) => ({ ...one, response: secrets.text(one.response) }));
  return { ...submission, response: secrets.text(submission.response), refused };
}

/** How a connection fails that the server had given up while it was idle: a fresh one deserves a try. */
function diedIdle(error: unknown): boolean {
  return error instanceof Failure && (error.code === "connection lost" || error.code === "server closing");
}
