import { Failure } from "../../model/failure.ts";
import type { Secret } from "../../model/mailbox.ts";
import type { MailboxAccess, Step } from "../../ports.ts";
import { KeptSecrets } from "../../wire/kept-secrets.ts";
import { refusalOf } from "../../wire/refusal.ts";
import type { Asking } from "../../wire/witnesses.ts";
import { envelopeRefusal, wireAddress } from "./envelope.ts";
import { meaningOf } from "./replies.ts";
import { type Reply, replyText } from "./reply.ts";
import { troubleOfServiceAccount } from "./service-account.ts";
import { phasesOf, Session, type SessionOptions } from "./session.ts";

/** A connection of its own, outside the pool: a check must not wait for mail. */
export async function* check(
  mailbox: MailboxAccess,
  sessionOptions: (secret: Secret | null) => SessionOptions,
  asking: Asking<Secret>,
): AsyncGenerator<Step> {
  const secrets = new KeptSecrets(mailbox);
  for await (const step of stepsOf(secrets.mailbox, sessionOptions, asking)) yield secrets.step(step);
}

async function* stepsOf(
  mailbox: MailboxAccess,
  sessionOptions: (secret: Secret | null) => SessionOptions,
  asking: Asking<Secret>,
): AsyncGenerator<Step> {
  const { endpoint } = sessionOptions(null);
  let doing = "credentials";
  let session: Session | null = null;
  try {
    const secret = endpoint.authentication === "none" ? null : await mailbox.credentials.current();
    session = new Session(sessionOptions(secret));
    for (const { name, run } of phasesOf(endpoint, secret)) {
      doing = name;
      const { message, weakness } = await run(session);
      yield weakness === undefined
        ? { name, result: "ok", message }
        : { name, result: "warning", code: weakness.code, message, remedy: weakness.remedy };
    }
    doing = "sender and recipient";
    yield await offerItself(session, mailbox.address);
  } catch (trouble) {
    const error = await troubleOfServiceAccount(trouble, mailbox, endpoint, asking);
    if (!(error instanceof Failure)) {
      throw error;
    }
    yield { name: doing, result: "failed", code: error.code, message: error.message, serverSaid: error.serverSaid, remedy: error.remedy };
  } finally {
    await session?.close();
  }
}

/**
 * Names the mailbox as sender and as recipient, and takes it back: many servers judge the sender only when they hear the recipient (Postfix's
 * smtpd_delay_reject). Nothing is sent.
 */
async function offerItself(session: Session, address: string): Promise<Step> {
  const name = "sender and recipient";
  const refusal = envelopeRefusal({ from: address, recipients: [address], needsSmtpUtf8: false });
  if (refusal) {
    return { name, result: "failed", code: "address not usable", message: refusal.response, remedy: "Correct the address of the mailbox." };
  }
  session.sender = address;
  for (const [command, text] of [
    ["MAIL", `MAIL FROM:<${wireAddress(address)}>`],
    ["RCPT", `RCPT TO:<${wireAddress(address)}>`],
  ] as const) {
    const reply = await session.ask({ command, text });
    const meaning = meaningOf(reply, command);
    if (meaning.kind === "refused") return refused(name, reply, address, session);
    if (meaning.kind !== "done") throw session.failureOf(meaning, reply);
  }
  await session.ask({ command: "RSET", text: "RSET" });
  return { name, result: "ok", message: `${session.endpoint.host} takes mail from ${address}, and to it.` };
}

/** What the server refuses now it may take later (greylisting), but nobody has seen it take anything yet. */
function refused(name: string, reply: Reply, address: string, session: Session): Step {
  const serverSaid = replyText(reply);
  const signedIn = session.options.secret !== null;
  const refusal = refusalOf(serverSaid, address, signedIn);
  // Refused by policy and no more is said: whoever does not sign in where others do is refused for that, more often than not.
  if (refusal.code === "policy refused" && !signedIn && session.extensions.signIn.size > 0)
    return { name, result: "failed", serverSaid, ...guessed(address) };
  return { name, result: "failed", serverSaid, ...refusal };
}

function guessed(address: string) {
  return {
    code: "sign-in may be required",
    message: `The outgoing server has a rule against mail from ${address} and does not say which; it may be that it sends only for users who signed in.`,
    remedy:
      "Try a sign-in method in the server profile, with user name and password in the mailbox. If that does not help, the server's log names the rule.",
  };
}
