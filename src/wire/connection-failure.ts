/**
 * What stopped a connection, told from the error that a socket or a TLS handshake ended with. Knows no protocol: every client of a
 * foreign system puts the same cause in the same words.
 */

/** The other end of a connection and what it is wanted for, in words for a person ("outgoing mail"). */
export interface ConnectionTarget {
  readonly host: string;
  readonly port: number;
  readonly purpose: string;
  /** What answers there and where its address is entered; left out: the mail service of a server profile. */
  readonly named?: { readonly service: string; readonly settings: string } | undefined;
}

const MAIL = { service: "the mail service", settings: "the server profile" } as const;

export interface ConnectionFailure {
  /** Stable: see the keys of the table below. */
  readonly code: string;
  /** What happened; names host and port. */
  readonly message: string;
  /** The next step for a person. */
  readonly remedy: string;
  readonly waitingHelps: boolean;
}

interface Cause {
  /** Codes of Node's errors: system calls, name look-up, OpenSSL. */
  readonly errors: RegExp;
  /** Words of the error, where its code says too little. */
  readonly words?: RegExp;
  readonly message: (target: ConnectionTarget, words: string) => string;
  readonly remedy: (target: ConnectionTarget) => string;
  readonly waitingHelps: boolean;
}

type Words = Omit<Cause, "errors" | "words">;

const place = ({ host, port }: ConnectionTarget) => `${host}:${port}`;

