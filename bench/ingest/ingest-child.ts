/**
 * Run as another process by the bench: `ingest-child.ts <task as JSON>`. It opens Waypost as `waypost receive` does, rests a moment, reads the
 * mailbox, and reads it again. Each line that it says is a JSON object.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { Place } from "../../src/database/database.ts";
import type { Log } from "../../src/engine/log.ts";
import { type Cost, untilSettled, watchProcess } from "../../test/faults/process-watch.ts";

export interface IngestTask {
  readonly place: Place;
  readonly imapPort: number;
  readonly user: string;
  readonly passwordFile: string;
  readonly filter: "all" | "contacts";
  /** Watches the event loop too, which costs some time of it. */
  readonly watched: boolean;
}

export type Said =
  | { readonly said: "rests" }
  | {
      readonly said: "read";
      readonly seconds: number;
      /** Of the processor, all threads of the process together. */
      readonly processorSeconds: number;
      readonly received: number;
      readonly tracked: number;
      readonly cost: Cost | null;
    }
  | { readonly said: "read again"; readonly seconds: number; readonly received: number };

/** How long it rests, so that its memory can be looked at from outside. */
const REST_MS = 250;

// As the `waypost` command does before it loads anything.
await import(new URL("../../bin/small-heap.mjs", import.meta.url).href);
const { openApp } = await import("../../src/app.ts");
const { configurationSchema } = await import("../../src/config.ts");
const { openDatabase } = await import("../../src/database/open.ts");

const complaining = (fields: object, message: string) => console.error(message, fields);
const log: Log = { debug() {}, info() {}, warn: complaining, error: complaining };

async function main({ place, imapPort, user, passwordFile, filter, watched }: IngestTask): Promise<void> {
  await using database = await openDatabase(place);
  const address = `${user}@example.test`;
  const incoming = { protocol: "imap", host: "127.0.0.1", port: imapPort, security: "none", timeoutSeconds: 120 };
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: "made", incoming }],
    users: [{ name: "Reader", email: address, filter }],
    mailboxes: [{ address, user: address, readFrom: "2001-01-01T00:00:00Z", password: { file: passwordFile } }],
  });
  await using app = await openApp(configuration, { database, log });
  const round = async () => {
    const started = performance.now();
    const { counts, failures } = await app.operations.receive([address], new AbortController().signal, () => {});
    if (failures.length > 0) throw new Error(JSON.stringify(failures));
    return { seconds: (performance.now() - started) / 1000, received: counts.received, tracked: counts.tracked };
  };
  await untilSettled();
  say({ said: "rests" });
  await sleep(REST_MS);
  const cost = watched ? await watchProcess() : () => null;
  const processor = process.cpuUsage();
  const first = await round();
  const used = process.cpuUsage(processor);
  say({ said: "read", ...first, processorSeconds: (used.user + used.system) / 1e6, cost: cost() });
  const { seconds, received } = await round();
  say({ said: "read again", seconds, received });
}

function say(what: Said): void {
  process.stdout.write(`${JSON.stringify(what)}\n`);
}

const [task = ""] = process.argv.slice(2);
await main(JSON.parse(task) as IngestTask);
