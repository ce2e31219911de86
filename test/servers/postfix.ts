import { chmodSync, chownSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { type Certificate, makeCertificates } from "./certificates.ts";
import { freePorts } from "./ports.ts";
import {
  findProgram,
  namedAccount,
  type Program,
  readLog,
  removeFolder,
  runProgram,
  startProgram,
  temporaryFolder,
  untilClosed,
  untilListening,
} from "./processes.ts";

export interface PostfixOptions {
  /** Where mail for `domains` goes: the LMTP port of a Dovecot, or nowhere; default "discard". */
  readonly deliverTo?: { readonly lmtp: number } | "discard";
  /** Domains that are its own; mail for any other bounces and never leaves the machine. Default example.test. */
  readonly domains?: readonly string[];
  /** Bytes, announced as SIZE (RFC 1870); default 10,240,000 as Postfix has it. */
  readonly messageSizeLimit?: number;
  /** Replies at RCPT by address or domain, e.g. `{ "gone@example.test": "550 5.1.1 No such user" }`, 4xx to defer. */
  readonly replies?: Readonly<Record<string, string>>;
  /** AUTH is offered and asks this Dovecot (`dovecot.ports.sasl`). */
  readonly sasl?: { readonly port: number };
  /** Take mail only after AUTH; default false: whoever is on this machine may send. */
  readonly requireSignIn?: boolean;
  /** Offer AUTH only after STARTTLS; default false. */
  readonly signInOverTlsOnly?: boolean;
  /** Default: a certificate for localhost from an authority nobody trusts (see `Postfix.authority`). */
  readonly tls?: Certificate | "none";
  /** More lines for main.cf. */
  readonly extra?: string;
  /** Further ports in clear or with STARTTLS, each with settings of its own over those of main.cf: see `Postfix.services`. */
  readonly services?: Readonly<Record<string, Readonly<Record<string, string>>>>;
  /** More lines for master.cf. */
  readonly extraServices?: readonly string[];
}

/** A message in the queue, as `postqueue -j` names it. */
export interface Queued {
  readonly id: string;
  readonly sender: string;
  readonly recipients: readonly { readonly address: string; readonly reason: string }[];
}

/** A running Postfix with a configuration and a queue of its own, apart from the machine's. Needs root. */
export interface Postfix extends AsyncDisposable {
  readonly host: "127.0.0.1";
  readonly ports: {
    /** Plain and STARTTLS. */
    readonly smtp: number;
    /** TLS from the first byte; nobody listens when `tls` is "none". */
    readonly smtps: number;
  };
  /** Ports of the further services by name. */
  readonly services: Readonly<Record<string, number>>;
  readonly folder: string;
  /** PEM of the authority of the default certificate; undefined when the test brought its own or none. */
  readonly authority: string | undefined;
  log(): string;
  queue(): Queued[];
  /** Tries everything that is deferred again, now. */
  flush(): void;
  /** Other replies at RCPT, for sessions that begin from now on. */
  setReplies(replies: Readonly<Record<string, string>>): void;
  /** Stops it and waits until the ports are free; `crash` kills all its processes at once. The queue stays until disposal. */
  stop(how?: "shutdown" | "crash"): Promise<void>;
  start(): Promise<void>;
}

export async function startPostfix(options: PostfixOptions = {}): Promise<Postfix> {
  const names = Object.keys(options.services ?? {});
  const [smtp = 0, smtps = 0, ...others] = await freePorts(2 + names.length);
  const services = Object.fromEntries(names.map((name, index) => [name, others[index] ?? 0]));
  const folder = temporaryFolder("postfix");
  const etc = path.join(folder, "etc");
  const own = options.tls === undefined ? makeCertificates() : undefined;
  const certificate = options.tls ?? own?.server ?? "none";
  const withTls = certificate !== "none";
  const log = () => readLog(path.join(folder, "postfix.log"));
  let program: Program | undefined;

  const server: Postfix = {
    host: "127.0.0.1",
    ports: { smtp, smtps },
    services,
    folder,
    authority: own?.authority,
    log,
    queue: () => parseQueue(runProgram("postqueue", ["-c", etc, "-j"])),
    flush: () => void runProgram("postqueue", ["-c", etc, "-f"]),
    setReplies(replies) {
      writeReplies(etc, replies);
      runProgram("postfix", ["-c", etc, "reload"]);
    },
    async start() {
      if (program?.running()) return;
      // Makes the folders of the queue. `postfix start-fg` would not do: its daemon leaves our process group and outlives us.
      runProgram("postfix", ["-c", etc, "check"]);
      const master = path.join(daemonFolder(), "master");
      program = await startProgram(master, ["-c", etc, "-d"], { dropRoot: false, onOrphaned: "TERM" });
      await untilListening(program, withTls ? [smtp, smtps] : [smtp], log);
    },
    async stop(how = "shutdown") {
      if (how === "crash") await program?.kill();
      else await program?.stop("SIGTERM");
      await untilClosed([smtp, smtps]);
    },
    async [Symbol.asyncDispose]() {
      try {
        // Nothing of it is needed any more, and an orderly stop takes a second.
        await server.stop("crash");
      } finally {
        removeFolder(folder);
      }
    },
  };
  try {
    layOut(folder);
    if (withTls) {
      writeFileSync(path.join(etc, "cert.pem"), certificate.cert);
      writeFileSync(path.join(etc, "key.pem"), certificate.key, { mode: 0o600 });
    }
    writeReplies(etc, options.replies ?? {});
    writeFileSync(path.join(etc, "main.cf"), mainConfig(folder, options, withTls));
    writeFileSync(path.join(etc, "master.cf"), masterConfig(smtp, withTls ? smtps : undefined, services, options));
    await server.start();
  } catch (error) {
    await server[Symbol.asyncDispose]();
    throw error;
  }
  return server;
}

/** Its daemons run under several accounts: all may look into the folder, only `data` belongs to Postfix itself. */
function layOut(folder: string): void {
  const owner = namedAccount("postfix");
  chmodSync(folder, 0o755);
  for (const name of ["etc", "spool", "data"]) mkdirSync(path.join(folder, name), { mode: 0o755 });
  chownSync(path.join(folder, "data"), owner.uid, owner.gid);
}

function writeReplies(etc: string, replies: Readonly<Record<string, string>>): void {
  const lines = Object.entries(replies).map(([address, reply]) => `${address} ${reply}\n`);
  writeFileSync(path.join(etc, "replies"), lines.join(""));
}

function mainConfig(folder: string, options: PostfixOptions, withTls: boolean): string {
  const etc = `${folder}/etc`;
  const { deliverTo = "discard" } = options;
  const transport = deliverTo === "discard" ? "discard:" : `lmtp:inet:127.0.0.1:${deliverTo.lmtp}`;
  const tls = [
    `smtpd_tls_security_level = may`,
    `smtpd_tls_cert_file = ${etc}/cert.pem`,
    `smtpd_tls_key_file = ${etc}/key.pem`,
    `smtpd_tls_auth_only = ${options.signInOverTlsOnly ? "yes" : "no"}`,
  ];
  const signIn = options.sasl
    ? ["smtpd_sasl_auth_enable = yes", "smtpd_sasl_type = dovecot", `smtpd_sasl_path = inet:127.0.0.1:${options.sasl.port}`]
    : [];
  return `
compatibility_level = 3.6
queue_directory = ${folder}/spool
data_directory = ${folder}/data
daemon_directory = ${daemonFolder()}
mail_owner = postfix
setgid_group = postdrop
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
myhostname = mx.example.test
mydestination =
mynetworks = 127.0.0.0/8
# Nothing may leave the machine: whatever is not ours bounces.
default_transport = error:outside mail disabled
relay_transport = error:outside mail disabled
alias_maps =
alias_database =
local_recipient_maps =
virtual_mailbox_domains = ${(options.domains ?? ["example.test"]).join(", ")}
virtual_transport = ${transport}
message_size_limit = ${options.messageSizeLimit ?? 10_240_000}
mailbox_size_limit = 0
virtual_mailbox_limit = 0
smtpd_relay_restrictions = ${options.requireSignIn ? "permit_sasl_authenticated" : "permit_mynetworks, permit_sasl_authenticated"}, reject
smtpd_recipient_restrictions = check_recipient_access texthash:${etc}/replies
# A test that provokes errors need not wait for them.
smtpd_error_sleep_time = 0
smtpd_client_connection_rate_limit = 0
smtpd_client_connection_count_limit = 0
maillog_file = ${folder}/postfix.log
maillog_file_prefixes = ${folder}
${(withTls ? tls : ["smtpd_tls_security_level = none"]).join("\n")}
${signIn.join("\n")}
${options.extra ?? ""}
`;
}

/** Every service without chroot, because the queue folder holds none of the files that one needs. */
function masterConfig(
  smtp: number,
  smtps: number | undefined,
  ports: Readonly<Record<string, number>>,
  { services: settings = {}, extraServices = [] }: PostfixOptions,
): string {
  const overrides = (name: string) => Object.entries(settings[name] ?? {}).map(([key, value]) => ` -o { ${key} = ${value} }`);
  const services = [
    "pickup unix n - n 60 1 pickup",
    "cleanup unix n - n - 0 cleanup",
    "qmgr unix n - n 300 1 qmgr",
    "rewrite unix - - n - - trivial-rewrite",
    "bounce unix - - n - 0 bounce",
    "defer unix - - n - 0 bounce",
    "trace unix - - n - 0 bounce",
    "verify unix - - n - 1 verify",
    "flush unix n - n 1000? 0 flush",
    "proxymap unix - - n - - proxymap",
    "smtp unix - - n - - smtp",
    "relay unix - - n - - smtp",
    "showq unix n - n - - showq",
    "error unix - - n - - error",
    "retry unix - - n - - error",
    "discard unix - - n - - discard",
    "lmtp unix - - n - - lmtp",
    "anvil unix - - n - 1 anvil",
    "scache unix - - n - 1 scache",
    "tlsmgr unix - - n 1000? 1 tlsmgr",
    "postlog unix-dgram n - n - 1 postlogd",
    ...extraServices,
    // Last, because the daemon opens them in this order: who can connect finds all the others ready.
    `127.0.0.1:${smtp} inet n - n - - smtpd`,
    ...(smtps === undefined ? [] : [`127.0.0.1:${smtps} inet n - n - - smtpd -o smtpd_tls_wrappermode=yes`]),
    ...Object.entries(ports).map(([name, port]) => `127.0.0.1:${port} inet n - n - - smtpd${overrides(name).join("")}`),
  ];
  return `${services.join("\n")}\n`;
}

/** Where packages keep the daemons; without a main.cf of the machine Postfix cannot be asked. */
function daemonFolder(): string {
  const folders = ["/usr/lib/postfix/sbin", "/usr/libexec/postfix", "/usr/lib/postfix"];
  const found = folders.find((folder) => findProgram(path.join(folder, "smtpd")) !== undefined);
  if (found === undefined) throw new Error(`the daemons of Postfix are in none of ${folders.join(", ")}`);
  return found;
}

function parseQueue(lines: string): Queued[] {
  const entry = z.object({
    queue_id: z.string(),
    sender: z.string(),
    recipients: z.array(z.object({ address: z.string(), delay_reason: z.string().optional() })),
  });
  return lines
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => entry.parse(JSON.parse(line)))
    .map(({ queue_id, sender, recipients }) => ({
      id: queue_id,
      sender,
      recipients: recipients.map(({ address, delay_reason }) => ({ address, reason: delay_reason ?? "" })),
    }));
}
