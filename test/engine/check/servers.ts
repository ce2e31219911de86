import { chmodSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { createServer as createSilentServer, type Server, type Socket } from "node:net";
import path from "node:path";
import { type Certificate, type Certificates, makeCertificates } from "../../servers/certificates.ts";
import { type Dovecot, startDovecot } from "../../servers/dovecot.ts";
import { freePort } from "../../servers/ports.ts";
import { type Postfix, startPostfix } from "../../servers/postfix.ts";
import { removeFolder, temporaryFolder } from "../../servers/processes.ts";
import { type ScriptedImap, startScriptedImap } from "../../servers/scripted-imap.ts";
import { type ScriptedPop3, startScriptedPop3 } from "../../servers/scripted-pop3.ts";
import { type ScriptedSmtp, startScriptedSmtp } from "../../servers/scripted-smtp.ts";
import { startBlackhole } from "./blackhole.ts";

export const PASSWORD = "correct-horse";

/** Addresses of the loopback network on which the Dovecot shows another certificate. */
export const HOSTS = {
  good: "127.0.0.1",
  expired: "127.0.0.2",
  wrongName: "127.0.0.3",
  selfSigned: "127.0.0.4",
  notYetValid: "127.0.0.5",
  tooWeak: "127.0.0.6",
} as const;

/** Accounts with something wrong, by what it is; all other accounts are sound. */
export const ODD_ACCOUNTS = {
  disabled: "nologin reason=Account_disabled",
  stopped: "nologin reason=Account_disabled",
  tight: "userdb_quota_rule=*:storage=100",
  packed: "userdb_quota_rule=*:bytes=10",
  brimful: "userdb_quota_rule=*:bytes=10",
} as const;

/** An account whose password the server cannot look up. */
export const UNKNOWABLE = "unknowable";

/** Where a redirecting service of the Postfix sends the mail of these accounts. */
export const REDIRECTED = {
  redirected: "innocent@example.test",
  junked: "junked+Junk@example.test",
  lost: "nobody-here@example.test",
} as const;

/** Real servers with everything wrong that servers of a company have wrong, on ports and addresses of their own. */
export interface BrokenServers extends AsyncDisposable {
  readonly certificates: Certificates;
  /** PEM file of the authority that signed the certificates. */
  readonly authorities: string;
  /** File with the password of every account. */
  readonly passwordFile: string;
  /** That of the account `router`, which may open every mailbox. */
  readonly masterPasswordFile: string;
  readonly dovecot: Dovecot;
  /** Without TLS and without folders that are marked for their use. */
  readonly bareDovecot: Dovecot;
  /** Takes access tokens only. */
  readonly tokenDovecot: Dovecot;
  /** Lets in only who shows a certificate. */
  readonly certificateDovecot: Dovecot;
  /** Servers that have a trouble inside, which Dovecot has only when its machine is in trouble. */
  readonly troubled: Readonly<Record<"limited" | "locked" | "away" | "expired", ScriptedImap>>;
  readonly pop3: Readonly<Record<"inUse" | "tooSoon" | "disabled" | "lockedOut" | "expired", ScriptedPop3>>;
  readonly postfix: Postfix;
  /** Has accounts without mailboxes; Dovecot makes one for everybody who signs in. */
  readonly withoutInbox: ScriptedImap;
  /** Has no UIDPLUS, and so cannot expunge a single message. */
  readonly withoutUidplus: ScriptedImap;
  /** Cannot look passwords up: Postfix says 535 then, as for a wrong one. */
  readonly withoutUsers: ScriptedSmtp;
  readonly ports: { readonly web: number; readonly closed: number; readonly blackhole: number; readonly silent: number };
}

/** How many connections of one user the bare Dovecot takes. */
export const FEW = 2;

const BARE = `
listen = ${Object.values(HOSTS).join(", ")}
protocol imap {
  mail_max_userip_connections = ${FEW}
}`;

const always = (action: string) => ({ smtpd_recipient_restrictions: `check_recipient_access static:{${action}}` });
const headers = (action: string) => ({ cleanup_service_name: action });

/** Ports of the Postfix; the name says what is wrong there. */
const SERVICES = {
  tlsOnly: { smtpd_tls_security_level: "encrypt" },
  oldTls: {
    smtpd_tls_protocols: "<=TLSv1.1",
    smtpd_tls_ciphers: "low",
    tls_low_cipherlist: "ALL:@SECLEVEL=0",
    tls_medium_cipherlist: "ALL:@SECLEVEL=0",
  },
  noTls: { smtpd_tls_security_level: "none", smtpd_sasl_auth_enable: "no" },
  plainOnly: { smtpd_sasl_mechanism_filter: "plain" },
  signedInOnly: { smtpd_relay_restrictions: "permit_sasl_authenticated, reject" },
  strangers: { smtpd_delay_reject: "no", smtpd_client_restrictions: "reject" },
  oneAtATime: { smtpd_client_connection_count_limit: "1", smtpd_client_event_limit_exceptions: "" },
  ownSenders: { smtpd_sender_login_maps: "static:somebody", smtpd_sender_restrictions: "reject_sender_login_mismatch" },
  noRelay: { virtual_mailbox_domains: "", smtpd_relay_restrictions: "reject_unauth_destination" },
  noDetails: { virtual_mailbox_maps: "regexp:{{!/\\+/ OK}}" },
  unknownDomain: { smtpd_sender_restrictions: "check_sender_access static:{550 5.1.8 Sender address rejected: Domain not found}" },
  unknown: always("550 5.1.1 User unknown in virtual mailbox table"),
  greylisting: always("450 4.7.1 Greylisted, see postgrey; come back in 300 seconds"),
  overQuota: always("552 5.2.2 Mailbox is over quota"),
  blocklisted: always("554 5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org"),
  withoutSpf: always("550 5.7.23 Message rejected due to: SPF fail - not authorized"),
  withoutDmarc: always("550 5.7.26 Unauthenticated mail is not accepted due to the domain's DMARC policy"),
  withoutReverseName: { smtpd_client_restrictions: "check_client_access static:{450 4.7.25 cannot find your hostname}" },
  badHelo: { smtpd_helo_restrictions: "check_helo_access static:{504 5.5.2 need fully-qualified hostname}" },
  noClients: { smtpd_client_restrictions: "reject" },
  unlistedSender: { smtpd_reject_unlisted_sender: "yes", virtual_mailbox_maps: "inline:{nobody@example.test=x}" },
  refusedSender: { smtpd_sender_restrictions: "check_sender_access static:reject" },
  badContent: always("550 5.7.1 Message content rejected"),
  small: { message_size_limit: "200" },
  hold: always("HOLD nothing is delivered from here"),
  redirected: always(`REDIRECT ${REDIRECTED.redirected}`),
  junked: always(`REDIRECT ${REDIRECTED.junked}`),
  lost: always(`REDIRECT ${REDIRECTED.lost}`),
  spam: headers("spamfilter"),
  rewriting: headers("rewriting"),
} as const;

/** Ports of the Postfix with TLS from the first byte, by the certificate that they show. */
function certificateServices(folder: string, certificates: Certificates) {
  const shows = ({ cert, key }: Certificate, name: string) => ({
    smtpd_tls_wrappermode: "yes",
    smtpd_tls_cert_file: stored(folder, `${name}-cert.pem`, cert),
    smtpd_tls_key_file: stored(folder, `${name}-key.pem`, key),
  });
  return {
    expired: shows(certificates.expired, "smtp-expired"),
    wrongName: shows(certificates.wrongHost, "smtp-wrong-name"),
    selfSigned: shows(certificates.selfSigned, "smtp-self-signed"),
    notYetValid: shows(certificates.notYetValid, "smtp-not-yet-valid"),
    tooWeak: shows(certificates.tooWeak, "smtp-too-weak"),
    wantsCertificate: {
      ...shows(certificates.server, "smtp-wants-certificate"),
      ...{ smtpd_tls_req_ccert: "yes", smtpd_tls_CAfile: stored(folder, "smtp-authority.pem", certificates.authority) },
    },
  };
}

function stored(folder: string, name: string, text: string): string {
  const place = path.join(folder, name);
  writeFileSync(place, text, { mode: 0o644 });
  return place;
}

export async function startBrokenServers(accounts: readonly string[]): Promise<BrokenServers> {
  await using starting = new AsyncDisposableStack();
  const certificates = makeCertificates();
  const folder = temporaryFolder("broken");
  chmodSync(folder, 0o755);
  starting.defer(() => removeFolder(folder));
  const users = Object.fromEntries([...accounts, ...Object.keys(ODD_ACCOUNTS)].map((name) => [name, PASSWORD]));
  const dovecot = starting.use(
    await startDovecot({
      users,
      userFields: ODD_ACCOUNTS,
      tls: certificates.server,
      shared: true,
      extra: dovecotExtra(folder, certificates),
    }),
  );
  const bareDovecot = starting.use(
    await startDovecot({
      users,
      tls: "none",
      specialUse: false,
      refusePlaintext: true,
      extra: BARE,
    }),
  );
  const tokenDovecot = starting.use(
    await startDovecot({ users, tls: certificates.server, extra: "auth_mechanisms = xoauth2 oauthbearer" }),
  );
  const certificateDovecot = starting.use(
    await startDovecot({
      users,
      tls: certificates.server,
      extra: `ssl_verify_client_cert = yes\nauth_ssl_require_client_cert = yes\nssl_ca = <${stored(folder, "clients.pem", certificates.authority)}`,
    }),
  );
  const postfix = starting.use(
    await startPostfix({
      deliverTo: { lmtp: dovecot.ports.lmtp },
      sasl: { port: dovecot.ports.sasl },
      tls: certificates.server,
      services: { ...SERVICES, ...certificateServices(folder, certificates) },
      extraServices: [
        `spamfilter unix n - n - 0 cleanup -o { header_checks = regexp:{{/^Subject:.*Waypost/ REJECT 5.7.1 Message looks like spam}} }`,
        `rewriting unix n - n - 0 cleanup -o { header_checks = regexp:{{/^Message-ID:/ REPLACE Message-ID: <rewritten@gateway.test>}} }`,
      ],
    }),
  );
  const withoutInbox = starting.use(
    await startScriptedImap({
      script: (command) => (command.startsWith("EXAMINE") ? "NO [NONEXISTENT] Mailbox doesn't exist: INBOX" : undefined),
    }),
  );
  const withoutUidplus = starting.use(await startScriptedImap({ capabilities: ["ENABLE"] }));
  const answering = async (command: string, answer: string) =>
    starting.use(await startScriptedImap({ script: (heard) => (heard.startsWith(command) ? answer : undefined) }));
  const troubled = {
    limited: await answering("LOGIN", "NO [LIMIT] Daily limit of this account reached"),
    locked: await answering("EXAMINE", "NO [INUSE] Timeout while waiting for lock"),
    expired: await answering("LOGIN", "NO [EXPIRED] Password expired"),
    away: await answering("EXAMINE", "NO [UNAVAILABLE] Message store is down"),
  };
  const refusing = async (answer: string) =>
    starting.use(await startScriptedPop3({ script: (heard) => (/^AUTH|^PASS/.test(heard) ? `${answer}\r\n` : undefined) }));
  const pop3 = {
    inUse: await refusing("-ERR [IN-USE] Maildrop is locked by another session"),
    tooSoon: await refusing("-ERR [LOGIN-DELAY] Come back later"),
    disabled: await refusing("-ERR [SYS/PERM] Your account is not enabled for POP access."),
    lockedOut: await refusing("-ERR Your account has been locked after too many failed logins"),
    expired: await refusing("-ERR [AUTH] Password expired"),
  };
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, PASSWORD);
  const masterPasswordFile = path.join(folder, "master-password");
  writeFileSync(masterPasswordFile, "masterpass");
  const withoutUsers = starting.use(
    await startScriptedSmtp({
      users: {},
      script: ({ step }) => (step === "AUTH" ? { say: "454 4.7.0 Temporary authentication failure\r\n" } : undefined),
    }),
  );
  const blackhole = starting.use(await startBlackhole());
  const web = createServer((_request, response) => response.end("a web page"));
  await new Promise<void>((resolve) => web.listen(0, "127.0.0.1", resolve));
  starting.defer(() => new Promise<void>((resolve) => void web.close(() => resolve())));
  const silent = createSilentServer((socket) => void socket.on("error", () => socket.destroy()));
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const guests = new Set<Socket>();
  silent.on("connection", (socket) => guests.add(socket));
  starting.defer(() => {
    for (const socket of guests) socket.destroy();
    return new Promise<void>((resolve) => void silent.close(() => resolve()));
  });
  const authorities = path.join(dovecot.folder, "authority.pem");
  writeFileSync(authorities, certificates.authority);
  const ports = { web: portOf(web), closed: await freePort(), blackhole: blackhole.port, silent: portOf(silent) };
  const running = starting.move();
  return {
    ...{
      certificates,
      authorities,
      dovecot,
      bareDovecot,
      tokenDovecot,
      certificateDovecot,
      troubled,
      pop3,
      postfix,
      withoutInbox,
      withoutUidplus,
      withoutUsers,
      passwordFile,
      masterPasswordFile,
      ports,
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" ? (address?.port ?? 0) : 0;
}

/** Certificates by address, detail addresses into folders, quotas, and a list of users that is not there. */
function dovecotExtra(folder: string, certificates: Certificates): string {
  const local = (name: keyof typeof HOSTS, { cert, key }: Certificate, more = "") => {
    const file = (part: string, text: string) => stored(folder, `${name}-${part}.pem`, text);
    return `local ${HOSTS[name]} {\n  ssl_cert = <${file("cert", cert)}\n  ssl_key = <${file("key", key)}\n${more}}`;
  };
  return `
listen = ${Object.values(HOSTS).join(", ")}
${local("expired", certificates.expired)}
${local("wrongName", certificates.wrongHost)}
${local("selfSigned", certificates.selfSigned)}
${local("notYetValid", certificates.notYetValid)}
${local("tooWeak", certificates.tooWeak, "  ssl_cipher_list = DEFAULT:@SECLEVEL=0\n")}
recipient_delimiter = +
lmtp_save_to_detail_mailbox = yes
mail_plugins = $mail_plugins quota
protocol imap {
  mail_plugins = $mail_plugins quota imap_quota
}
plugin {
  quota = count:User quota
  quota_vsizes = yes
}
passdb {
  driver = checkpassword
  mechanisms = plain login
  username_filter = ${UNKNOWABLE}
  args = /nonexistent/checkpassword
}`;
}
