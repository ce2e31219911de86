import { currentCaller } from "../../wire/on-behalf-of.ts";
import type { Answer, DataverseClient, Request } from "./client/client.ts";

/** Requests of different askers in one exchange: an organization works on them one after the other, and nobody is to wait for long for what others asked. */
const MOST_TOGETHER = 40;

interface Asker {
  readonly caller: string;
  readonly requests: readonly Request[];
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

const askers = new WeakMap<DataverseClient, Asker[]>();

/**
 * As {@link DataverseClient.batch}, for what only reads: all that one caller asks in one turn of the event loop goes in one exchange, as far as it is not much. Whoever
 * asks for several things at the same time thereby spends one request of those that the organization allows. What others ask goes by itself: each has its own turn.
 */
export function askTogether(client: DataverseClient, requests: readonly Request[]): Promise<readonly Answer[]> {
  return new Promise((resolve, reject) => {
    const asker: Asker = { caller: currentCaller(), requests, resolve, reject };
    const others = askers.get(client);
    if (others !== undefined) {
      others.push(asker);
      return;
    }
    askers.set(client, [asker]);
    setImmediate(() => {
      const all = askers.get(client) ?? [];
      askers.delete(client);
      for (const [caller, its] of Map.groupBy(all, (one) => one.caller)) for (const some of portions(its)) void ask(client, caller, some);
    });
  });
}

/** Ends normally: the askers are told what went wrong. */
async function ask(client: DataverseClient, caller: string, some: readonly Asker[]): Promise<void> {
  try {
    const answers = await client.batch(
      some.flatMap(({ requests }) => requests),
      { caller },
    );
    let from = 0;
    for (const { requests, resolve } of some) {
      resolve(answers.slice(from, from + requests.length));
      from += requests.length;
    }
  } catch (error) {
    for (const { reject } of some) reject(error);
  }
}

/** What one of them asks stays together. */
function portions(all: readonly Asker[]): Asker[][] {
  const found: Asker[][] = [];
  let count = Number.POSITIVE_INFINITY;
  for (const asker of all) {
    if (count + asker.requests.length > MOST_TOGETHER) {
      found.push([]);
      count = 0;
    }
    found.at(-1)?.push(asker);
    count += asker.requests.length;
  }
  return found;
}
