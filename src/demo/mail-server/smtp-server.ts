import { SMTPServer, type SMTPServerDataStream, type SMTPServerError, type SMTPServerSession } from "smtp-server";
import { MAXIMUM_CONNECTIONS, MAXIMUM_MESSAGE_BYTES, MAXIMUM_RECIPIENTS } from "./limits.ts";
import { listen } from "./listen.ts";
import { Refusal } from "./refusal.ts";
import type { MailStore } from "./store.ts";

/** A message as SMTP took it: RFC 5321 envelope and content. */
export interface Submission {
  /** Empty for the null sender of delivery reports. */
  readonly from: string;
  readonly to: readonly string[];
  readonly mime: Buffer;
  /** Address of the account that signed in, or null. */
  readonly user: string | null;
  /** The name that the client gave itself. */
  readonly client: string;
  readonly at: Date;
}

export interface RunningSmtpServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Grace for open connections at close: this server stops with the process that holds both ends. */
const CLOSE_MS = 200;

/**
 * Listens for SMTP clients on loopback: AUTH PLAIN and LOGIN, SIZE, PIPELINING, 8BITMIME, SMTPUTF8. Anybody may write to the
 * accounts, as from another mail system; only who signed in may write to other domains. `accept` gets each message whole; a
 * {@link Refusal} from it is answered with 452.
 *
 * @throws the listener's error (port taken)
 */
export async function startSmtpServer(
  store: MailStore,
  accept: (submission: Submission) => void,
  host: string,
  port: number,
): Promise<RunningSmtpServer> {
  const server = new SMTPServer({
    name: "waypost-demo",
    banner: "Waypost demo mail server",
    // No certificate on loopback: nothing to start TLS with.
    disabledCommands: ["STARTTLS"],
    allowInsecureAuth: true,
    authMethods: ["PLAIN", "LOGIN"],
    authOptional: true,
    disableReverseLookup: true,
    logger: false,
    size: MAXIMUM_MESSAGE_BYTES,
    rejectOversized: true,
    maxClients: MAXIMUM_CONNECTIONS,
    maxRecipients: MAXIMUM_RECIPIENTS,
    closeTimeout: CLOSE_MS,
    onAuth({ username, password }, _session, callback) {
      const account = store.signIn(username ?? "", password ?? "");
      if (account) callback(null, { user: account.address });
      else callback(reply(535, "Wrong user name or password"));
    },
    onRcptTo({ address }, session, callback) {
      callback(recipientFault(address, userOf(session), store));
    },
    onData(stream, session, callback) {
      content(stream)
        .then((mime) => {
          if (stream.sizeExceeded) return callback(reply(552, `Message exceeds ${MAXIMUM_MESSAGE_BYTES} bytes`));
          accept(submission(session, mime));
          callback(null, "Accepted");
        })
        .catch((error: unknown) => callback(failureReply(error)));
    },
  });
  // Unheard, an error of one connection would end the process. Its client knows of it; one of the listener comes from `listen`.
  server.on("error", () => undefined);
  const bound = await listen(server.server, host, port);
  return { port: bound, close: () => new Promise((resolve) => server.close(() => resolve())) };
}

function recipientFault(address: string, user: string | null, store: MailStore): SMTPServerError | null {
  if (store.account(address)) return null;
  const domain = address.slice(address.lastIndexOf("@") + 1).toLowerCase();
  if (store.domains.has(domain)) return reply(550, `No such user here: ${address}`);
  return user === null ? reply(550, "Sign in to write to other domains") : null;
}

function submission(session: SMTPServerSession, mime: Buffer): Submission {
  const { mailFrom, rcptTo } = session.envelope;
  return {
    from: mailFrom ? mailFrom.address : "",
    to: rcptTo.map(({ address }) => address),
    mime,
    user: userOf(session),
    client: session.hostNameAppearsAs,
    at: new Date(),
  };
}

function userOf(session: SMTPServerSession): string | null {
  return typeof session.user === "string" ? session.user : null;
}

/** The content up to the size limit; beyond it bytes are read and dropped, as the protocol wants. */
async function content(stream: SMTPServerDataStream): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) if (!stream.sizeExceeded) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** No room is for the sender to hear (RFC 5321 4.2.3, 452); a fault of ours is shown on the process's own channel too. */
function failureReply(error: unknown): SMTPServerError {
  if (error instanceof Refusal) return reply(452, error.message);
  process.emitWarning(error instanceof Error ? error : String(error));
  return reply(451, "The server failed at this message");
}

function reply(responseCode: number, text: string): SMTPServerError {
  return Object.assign(new Error(text), { responseCode });
}
