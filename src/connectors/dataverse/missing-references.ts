import type { IncomingEmail } from "../../model/email.ts";
import type { RecordRef } from "../../model/record.ts";
import { anyId } from "./any-of.ts";
import type { Organization } from "./organization.ts";
import { readAll } from "./read.ts";
import { keyOf } from "./row.ts";

type Reference = Pick<RecordRef, "type" | "id">;

/**
 * The email without what is no longer there of the records, queues and emails that it refers to: somebody deleted them since it was decided about. The same
 * object where all are there.
 */
export async function withoutMissing(organization: Organization, email: IncomingEmail): Promise<IncomingEmail> {
  const { placement } = email;
  const references = referencesOf(email);
  const there = await existing(organization, references);
  const stands = (one: Reference) => there.has(nameOf(one));
  if (references.every(stands)) return email;
  const keep = <One extends Reference | null>(one: One): One | null => (one === null || stands(one) ? one : null);
  const keepEmail = (id: string | null) => (id === null || stands({ type: "email", id }) ? id : null);
  const { about, ...rest } = email;
  return {
    ...rest,
    ...(about !== undefined && stands({ type: "email", id: about.emailId }) && { about }),
    placement: {
      ...placement,
      parties: placement.parties.map((party) =>
        party.record === null || stands(party.record) ? party : { ...party, record: null, column: null },
      ),
      regarding: keep(placement.regarding),
      accepting: keep(placement.accepting),
      ownerId: placement.ownerId !== null && stands({ type: placement.ownerType, id: placement.ownerId }) ? placement.ownerId : null,
      parentEmailId: keepEmail(placement.parentEmailId),
      correlatedEmailId: keepEmail(placement.correlatedEmailId),
      queueIds: placement.queueIds.filter((id) => stands({ type: "queue", id })),
    },
  };
}

function referencesOf({ placement, about }: IncomingEmail): readonly Reference[] {
  const { parties, regarding, accepting, ownerId, ownerType, parentEmailId, correlatedEmailId, queueIds } = placement;
  const emails = [parentEmailId, correlatedEmailId, about?.emailId ?? null].flatMap((id) => (id === null ? [] : [{ type: "email", id }]));
  return [
    ...parties.flatMap(({ record }) => record ?? []),
    ...[regarding, accepting].filter((one) => one !== null),
    ...(ownerId === null ? [] : [{ type: ownerType, id: ownerId }]),
    ...emails,
    ...queueIds.map((id) => ({ type: "queue", id })),
  ];
}

/** Those of the rows that are there; one of a table that the organization does not have counts as there, for it is not written. */
async function existing(organization: Organization, references: readonly Reference[]): Promise<ReadonlySet<string>> {
  const tables = await organization.tables();
  const found = new Set<string>();
  const byType = Map.groupBy(references, ({ type }) => type);
  await Promise.all(
    [...byType].map(async ([type, its]) => {
      if (!tables.has(type)) {
        for (const one of its) found.add(nameOf(one));
        return;
      }
      const key = tables.key(type);
      const queries = anyId(key, new Set(its.map(({ id }) => id))).map((filter) => ({ set: tables.set(type), select: key, filter }));
      for (const row of await readAll(organization.client, queries)) found.add(nameOf({ type, id: keyOf(row, key) }));
    }),
  );
  return found;
}

function nameOf({ type, id }: Reference): string {
  return `${type} ${id.toLowerCase()}`;
}
