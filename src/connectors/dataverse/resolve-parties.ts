import { addressKey } from "../../model/address.ts";
import { PARTICIPATION, type Participation } from "../../model/decision.ts";
import { Failure } from "../../model/failure.ts";
import type { ResolvedParties, Resolving } from "../../ports.ts";
import { literal } from "./any-of.ts";
import type { Answer } from "./client/client.ts";
import { answered } from "./client/client.ts";
import { partyJson } from "./new-email.ts";
import type { Organization } from "./organization.ts";
import { readParties, type StoredParty } from "./outgoing-parties.ts";
import { readRows } from "./read.ts";
import { idOf, keyOf } from "./row.ts";
import { storable } from "./storable.ts";
import type { Tables } from "./tables.ts";
import { written } from "./written-columns.ts";

const ROLES: readonly Participation[] = [PARTICIPATION.sender, PARTICIPATION.to, PARTICIPATION.cc, PARTICIPATION.bcc];

/**
 * Resolves unresolved parties that have that address to the record, at most `limit` of them: their emails are given the same list of parties with the record in
 * it, for Dynamics changes parties only as a whole.
 * @throws Failure of scope item where the organization refuses it: Dynamics leaves the parties of completed emails alone
 */
export async function resolveParties(organization: Organization, resolving: Resolving): Promise<ResolvedParties> {
  const tables = await organization.tables();
  const { address, emailId, limit } = resolving;
  const key = storable(addressKey(address));
  const roles = ROLES.map((role) => `participationtypemask eq ${role}`).join(" or ");
  const [found = []] = await readRows(organization.client, [
    {
      set: tables.set("activityparty"),
      select: tables.select("activityparty", ["activitypartyid", "activityid"]),
      filter: `addressused eq ${literal(key)} and _partyid_value eq null and (${roles})${emailId === null ? "" : ` and _activityid_value eq ${emailId}`}`,
      top: limit,
    },
  ]);
  const chosen = new Set(found.map((row) => keyOf(row, "activitypartyid")));
  const emailIds = [...new Set(found.flatMap((row) => idOf(row, "_activityid_value") ?? []))];
  if (emailIds.length === 0) return { parties: 0, emails: 0 };
  const lists = await readParties(organization, emailIds, ROLES);
  const answers = await organization.client.batch(
    emailIds.map((id) => ({
      method: "PATCH",
      path: `${tables.set("email")}(${id})`,
      headers: { "If-Match": "*" },
      body: {
        ...written(tables, "email", "update", {
          isduplicatesenderunresolved: resolvesSender(lists.get(id) ?? [], chosen) ? false : undefined,
        }),
        email_activity_parties: (lists.get(id) ?? []).map((party) => partyAfter(tables, party, chosen, resolving)),
      },
    })),
  );
  for (const answer of answers) refuse(answer);
  return { parties: chosen.size, emails: emailIds.length };
}

function partyAfter(tables: Tables, party: StoredParty, chosen: ReadonlySet<string>, { record }: Resolving): Record<string, unknown> {
  const participation = ROLES.find((role) => role === party.participation) ?? PARTICIPATION.to;
  return partyJson(tables, {
    participation,
    address: { name: party.name, address: party.addressUsed },
    record: chosen.has(party.id) ? record : party.record,
    column: null,
  });
}

function resolvesSender(parties: readonly StoredParty[], chosen: ReadonlySet<string>): boolean {
  return parties.some(({ id, participation }) => participation === PARTICIPATION.sender && chosen.has(id));
}

function refuse(answer: Answer): void {
  if (answer.kind !== "refused" || answer.status === 404) {
    if (answer.kind !== "refused") answered(answer);
    return;
  }
  if (answer.status !== 400 && answer.status !== 403) throw answer.failure;
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
