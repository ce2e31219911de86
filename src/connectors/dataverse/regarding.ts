import type { RecordRef } from "../../model/record.ts";
import type { Relation } from "../../ports.ts";
import type { Answer, Request } from "./client/client.ts";
import { answered } from "./client/client.ts";
import { versionOf } from "./generation.ts";
import type { Organization } from "./organization.ts";
import { lookupOf, type Row } from "./row.ts";
import { readEmails } from "./standing.ts";
import type { Tables } from "./tables.ts";
import { written } from "./written-columns.ts";

/** Looks at emails that somebody else keeps changing. */
const MOST_TRIES = 5;

/**
 * Sets what an email is about; null: nothing. False where there is no such email. It is changed only in the version that was looked at; one that somebody
 * changed meanwhile is looked at again.
 * @throws Failure; of scope item where somebody keeps changing it
 */
export async function setRegarding(organization: Organization, id: string, regarding: RecordRef | null): Promise<boolean> {
  const tables = await organization.tables();
  for (let tries = 1; ; tries++) {
    const row = (await readEmails(organization, [id], ["regardingobjectid"])).get(id);
    if (row === undefined) return false;
    const change = changeOf(tables, id, row, regarding, versionOf(row));
    if (change === null) return true;
    const answer = await organization.client.send(change);
    if (answer.kind === "refused" && answer.status === 412 && tries < MOST_TRIES) continue;
    if (answer.kind === "refused" && answer.status === 404 && !(await readEmails(organization, [id], [])).has(id)) return false;
    answered(answer);
    return true;
  }
}

/**
 * Sets what emails are about that are about `from` still, or `to` already; returns the ids of those that are about `to` now. Each is changed only in the version
 * that was looked at; one that somebody changed meanwhile is looked at again.
 */
export async function relateEmails(organization: Organization, relations: readonly Relation[]): Promise<ReadonlySet<string>> {
  const related = new Set<string>();
  let left = relations;
  for (let tries = 0; tries < MOST_TRIES && left.length > 0; tries++) {
    const { done, again } = await relateOnce(organization, left);
    for (const id of done) related.add(id);
    left = again;
  }
  return related;
}

async function relateOnce(
  organization: Organization,
  relations: readonly Relation[],
): Promise<{ readonly done: readonly string[]; readonly again: readonly Relation[] }> {
  const tables = await organization.tables();
  const rows = await readEmails(
    organization,
    relations.map(({ id }) => id),
    ["regardingobjectid"],
  );
  const done: string[] = [];
  const changes: { readonly relation: Relation; readonly request: Request }[] = [];
  for (const relation of relations) {
    const row = rows.get(relation.id);
    if (row === undefined) continue;
    const now = lookupOf(row, "regardingobjectid");
    if (isSame(now, relation.to)) done.push(relation.id);
    else if (isSame(now, relation.from)) {
      const request = changeOf(tables, relation.id, row, relation.to, versionOf(row));
      if (request !== null) changes.push({ relation, request });
    }
  }
  const answers = await organization.client.batch(changes.map(({ request }) => request));
  const again: Relation[] = [];
  for (const [index, { relation }] of changes.entries()) {
    const answer: Answer | undefined = answers[index];
    if (answer?.kind === "refused" && (answer.status === 412 || answer.status === 404)) again.push(relation);
    else if (answer !== undefined) {
      answered(answer);
      done.push(relation.id);
    }
  }
  return { done, again };
}

/** Null: it is about that already. To be about nothing, the reference itself is deleted: binding to null is new in 9.2. */
function changeOf(tables: Tables, id: string, row: Row, to: RecordRef | null, version: string): Request | null {
  const now = lookupOf(row, "regardingobjectid");
  if (isSame(now, to)) return null;
  const path = `${tables.set("email")}(${id})`;
  const headers = { "If-Match": version };
  if (to !== null) return { method: "PATCH", path, headers, body: written(tables, "email", "update", {}, { regardingobjectid: to }) };
  const name = now === null ? null : tables.navigation("email", "regardingobjectid", now.type);
  return name === null ? null : { method: "DELETE", path: `${path}/${name}/$ref`, headers };
}

function isSame(one: Pick<RecordRef, "type" | "id"> | null, other: Pick<RecordRef, "type" | "id"> | null): boolean {
  return one?.type === other?.type && one?.id.toLowerCase() === other?.id.toLowerCase();
}
