/** Run as another process by the bench: `tracking-child.ts <task as JSON>`. Its last line is the result as JSON. */
import type { Place } from "../../src/database/database.ts";
import type { MessageHead } from "../../src/model/message.ts";
import { counted } from "../../test/counted-database.ts";
import { type Cost, watchProcess } from "../../test/faults/process-watch.ts";
import { factsOf, headOf, madeMime, READER } from "./heads.ts";
import { madeMailSystem } from "./mail-system.ts";

export type TrackingTask = { readonly messages: number; readonly directory: number } & (
  | {
      /** The rules alone, over heads and facts in memory. */
      readonly kind: "rules";
    }
  | {
      /** A mailbox in memory is read into the database, in which the directory stands, behind those that were read before. */
      readonly kind: "read";
      readonly before: number;
      readonly place: Place;
      readonly filter: "replies" | "contacts";
    }
);

export interface TrackingResult extends Cost {
  readonly tracked: number;
  /** Of the whole round, its beginning and end included. */
  readonly statements: number;
  /** The most between the pulls of two pages, which is what one page takes. */
  readonly statementsPerPage: number;
}

// As the `waypost` command does before it loads anything.
await import(new URL("../../bin/small-heap.mjs", import.meta.url).href);
const { openApp } = await import("../../src/app.ts");
const { configurationSchema } = await import("../../src/config.ts");
const { openDatabase } = await import("../../src/database/open.ts");
const { emailFact } = await import("../../src/tracking/email-fact.ts");
const { PageFacts } = await import("../../src/tracking/page-facts.ts");
const { track } = await import("../../src/tracking/track.ts");

/** Heads of a page. */
export const PAGE = 500;

/** Pages that are decided once before it counts: the compiler has seen the rules then. */
const WARM_PAGES = 4;

/** As the engine does for each page: what an earlier head became is a fact for the later ones. Returns how many are tracked. */
function decidePage(heads: readonly MessageHead[], known: ReturnType<typeof factsOf>): number {
  const facts = new PageFacts(known);
  const mailbox = { address: READER, startDate: new Date(0), owner: { type: "systemuser", id: "reader" } } as const;
  let tracked = 0;
  for (const head of heads) {
    const { placement } = track(head, facts, { mailbox, known: { emailId: null, how: null } });
    if (placement === null) continue;
    tracked += 1;
    facts.add(emailFact(head, placement, `new-${head.ref.id}`));
  }
  return tracked;
}

/** Making heads and facts takes longer than deciding and is not what is measured: only deciding is counted. */
async function rules({ messages, directory }: TrackingTask): Promise<TrackingResult> {
  const page = (from: number) => {
    const heads = Array.from({ length: Math.min(PAGE, messages - from) }, (_, index) =>
      headOf(from + index, madeMime(from + index, directory)),
    );
    return { heads, facts: factsOf(heads) };
  };
  for (let from = 0; from < WARM_PAGES * PAGE && from < messages; from += PAGE) {
    const { heads, facts } = page(from);
    decidePage(heads, facts);
  }
  const watched = await watchProcess();
  let tracked = 0;
  let milliseconds = 0;
  for (let from = 0; from < messages; from += PAGE) {
    const { heads, facts } = page(from);
    const began = performance.now();
    tracked += decidePage(heads, facts);
    milliseconds += performance.now() - began;
  }
  return { ...watched(), seconds: milliseconds / 1000, tracked, statements: 0, statementsPerPage: 0 };
}

async function read({ messages, before, directory, place, filter }: TrackingTask & { kind: "read" }): Promise<TrackingResult> {
  const database = counted(await openDatabase(place));
  const endpoint = { host: "memory.test", security: "none", authentication: "none" } as const;
  const configuration = configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: "memory", incoming: { ...endpoint, protocol: "imap" } }],
    users: [{ name: "Reader", email: READER, filter }],
    mailboxes: [{ address: READER, user: READER, outgoing: false, readFrom: "2001-01-01T00:00:00Z" }],
  });
  await using app = await openApp(configuration, {
    database: database.database,
    log: { debug() {}, info() {}, warn() {}, error: console.error },
  });
  const atPull: number[] = [];
  const system = madeMailSystem(before + messages, directory, PAGE, () => atPull.push(database.statements));
  app.context.mailSystem = () => system;
  const watched = await watchProcess();
  database.statements = 0;
  const { counts, failures, ...rest } = await app.operations.receive([READER], new AbortController().signal, () => {});
  if (failures.length > 0 || counts.received !== messages) throw new Error(JSON.stringify({ counts, failures, ...rest }));
  const statementsPerPage = Math.max(...atPull.slice(1).map((count, index) => count - (atPull[index] ?? 0)));
  const result = { ...watched(), tracked: counts.tracked, statements: database.statements, statementsPerPage };
  await app.close();
  await database.database.close();
  return result;
}

const [argument = ""] = process.argv.slice(2);
const task = JSON.parse(argument) as TrackingTask;
const result = task.kind === "rules" ? await rules(task) : await read(task);
process.stdout.write(`${JSON.stringify(result)}\n`);
