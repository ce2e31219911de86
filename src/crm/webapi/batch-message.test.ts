import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type BatchItem, MAXIMUM_OPERATIONS, readBatch, writeBatch } from "./batch-message.ts";
import { ApiFault } from "./exchange.ts";
import { headersOf, headLines, partsOf } from "./multipart.ts";

const TYPE = 'multipart/mixed; boundary="batch_AAA123"';

/** As Microsoft's documentation has it, blanks at the ends of lines included. */
const DOCUMENTED = `--batch_AAA123  
Content-Type: multipart/mixed;boundary=changeset_BBB456  

--changeset_BBB456  
Content-Type: application/http  
Content-Transfer-Encoding:binary  
Content-ID: 1  

POST [Organization URI]/api/data/v9.0/tasks HTTP/1.1  
Content-Type: application/json;type=entry  

{"subject":"Task 1 in batch"}  
--changeset_BBB456  
Content-Type: application/http  
Content-Transfer-Encoding:binary  
Content-ID: 2  

POST [Organization URI]/api/data/v9.0/tasks HTTP/1.1  
Content-Type: application/json;type=entry  

{"subject":"Task 2 in batch"}  
--changeset_BBB456--  

--batch_AAA123  
Content-Type: application/http  
Content-Transfer-Encoding:binary  

GET [Organization URI]/api/data/v9.0/accounts(00000000-0000-0000-0000-000000000001)/Account_Tasks?$select=subject HTTP/1.1  
Accept: application/json  

--batch_AAA123--`;

/** Bodies as text, so that a mistake can be read. */
function told(items: readonly BatchItem[]): unknown {
  return items.map((item) =>
    item.kind === "change set"
      ? item.requests.map(({ contentId, method, url, body }) => ({ contentId, method, url, body: body.toString().trim() }))
      : { contentId: item.contentId, method: item.method, url: item.url, body: item.body.toString().trim() },
  );
}

const refused = (text: string, type = TYPE) => {
  let fault: unknown;
  assert.throws(
    () => readBatch(Buffer.from(text), type),
    (error) => {
      fault = error;
      return error instanceof ApiFault;
    },
  );
  assert.ok(fault instanceof ApiFault);
  return fault;
};

test("the documentation's batch is read, with CRLF and with bare LF", () => {
  const wanted = [
    [
      { contentId: "1", method: "POST", url: "[Organization URI]/api/data/v9.0/tasks", body: '{"subject":"Task 1 in batch"}' },
      { contentId: "2", method: "POST", url: "[Organization URI]/api/data/v9.0/tasks", body: '{"subject":"Task 2 in batch"}' },
    ],
    {
      contentId: null,
      method: "GET",
      url: "[Organization URI]/api/data/v9.0/accounts(00000000-0000-0000-0000-000000000001)/Account_Tasks?$select=subject",
      body: "",
    },
  ];
  assert.deepEqual(told(readBatch(Buffer.from(DOCUMENTED), TYPE)), wanted);
  assert.deepEqual(told(readBatch(Buffer.from(DOCUMENTED.replaceAll("\n", "\r\n")), TYPE)), wanted);
});

const part = (request: string, head = "Content-Type: application/http") => `--b\r\n${head}\r\n\r\n${request}\r\n`;
const OF_B = "multipart/mixed;boundary=b";

test("a GET in a change set, a change set in a change set, and what is no request are refused in OData's words", () => {
  const set = (inner: string) => `--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n${inner}--c--\r\n--b--`;
  const get = refused(set("--c\r\nContent-Type: application/http\r\n\r\nGET emails HTTP/1.1\r\n\r\n\r\n"), OF_B);
  assert.match(get.message, /^An invalid HTTP method 'GET' was detected/);
  const nested = refused(set("--c\r\nContent-Type: multipart/mixed;boundary=d\r\n\r\n--d--\r\n"), OF_B);
  assert.match(nested.message, /Nested change sets/);
  for (const request of ["", "FETCH emails HTTP/1.1\r\n\r\n", "GET emails\r\n\r\n", "POST  HTTP/1.1\r\n\r\n"])
    refused(`${part(request)}--b--`, OF_B);
  refused(`${part("GET emails HTTP/1.1\r\n\r\n", "Content-Type: text/plain")}--b--`, OF_B);
  refused(`${part("POST emails HTTP/1.1\r\n\r\n{}", "Content-Type: application/http\r\nContent-ID: a\rb")}--b--`, OF_B);
});

