/** What an attacker with a token can send over HTTP: each is refused as a client's fault, and the server goes on. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { request } from "node:http";
import { test } from "node:test";
import { testDatabase } from "../databases.ts";
import { serveOrganization } from "../webapi/served-organization.ts";

interface Attack {
  readonly method?: "GET" | "POST" | "PATCH" | "PUT" | "DELETE";
  readonly path: string;
  readonly body?: string | Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Statuses with which it may be answered; default: 400. */
  readonly answers?: readonly number[];
}

const ID = randomUUID();
const FINE = [200, 201, 204];
const deep = (open: string, close: string, levels: number) => open.repeat(levels) + close.repeat(levels);
const party = '{"participationtypemask":2,"addressused":"a@b.test"}';
const list = (one: string, count: number) => `[${Array(count).fill(one).join(",")}]`;
const part = (inner: string) => `--b\r\nContent-Type: application/http\r\n\r\n${inner}\r\n`;
const MULTIPART = { "content-type": "multipart/mixed;boundary=b" };
const conditions = (count: number) => Array(count).fill("name%20eq%201").join("%20or%20");

const BODIES: Readonly<Record<string, Attack>> = {
  "arrays within arrays": { path: "emails", body: deep("[", "]", 100_000) },
  "arrays within arrays, long": { path: "emails", body: deep("[", "]", 2_000_000) },
  "objects within objects": { path: "emails", body: `{"subject":${deep('{"a":', "}", 100_000).replace("}", "1}")}}` },
  "objects within objects, long": { path: "emails", body: `{"subject":${deep('{"a":', "}", 1_000_000).replace("}", "1}")}}` },
  "rows within rows": { path: "accounts", body: `${'{"name":"x","account_parent_account":['.repeat(5_000)}${"]}".repeat(5_000)}` },
  "deep value of a parameter": {
    path: "GetTrackingTokenEmail",
    body: `{"Subject":${deep("[", "]", 100_000)}}`,
  },
  "deep member of a parameter": {
    path: `queues(${ID})/Microsoft.Dynamics.CRM.AddToQueue`,
    body: `{"Target":{"@odata.id":"emails(${ID})","x":${deep("[", "]", 50_000)}}}`,
    answers: [400, 404],
  },
  "a number beyond all": { path: "accounts", body: '{"name":"x","numberofemployees":1e999}' },
  "a number of a hundred thousand digits": { path: "accounts", body: `{"name":"x","numberofemployees":${"9".repeat(100_000)}}` },
  "a decimal of a hundred thousand digits": {
    path: "leads",
    body: `{"lastname":"x","revenue":0.${"9".repeat(100_000)}}`,
    answers: [...FINE, 400],
  },
  "a number of 300 digits as text": { path: "accounts", body: `{"name":"x","revenue":"${"9".repeat(300)}"}` },
  "a lone surrogate": { path: "accounts", body: '{"name":"a\\ud800b"}', answers: [...FINE, 400] },
  "a lone surrogate as a key": { path: "accounts", body: '{"\\ud800":"x"}' },
  "U+0000 in a text": { path: "accounts", body: '{"name":"a\\u0000b"}', answers: [...FINE, 400] },
  "U+0000 in a name": { path: "accounts", body: '{"name\\u0000":"b"}' },
  "U+0000 in an address": {
    path: "emails",
    body: '{"email_activity_parties":[{"participationtypemask":2,"addressused":"a\\u0000@b.test"}]}',
  },
  "U+0000 in a bind": {
    path: "contacts",
    body: '{"lastname":"x","parentcustomerid_account@odata.bind":"/accounts(name=\'\\u0000\')"}',
    answers: [400, 404],
  },
  "U+0000 in a parameter": { path: "GetTrackingTokenEmail", body: '{"Subject":"\\u0000"}', answers: [...FINE, 400] },
  "a header within an address": {
    path: "emails",
    body: '{"email_activity_parties":[{"participationtypemask":2,"addressused":"a@b.test\\r\\nBcc: c@d.test"}]}',
  },
  "a hundred thousand parties": { path: "emails", body: `{"email_activity_parties":${list(party, 100_000)}}` },
  "a hundred thousand members": {
    path: "emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail",
    body: `{"MessageId":"<a@b>","Attachments":${list("{}", 100_000)}}`,
  },
  "a hundred thousand properties": {
    path: "accounts",
    body: `{${Array.from({ length: 100_000 }, (_, n) => `"a${n}":1`).join(",")}}`,
  },
  "__proto__ as a property": { path: "accounts", body: '{"name":"x","__proto__":{"admin":true}}' },
  "constructor as a property": { path: "accounts", body: '{"name":"x","constructor":{"prototype":{"admin":true}}}' },
  "toString as a lookup": { path: "accounts", body: '{"name":"x","toString@odata.bind":"/accounts(1)"}' },
  "__proto__ as a parameter": { path: "GetTrackingTokenEmail", body: '{"__proto__":{"Subject":"x"}}', answers: [200, 400] },
  "__proto__ in an entity": { path: "accounts", body: '{"name":"x","primarycontactid":{"__proto__":{"lastname":"x"}}}' },
  "a quote in a property": { path: "accounts", body: '{"name\\"; drop table crm.account; --":"x"}' },
  "an apostrophe in a property": { path: "accounts", body: '{"name\'; drop table crm.account; --":"x"}' },
  "no object": { path: "accounts", body: "[1,2]" },
  "no JSON": { path: "accounts", body: "{" },
  "no UTF-8": { path: "accounts", body: Buffer.from('{"name":"\xff\xfe"}', "latin1"), answers: [...FINE, 400] },
  "no JSON, long": { path: "accounts", body: "{".repeat(1_000_000) },
  "a list where a row belongs": { path: "emails", body: '{"email_activity_parties":{"length":1e9}}' },
  "PUT of a list that is none": {
    method: "PUT",
    path: `emails(${ID})/email_activity_parties`,
    body: '{"value":{"length":4294967295}}',
    answers: [400, 404],
  },
  "DELETE with a body": { method: "DELETE", path: `accounts(${ID})`, body: "{", answers: [404] },
  "a body of another type": { path: "accounts", body: "<x/>", headers: { "content-type": "application/xml" }, answers: [415] },
};

