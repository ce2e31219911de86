import { once } from "node:events";
import { connect } from "node:net";
import { createInterface } from "node:readline";

/** What the server answered to one recipient, e.g. `250 2.0.0 <alice> ... Saved`. */
export type LmtpReply = string;

/**
 * Hands one message to a server by LMTP (RFC 2033), as a mail server would to its message store.
 * Resolves to the reply for the recipient; throws when the server refuses the recipient or the message.
 */
export async function deliverByLmtp(port: number, recipient: string, mime: Buffer | string, sender = ""): Promise<LmtpReply> {
  const socket = connect({ host: "127.0.0.1", port });
  await once(socket, "connect");
  const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY })[Symbol.asyncIterator]();
  const reply = async (expected: string): Promise<string> => {
    let line: string;
    do {
      const next = await lines.next();
      if (next.done) throw new Error("the LMTP server closed the connection");
      line = next.value;
    } while (line.charAt(3) === "-");
    if (!line.startsWith(expected)) throw new Error(`LMTP delivery to ${recipient}: ${line}`);
    return line;
  };
  const command = (line: string, expected: string) => {
    socket.write(`${line}\r\n`);
    return reply(expected);
  };
  try {
    await reply("220");
    await command("LHLO localhost", "250");
    await command(`MAIL FROM:<${sender}>`, "250");
    await command(`RCPT TO:<${recipient}>`, "250");
    await command("DATA", "354");
    socket.write(stuffed(mime));
    return await reply("250");
  } finally {
    socket.end("QUIT\r\n");
    socket.destroySoon();
  }
}

/** The message with CRLF line ends and leading dots doubled, up to the closing dot (RFC 5321 section 4.5.2). */
function stuffed(mime: Buffer | string): Buffer {
  // Latin 1 maps each byte to one character and back, so nothing of the content is changed.
  const text = (typeof mime === "string" ? Buffer.from(mime) : mime).toString("latin1");
  const lines = text.replace(/\r?\n/g, "\r\n").replace(/^\./gm, "..");
  return Buffer.from(`${lines}${lines.endsWith("\r\n") ? "" : "\r\n"}.\r\n`, "latin1");
}
