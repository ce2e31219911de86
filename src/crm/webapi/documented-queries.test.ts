import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { onBothEngines } from "../../../test/databases.ts";
import { get, turnOf } from "../../../test/webapi/web-api.ts";
import { ApiFault } from "./exchange.ts";
import { tableOfSet } from "./tables.ts";

const EXAMPLES = path.resolve(import.meta.dirname, "../../../../shared/schemas/dataverse/doc-examples-v9.0.json");

const examples = z.array(
  z.looseObject({
    kind: z.string(),
    method: z.string().optional(),
    url: z.string().optional(),
    headers: z.record(z.string(), z.string()).optional(),
  }),
);

/** Answered otherwise than with 200, 204 or "no such row", each for its reason. */
const REFUSED: readonly [pattern: RegExp, reason: string][] = [
  [/[?&](fetchXml|savedQuery|userQuery)=/, "stored queries and FetchXML are not spoken"],
  [/\(00000000-0000-0000-000000000003\)/, "the documentation's key lacks a group"],
  [/\/AccountTasks\/\$ref/, "the documentation's name for Account_Tasks"],
  [/deltatoken=919042/, "a token of another organization"],
  [/sample_outdooractivities/, "a column of an example"],
  [/\$orderby=@p1 asc,@p2 desc&\$filter=@p1 ne @p3/, "the documentation gives no value for @p3"],
  [/AsyncOperation_DuplicateBaseRecord/, "a collection of a table that is not here"],
  [/RetrievePrincipalAccess/, "a function, which is not read but run"],
  [/pagingcookie=%22%253ccookie/, "a position in another organization"],
  [/contacts\(firstname='Joe',emailaddress1=/, "a key of an example"],
];

onBothEngines("every documented GET on a table that is here is answered, or is among the exceptions", async (database) => {
  const turn = turnOf(database);
  const all = examples.parse(JSON.parse(await readFile(EXAMPLES, "utf8")));
  const asked = all
    .filter((one) => one.kind === "request" && one.method === "GET")
    .flatMap(({ url, headers }) => {
      const behind = /\/api\/data\/v9\.0\/(.*)$/s.exec((url ?? "").replaceAll("\n", ""))?.[1];
      const set = /^[A-Za-z]+/.exec(behind ?? "")?.[0];
      return behind !== undefined && set !== undefined && tableOfSet(set) ? [{ url: behind, prefer: headers?.Prefer }] : [];
    });
  assert.ok(asked.length > 60, String(asked.length));
  const wrong: string[] = [];
  for (const { url, prefer } of asked) {
    const outcome = await get(turn, url.trim(), prefer === undefined ? {} : { prefer }).then(
      (answer) => String(answer.status),
      (error: unknown) => (error instanceof ApiFault ? `${error.status} ${error.code} ${error.message}` : Promise.reject(error)),
    );
    const expected = REFUSED.some(([pattern]) => pattern.test(url)) ? /^4/ : /^(200|204|404 0x80040217)/;
    if (!expected.test(outcome)) wrong.push(`${url}: ${outcome}`);
  }
  assert.deepEqual(wrong, []);
});
