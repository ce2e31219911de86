import { account } from "./processes.ts";

/** The ports of one Dovecot; imaps and pop3s are 0 without TLS. */
export interface DovecotPorts {
  readonly imap: number;
  readonly imaps: number;
  readonly pop3: number;
  readonly pop3s: number;
  readonly lmtp: number;
  /** Where Postfix asks whether a password is right. */
  readonly sasl: number;
}

/** The part of the options that the configuration file depends on. */
export interface DovecotSettings {
  readonly format: "maildir" | "mdbox" | "sdbox";
  readonly separator: "/" | ".";
  readonly prefix: string;
  readonly specialUse: boolean;
  readonly shared: boolean;
  readonly privateSeen: boolean;
  readonly tls: boolean;
  readonly refusePlaintext: boolean;
  readonly withoutCapabilities: readonly string[];
  readonly manyConnections: boolean;
  readonly extra: string;
}

/** What Dovecot 2.3 announces after sign-in. */
const CAPABILITIES =
  "IMAP4rev1 SASL-IR LOGIN-REFERRALS ID ENABLE IDLE SORT SORT=DISPLAY THREAD=REFERENCES THREAD=REFS THREAD=ORDEREDSUBJECT " +
  "MULTIAPPEND URL-PARTIAL CATENATE UNSELECT CHILDREN NAMESPACE UIDPLUS LIST-EXTENDED I18NLEVEL=1 CONDSTORE QRESYNC ESEARCH " +
  "ESORT SEARCHRES WITHIN CONTEXT=SEARCH LIST-STATUS BINARY MOVE SNIPPET=FUZZY PREVIEW=FUZZY PREVIEW STATUS=SIZE SAVEDATE " +
  "LITERAL+ NOTIFY SPECIAL-USE";

/** A whole dovecot.conf of Dovecot 2.3 that runs without any privilege below `folder`. */
export function dovecotConfig(folder: string, ports: DovecotPorts, settings: DovecotSettings): string {
  return [
    base(folder, settings),
    authentication(folder),
    namespaces(folder, settings),
    services(ports, settings),
    settings.manyConnections ? forManyConnections : "",
    settings.extra,
  ].join("\n");
}

function base(folder: string, settings: DovecotSettings): string {
  const kept = CAPABILITIES.split(" ").filter((name) => !settings.withoutCapabilities.includes(name));
  return `
base_dir = ${folder}/run
state_dir = ${folder}/state
log_path = ${folder}/dovecot.log
protocols = imap pop3 lmtp
listen = 127.0.0.1
default_login_user = ${account.name}
default_internal_user = ${account.name}
default_internal_group = ${account.group}
first_valid_uid = 1
first_valid_gid = 1
mail_location = ${mailLocation(folder, settings, "%n")}
mail_home = ${folder}/mail/%n
${settings.shared ? "mail_plugins = $mail_plugins acl" : ""}
disable_plaintext_auth = ${settings.refusePlaintext ? "yes" : "no"}
ssl = ${settings.tls ? "yes" : "no"}
${settings.tls ? `ssl_cert = <${folder}/cert.pem\nssl_key = <${folder}/key.pem` : ""}
${settings.withoutCapabilities.length > 0 ? `imap_capability = ${kept.join(" ")}` : ""}
protocol imap {
  ${settings.shared ? "mail_plugins = $mail_plugins imap_acl" : ""}
  mail_max_userip_connections = ${settings.manyConnections ? 2000 : 200}
}
protocol pop3 {
  pop3_uidl_format = %08Xu%08Xv
  mail_max_userip_connections = 200
}
protocol lmtp {
  postmaster_address = postmaster@example.test
}`;
}

function authentication(folder: string): string {
  const users = `username_format=%n ${folder}/users`;
  return `
auth_mechanisms = plain login xoauth2 oauthbearer
auth_username_format = %Ln
auth_master_user_separator = *
auth_verbose = yes
# Tests of wrong passwords need not wait the two seconds that slow down an attacker.
auth_failure_delay = 0
passdb {
  driver = oauth2
  mechanisms = xoauth2 oauthbearer
  args = ${folder}/oauth2.conf
}
passdb {
  driver = passwd-file
  mechanisms = plain login
  master = yes
  result_success = continue
  args = ${folder}/masters
}
passdb {
  driver = passwd-file
  mechanisms = plain login apop
  args = ${users}
}
userdb {
  driver = passwd-file
  args = ${users}
  override_fields = uid=${account.uid} gid=${account.gid} home=${folder}/mail/%n
}`;
}

function namespaces(folder: string, settings: DovecotSettings): string {
  const special = ["Drafts", "Sent", "Trash", "Junk"].map(
    (name) => `
  mailbox ${name} {
    special_use = \\${name}
    auto = subscribe
  }`,
  );
  return `
namespace inbox {
  inbox = yes
  separator = ${settings.separator}
  prefix = ${settings.prefix}${settings.specialUse ? special.join("") : ""}
}
${settings.shared ? sharedNamespace(folder, settings) : ""}`;
}

function sharedNamespace(folder: string, settings: DovecotSettings): string {
  return `
plugin {
  acl = vfile
  acl_shared_dict = file:${folder}/state/shared-mailboxes
  acl_user = %u
}
namespace shared {
  type = shared
  separator = ${settings.separator}
  prefix = shared${settings.separator}%%u${settings.separator}
  location = ${mailLocation(folder, settings, "%%n")}${settings.privateSeen ? `:INDEXPVT=${folder}/mail/%n/seen/%%n` : ""}
  subscriptions = no
  list = children
}`;
}

function mailLocation(folder: string, settings: DovecotSettings, user: string): string {
  return `${settings.format}:${folder}/mail/${user}/${settings.format}`;
}

/** Everything that is chrooted or owned by root in the shipped configuration is neither here. */
function services(ports: DovecotPorts, settings: DovecotSettings): string {
  const listener = (name: string, port: number, ssl: boolean) => `
  inet_listener ${name} {
    port = ${settings.tls || !ssl ? port : 0}
    ssl = ${ssl && settings.tls ? "yes" : "no"}
  }`;
  return `
service anvil {
  chroot =
  unix_listener anvil-auth-penalty {
    mode = 0
  }
}
service stats {
  chroot =
}
service imap-urlauth-login {
  chroot =
}
service submission-login {
  chroot =
}
service imap-login {
  chroot =${listener("imap", ports.imap, false)}${listener("imaps", ports.imaps, true)}
  ${settings.manyConnections ? "service_count = 0\n  process_min_avail = 1\n  client_limit = 2000" : ""}
}
service pop3-login {
  chroot =${listener("pop3", ports.pop3, false)}${listener("pop3s", ports.pop3s, true)}
}
service lmtp {${listener("lmtp", ports.lmtp, false)}
}
service auth {${listener("sasl", ports.sasl, false)}
}`;
}

/** The usual limits stop at 100 sign-ins over TLS and at 128 inotify instances, after which no change wakes an IDLE. */
const forManyConnections = `
default_client_limit = 4000
service imap {
  service_count = 0
  client_limit = 50
  process_limit = 60
}`;
