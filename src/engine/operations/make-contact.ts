import { writeAudit } from "../../ledger/audit.ts";
import { Failure } from "../../model/failure.ts";
import type { RecordRef } from "../../model/record.ts";
import { personName } from "../../tracking/person-name.ts";
import { listing, quote } from "../../tracking/sentence.ts";
import type { EngineContext } from "../context.ts";
import { joined } from "./joined.ts";
import { usableKey } from "./usable-address.ts";

export interface ContactOptions {
  /** As a display name: `Carla Gray` or `Gray, Carla`; null: the address is the last name. */
  readonly name: string | null;
  /** Null: the only one. */
  readonly organization: string | null;
}

/** What came of `contact`. */
export interface ContactResult {
  readonly address: string;
  readonly organization: string;
  /** Whose the address is now. */
  readonly record: RecordRef;
  /** False where an active record had the address already: nothing was made then. */
  readonly made: boolean;
}

/**
 * A person makes a contact of an address. Mail to come counts as the contact's; what no filter wanted of it before is decided again by setting
 * (docs/audit.md), and emails on which the address stands unresolved stay as they are until `resolve`. Said again it changes nothing.
 */
export async function makeContact(
  context: EngineContext,
  organizations: readonly string[],
  address: string,
  { name, organization: named }: ContactOptions,
  actor: string,
): Promise<ContactResult> {
  const key = usableKey(address);
  const organization = theOrganization(organizations, named);
  const crm = context.crm(organization);
  const written = address.trim();
  const wanted = {
    type: "contact",
    address: written,
    ...personName({ name: name ?? "", address: written }),
    topic: "",
    ownerId: null,
  } as const;
  const found = await joined(context, crm, "make contact", async (tx) => {
    const one = (await crm.makeRecords([wanted], tx)).get(key);
    if (one?.made)
      await writeAudit(tx ?? context.database, { at: context.now(), actor, action: "make contact", subject: `address ${key}` });
    return one;
  });
  if (found === undefined) throw onlyInactive(written);
  context.log.info({ record: found.record.id, made: found.made, actor }, "contact by hand");
  return { address: key, organization, record: found.record, made: found.made };
}

function theOrganization(organizations: readonly string[], named: string | null): string {
  const [only, ...others] = named === null ? organizations : organizations.filter((one) => one === named);
  if (only !== undefined && others.length === 0) return only;
  throw new Failure({
    scope: "item",
    code: "organization not clear",
    message: named === null ? "There are several organizations." : `There is no organization ${quote(named)}.`,
    remedy: `Name one with --organization: ${listing(organizations.map((one) => quote(one)))}.`,
    waitingHelps: false,
  });
}

function onlyInactive(address: string): Failure {
  return new Failure({
    scope: "item",
    code: "record inactive",
    message: `Only inactive records have the address ${quote(address)}.`,
    remedy: "Activate the record that it is; a second one with the address would be another person.",
    waitingHelps: false,
  });
}
