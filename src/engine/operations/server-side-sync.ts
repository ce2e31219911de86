import { Failure } from "../../model/failure.ts";
import type { ServerSideSync } from "../../model/server-side-sync.ts";
import type { EngineContext } from "../context.ts";

/** What an organization says of its server-side synchronization. */
export interface OrganizationSync {
  /** Its name in the configuration. */
  readonly organization: string;
  readonly sync: ServerSideSync;
}

/**
 * Reads it from the organization of that name, or from the only one that has such a thing where none is named; changes nothing.
 * @throws Failure `organization unknown`, `organization not clear`, `no server-side synchronization`; whatever keeps the CRM from being asked
 */
export async function serverSideSync(
  context: EngineContext,
  organizations: readonly string[],
  name: string | null,
  signal: AbortSignal,
): Promise<OrganizationSync> {
  const named = name === null ? organizations : organizations.filter((one) => one.toLowerCase() === name.trim().toLowerCase());
  if (named.length === 0)
    throw refusal("organization unknown", `There is no organization "${name}".`, `The configuration has ${organizations.join(", ")}.`);
  const [first, ...others] = named.filter((one) => context.crm(one).serverSideSync !== undefined);
  const read = first === undefined ? undefined : context.crm(first).serverSideSync;
  if (first === undefined || read === undefined)
    throw refusal(
      "no server-side synchronization",
      `${name === null ? "No organization of the configuration" : `The organization "${name}"`} has a server-side synchronization: only those of Dynamics 365 do.`,
      "Add the organization to the configuration with kind: dataverse (docs/crm/import-server-side-synchronization.md).",
    );
  if (others.length > 0)
    throw refusal(
      "organization not clear",
      `There are several organizations of Dynamics 365: ${[first, ...others].join(", ")}.`,
      "Name one of them.",
    );
  return { organization: first, sync: await read(signal) };
}

function refusal(code: string, message: string, remedy: string): Failure {
  return new Failure({ scope: "organization", code, message, remedy, waitingHelps: false });
}