const ADDRESSES: Readonly<Record<string, Attack>> = {
  "six hundred conditions": { path: `accounts?$filter=${conditions(600)}` },
  "parentheses within parentheses": { path: `accounts?$filter=${"(".repeat(5_000)}true${")".repeat(5_000)}` },
  "not of not": { path: `accounts?$filter=${"not%20".repeat(2_500)}true` },
  "functions within functions": { path: `accounts?$filter=${"tolower(".repeat(1_000)}name${")".repeat(1_000)}%20eq%20'x'` },
  "expansions within expansions": { path: `accounts?$expand=${"account_parent_account($expand=".repeat(400)}x${")".repeat(400)}` },
  "a hundred expansions": { path: `accounts?$expand=${Array(100).fill("contact_customer_accounts").join(",")}` },
  "a thousand orders": { path: `accounts?$orderby=${Array(1_000).fill("name").join(",")}` },
  "thousands of options": { path: `accounts?${Array(3_000).fill("@a=1").join("&")}` },
  "aliases of aliases": { path: "accounts?$filter=name%20eq%20@a&@a=@b&@b=@a" },
  "a filter with wild cards": { path: `accounts?$filter=contains(name,'${"%25_".repeat(2_000)}')`, answers: [200] },
  "U+0000 in a filter": { path: "accounts?$filter=name%20eq%20'%00'", answers: [200, 400] },
  "U+0000 in a path": { path: "accounts%00", answers: [400, 404] },
  "U+0000 in a key": { path: "accounts(name='%00')", answers: [400, 404] },
  "U+0000 in a search": { path: "accounts?$search=%00" },
  "U+0000 in a token": { path: "accounts?$skiptoken=%00" },
  "U+0000 in a delta token": { path: "accounts?$deltatoken=%00", answers: [400, 410] },
  "a broken encoding": { path: "accounts?$filter=name%20eq%20'%ff'" },
  "half an encoding": { path: "accounts(%", answers: [400] },
  "a quote in a key": { path: "accounts(name='x'' or 1=1 --')", answers: [400, 404] },
  "a huge number": { path: `accounts?$filter=numberofemployees%20eq%20${"9".repeat(5_000)}` },
  "a number beyond all": { path: "accounts?$filter=numberofemployees%20eq%201e999", answers: [200, 400] },
  "a huge page": { path: "accounts?$top=99999999999999999999" },
  "a negative page": { path: "accounts?$top=-1" },
  "the folder above": { path: "../../../../etc/passwd", answers: [400, 401, 404] },
  "the folder above, encoded": { path: "..%2f..%2f..%2fetc%2fpasswd", answers: [400, 404] },
  "the folder above, of Windows": { path: "..%5c..%5cwindows", answers: [400, 404] },
  "__proto__ as a set": { path: "__proto__", answers: [404] },
  "constructor as a set": { path: "constructor(1)", answers: [404] },
  "__proto__ as a column": { path: "accounts?$select=__proto__" },
  "constructor in a filter": { path: "accounts?$filter=constructor%20eq%201" },
  "hasOwnProperty as a function": { path: "accounts?$filter=hasOwnProperty(name)" },
  "__proto__ as an alias": { path: "accounts?$filter=name%20eq%20@__proto__&@__proto__='x'", answers: [200, 400] },
  "toString as navigation": { path: `accounts(${ID})/toString`, answers: [400, 404] },
  "__proto__ in $apply": { path: "accounts?$apply=groupby((__proto__))" },
  "a thousand segments": { path: `accounts(${ID})${"/primarycontactid".repeat(500)}`, answers: [400, 404] },
  "a function with a thousand parameters": { path: `WhoAmI(${Array(1_000).fill("a=1").join(",")})` },
  "JSON within an alias": { path: `CheckPromoteEmail(MessageId=@m)?@m=${encodeURIComponent(deep("[", "]", 1_000))}` },
  "a line in a version": { path: "accounts", headers: { "if-match": `W/"${"1".repeat(5_000)}"` }, answers: [200, 400, 412] },
  "a version beyond all": {
    method: "PATCH",
    path: `accounts(${ID})`,
    body: "{}",
    headers: { "if-match": 'W/"99999999999999999999999"' },
    answers: [400, 404, 412],
  },
  "a huge page size": { path: "accounts", headers: { prefer: `odata.maxpagesize=${"9".repeat(400)}` }, answers: [200, 400] },
  "many preferences": { path: "accounts", headers: { prefer: "a=b,".repeat(2_000) }, answers: [200, 400] },
  "somebody who is no GUID": { path: "accounts", headers: { mscrmcallerid: "' or 1=1 --" }, answers: [400, 403] },
  nobody: { path: "accounts", headers: { callerobjectid: ID }, answers: [400, 403, 404] },
};

