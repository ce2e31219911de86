import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer, DataverseClient, Request } from "./client/client.ts";
import { readRows } from "./read.ts";

/** An organization of which a table has so many rows, given in pages of what is asked for, 5,000 at most. */
function clientOf(total: number) {
  const preferences: (string | undefined)[] = [];
  const answer = (request: Request): Answer => {
    const { Prefer: preference } = request.headers ?? {};
    preferences.push(preference);
    const size = Math.min(5_000, Number(/odata\.maxpagesize=(\d+)/.exec(preference ?? "")?.[1] ?? 5_000));
    const from = request.link === undefined ? 0 : Number(new URL(request.link).searchParams.get("from"));
    const value = Array.from({ length: Math.min(size, total - from) }, (_, index) => ({ number: from + index }));
    const next = from + size < total ? { "@odata.nextLink": `https://crm.test/api/data/v9.2/emails?from=${from + size}` } : {};
    return { kind: "answered", status: 200, headers: {}, body: { value, ...next } };
  };
  const refuse = () => Promise.reject(new Error("nobody asks for this"));
  const client: DataverseClient = {
    root: "https://crm.test/api/data/v9.2/",
    batch: async (requests) => requests.map(answer),
    send: async (request) => answer(request),
    ...{ changeSets: refuse, metadata: refuse, version: refuse, close: async () => undefined },
    async [Symbol.asyncDispose]() {},
  };
  return { client, preferences };
}

test("many rows come in pages that are parsed without holding up anybody, and all of them come", async () => {
  const { client, preferences } = clientOf(3_200);
  const [rows = []] = await readRows(client, [{ set: "emails", select: "activityid" }]);
  assert.deepEqual(
    rows.map(({ number }) => number),
    Array.from({ length: 3_200 }, (_, index) => index),
  );
  assert.equal(preferences.length, 4);
  for (const preference of preferences) assert.match(preference ?? "", /odata\.include-annotations="\*"/);
  for (const preference of preferences) assert.match(preference ?? "", /odata\.maxpagesize=1000\b/);
});

test("where so many are wanted and no more, no size of pages is named: Dynamics takes none beside $top", async () => {
  const { client, preferences } = clientOf(10);
  await readRows(client, [{ set: "emails", select: "activityid", top: 10 }]);
  assert.deepEqual(preferences, ['odata.include-annotations="*"']);
});
