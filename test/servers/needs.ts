import { existsSync, readdirSync } from "node:fs";
import path from "node:path";
import { findProgram, runProgram } from "./processes.ts";

/** The programs that tests start. */
export type ServerName = "dovecot" | "sieve" | "postfix" | "postgres" | "chromium" | "python" | "openssl" | "gpg" | "tnef" | "ytnef";

/** What is missing of a server, for a person; undefined when it can be started. */
const missing: Readonly<Record<ServerName, () => string | undefined>> = {
  dovecot() {
    const parts = ["imap", "pop3", "lmtp"].filter((part) => !existsSync(`/usr/lib/dovecot/${part}`));
    if (findProgram("dovecot") === undefined || parts.length > 0) return install("Dovecot", "dovecot-imapd dovecot-pop3d dovecot-lmtpd");
    const version = runProgram("dovecot", ["--version"]).trim();
    // 2.4 reads another language of configuration.
    return version.startsWith("2.3.") ? undefined : `Dovecot 2.3 is needed, ${version} is installed`;
  },
  sieve: () =>
    existsSync("/usr/lib/dovecot/modules/lib90_sieve_plugin.so")
      ? undefined
      : install("Pigeonhole, the Sieve of Dovecot,", "dovecot-sieve"),
  postfix() {
    if (findProgram("postfix") === undefined) return install("Postfix", "postfix");
    return process.getuid?.() === 0 ? undefined : "Postfix can be started by root only; run the tests as root for these";
  },
  postgres: () => (postgresPrograms() === undefined ? install("PostgreSQL", "postgresql") : undefined),
  python: () => (findProgram("python3") === undefined ? install("Python", "python3") : undefined),
  openssl: () => (findProgram("openssl") === undefined ? install("OpenSSL", "openssl") : undefined),
  gpg: () => (findProgram("gpg") === undefined ? install("GnuPG", "gnupg") : undefined),
  tnef: () => (findProgram("tnef") === undefined ? install("tnef", "tnef") : undefined),
  ytnef: () => (findProgram("ytnef") === undefined ? install("ytnef", "ytnef-tools") : undefined),
  chromium: () => (chromiumPath() === undefined ? install("Chromium", "chromium") : undefined),
};

/**
 * For the `skip` of a suite that needs these servers: `describe("...", { skip: missingServers(["dovecot"]) }, ...)`.
 * Returns false when all are there, else the reason for the report. With CI=true a missing server is an error.
 */
export function missingServers(names: readonly ServerName[]): string | false {
  const reasons = names.map((name) => missing[name]()).filter((reason) => reason !== undefined);
  if (reasons.length === 0) return false;
  const reason = reasons.join("; ");
  if (process.env.CI === "true") throw new Error(`${reason}. With CI=true a test may not be left out.`);
  return reason;
}

/** The folder of the programs of the newest PostgreSQL, which Debian keeps off the PATH. */
export function postgresPrograms(): string | undefined {
  const folder = "/usr/lib/postgresql";
  const versions = existsSync(folder) ? readdirSync(folder).sort((a, b) => Number(b) - Number(a)) : [];
  const found = versions.map((version) => path.join(folder, version, "bin")).find((bin) => existsSync(path.join(bin, "postgres")));
  const onPath = findProgram("postgres");
  return found ?? (onPath === undefined ? undefined : path.dirname(onPath));
}

/** A browser for end-to-end tests. */
export function chromiumPath(): string | undefined {
  return findProgram("chromium") ?? findProgram("chromium-browser") ?? findProgram("google-chrome");
}

function install(name: string, packages: string): string {
  return `${name} is not installed (on Debian or Ubuntu: apt-get install ${packages})`;
}
