import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { HEADER_FIELDS } from "../../src/mime/head.ts";
import { type Dovecot, startDovecot } from "../../test/servers/dovecot.ts";
import { account, removeFolder, temporaryFolder } from "../../test/servers/processes.ts";
import { type Expected, madeMessage } from "./messages.ts";

export const USER = "reader";
const PASSWORD = "correct-horse";

/** A Dovecot with one folder of made messages, and what has to come out of them. */
export interface FilledMailbox extends AsyncDisposable {
  readonly dovecot: Dovecot;
  readonly passwordFile: string;
  readonly password: string;
  readonly bytes: number;
  readonly expected: readonly Expected[];
}

/** Writes the files of a Maildir, and has the server read all of them once, so that every run finds it in the same state. */
export async function filledMailbox(messages: number): Promise<FilledMailbox> {
  await using starting = new AsyncDisposableStack();
  const folder = temporaryFolder("ingest");
  starting.defer(() => removeFolder(folder));
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, PASSWORD, { mode: 0o600 });
  const dovecot = starting.use(await startDovecot({ users: { [USER]: PASSWORD }, tls: "none" }));
  const { bytes, expected } = fill(path.join(dovecot.folder, "mail", USER), messages);
  await dovecot.withImap(USER, async (client) => {
    await client.mailboxOpen("INBOX", { readOnly: true });
    for await (const _ of client.fetch("1:*", { headers: [...HEADER_FIELDS] }));
    for await (const _ of client.fetch("1:*", { source: true }));
  });
  const running = starting.move();
  return { dovecot, passwordFile, password: PASSWORD, bytes, expected, [Symbol.asyncDispose]: () => running.disposeAsync() };
}

function fill(home: string, messages: number): { readonly bytes: number; readonly expected: Expected[] } {
  const maildir = path.join(home, "maildir");
  for (const name of ["cur", "new", "tmp"]) mkdirSync(path.join(maildir, name), { recursive: true });
  const expected: Expected[] = [];
  let bytes = 0;
  for (let number = 0; number < messages; number += 1) {
    const made = madeMessage(number, `${USER}@example.test`);
    bytes += made.mime.length;
    expected.push(made.expected);
    // As a delivery agent stores it: the received date first in the name, and the size, so that the server need not open the file for it.
    const name = `${made.received.getTime() / 1000}.M${number}P1.made,S=${made.mime.length},W=${made.mime.length}:2,`;
    writeFileSync(path.join(maildir, "cur", name), made.mime);
  }
  if (process.getuid?.() === 0) {
    for (const one of [path.dirname(home), home, maildir, ...["cur", "new", "tmp"].map((name) => path.join(maildir, name))])
      chownSync(one, account.uid, account.gid);
  }
  return { bytes, expected };
}
