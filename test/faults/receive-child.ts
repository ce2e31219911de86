/** Run as another process by memory.test.ts and the bench: `receive-child.ts <task as JSON>`. Its last line is the measured result as JSON. */
import type { App } from "../../src/app.ts";
import type { Place } from "../../src/database/database.ts";
import type { Log } from "../../src/engine/log.ts";
import { counted } from "../counted-database.ts";
import { type Cost, watchProcess } from "./process-watch.ts";

/** What the child is to do with the database at `place`. */
export type ChildTask = { readonly place: Place } & (
  | {
      /** One round of receiving of one mailbox. */
      readonly kind: "receive";
      readonly imapPort: number;
      readonly user: string;
      readonly passwordFile: string;
      readonly filter: "replies" | "contacts" | "all";
      /** The mailbox is a forward mailbox, to which this user forwards from where the mail server runs. */
      readonly forwardedBy?: string;
      /** Megabytes of a message at most; left out: as by default. */
      readonly maximumMessageMegabytes?: number;
    }
  | {
      /** No Waypost but its database: as many rows of as many bytes as a round stores, page by page, each page looked up before. */
      readonly kind: "floor";
      readonly rows: number;
      readonly bytesPerRow: number;
    }
);

export interface ChildResult extends Cost {
  readonly received: number;
  readonly tracked: number;
  readonly statements: number;
}

// As the `waypost` command does before it loads anything.
await import(new URL("../../bin/small-heap.mjs", import.meta.url).href);
const { openApp } = await import("../../src/app.ts");
const { configurationSchema } = await import("../../src/config.ts");
const { openDatabase } = await import("../../src/database/open.ts");

const { FORWARDING_SERVER } = await import("../engine/forwards.ts");

const PAGE = 500;
const silent: Log = { debug() {}, info() {}, warn() {}, error: (fields, message) => console.error(message, fields) };

async function main(task: ChildTask): Promise<void> {
  const done = task.kind === "receive" ? await receive(task) : await floor(task);
  process.stdout.write(`${JSON.stringify(done)}\n`);
}

async function receive(task: ChildTask & { kind: "receive" }): Promise<ChildResult> {
  const database = counted(await openDatabase(task.place));
  const address = `${task.user}@example.test`;
  const { forwardedBy, maximumMessageMegabytes } = task;
  const mailbox = { address, readFrom: "2001-01-01T00:00:00Z", password: { file: task.passwordFile } };
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [
      {
        name: "made",
        incoming: { protocol: "imap", host: "127.0.0.1", port: task.imapPort, security: "none", timeoutSeconds: 120 },
        ...(maximumMessageMegabytes !== undefined && { maximumMessageMegabytes }),
      },
    ],
    users: [{ name: "Reader", email: forwardedBy ?? address, filter: task.filter }],
    mailboxes:
      forwardedBy === undefined
        ? [{ ...mailbox, user: address }]
        : [
            { ...mailbox, forward: true, trust: { forwardingServers: [FORWARDING_SERVER] } },
            { address: forwardedBy, user: forwardedBy, incoming: "forward mailbox", outgoing: false },
          ],
  });
  await using app: App = await openApp(configuration, { database: database.database, log: silent });
  const watched = await watchProcess();
  database.statements = 0;
  const { counts, failures } = await app.operations.receive([address], new AbortController().signal, () => {});
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  const result = { ...watched(), received: counts.received, tracked: counts.tracked, statements: database.statements };
  await app.close();
  await database.database.close();
  return result;
}

async function floor({ place, rows, bytesPerRow }: ChildTask & { kind: "floor" }): Promise<ChildResult> {
  await using database = await openDatabase(place);
  await database.script("create table floor (key text primary key, body text not null)");
  const watched = await watchProcess();
  let statements = 0;
  for (let from = 0; from < rows; from += PAGE) {
    const keys = Array.from({ length: Math.min(PAGE, rows - from) }, (_, index) => `key ${from + index}`);
    await database.query("select key from floor where key = any($1)", [keys]);
    const bodies = keys.map((key) => `${key} `.repeat(Math.ceil(bytesPerRow / (key.length + 1))).slice(0, bytesPerRow));
    await database.query("insert into floor select * from unnest($1::text[], $2::text[])", [keys, bodies]);
    statements += 2;
  }
  return { ...watched(), received: rows, tracked: 0, statements };
}

const [task = ""] = process.argv.slice(2);
await main(JSON.parse(task) as ChildTask);
