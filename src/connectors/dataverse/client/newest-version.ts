import { Failure } from "../../../model/failure.ts";
import { answered, type DataverseClient } from "./client.ts";

/** Versions of the Web API that an organization on premises may have, the newest first; 9.1 is the ceiling there (wire 9). */
export const ON_PREMISES_VERSIONS = ["9.1", "9.0", "8.2"] as const;

/** Codes of the failures by which a server says that it does not know a version. */
const UNKNOWN_VERSION: ReadonlySet<string> = new Set(["no Web API", "not there"]);

/**
 * A client of the newest version that the organization serves, found out by asking when it is first used; after a failure it is asked again.
 * @param open opens one of the versions, and asks nobody
 */
export function openNewestVersion(url: string, versions: readonly string[], open: (version: string) => DataverseClient): DataverseClient {
  let found: Promise<DataverseClient> | null = null;
  let opened: DataverseClient | null = null;
  const client = () => {
    found ??= newest().catch((error: unknown) => {
      found = null;
      throw error;
    });
    return found;
  };
  const newest = async (): Promise<DataverseClient> => {
    let failure: Failure | null = null;
    for (const version of versions) {
      const candidate = open(version);
      try {
        answered(await candidate.send({ method: "GET", path: "WhoAmI()" }));
        opened = candidate;
        return candidate;
      } catch (error) {
        await candidate.close();
        if (!(error instanceof Failure) || !UNKNOWN_VERSION.has(error.code)) throw error;
        failure ??= error;
      }
    }
    throw failure ?? new Error("no version was named");
  };
  const close = async () => {
    // Whoever waits for it is told of a failure; closing has nothing to add.
    await found?.catch(() => undefined);
    await opened?.close();
  };
  return {
    get root() {
      return opened?.root ?? url;
    },
    send: async (request, options) => (await client()).send(request, options),
    batch: async (requests, options) => (await client()).batch(requests, options),
    changeSets: async (sets, options) => (await client()).changeSets(sets, options),
    metadata: async (options) => (await client()).metadata(options),
    version: async (options) => (await client()).version(options),
    close,
    [Symbol.asyncDispose]: close,
  };
}
