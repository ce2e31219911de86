import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { dataverseRig, dynamicsError, failureOf } from "../../../../test/servers/dataverse-rig.ts";
import type { HeardRequest } from "../../../../test/servers/scripted-web.ts";
import { beginChanges, changesAt, firstPage, pageAt, pages } from "./pages.ts";

const rootOf = ({ headers }: HeardRequest) => `http://${headers.host}/api/data/v9.2/`;
const COOKIE = "$select=name&$skiptoken=%3Ccookie%20pagenumber=%222%22%20pagingcookie=%22%253ccookie%22%20/%3E";

describe("pages", () => {
  test("follow each other by the link that the organization gives, which goes back as it came", async (context) => {
    const { client, web } = await dataverseRig(context, (request) => ({
      body: {
        value: [{ number: request.number }],
        ...(request.number < 3 && { "@odata.nextLink": `${rootOf(request)}accounts?${COOKIE}` }),
      },
    }));
    const read: unknown[] = [];
    for await (const rows of pages(client, { method: "GET", path: "accounts", query: { $select: "name" } }, { rows: 7 }))
      read.push(...rows);
    assert.deepEqual(read, [{ number: 1 }, { number: 2 }, { number: 3 }]);
    assert.deepEqual(
      web.heard.map(({ path }) => path),
      ["/api/data/v9.2/accounts?$select=name", `/api/data/v9.2/accounts?${COOKIE}`, `/api/data/v9.2/accounts?${COOKIE}`],
    );
    assert.ok(web.heard.every(({ headers }) => headers.prefer === "odata.maxpagesize=7"));
  });

  test("that lead to another host, or out of the Web API, are not followed: no token goes there", async (context) => {
    for (const link of [
      "http://127.0.0.1:1/api/data/v9.2/accounts",
      "https://evil.example/api/data/v9.2/x",
      "/other",
      "http://user@127.0.0.1/",
      "../../../x",
    ]) {
      const { client, web } = await dataverseRig(context, () => ({ body: { value: [], "@odata.nextLink": link } }));
      const failure = await failureOf(firstPage(client, { method: "GET", path: "accounts" }));
      assert.deepEqual([failure?.code, failure?.scope], ["foreign link", "organization"], link);
      assert.equal((await failureOf(pageAt(client, link)))?.code, "foreign link");
      assert.equal((await failureOf(changesAt(client, link)))?.code, "foreign link");
      assert.equal(web.heard.length, 1);
    }
  });

  test("without rows are none", async (context) => {
    const { client } = await dataverseRig(context, () => ({ body: { name: "x" } }));
    assert.equal((await failureOf(firstPage(client, { method: "GET", path: "accounts" })))?.code, "answer not understood");
  });
});

describe("changes since the last time", () => {
  test("begin with all rows and a link, and tell what changed and what is gone", async (context) => {
    const { client, web } = await dataverseRig(context, (request) => {
      const root = rootOf(request);
      const deltaLink = `${root}accounts?$select=name&$deltatoken=919042%2108%2f22%2f2017%2008%3a10%3a44`;
      if (request.number === 1)
        return { body: { "@odata.context": `${root}$metadata#accounts`, "@odata.deltaLink": deltaLink, value: [{ accountid: "a" }] } };
      return {
        body: {
          "@odata.context": `${root}$metadata#accounts/$delta`,
          "@odata.deltaLink": deltaLink,
          value: [
            { accountid: "b", name: "B" },
            { "@odata.context": `${root}$metadata#accounts/$deletedEntity`, id: "c", reason: "deleted" },
          ],
        },
      };
    });
    const begin = await beginChanges(client, { set: "accounts", columns: "name" });
    assert.equal(web.heard[0]?.headers.prefer, "odata.track-changes,odata.maxpagesize=500");
    assert.ok(begin.delta !== null);
    const answer = await changesAt(client, begin.delta);
    assert.equal(web.heard[1]?.path, "/api/data/v9.2/accounts?$select=name&$deltatoken=919042%2108%2f22%2f2017%2008%3a10%3a44");
    assert.deepEqual(answer.kind === "page" && [answer.changed, answer.gone], [[{ accountid: "b", name: "B" }], ["c"]]);
  });

  test("from a link that is refused mean that everything is to be read anew, with the reason", async (context) => {
    const acts = [
      dynamicsError(400, "0x80044352", "Version stamp associated with the client has expired."),
      dynamicsError(410, ""),
      dynamicsError(404, ""),
    ];
    const { client } = await dataverseRig(context, ({ number }) => acts[number - 1] ?? {});
    for (const _ of acts) assert.equal((await changesAt(client, `${client.root}accounts?$deltatoken=1`)).kind, "reset");
  });

  test("from a server that is away for now do not: the link stays good", async (context) => {
    const { client } = await dataverseRig(context, () => ({ status: 503, headers: { "Retry-After": "100" } }));
    const failure = await failureOf(changesAt(client, `${client.root}accounts?$deltatoken=1`));
    assert.equal(failure?.waitingHelps, true);
  });
});
