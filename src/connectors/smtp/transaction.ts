/**
 * One message over an open session (RFC 5321 3.3). Everything turns on the first byte of content: up to it every trouble is thrown and
 * nothing was transmitted; from it on nothing is thrown, and what is not known is said to be unknown (invariant 8).
 */
import { Failure } from "../../model/failure.ts";
import type { Envelope, RecipientRefusal, Submission, SubmitAttempt } from "../../ports.ts";
import { type ContentFacts, wireContent } from "./content.ts";
import { needsSmtpUtf8, type Refused, unsuitable, wireAddress } from "./envelope.ts";
import { type Meaning, meaningOf } from "./replies.ts";
import { type Reply, replyText } from "./reply.ts";
import type { Line, Session } from "./session.ts";

/** RFC 5321 4.5.3.2.5: for each block of content, in milliseconds; bounded by the endpoint's timeout. */
const BLOCK_TIMEOUT = 3 * 60_000;

export interface OutgoingMessage {
  readonly envelope: Envelope;
  readonly mime: Buffer;
  readonly facts: ContentFacts;
  readonly attempt: SubmitAttempt;
  /** Milliseconds to wait for the reply to the final dot (RFC 5321 4.5.3.2.6: 10 minutes). */
  readonly finalReplyTimeout: number;
}

/**
 * Offers the envelope, and the content if at least one recipient is taken.
 *
 * MAIL and RCPT are pipelined where the server allows it; DATA goes alone. So 354 means that somebody will get the message, which is
 * the moment to call `transmitting`, and there is never an empty message to take back (RFC 2920 3.1).
 * @throws Failure, or what `transmitting` threw: nothing was transmitted
 */
export async function transact(session: Session, message: OutgoingMessage): Promise<Submission> {
  const { envelope, facts, attempt } = message;
  const refusal = unsuitable(serverOf(session), session.extensions, envelope, facts);
  if (refusal) {
    return refusal;
  }
  const offered = await offerEnvelope(session, envelope, facts);
  if (offered.refusal) {
    return offered.refusal;
  }
  const invited = await session.ask({ command: "DATA", text: "DATA" });
  const meaning = meaningOf(invited, "DATA");
  if (meaning.kind === "refused") {
    return refusedBy(invited, meaning.permanent, offered.refused);
  }
  if (meaning.kind !== "done") {
    throw session.failureOf(meaning, invited);
  }
  await announce(session, attempt);
  return await deliver(session, message, offered.refused);
}

/** A meaning that is neither yes nor no. */
type Trouble = Exclude<Meaning, { kind: "refused" | "done" }>;

/** How an envelope fares. */
interface Offer {
  accepted: number;
  readonly refused: RecipientRefusal[];
  /** The first limit that a recipient met. */
  limit: { readonly meaning: Trouble; readonly reply: Reply } | null;
  /** Set when nobody gets the message. */
  refusal: Refused | null;
}

async function offerEnvelope(session: Session, envelope: Envelope, facts: ContentFacts): Promise<Offer> {
  const offer: Offer = { accepted: 0, refused: [], limit: null, refusal: null };
  const lines = envelopeLines(session, envelope, facts);
  session.messages++;
  session.sender = envelope.from;
  await session.exchange(lines, (line, reply) => {
    note(session, offer, line, reply);
    return offer.refusal === null;
  });
  if (offer.refusal === null && offer.accepted === 0) {
    if (offer.limit) {
      throw session.failureOf(offer.limit.meaning, offer.limit.reply);
    }
    offer.refusal = nobody(offer.refused);
  }
  return offer;
}

function note(session: Session, offer: Offer, line: Line, reply: Reply): void {
  if (offer.refusal) {
    // MAIL was refused, and this answers a recipient that went out together with it.
    return;
  }
  const meaning = meaningOf(reply, line.command);
  const address = line.recipient;
  if (meaning.kind === "done") {
    offer.accepted += address === undefined ? 0 : 1;
  } else if (meaning.kind === "refused" && address !== undefined) {
    offer.refused.push({ address, permanent: meaning.permanent, response: replyText(reply) });
  } else if (meaning.kind === "refused" && line.command === "MAIL") {
    offer.refusal = refusedBy(reply, meaning.permanent, []);
  } else if (meaning.kind === "refused" || address === undefined || endsSession(meaning, reply)) {
    throw session.failureOf(meaning, reply);
  } else {
    // A limit on recipients: those taken so far get the message, or a long list would never get through.
    offer.refused.push({ address, permanent: false, response: replyText(reply) });
    offer.limit ??= { meaning, reply };
  }
}