const BATCHES: Readonly<Record<string, Attack>> = {
  "ten thousand conditions": {
    path: "$batch",
    body: `${part(`GET accounts?$filter=${conditions(10_000)} HTTP/1.1\r\n`)}--b--`,
    headers: MULTIPART,
  },
  "a hundred thousand parts": { path: "$batch", body: part("GET accounts HTTP/1.1\r\n").repeat(100_000), headers: MULTIPART },
  "a hundred thousand empty parts": { path: "$batch", body: "--b\r\n".repeat(100_000), headers: MULTIPART },
  "batches within a batch": { path: "$batch", body: `${part("POST $batch HTTP/1.1\r\n\r\n--b--").repeat(50)}--b--`, headers: MULTIPART },
  "one change set in another": {
    path: "$batch",
    body: "--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n--c\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n--d--\r\n--c--\r\n--b--",
    headers: MULTIPART,
  },
  "a boundary of ten thousand characters": {
    path: "$batch",
    body: "--b--",
    headers: { "content-type": `multipart/mixed;boundary=${"b".repeat(10_000)}` },
  },
  "no boundary": { path: "$batch", body: "--b--", headers: { "content-type": "multipart/mixed" } },
  "a line that never ends": {
    path: "$batch",
    body: `--b\r\nContent-Type: application/http\r\n\r\nGET ${"x".repeat(5_000_000)}`,
    headers: MULTIPART,
  },
  "thousands of headers": { path: "$batch", body: `--b\r\n${"a: b\r\n".repeat(50_000)}\r\n--b--`, headers: MULTIPART },
  "a reference to what comes later": {
    path: "$batch",
    body: `${part("GET $99 HTTP/1.1\r\n")}--b--`,
    headers: MULTIPART,
    answers: [400, 404],
  },
  "__proto__ as a Content-ID": {
    path: "$batch",
    body: `--b\r\nContent-Type: application/http\r\nContent-ID: __proto__\r\n\r\nGET $__proto__ HTTP/1.1\r\n\r\n--b--`,
    headers: MULTIPART,
    answers: [400, 404],
  },
  "a header in a Content-ID": {
    path: "$batch",
    body: `--b\r\nContent-Type: application/http\r\nContent-ID: 1\rSet-Cookie: a=b\r\n\r\nGET WhoAmI() HTTP/1.1\r\n\r\n--b--`,
    headers: MULTIPART,
  },
  "deep JSON in a part": {
    path: "$batch",
    body: `${part(`POST accounts HTTP/1.1\r\nContent-Type: application/json\r\n\r\n${deep("[", "]", 500_000)}`)}--b--`,
    headers: MULTIPART,
  },
  "another server": {
    path: "$batch",
    body: `${part("GET http://127.0.0.1:1/api/data/v9.2/accounts?$top=1 HTTP/1.1\r\n")}--b--`,
    headers: MULTIPART,
    answers: [200, 400, 404],
  },
};

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly text: string;
}

