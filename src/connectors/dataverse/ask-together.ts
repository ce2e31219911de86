import type { Answer, DataverseClient, Request } from "./client/client.ts";

/** Requests of different askers in one exchange: an organization works on them one after the other, and nobody is to wait for long for what others asked. */
const MOST_TOGETHER = 40;

interface Asker {
  readonly requests: readonly Request[];
  readonly resolve: (answers: readonly Answer[]) => void;
  readonly reject: (error: unknown) => void;
}

const askers = new WeakMap<DataverseClient, Asker[]>();

/**
 * As {@link DataverseClient.batch}, for what only reads: all that is asked in one turn of the event loop goes in one exchange, as far as it is not much. Whoever
 * asks for several things at the same time thereby spends one request of those that the organization allows.
 */
export function askTogether(client: DataverseClient, requests: readonly Request[]): Promise<readonly Answer[]> {
  return new Promise((resolve, reject) => {
    const asker = { requests, resolve, reject };
    const others = askers.get(client);
    if (others !== undefined) {
      others.push(asker);
      return;
    }
    askers.set(client, [asker]);
    setImmediate(() => {
      const all = askers.get(client) ?? [];
      askers.delete(client);
      for (const some of portions(all)) void ask(client, some);
    });
  });
}

/** Ends normally: the askers are told what went wrong. */
async function ask(client: DataverseClient, some: readonly Asker[]): Promise<void> {
  try {
    const answers = await client.batch(some.flatMap(({ requests }) => requests));
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
