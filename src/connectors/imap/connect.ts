import type { SecureContext } from "node:tls";
import { type ExpungeEvent, ImapFlow, type ImapFlowOptions } from "imapflow";
import { Failure } from "../../model/failure.ts";
import { type Endpoint, isSameSecret, type Secret } from "../../model/mailbox.ts";
import { VERSION } from "../../model/version.ts";
import type { MailboxAccess } from "../../ports.ts";
import { plainMessage, tokenMechanism } from "../../wire/sasl.ts";
import { withTokenFacts } from "../../wire/token-facts.ts";
import { trustIn } from "../../wire/trust.ts";
import { Witnesses } from "../../wire/witnesses.ts";
import { TooLate, within } from "./deadline.ts";
import { type Circumstances, classify, imapFailure, isNotAuthorized } from "./failures.ts";
import { ANSWER_BYTES, closeWhenFlooded } from "./flood.ts";
import { troubleOfServiceAccount } from "./service-account.ts";

/** What connections are opened to. One for each mail system: the certificates in it take time to read. */
export interface Target {
  readonly endpoint: Endpoint;
  /** Whom it trusts: undefined where nothing is encrypted, null where the authorities that are entered cannot be read. */
  readonly trust: SecureContext | null | undefined;
  /** Bytes; no answer of the server may hold a larger piece. */
  readonly largestLiteral: number;
  /** Whom a refused service account is asked about. */
  readonly witnesses: Witnesses<Secret>;
}

/** Larger than any header block that is asked for, whatever the limit for whole messages. */
const SMALLEST_LARGEST_LITERAL = 4 * 1024 * 1024;

/** Room above the largest message for a server that counts bytes in its own way. */
const LITERAL_MARGIN = 1024 * 1024;

export function targetOf(endpoint: Endpoint, maximumMessageSize: number): Target {
  return {
    endpoint,
    trust: endpoint.security === "none" ? undefined : trustIn(endpoint.certificateAuthorities),
    largestLiteral: Math.max(SMALLEST_LARGEST_LITERAL, maximumMessageSize + LITERAL_MARGIN),
    witnesses: new Witnesses(),
  };
}

/** What the user of a connection wants of it. */
export interface ConnectOptions {
  /** Milliseconds of silence after which the connection counts as dead; by default the endpoint's timeout. */
  readonly silence?: number;
  /** Called for each message that leaves the open folder; UIDs instead of events. */
  readonly onExpunge?: (event: ExpungeEvent) => void;
  /** Told of the connection before it is tried: how far it came can be seen when it fails. */
  readonly onAttempt?: (client: ImapFlow) => void;
  /** Gives up connecting. */
  readonly signal?: AbortSignal;
}

/** Timeouts that greeting, TLS and signing in may take together: a server that keeps talking is never silent. */
const ATTEMPT = 3;

/** Bytes that a server may say until somebody is signed in: with more it talks without an end, and is not silent. */
const GREETINGS = 64 * 1024;

/** Milliseconds that saying goodbye may take. */
const GOODBYE = 2000;

/** What each connection ended with, told apart from the errors of the commands that were under way. */
const endings = new WeakMap<ImapFlow, unknown>();

/** Milliseconds before its access token expires that a connection is left for a new one; of a token that is about to, a quarter of what is left. */
const AHEAD_OF_EXPIRY = 30_000;

/** Until when, in milliseconds of the epoch, a connection is used that was opened with an access token. */
const usableUntil = new WeakMap<ImapFlow, number>();

/** Whether the access token of a connection has all but expired: servers end such sessions, Exchange in the middle of an answer. */
export function isExpiring(client: ImapFlow): boolean {
  return (usableUntil.get(client) ?? Number.POSITIVE_INFINITY) <= Date.now();
}

/**
 * A connection that is signed in and ready for commands. Throws a Failure that names the cause; a refused password is asked for
 * again once, in case it was changed meanwhile. What a service account is refused is a failure of whomever it concerns.
 */
export async function connect(target: Target, mailbox: MailboxAccess, options: ConnectOptions = {}): Promise<ImapFlow> {
  const about = { endpoint: target.endpoint, mailbox: mailbox.address };
  try {
    return await signedIn(target, mailbox, options, about);
  } catch (error) {
    const { serviceAccount } = mailbox;
    if (serviceAccount === undefined || !(error instanceof Failure)) throw error;
    throw await troubleOfServiceAccount(error, serviceAccount, about, {
      witnesses: target.witnesses,
      accepts: (secret) => isAccepted(target, secret, options, about),
    });
  }
}