test("Web API over HTTP: every attack is answered as a client's fault, nothing of it is reported as the server's, and the server goes on", async () => {
  await using database = await testDatabase("pglite");
  await using served = await serveOrganization(database);
  const secret = await served.credentials.current();
  assert.ok(secret.kind === "token");
  const { hostname, port } = new URL(served.url);
  const send = ({ method, path, body, headers = {} }: Attack) =>
    new Promise<Answer>((resolve, reject) => {
      const asked = request(
        {
          agent: false,
          hostname,
          port,
          path: `/api/data/v9.2/${path.replaceAll(" ", "%20")}`,
          method: method ?? (body === undefined ? "GET" : "POST"),
          headers: {
            authorization: `Bearer ${secret.token}`,
            ...(body !== undefined && { "content-type": "application/json", "content-length": Buffer.byteLength(body) }),
            ...headers,
          },
        },
        (response) => {
          const chunks: Buffer[] = [];
          response.on("data", (chunk: Buffer) => void chunks.push(chunk));
          response.on("error", reject);
          response.on("end", () =>
            resolve({ status: response.statusCode ?? 0, headers: response.headers, text: Buffer.concat(chunks).toString() }),
          );
        },
      );
      asked.on("error", reject);
      asked.end(body);
    });
  const unexpected: string[] = [];
  for (const [name, attack] of Object.entries({ ...BODIES, ...ADDRESSES, ...BATCHES })) {
    const before = served.faults.length;
    const answer = await send(attack).catch((error: unknown) => ({ status: 0, headers: {}, text: String(error) }));
    if (
      !(attack.answers ?? [400]).includes(answer.status) ||
      served.faults.length > before ||
      /"(admin|set-cookie)"/i.test(JSON.stringify(answer.headers))
    )
      unexpected.push(`${name}: ${answer.status} ${answer.text.slice(0, 200)} ${String(served.faults.slice(before))}`);
  }
  assert.deepEqual(unexpected, []);
  assert.equal((await send({ path: "WhoAmI" })).status, 200);
});
