import { addressKey } from "../../model/address.ts";
import { PARTICIPATION, type Participation } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import type { ResolvedParties, Resolving } from "../../ports.ts";
import { literal } from "./any-of.ts";
import type { Answer } from "./client/client.ts";
import { answered } from "./client/client.ts";
import { versionOf } from "./generation.ts";
import { partyJson } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { readParties, type StoredParty } from "./outgoing-parties.ts";
import { readRows } from "./read.ts";
import { idOf, keyOf, type Row } from "./row.ts";
import { readEmails } from "./standing.ts";
import { storable } from "./storable.ts";
import type { Tables } from "./tables.ts";
import { written } from "./written-columns.ts";

const ROLES: readonly Participation[] = [PARTICIPATION.sender, PARTICIPATION.to, PARTICIPATION.cc, PARTICIPATION.bcc];

/** Looks at emails that somebody else keeps changing. */
const MOST_TRIES = 5;

/**
 * Resolves unresolved parties that have that address to the record, at most `limit` of them: their emails are given the same list of parties with the record in
 * it, for Dynamics changes parties only as a whole. Each email is changed only in the version whose parties were read; one that somebody changed meanwhile is
 * looked at again.
 * @throws Failure of scope item where the organization refuses it: Dynamics leaves the parties of completed emails alone
 */
export async function resolveParties(organization: Organization, resolving: Resolving): Promise<ResolvedParties> {
  const found = await unresolvedOf(organization, resolving);
  const emailIds = new Set(found.flatMap((row) => idOf(row, "_activityid_value") ?? []));
  let chosen: ReadonlySet<string> | null = new Set(found.map((row) => keyOf(row, "activitypartyid")));
  let left: readonly string[] = [...emailIds];
  for (let tries = 1; left.length > 0; tries++) {
    const changed = await resolveOnce(organization, left, chosen, resolving);
    const [first] = changed;
    if (first !== undefined && tries >= MOST_TRIES) throw first.failure;
    left = changed.map(({ id }) => id);
    // Whoever changes the parties of an email makes new ones.
    chosen = null;
  }
  return { parties: found.length, emails: emailIds.size };
}

async function unresolvedOf(organization: Organization, { address, emailId, limit }: Resolving): Promise<readonly Row[]> {
  const tables = await organization.tables();
  const roles = ROLES.map((role) => `participationtypemask eq ${role}`).join(" or ");
  const [found = []] = await readRows(organization.client, [
    {
      set: tables.set("activityparty"),
      select: tables.select("activityparty", ["activitypartyid", "activityid"]),
      filter: `addressused eq ${literal(keyOfAddress(address))} and _partyid_value eq null and (${roles})${emailId === null ? "" : ` and _activityid_value eq ${emailId}`}`,
      top: limit,
    },
  ]);
  return found;
}

/** @param chosen parties to resolve; null: all that have the address and no record. @returns emails that somebody changed while they were looked at */
async function resolveOnce(
  organization: Organization,
  emailIds: readonly string[],
  chosen: ReadonlySet<string> | null,
  resolving: Resolving,
): Promise<readonly { readonly id: string; readonly failure: Failure }[]> {
  const tables = await organization.tables();
  // The version first: what changes after it was read refuses the change.
  const rows = await readEmails(organization, emailIds, []);
  const lists = await readParties(organization, [...rows.keys()], ROLES);
  const key = keyOfAddress(resolving.address);
  const isMeant = (party: StoredParty) =>
    chosen === null ? party.record === null && keyOfAddress(party.addressUsed) === key : chosen.has(party.id);
  const changes = [...rows].flatMap(([id, row]) => {
    const parties = lists.get(id) ?? [];
    if (!parties.some(isMeant)) return [];
    const senderIsMeant = parties.some((party) => party.participation === PARTICIPATION.sender && isMeant(party));
    const body = {
      ...written(tables, "email", "update", { isduplicatesenderunresolved: senderIsMeant ? false : undefined }),
      email_activity_parties: parties.map((party) => partyAfter(tables, party, isMeant(party), resolving)),
    };
    const headers = { "If-Match": versionOf(row) };
    return [{ id, request: { method: "PATCH", path: `${tables.set("email")}(${id})`, headers, body } as const }];
  });
  const answers = await organization.client.batch(changes.map(({ request }) => request));
  return changes.flatMap(({ id }, index) => {
    const answer = answers[index];
    if (answer?.kind === "refused" && answer.status === 412) return [{ id, failure: answer.failure }];
    if (answer !== undefined) refuse(answer);
    return [];
  });
}

/** How an address is compared: as it is stored, in small letters. */
function keyOfAddress(address: string): string {
  return storable(addressKey(address));
}

function partyAfter(tables: Tables, party: StoredParty, isMeant: boolean, { record }: Resolving): Record<string, unknown> {
  const participation = ROLES.find((role) => role === party.participation) ?? PARTICIPATION.to;
  return partyJson(tables, {
    participation,
    address: { name: party.name, address: party.addressUsed },
    record: isMeant ? record : party.record,
    column: null,
  });
}

function refuse(answer: Answer): void {
  if (answer.kind !== "refused" || answer.status === 404) {
    if (answer.kind !== "refused") answered(answer);
    return;
  }
  if (answer.failure.scope !== "item" || (answer.status !== 400 && answer.status !== 403)) throw answer.failure;
  throw new Failure({
    scope: "item",
    code: "parties are read-only",
    message:
      "Dynamics does not let the parties of a completed email be changed, so an address on it cannot be resolved to a record any more.",
    serverSaid: answer.failure.serverSaid,
    remedy: "Add the address to the record: the next email from it will be resolved.",
    waitingHelps: false,
    cause: answer.failure,
  });
}
