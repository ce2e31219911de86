import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { TABLES } from "../../src/crm/webapi/tables.ts";
import { onBothEngines } from "../databases.ts";
import { ROOT, writer } from "./web-api-rig.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "../../../shared/schemas/dataverse/doc-examples-v9.0.json");

const SCHEMA = z.array(
  z.object({
    source: z.string(),
    kind: z.string(),
    method: z.enum(["GET", "POST", "PATCH", "PUT", "DELETE"]).optional().catch(undefined),
    url: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
    status: z.number().optional(),
    json: z.unknown().optional(),
  }),
);

/** Where the documentation's examples have their organization. */
const ORGANIZATION = /^(?:https?:\/\/)?\[organization uri\]\/api\/data\/v9\.0\//i;

/** Pages whose examples write rows of tables that are served here. */
const PAGES = /(?:create-entity|update-delete-entities|associate-disassociate|basic-operations-sample|perform-conditional-operations)/;

/** What examples name that is not served: opportunities are no table of email. */
const NOT_SERVED = /opportunit/i;

interface Example {
  readonly method: "POST" | "PATCH" | "PUT" | "DELETE";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly status: number | null;
}

async function documented(): Promise<Example[]> {
  const all = SCHEMA.parse(JSON.parse(await readFile(EXAMPLES, "utf8")));
  return all.flatMap((one, index) => {
    const { method, url = "", headers = {}, json } = one;
    if (!method || method === "GET" || !PAGES.test(one.source) || !ORGANIZATION.test(url)) return [];
    const text = JSON.stringify({ url, json });
    const place = url.replace(ORGANIZATION, "");
    if (NOT_SERVED.test(text) || !TABLES.some(({ set }) => place.startsWith(set))) return [];
    if (method !== "DELETE" && json === undefined) return [];
    const answer = all[index + 1];
    const body: unknown = JSON.parse(JSON.stringify(json ?? null), (_name, value: unknown) =>
      typeof value === "string" ? value.replace(ORGANIZATION, ROOT) : value,
    );
    const path = place.replace(/\[Organization URI\]\/api\/data\/v9\.0\//i, ROOT).replace(`$id=http://${ROOT}`, `$id=${ROOT}`);
    const lower = Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]));
    return [{ method, path, headers: lower, body, status: answer?.kind === "response" ? (answer.status ?? null) : null }];
  });
}

onBothEngines("Web API: the documentation's examples of writing are answered as it says", async (database) => {
  const api = await writer(database);
  const examples = await documented();
  assert.ok(examples.length >= 15, `${examples.length} examples`);
  for (const { method, path, headers, body, status } of examples) {
    // Examples stand each for itself: the rows that they take for granted are made before each.
    const mentioned = new Set(
      [...`${path} ${JSON.stringify(body)}`.matchAll(/(accounts|contacts|emails)\(([0-9a-f-]{36})\)/g)].map(
        ([, set, id]) => `${set}(${id})`,
      ),
    );
    if (status !== 404) for (const row of mentioned) await api.send("PATCH", row, made(row));
    else for (const row of mentioned) await api.send("DELETE", row);
    const [, child, member] = /accounts\(([0-9a-f-]{36})\)\/contact_customer_accounts.*contacts\(([0-9a-f-]{36})\)/.exec(path) ?? [];
    if (method === "DELETE" && child)
      await api.done("PATCH", `contacts(${member})`, { "parentcustomerid_account@odata.bind": `/accounts(${child})` });
    const answer = await api.send(method, path, body ?? undefined, headers);
    assert.equal(answer.status, status ?? 204, `${method} ${path}: ${answer.message}`);
  }
});

function made(row: string): object {
  if (row.startsWith("accounts")) return { name: "x" };
  return row.startsWith("emails") ? { subject: "x" } : { lastname: "x" };
}
