import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import path from "node:path";
import { HEADER_FIELDS } from "../../src/mime/head.ts";
import { type EngineName, testDatabase } from "../databases.ts";
import { forward } from "../engine/forwards.ts";
import { startChild } from "../servers/child-process.ts";
import { startDovecot } from "../servers/dovecot.ts";
import { CUSTOMERS, customerAddress, fillInbox } from "../servers/large-folder.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import type { ChildResult, ChildTask } from "./receive-child.ts";

/** `skipped`: no message is tracked. `tracked`: every twentieth is. `floor`: see receive-child.ts. */
export type Work = "skipped" | "tracked" | "floor";

/** One message of so many comes from a customer. */
const CUSTOMER_EVERY = 20;
/** JSON that Waypost keeps of such a message: what it looked like and why it was decided so. */
const BYTES_PER_DECISION = 2700;
const USER = "reader";

/** A mail server with one large folder, and a process of its own for each reading of it, each with a new database. */
export interface MeasuredReceive extends AsyncDisposable {
  run(engine: EngineName, work: Work): Promise<ChildResult>;
}

/** `warm`: has the server put the header fields into its cache first, so that all readings find it in the same state. */
export async function measuredReceive(messages: number, options: { readonly warm?: boolean } = {}): Promise<MeasuredReceive> {
  await using starting = new AsyncDisposableStack();
  const folder = temporaryFolder("measured");
  starting.defer(() => removeFolder(folder));
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, "correct-horse", { mode: 0o600 });
  const dovecot = starting.use(await startDovecot({ users: { [USER]: "correct-horse" }, tls: "none" }));
  fillInbox(dovecot, { messages, user: USER, customerEvery: CUSTOMER_EVERY });
  if (options.warm) {
    await dovecot.withImap(USER, async (client) => {
      await client.mailboxOpen("INBOX", { readOnly: true });
      for await (const _ of client.fetch("1:*", { headers: [...HEADER_FIELDS] }));
    });
  }
  const running = starting.move();
  return {
    async run(engine, work) {
      await using database = await testDatabase(engine);
      if (work === "tracked") await putCustomers(database);
      // The folder of PGlite is for one process; on PostgreSQL nothing is in the way.
      await database.close();
      const { place } = database;
      return await runChild(
        work === "floor"
          ? { kind: "floor", place, rows: messages, bytesPerRow: BYTES_PER_DECISION }
          : {
              kind: "receive",
              place,
              imapPort: dovecot.ports.imap,
              user: USER,
              passwordFile,
              filter: work === "tracked" ? "contacts" : "replies",
            },
      );
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** A forward mailbox with one large forward, and one with three of them, each read by a process of its own. */
export async function measuredForwards(megabytes: number): Promise<{ readonly one: ChildResult; readonly three: ChildResult }> {
  await using starting = new AsyncDisposableStack();
  const folder = temporaryFolder("measured");
  starting.defer(() => removeFolder(folder));
  const passwordFile = path.join(folder, "password");
  writeFileSync(passwordFile, "correct-horse", { mode: 0o600 });
  const dovecot = starting.use(await startDovecot({ users: { one: "correct-horse", three: "correct-horse" }, tls: "none" }));
  // Two encodings one in the other, each four bytes for three.
  const file = randomBytes((megabytes * 1024 * 1024 * 9) / 16)
    .toString("base64")
    .replace(/.{76}/g, "$&\r\n");
  const run = async (user: "one" | "three", count: number) => {
    for (let number = 0; number < count; number += 1) {
      const original = `From: carla@customer.test\r\nTo: ${USER}@example.test\r\nDate: Mon, 02 Mar 2026 10:00:00 +0000\r\nMessage-ID: <large-${number}@customer.test>\r\nContent-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\n${file}\r\n`;
      await dovecot.deliver(user, forward([original], { from: USER, encoding: "base64" }));
    }
    await using database = await testDatabase("postgres");
    await database.close();
    return await runChild({
      kind: "receive",
      place: database.place,
      imapPort: dovecot.ports.imap,
      user,
      passwordFile,
      filter: "all",
      forwardedBy: `${USER}@example.test`,
      maximumMessageMegabytes: 2 * megabytes,
    });
  };
  return { one: await run("one", 1), three: await run("three", 3) };
}

async function putCustomers(database: Awaited<ReturnType<typeof testDatabase>>): Promise<void> {
  await database.query(
    "insert into crm.contact (contactid, firstname, lastname, emailaddress1) select gen_random_uuid(), 'Customer', one, one from unnest($1::text[]) one",
    [Array.from({ length: CUSTOMERS }, (_, number) => customerAddress(number))],
  );
}

async function runChild(task: ChildTask): Promise<ChildResult> {
  await using child = startChild(new URL("./receive-child.ts", import.meta.url), [JSON.stringify(task)]);
  const code = await child.ended;
  const last = child.lines.at(-1) ?? "";
  if (code !== 0 || !last.startsWith("{")) throw new Error(`The measured process ended with ${code}:\n${child.lines.join("\n")}`);
  return JSON.parse(last) as ChildResult;
}
