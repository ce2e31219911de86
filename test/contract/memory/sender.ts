import { parseHead } from "../../../src/mime/head.ts";
import { Failure } from "../../../src/model/failure.ts";
import type { Envelope, MailboxAccess, MailSender, Submission, SubmitAttempt } from "../../../src/ports.ts";
import { messageIdOf } from "./kind.ts";
import type { MemoryServer } from "./server.ts";

/** An address that mail can be sent to; what the mail systems of this folder check before they take a message. */
const ADDRESS = /^[^\s<>@\p{Cc}\p{Zl}]+@[^\s<>@\p{Cc}\p{Zl}]+$/u;

/**
 * Sends as EWS, Graph and Gmail do: the message alone is handed over and the recipients are those of its header; it is taken or refused as a
 * whole; the answer holds no id; the mail system files the copy.
 */
export class MemorySender implements MailSender {
  readonly #server: MemoryServer;
  readonly #access: MailboxAccess;

  constructor(server: MemoryServer, access: MailboxAccess) {
    this.#server = server;
    this.#access = access;
  }

  async submit(envelope: Envelope, mime: Buffer, attempt: SubmitAttempt): Promise<Submission> {
    const refusal = refusalOf(envelope, mime, this.#server.sizeLimit);
    if (refusal) return refusal;
    await this.#server.signIn(this.#access, { verb: "submit", mailbox: this.#access.address });
    const fate = this.#server.fates.shift();
    if (fate === "unreachable") throw unreachable();
    const whole = withBcc(mime, envelope.recipients);
    await attempt.transmitting();
    if (fate !== "lost") this.#accept(whole, fate === "silent, copy late");
    if (fate !== undefined) return { kind: "unknown", reason: "The connection was lost before the answer came." };
    return { kind: "accepted", response: "202 Accepted", refused: [] };
  }

  async wasSent(messageId: string): Promise<boolean> {
    const { box } = await this.#server.signIn(this.#access, { verb: "wasSent", mailbox: this.#access.address });
    const sent = box.folders.find((folder) => folder.role === "sent");
    return sent !== undefined && box.in(sent.id).some((message) => messageIdOf(message) === messageId);
  }

  async close(): Promise<void> {}

  /** The server's part: delivers to whom the header names, without Bcc, and files the copy. */
  #accept(mime: Buffer, copyLate: boolean): void {
    const stripped = withoutBcc(mime);
    for (const recipient of recipientsOf(mime)) {
      const box = this.#server.mailboxes.get(recipient);
      if (box) box.put([box.folder("INBOX").id], stripped);
      else this.#server.outside.push({ recipient, mime: stripped });
    }
    const own = this.#server.mailbox(this.#access.address);
    const file = () => void own.put([own.folder("Sent").id], mime, new Date(), true);
    if (copyLate) this.#server.late.push(file);
    else file();
  }
}

function refusalOf({ recipients }: Envelope, mime: Buffer, limit: number): Submission | null {
  const refuse = (response: string, addresses: readonly string[]): Submission => ({
    kind: "refused",
    permanent: true,
    response,
    refused: addresses.map((address) => ({ address, permanent: true, response })),
  });
  const bad = recipients.filter((address) => !ADDRESS.test(address));
  if (bad.length > 0) return refuse("ErrorInvalidRecipients", bad);
  if (mime.length > limit) return refuse(`ErrorMessageSizeExceeded: ${mime.length} bytes are more than ${limit}`, []);
  const others = recipientsOf(mime).filter((address) => !recipients.includes(address));
  return others.length === 0 ? null : refuse(`It cannot be kept from ${others.join(", ")}, whom its header names.`, []);
}

function recipientsOf(mime: Buffer): string[] {
  const nothing = { ref: { stream: "", id: "" }, folders: [], received: new Date(0), size: 0, flags: [], providerId: null };
  const { to, cc, bcc } = parseHead(mime, nothing);
  return [...new Set([...to, ...cc, ...bcc].map((one) => one.address))];
}

/** Whom the envelope names and the header does not is named in a Bcc field, which the server takes off again. */
function withBcc(mime: Buffer, recipients: readonly string[]): Buffer {
  const shown = recipientsOf(mime);
  const hidden = recipients.filter((address) => !shown.includes(address));
  return hidden.length === 0 ? mime : Buffer.concat([Buffer.from(`Bcc: ${hidden.join(",\r\n ")}\r\n`), mime]);
}

function withoutBcc(mime: Buffer): Buffer {
  const text = mime.toString("latin1");
  return Buffer.from(text.replace(/^Bcc: .*\r\n(?:[ \t].*\r\n)*/, ""), "latin1");
}

function unreachable(): Failure {
  return new Failure({
    scope: "profile",
    code: "connection refused",
    message: "The mail system cannot be reached.",
    remedy: "Wait until it is back.",
    waitingHelps: true,
  });
}