test("a batch without its last boundary, or with none, is refused", () => {
  refused(part("GET emails HTTP/1.1\r\n\r\n"), OF_B);
  refused("", OF_B);
  refused(`${part("GET emails HTTP/1.1\r\n\r\n")}--b--`, "multipart/mixed");
  refused(`${part("GET emails HTTP/1.1\r\n\r\n")}--b--`, "application/json");
  assert.deepEqual(readBatch(Buffer.from("--b--"), OF_B), []);
});

test("1000 operations pass, 1001 do not, in change sets neither", () => {
  const one = part("DELETE emails(1) HTTP/1.1\r\n");
  assert.equal(readBatch(Buffer.from(`${one.repeat(MAXIMUM_OPERATIONS)}--b--`), OF_B).length, 1000);
  assert.match(refused(`${one.repeat(MAXIMUM_OPERATIONS + 1)}--b--`, OF_B).message, /maximum number of '1000'/);
  const inner = one.replace("--b", "--c");
  const sets = (first: number, second: number) =>
    [first, second].map((count) => `--b\r\nContent-Type: multipart/mixed;boundary=c\r\n\r\n${inner.repeat(count)}--c--\r\n`).join("");
  assert.equal(readBatch(Buffer.from(`${sets(500, 500)}--b--`), OF_B).length, 2);
  refused(`${sets(500, 501)}--b--`, OF_B);
  refused(`${sets(1001, 0)}--b--`, OF_B);
});

const answers = fc.array(
  fc.record(
    {
      contentId: fc.option(fc.stringMatching(/^[!-~]{1,10}$/)),
      status: fc.constantFrom(200, 201, 204, 404, 412),
      text: fc.string({ unit: "grapheme" }),
    },
    { noNullPrototype: true },
  ),
);

test("what is written reads back: every answer with its Content-ID, status and text", () => {
  fc.assert(
    fc.property(answers, (given) => {
      const all = given.map(({ contentId, status, text }) => ({
        contentId,
        answer: { status, headers: { "OData-Version": "4.0" } },
        text,
      }));
      const { contentType, text } = writeBatch([all, ...all]);
      const [, boundary = ""] = /boundary=(.*)$/.exec(contentType) ?? [];
      const fail = () => new ApiFault(400, "", "");
      const [set, ...single] = partsOf(Buffer.from(text), boundary, 1000, fail);
      assert.ok(set);
      const [, inner = ""] = /boundary=(.*)$/.exec(set.headers.get("content-type") ?? "") ?? [];
      for (const parts of [partsOf(set.body, inner, 1000, fail), single]) {
        const read = parts.map(({ headers, body }) => {
          const { lines, rest } = headLines(body, 0);
          assert.equal(headersOf(lines.slice(1)).get("odata-version"), "4.0");
          return {
            contentId: headers.get("content-id") ?? null,
            status: Number(lines[0]?.split(" ")[1]),
            text: body.subarray(rest).toString(),
          };
        });
        assert.deepEqual(read, given);
      }
    }),
  );
});

test("whatever bytes come, they are read or refused", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.constantFrom("--b\r\n", "--b--", "\n", "\r\n\r\n", "--c\n", "--c--\n", "Content-Type: application/http\r\n", "GET x HTTP/1.1\r\n"),
      fc.constantFrom("Content-Type: multipart/mixed;boundary=c\r\n", "POST $1 HTTP/1.1\n", "Content-ID: 1\n", ":", "--b ", "{}"),
      fc.string({ unit: "binary", maxLength: 5 }),
    ),
    { maxLength: 60 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array({ maxLength: 300 }),
        pieces.map((all) => Buffer.from(all.join(""))),
      ),
      (bytes) => {
        try {
          for (const item of readBatch(Buffer.from(bytes), OF_B)) assert.ok(item.kind === "request" || item.kind === "change set");
        } catch (error) {
          assert.ok(error instanceof ApiFault && error.status === 400, String(error));
        }
      },
    ),
    { numRuns: 2000 },
  );
});
