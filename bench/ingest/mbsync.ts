import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findProgram } from "../../test/servers/processes.ts";
import { type FilledMailbox, USER } from "./mailbox.ts";

/** A Maildir's date counts whole seconds. */
const RACY_MS = 1500;

export interface MbsyncSeconds {
  /** From an empty Maildir to a full one. */
  readonly all: number;
  /** The same once more, with nothing new; program start not counted. */
  readonly nothingNew: number;
}

/** Why the other program cannot run, with the one command that brings it; undefined when it is there. */
export function mbsyncMissing(): string | undefined {
  return findProgram("mbsync") === undefined
    ? "mbsync is not installed (on Debian or Ubuntu: apt-get install --no-install-recommends isync)"
    : undefined;
}

/** isync's mbsync pulls the folder into a new Maildir, and again. It flushes each message to the disk, as it does by default, or leaves that to the system. */
export async function runMbsync({ dovecot, password }: FilledMailbox, fsync: boolean): Promise<MbsyncSeconds> {
  const folder = mkdtempSync(path.join(tmpdir(), "waypost-mbsync-"));
  try {
    const configuration = path.join(folder, "mbsyncrc");
    mkdirSync(path.join(folder, "mail"));
    writeFileSync(configuration, configurationOf(folder, dovecot.ports.imap, password, fsync), { mode: 0o600 });
    const pull = ["-c", configuration, "-q", "made"];
    const all = await seconds(pull);
    const start = await seconds(["--version"]);
    // A Maildir that was written to within this second could change again unseen, and mbsync would wait for the next one.
    await sleep(RACY_MS);
    const again = await seconds(pull);
    return { all, nothingNew: again - start };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function configurationOf(folder: string, port: number, password: string, fsync: boolean): string {
  return `FSync ${fsync ? "yes" : "no"}

IMAPAccount made
Host 127.0.0.1
Port ${port}
User ${USER}
Pass ${password}
SSLType None
AuthMechs LOGIN

IMAPStore far
Account made

MaildirStore near
Path ${folder}/mail/
Inbox ${folder}/mail/INBOX

Channel made
Far :far:INBOX
Near :near:INBOX
Create Near
Sync Pull
SyncState *
`;
}

function seconds(args: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const child = spawn("mbsync", args, { stdio: ["ignore", "ignore", "pipe"] });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
    });
    child.once("error", reject);
    child.once("close", (code) => {
      if (code === 0) resolve((performance.now() - started) / 1000);
      else reject(new Error(`mbsync ${args.join(" ")} ended with ${code}: ${said}`));
    });
  });
}