async function signedIn(target: Target, mailbox: MailboxAccess, options: ConnectOptions, about: Circumstances): Promise<ImapFlow> {
  const secret = await mailbox.credentials.current();
  try {
    return await attempt(target, secret, options, about);
  } catch (error) {
    const failure = classify(error, about);
    if (!["sign-in refused", "token refused", "password expired"].includes(failure.code)) throw failure;
    const renewed = await mailbox.credentials.refresh();
    if (isSameSecret(renewed, secret)) throw failure;
    return attempt(target, renewed, options, about);
  }
}

/** Signs in and out again. A user who is not known to the server has said nothing against the password. */
async function isAccepted(target: Target, secret: Secret, { signal }: ConnectOptions, about: Circumstances): Promise<boolean> {
  try {
    await disconnect(await attempt(target, secret, { ...(signal && { signal }) }, about));
    return true;
  } catch (error) {
    const failure = classify(error, about);
    if (failure.code !== "sign-in refused" && !isNotAuthorized(failure)) throw failure;
    return isNotAuthorized(failure);
  }
}

async function attempt(target: Target, secret: Secret, options: ConnectOptions, circumstances: Circumstances): Promise<ImapFlow> {
  const about = { ...circumstances, withToken: secret.kind === "token" };
  if (target.trust === null) throw imapFailure("certificate authorities not readable", about);
  if (secret.kind === "password" && plainMessage(secret) === null) throw imapFailure("sign-in refused", about);
  const client: ImapFlow = new ImapFlow({ ...settings(target, options), ...signIn(target.endpoint, secret, () => client.capabilities) });
  // Without a listener Node ends the process with the error of an idle connection (peers.md B20).
  client.on("error", (error) => endings.set(client, error));
  closeWhenFlooded(client, target.endpoint.timeout, (flooded) => endings.set(client, flooded));
  options.onAttempt?.(client);
  const giveUp = () => client.close();
  options.signal?.addEventListener("abort", giveUp);
  try {
    options.signal?.throwIfAborted();
    await within(ATTEMPT * target.endpoint.timeout, client.connect());
  } catch (error) {
    client.close();
    if (error instanceof TooLate)
      throw imapFailure(client.stats().received > GREETINGS ? "answer too large" : "connection timed out", about, { cause: error });
    const failure = withTokenFacts(
      classify(error, { ...about, connecting: !stands(client, target.endpoint), connectionError: endings.get(client) }),
      secret,
    );
    throw failure.code === "sign-in refused" || failure.code === "no common sign-in method" || failure.code === "encryption required"
      ? withOffer(failure, client, secret, about)
      : failure;
  } finally {
    options.signal?.removeEventListener("abort", giveUp);
  }
  if (secret.kind === "token" && secret.expiresAt) {
    const left = secret.expiresAt.getTime() - Date.now();
    usableUntil.set(client, secret.expiresAt.getTime() - Math.min(AHEAD_OF_EXPIRY, left / 4));
  }
  // imapflow would put the personal prefix (`INBOX.`) before every path that lacks it, those of other namespaces too, and would
  // list nothing else. Without a prefix paths are what the server says they are.
  if (client.namespace !== undefined) client.namespace = { ...client.namespace, prefix: "" };
  // With WITHIN imapflow searches by "younger than", which compares this machine's clock with the server's.
  client.capabilities.delete("WITHIN");
  return client;
}

/** Whether the connection was there, and secure where it is to be. */
function stands({ greeting, tls }: ImapFlow, { security }: Endpoint): boolean {
  return greeting !== undefined && (security === "none" || Boolean(tls));
}