function envelopeLines({ extensions, messages }: Session, envelope: Envelope, facts: ContentFacts): readonly Line[] {
  const parameters = [
    ...(extensions.size.offered ? [`SIZE=${facts.size}`] : []),
    ...(facts.eightBit ? ["BODY=8BITMIME"] : []),
    ...(needsSmtpUtf8(envelope) ? ["SMTPUTF8"] : []),
  ];
  const reset: Line = { command: "RSET", text: "RSET" };
  const mail: Line = { command: "MAIL", text: [`MAIL FROM:<${wireAddress(envelope.from)}>`, ...parameters].join(" ") };
  const recipients = [...new Set(envelope.recipients)].map((recipient): Line => {
    return { command: "RCPT", text: `RCPT TO:<${wireAddress(recipient)}>`, recipient };
  });
  return [...(messages > 0 ? [reset] : []), mail, ...recipients];
}

/** After 421 the server hangs up; after a reply out of place nobody knows what the next one answers. */
function endsSession(meaning: Trouble, reply: Reply): boolean {
  return reply.code === 421 || meaning.kind !== "trouble" || meaning.trouble === "protocol error";
}

/** One recipient that may be taken later keeps the message alive. */
function nobody(refused: readonly RecipientRefusal[]): Refused {
  const telling = refused.find(({ permanent }) => !permanent) ?? refused.at(-1);
  return { kind: "refused", permanent: telling?.permanent ?? true, response: telling?.response ?? "", refused };
}

/** Asks for leave to transmit, with a server before and after that waits for content and for nothing else. */
async function announce(session: Session, attempt: SubmitAttempt): Promise<void> {
  requireQuiet(session);
  try {
    await attempt.transmitting();
  } catch (error) {
    session.channel.destroy();
    throw error;
  }
  requireQuiet(session);
}

function requireQuiet(session: Session): void {
  if (session.channel.disturbed) {
    throw session.failure(session.channel.ended ? "connection lost" : "protocol error");
  }
}

/** From the first byte of content to the final reply. Never throws: whoever calls takes an error for "nothing was transmitted". */
async function deliver(session: Session, message: OutgoingMessage, refused: readonly RecipientRefusal[]): Promise<Submission> {
  try {
    const { reply, complete } = await sendContent(session, message);
    const meaning = meaningOf(reply, "content");
    if (!complete) {
      // The final dot was never sent, so the connection must not live on, and a "yes" is not for this message.
      session.channel.destroy();
    }
    if (meaning.kind === "refused") {
      return refusedBy(reply, meaning.permanent, refused);
    }
    if (meaning.kind === "done" && complete) {
      return { kind: "accepted", response: replyText(reply), refused };
    }
    session.channel.destroy();
    return { kind: "unknown", reason: `${serverOf(session)} answered the content with ${replyText(reply)}.` };
  } catch (error) {
    session.channel.destroy();
    return { kind: "unknown", reason: unknownReason(session, error, message.finalReplyTimeout) };
  }
}

/** `complete` is false when the server spoke before it had all. */
async function sendContent(session: Session, message: OutgoingMessage): Promise<{ reply: Reply; complete: boolean }> {
  const { channel, endpoint } = session;
  const timeout = Math.min(BLOCK_TIMEOUT, endpoint.timeout);
  for (const block of wireContent(message.mime)) {
    if (channel.disturbed) {
      return { reply: await channel.reply(timeout), complete: false };
    }
    await channel.content(block, timeout);
  }
  return { reply: await channel.reply(message.finalReplyTimeout), complete: true };
}

function refusedBy(reply: Reply, permanent: boolean, refused: readonly RecipientRefusal[]): Refused {
  return { kind: "refused", permanent, response: replyText(reply), refused };
}

function unknownReason(session: Session, error: unknown, finalReplyTimeout: number): string {
  const reasons: Readonly<Record<string, string>> = {
    "connection lost": "lost the connection after the content had begun to go out",
    "no answer": `gave no answer to the content within ${Math.ceil(finalReplyTimeout / 1000)} s`,
    "protocol error": "answered the content with something that is no SMTP",
  };
  const what = error instanceof Failure ? reasons[error.code] : undefined;
  const said = error instanceof Failure && error.serverSaid !== undefined ? ` (${error.serverSaid})` : "";
  return `${serverOf(session)} ${what ?? `failed while the content went out: ${String(error)}`}${said}. It may have delivered the message or not.`;
}

function serverOf({ endpoint }: Session): string {
  return `${endpoint.host}:${endpoint.port}`;
}