/** First match wins: the named certificate troubles come before the class of all others. */
const CAUSES: Readonly<Record<string, Cause>> = {
  "host unknown": {
    errors: /^(ENOTFOUND|EAI_NONAME|EAI_NODATA|ENODATA)$/,
    message: ({ host, purpose }) => `No host called ${host} is known (${purpose}).`,
    remedy: ({ host, purpose, named = MAIL }) =>
      `Check the spelling of ${host} (${purpose}) in ${named.settings}, and that this machine's name servers know it.`,
    // A machine that is off the network gets the very same answer as one with a misspelt name, and then waiting is the cure.
    waitingHelps: true,
  },
  "name service not available": {
    errors: /^(EAI_AGAIN|EAI_FAIL|ETIMEOUT|ESERVFAIL)$/,
    message: ({ host, purpose }) => `The name servers gave no answer about ${host} (${purpose}).`,
    remedy: ({ host }) => `Check the network and the name servers of the machine that Waypost runs on; they are to know ${host}.`,
    waitingHelps: true,
  },
  "connection refused": {
    errors: /^ECONNREFUSED$/,
    message: (target) => `${place(target)} refuses connections (${target.purpose}).`,
    remedy: ({ port, purpose, named = MAIL }) => `Check that ${named.service} runs (${purpose}) and that ${port} is its port.`,
    waitingHelps: true,
  },
  "connection timed out": {
    errors: /^(ETIMEDOUT|ERR_SOCKET_CONNECTION_TIMEOUT|ESOCKETTIMEDOUT)$/,
    message: (target) => `${place(target)} gives no sign of life (${target.purpose}).`,
    remedy: (target) =>
      `Check that a firewall lets this machine reach ${place(target)} (${target.purpose}), and that host and port are right.`,
    waitingHelps: true,
  },
  "host unreachable": {
    errors: /^(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)$/,
    message: ({ host, purpose }) => `There is no way through the network to ${host} (${purpose}).`,
    remedy: ({ host, purpose }) => `Check the network of this machine and its route to ${host} (${purpose}).`,
    waitingHelps: true,
  },
  "connection forbidden": {
    errors: /^(EPERM|EACCES)$/,
    message: (target) => `The machine that Waypost runs on forbids it to connect with ${place(target)} (${target.purpose}).`,
    remedy: ({ port, purpose }) =>
      `Let Waypost out to port ${port} (${purpose}) in this machine's own firewall, and in SELinux, AppArmor or the rules of its container.`,
    waitingHelps: true,
  },
  "too many open files": {
    errors: /^(EMFILE|ENFILE)$/,
    message: (target) => `Waypost may open no more files and connections, so it does not reach ${place(target)} (${target.purpose}).`,
    remedy: ({ purpose }) =>
      `Raise the limit of open files of the Waypost service (systemd: LimitNOFILE), or lower the connections at a time (${purpose}).`,
    waitingHelps: true,
  },
  "certificate expired": {
    errors: /^CERT_HAS_EXPIRED$/,
    message: (target) => `The certificate of ${place(target)} has expired (${target.purpose}).`,
    remedy: ({ host, purpose }) => `Ask who runs ${host} to renew its certificate (${purpose}), and check the clock of this machine.`,
    waitingHelps: false,
  },
  "certificate not yet valid": {
    errors: /^CERT_NOT_YET_VALID$/,
    message: (target) => `The certificate of ${place(target)} is valid only from a later time on (${target.purpose}).`,
    remedy: ({ host, purpose }) => `Check the clock of this machine first, then that of ${host} (${purpose}).`,
    waitingHelps: false,
  },
  "certificate for another name": {
    errors: /^(ERR_TLS_CERT_ALTNAME_INVALID|HOSTNAME_MISMATCH)$/,
    message: (target) => `The certificate of ${place(target)} is made out to another name (${target.purpose}).`,
    remedy: ({ host, purpose }) =>
      `Enter the host for ${purpose} by the name in its certificate, or ask for a certificate that names ${host}.`,
    waitingHelps: false,
  },
  "certificate self-signed": {
    errors: /^DEPTH_ZERO_SELF_SIGNED_CERT$/,
    message: (target) => `The certificate of ${place(target)} is signed by nobody but itself (${target.purpose}).`,
    remedy: ({ purpose, named = MAIL }) =>
      `Add that very certificate (PEM) as certificateAuthorities in ${named.settings} (${purpose}), or have one issued by an authority.`,
    waitingHelps: false,
  },
  "certificate too weak": {
    // Node has no codes for these faults of OpenSSL's: it says UNSPECIFIED, and the words tell.
    errors: /^((ERR_SSL_)?((EE|CA)_KEY_TOO_SMALL|CA_MD_TOO_WEAK)|UNSPECIFIED)$/,
    words: /too[ _](weak|small)/i,
    message: (target) => `The certificate of ${place(target)}, or that of its authority, is too weak to be trusted (${target.purpose}).`,
    remedy: ({ host, purpose }) =>
      `Ask who runs ${host} for a certificate (${purpose}) with an RSA key of at least 2048 bits, signed with SHA-256.`,
    waitingHelps: false,
  },
  "certificate not usable": {
    errors: /^(UNSPECIFIED$|ERROR_IN_|CRL_)/,
    message: (target, words) => `The certificate of ${place(target)} does not stand the test (${target.purpose}): ${words}.`,
    remedy: ({ host, purpose }) => `Show these words to who runs ${host}, and have its certificate (${purpose}) made anew.`,
    waitingHelps: false,
  },
  "certificate not trusted": {
    errors: /^(SELF_SIGNED_CERT_IN_CHAIN|UNABLE_TO_|CERT_|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED)/,
    message: (target) => `The certificate of ${place(target)} is not signed by an authority that this machine trusts (${target.purpose}).`,
    remedy: ({ host, purpose, named = MAIL }) =>
      `Add the certificate authority (PEM) as certificateAuthorities in ${named.settings} (${purpose}). If it is a public one, have ${host} send its intermediate certificates too.`,
    waitingHelps: false,
  },
  "wrong security for the port": {
    errors: /^ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG|HTTP_REQUEST|RECORD_LAYER_FAILURE)$/,
    message: (target) => `${place(target)} does not begin with TLS (${target.purpose}).`,
    remedy: ({ port }) => `Choose STARTTLS for port ${port}, or enter the port where the service expects TLS from the start.`,
    waitingHelps: false,
  },
  "TLS version too old": {
    errors: /^ERR_SSL_(UNSUPPORTED_PROTOCOL|TLSV1_ALERT_PROTOCOL_VERSION|SSLV3_ALERT_PROTOCOL_VERSION|WRONG_SSL_VERSION)$/,
    message: (target) => `${place(target)} knows only versions of TLS before 1.2, which are broken (${target.purpose}).`,
    remedy: ({ host }) => `Ask who runs ${host} to switch TLS 1.2 or 1.3 on.`,
    waitingHelps: false,
  },
  "client certificate required": {
    errors: /^ERR_SSL_(TLSV13_ALERT_CERTIFICATE_REQUIRED|PEER_DID_NOT_RETURN_A_CERTIFICATE)$/,
    message: (target) => `${place(target)} wants a certificate of this machine, and Waypost has none to show (${target.purpose}).`,
    remedy: ({ host }) => `Ask who runs ${host} for a port or a rule without client certificates.`,
    waitingHelps: false,
  },
  "TLS not possible": {
    // EPROTO: the handshake failed while something was being written; the reason stands in its words only.
    errors: /^(EPROTO$|ERR_(SSL|TLS)_)/,
    message: (target) => `No TLS connection with ${place(target)} comes about (${target.purpose}).`,
    remedy: ({ host }) => `Ask who runs ${host} to offer a current cipher suite, and look into its log for the reason.`,
    waitingHelps: false,
  },
  "connection lost": {
    errors: /^(ECONNRESET|EPIPE|ECONNABORTED|ERR_STREAM_PREMATURE_CLOSE|ERR_STREAM_DESTROYED|ERR_SOCKET_CLOSED)$/,
    message: (target) => `${place(target)} closed the connection (${target.purpose}).`,
    remedy: ({ host }) => `Nothing, if it passes. Else look into the log of ${host} at this time.`,
    waitingHelps: true,
  },
};