function settings({ endpoint, trust, largestLiteral }: Target, options: ConnectOptions): ImapFlowOptions {
  return {
    host: endpoint.host,
    port: endpoint.port,
    secure: endpoint.security === "tls",
    doSTARTTLS: endpoint.security === "none" ? false : endpoint.security === "starttls" ? true : undefined,
    tls: { ...(trust && { secureContext: trust }), rejectUnauthorized: endpoint.verifyCertificate },
    connectionTimeout: endpoint.timeout,
    // Before the socket's own timer, which says less.
    greetingTimeout: Math.ceil(endpoint.timeout * 0.9),
    socketTimeout: options.silence ?? endpoint.timeout,
    maxLineLength: ANSWER_BYTES,
    maxLiteralSize: largestLiteral,
    // imapflow wants room for the rest of the answer around the literal; and what holds none may be as long as a line.
    maxResponseSize: Math.max(largestLiteral * 2, ANSWER_BYTES),
    expungeHandler: options.onExpunge,
    qresync: true,
    disableAutoIdle: true,
    // Attachments hardly shrink, and each connection would hold two compressors.
    disableCompression: true,
    // Nothing here needs it, and servers are better tried without.
    disableIMAP4rev2: true,
    // Empty ones are not sent; left out, they would name imapflow's maker and its support.
    clientInfo: { name: "Waypost", version: VERSION, vendor: "", "support-url": "" },
    // imapflow logs what people write to each other; what matters is in the failures.
    logger: false,
  };
}

/** imapflow reads `auth` only after TLS and the server's capabilities are there, which is when the mechanism can be chosen. */
function signIn(endpoint: Endpoint, secret: Secret, capabilities: () => Map<string, unknown>): Pick<ImapFlowOptions, "auth"> {
  if (endpoint.authentication === "none") return {};
  const user = secret.username;
  if (secret.kind === "token") {
    return {
      auth: {
        user,
        get accessToken() {
          return onlyMechanism(endpoint, capabilities()) ? secret.token : undefined;
        },
      },
    };
  }
  const { authentication } = endpoint;
  const canName = () => secret.authorizationIdentity === undefined || capabilities().has("AUTH=PLAIN");
  return {
    auth: {
      user,
      get pass() {
        // Without PLAIN it would sign in as itself, and read its own mailbox for that of the user who is meant.
        return canName() ? secret.password : undefined;
      },
      ...(secret.authorizationIdentity !== undefined && { authzid: secret.authorizationIdentity }),
      get loginMethod() {
        // By itself it takes the strongest: AUTHENTICATE PLAIN, AUTHENTICATE LOGIN, LOGIN. Only PLAIN can name another's mailbox.
        if (authentication === "plain" || secret.authorizationIdentity !== undefined) return "AUTH=PLAIN";
        if (authentication === "login") return capabilities().has("AUTH=LOGIN") ? "AUTH=LOGIN" : "LOGIN";
        return undefined;
      },
    },
  };
}

/** Leaves only the mechanism for a token that the profile allows, since imapflow would take what it likes best; false when there is none. */
function onlyMechanism(endpoint: Endpoint, capabilities: Map<string, unknown>): boolean {
  const offered = [...capabilities.keys()].filter((name) => name.startsWith("AUTH=")).map((name) => name.slice("AUTH=".length));
  const chosen = tokenMechanism(endpoint.authentication, new Set(offered));
  for (const name of ["OAUTHBEARER", "XOAUTH2", "XOAUTH"]) if (name !== chosen) capabilities.delete(`AUTH=${name}`);
  return chosen !== null;
}

/** The same failure with what the server offers to sign in with; one that offers nothing for a password is another failure. */
function withOffer(failure: Failure, { capabilities }: ImapFlow, secret: Secret, about: Circumstances): Failure {
  const offered = [...capabilities.keys()].filter((name) => name.startsWith("AUTH="));
  const forPasswords = offered.some((name) => /^AUTH=(PLAIN|LOGIN|CRAM-MD5|SCRAM-\S+|DIGEST-MD5|NTLM|GSSAPI)$/i.test(name));
  const forTokens = offered.some((name) => /^AUTH=(XOAUTH2|OAUTHBEARER)$/i.test(name));
  const serverSaid = failure.serverSaid ?? (offered.length > 0 ? offered.join(" ") : undefined);
  if (secret.kind === "password" && forTokens && !forPasswords)
    return imapFailure("only access tokens", about, { serverSaid, cause: failure });
  if (failure.code !== "no common sign-in method") return failure;
  return imapFailure("no common sign-in method", about, { serverSaid, cause: failure });
}

/** What a connection ended with, if it did and said so. */
export function endingOf(client: ImapFlow): unknown {
  return endings.get(client);
}

/** Signs out and closes; a server that does not answer is not waited for. Never throws. */
export async function disconnect(client: ImapFlow): Promise<void> {
  if (client.usable) await within(GOODBYE, client.logout()).catch(() => undefined);
  client.close();
}