/** A chain of causes longer than this is a loop or of no use. */
const MAXIMUM_CAUSES = 5;

/** Errors that no row knows, of the network and of the handshake: the error's own words are all there is to tell. */
const UNKNOWN: Readonly<Record<"connecting failed" | "securing failed", Words>> = {
  "connecting failed": {
    message: (target, words) => `No connection with ${place(target)} comes about (${target.purpose}): ${words}.`,
    remedy: ({ host, purpose }) =>
      `Those are the words of the machine that Waypost runs on: check its network, and host and port of ${host} (${purpose}).`,
    waitingHelps: true,
  },
  "securing failed": {
    message: (target, words) => `No secure connection with ${place(target)} comes about (${target.purpose}): ${words}.`,
    remedy: ({ host, purpose }) =>
      `Show these words to who runs ${host}: its TLS or its certificate (${purpose}) is one that Waypost cannot go on with.`,
    waitingHelps: false,
  },
};

/**
 * What an error of a socket or a TLS handshake means, or null when it is no such error. Looks into `cause` and into the attempts
 * of an AggregateError (Node tries all addresses of a host).
 */
export function connectionFailure(error: unknown, target: ConnectionTarget): ConnectionFailure | null {
  for (const { code, words } of codedIn(error, 0)) {
    for (const [name, cause] of Object.entries(CAUSES)) {
      if (cause.errors.test(code) && (cause.words?.test(words) ?? true)) return told(name, cause, target, words);
    }
  }
  return null;
}

/**
 * The same for an error that came while a connection was being opened and secured: one that no row knows is told in its own words. Null for a fault of
 * the program, and for an error without a code.
 */
export function connectingFailure(error: unknown, target: ConnectionTarget): ConnectionFailure | null {
  const known = connectionFailure(error, target);
  if (known !== null) return known;
  const [first] = codedIn(error, 0);
  if (first === undefined) return null;
  const name = first.ofSystem ? "connecting failed" : "securing failed";
  return told(name, UNKNOWN[name], target, first.words);
}

function told(code: string, { message, remedy, waitingHelps }: Words, target: ConnectionTarget, words: string): ConnectionFailure {
  return { code, message: message(target, words), remedy: remedy(target), waitingHelps };
}

/** An error with a code, and whether a call of the operating system ended with it. */
interface Coded {
  readonly code: string;
  readonly words: string;
  readonly ofSystem: boolean;
}

function codedIn(error: unknown, depth: number): readonly Coded[] {
  if (!(error instanceof Error) || depth > MAXIMUM_CAUSES) {
    return [];
  }
  const attempts = error instanceof AggregateError ? error.errors.slice(0, MAXIMUM_CAUSES) : [];
  return [...ownCode(error), ...[...attempts, error.cause].flatMap((inner) => codedIn(inner, depth + 1))];
}

function ownCode(error: Error): readonly Coded[] {
  if (!("code" in error) || typeof error.code !== "string") return [];
  // Errors of files name a path; those of the program's own mistakes are of these classes; an abort was wanted.
  if ("path" in error || error instanceof TypeError || error instanceof RangeError || error.name === "AbortError") return [];
  return [{ code: error.code, words: quoted(error), ofSystem: "syscall" in error }];
}

/** Characters of an error's words that are passed on. */
const MOST_WORDS = 200;

/** An error's own words in one line, for the middle of a sentence. */
function quoted({ message, name }: Error): string {
  const words = message.replace(/\s+/g, " ").trim().replace(/\.$/, "");
  return `"${(words === "" ? name : words).slice(0, MOST_WORDS)}"`;
}
