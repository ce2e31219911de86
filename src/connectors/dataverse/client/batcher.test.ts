import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { dataverseRig, dynamicsError, failureOf, told } from "../../../../test/servers/dataverse-rig.ts";
import type { HeardRequest, WebAct } from "../../../../test/servers/scripted-web.ts";
import { NoBatchAnswer, readBatchAnswer } from "./batch-answer.ts";
import { batchPlan } from "./batch-plan.ts";
import type { Request } from "./client.ts";

const read = (number: number): Request => ({ method: "GET", path: `accounts(${number})` });
const write = (number: number): Request => ({ method: "POST", path: "emails", body: { number } });

interface InBatch {
  readonly line: string;
  readonly body: string;
  readonly set: number | null;
}

/** What stands in a batch, read in another way than the client writes it. */
function inBatch({ headers, body }: HeardRequest): readonly InBatch[] {
  const boundary = /boundary="(.*)"/.exec(headers["content-type"] ?? "")?.[1] ?? "";
  const parts = body.toString().split(`--${boundary}`).slice(1, -1);
  return parts.flatMap((part, index) => {
    const inner = /^\r\nContent-Type: multipart\/mixed;boundary="(.*)"/.exec(part)?.[1];
    if (inner === undefined) return [requestIn(part, null)];
    return part
      .split(`--${inner}`)
      .slice(1, -1)
      .map((one) => requestIn(one, index));
  });
}

function requestIn(part: string, set: number | null): InBatch {
  const [, head = "", body = ""] = /\r\n\r\n(.*?)\r\n\r\n(.*)\r\n$/s.exec(part) ?? [];
  return { line: head.split("\r\n")[0] ?? "", body, set };
}

const part = (status: number, body: object | null = null, extra = "") =>
  `Content-Type: application/http\r\nContent-Transfer-Encoding: binary\r\n${extra}\r\nHTTP/1.1 ${status} Status\r\n` +
  (body === null ? "OData-Version: 4.0\r\n\r\n\r\n" : `Content-Type: application/json\r\n\r\n${JSON.stringify(body)}\r\n`);
const batch = (parts: readonly string[], status = 200): WebAct => ({
  status,
  headers: { "Content-Type": "multipart/mixed; boundary=batchresponse_1" },
  body: `${parts.map((one) => `--batchresponse_1\r\n${one}`).join("")}--batchresponse_1--\r\n`,
});
const set = (parts: readonly string[]) =>
  `Content-Type: multipart/mixed; boundary=changesetresponse_2\r\n\r\n${parts.map((one) => `--changesetresponse_2\r\n${one}`).join("")}--changesetresponse_2--\r\n`;
const error = (code: string) => ({ error: { code, message: "No." } });

const page = (status: number, words: string): WebAct => ({
  status,
  headers: { "Content-Type": "text/html" },
  body: `<html><body><h2>${words}</h2></body></html>`,
});
/** As proxies, IIS and ASP.NET refuse what is larger than they take. */
const TOO_LARGE = {
  "413": { status: 413 },
  "404.13 of IIS": page(404, "HTTP Error 404.13 - Not Found"),
  "404 of IIS to other machines": page(404, "404 - File or directory not found."),
  "400 of IIS": page(400, "Bad Request - Request Entity Too Large"),
  "500 of ASP.NET": page(500, "Maximum request length exceeded."),
} as const satisfies Record<string, WebAct>;

describe("a batch", () => {
  test("has an answer for each request, in order, good or bad", async (context) => {
    const { client, web } = await dataverseRig(context, () => batch([part(200, { name: "ä" }), part(404, error("0x80040217")), part(204)]));
    const answers = await client.batch([read(1), read(2), write(3)]);
    assert.deepEqual(answers.map(told), ["answered 200", "refused 404", "answered 204"]);
    assert.deepEqual(answers[0]?.kind === "answered" && answers[0].body, { name: "ä" });
    const [heard] = web.heard;
    assert.ok(heard !== undefined);
    assert.deepEqual([heard.method, heard.path, heard.headers.prefer], ["POST", "/api/data/v9.2/$batch", "odata.continue-on-error"]);
    assert.deepEqual(
      inBatch(heard).map(({ line, body }) => [line, body]),
      [
        [`GET ${web.origin}/api/data/v9.2/accounts(1) HTTP/1.1`, ""],
        [`GET ${web.origin}/api/data/v9.2/accounts(2) HTTP/1.1`, ""],
        [`POST ${web.origin}/api/data/v9.2/emails HTTP/1.1`, '{"number":3}'],
      ],
    );
  });

  test("of more requests than the server takes becomes several", async (context) => {
    const { client, web } = await dataverseRig(context, (request) => batch(inBatch(request).map((_, index) => part(200, { index }))));
    const answers = await client.batch(Array.from({ length: 250 }, (_, index) => read(index)));
    assert.equal(answers.length, 250);
    assert.deepEqual(
      web.heard.map((one) => inBatch(one).length),
      [100, 100, 50],
    );
    assert.ok(answers.every(({ kind }) => kind === "answered"));
  });

  test("may take longer than one wants to wait for limits, for that is no waiting", async (context) => {
    const answerLate = (request: HeardRequest) => ({ ...batch(inBatch(request).map(() => part(200, {}))), afterMs: 150 });
    const { client } = await dataverseRig(context, answerLate, { limits: { concurrent: 4, budget: null, batch: 2 } });
    const answers = await client.batch(
      Array.from({ length: 8 }, (_, index) => read(index)),
      { patience: 200 },
    );
    assert.ok(answers.every(({ kind }) => kind === "answered"));
  });

  test("of one request goes without a batch, unless its address is too long for that", async (context) => {
    const { client, web } = await dataverseRig(context, ({ method }) => (method === "GET" ? { body: {} } : batch([part(200, {})])));
    await client.batch([read(1)]);
    await client.batch([{ ...read(1), query: { "@p1": "x".repeat(3000) } }]);
    assert.deepEqual(
      web.heard.map(({ path }) => path),
      ["/api/data/v9.2/accounts(1)", "/api/data/v9.2/$batch"],
    );
  });

  test("that breaks off is asked for again where it only reads; of what changes something nobody knows", async (context) => {
    const { client, web } = await dataverseRig(context, (request) =>
      request.number === 1 ? { body: "x".repeat(100), cutAfter: 50 } : batch(inBatch(request).map(() => part(200, {}))),
    );
    const answers = await client.batch([write(1), read(2), write(3)]);
    assert.deepEqual(answers.map(told), ["unknown", "answered 200", "unknown"]);
    assert.equal(changes(web.heard), 2);
  });

  test("that is answered without some of its requests: those that read are asked for again, of those that change nobody knows", async (context) => {
    const { client, web } = await dataverseRig(context, (request) =>
      request.number === 1 ? batch([part(204), part(200, {})]) : { body: {} },
    );
    const answers = await client.batch([write(1), read(2), read(3), write(4)]);
    assert.deepEqual(answers.map(told), ["answered 204", "answered 200", "answered 200", "unknown"]);
    assert.equal(changes(web.heard), 2);
  });

  test("whose limit is reached within it: what certainly was not done is done later", async (context) => {
    const { client, web } = await dataverseRig(context, (request) =>
      request.number === 1 ? batch([part(204), part(429, error("0x80072322"), "")]) : { status: 204 },
    );
    const answers = await client.batch([write(1), write(2)]);
    assert.deepEqual(answers.map(told), ["answered 204", "answered 204"]);
    assert.equal(changes(web.heard), 3);
  });

  test("that is refused whole for a limit: what reads waits and is done, of changes by themselves nobody knows how far it came", async (context) => {
    const busy = dynamicsError(429, "0x80072322", "Too many.", { "Retry-After": "0" });
    const { client, web } = await dataverseRig(context, (request) =>
      request.number % 2 === 1 ? busy : batch(inBatch(request).map(() => part(200, {}))),
    );
    assert.deepEqual((await client.batch([read(1), read(2)])).map(told), ["answered 200", "answered 200"]);
    assert.deepEqual((await client.batch([write(1), write(2)])).map(told), ["unknown", "unknown"]);
    assert.equal(changes(web.heard), 2);
  });

  test("of an old server has the status of what failed in it, and its parts all the same", async (context) => {
    const { client } = await dataverseRig(context, () => batch([part(204), part(412, error(""))], 412));
    assert.deepEqual((await client.batch([write(1), write(2)])).map(told), ["answered 204", "refused 412"]);
  });

  test("after a change was done, trouble of the whole organization does not hide it", async (context) => {
    const { client } = await dataverseRig(
      context,
      (request) => (request.number === 1 ? batch([part(204), part(204)]) : dynamicsError(403, "0x80072560")),
      { limits: { concurrent: 4, budget: null, batch: 2 } },
    );
    const answers = await client.batch([write(1), write(2), write(3), write(4)]);
    assert.deepEqual(answers.map(told), ["answered 204", "answered 204", "not done", "not done"]);
    assert.ok(answers[2]?.kind === "not done" && answers[2].failure.code === "application user missing");
  });

  test("in which nothing was done for trouble of the whole organization is a failure", async (context) => {
    const { client } = await dataverseRig(context, () => batch([part(403, error("0x80072560")), part(403, error("0x80072560"))]));
    assert.equal((await failureOf(client.batch([write(1), write(2)])))?.code, "application user missing");
  });

  for (const [name, refusal] of Object.entries(TOO_LARGE)) {
    test(`that is too large to be taken goes in parts, down to the single request (${name})`, async (context) => {
      const most = 1_500_000;
      const { client, web } = await dataverseRig(context, (request) => {
        if (request.body.length > most) return refusal;
        return request.path.endsWith("$batch") ? batch(inBatch(request).map(() => part(204))) : { status: 204 };
      });
      const sized = (size: number): Request => ({ method: "POST", path: "emails", body: { text: "x".repeat(size) } });
      const answers = await client.batch([...[1, 2, 3, 4, 5, 6].map(() => sized(600_000)), sized(2_000_000), sized(600_000)]);
      assert.deepEqual(
        answers.map((one) => (one.kind === "refused" ? `${one.failure.scope}: ${one.failure.code}` : told(one))),
        [...Array.from({ length: 6 }, () => "answered 204"), "item: request too large", "answered 204"],
      );
      const taken = web.heard.filter(({ body }) => body.length <= most);
      assert.equal(changes(taken), 7, "each is done once");
      // It is remembered: what was seen to be too large is not tried again.
      const before = web.heard.length;
      await client.batch(Array.from({ length: 4 }, () => sized(600_000)));
      assert.ok(web.heard.slice(before).every(({ body }) => body.length <= most));
    });
  }

  test("of a change set that is too large refuses that one, and the others are done", async (context) => {
    const { client } = await dataverseRig(context, (request) =>
      request.body.length > 100_000 ? { status: 413 } : batch(inBatch(request).map(() => set([part(204)]))),
    );
    const answers = await client.changeSets([
      { changes: [write(1)] },
      { changes: [{ ...write(2), body: { text: "x".repeat(200_000) } }] },
      { changes: [write(3)] },
    ]);
    assert.deepEqual(
      answers.map((one) => (one.kind === "refused" ? one.failure.code : one.kind)),
      ["done", "request too large", "done"],
    );
  });

  test("whose answer is no batch's is not believed", async (context) => {
    const { client } = await dataverseRig(context, () => ({ body: { value: [] } }));
    assert.equal((await failureOf(client.batch([read(1), read(2)])))?.code, "answer not understood");
    assert.deepEqual((await client.batch([write(1), write(2)])).map(told), ["unknown", "unknown"]);
  });
});

/** Requests that change something, as far as the server heard them. */
function changes(heard: readonly HeardRequest[]): number {
  return heard
    .flatMap((one) => (one.path.endsWith("$batch") ? inBatch(one).map(({ line }) => line) : [one.method]))
    .filter((line) => line.startsWith("POST")).length;
}

describe("a change set", () => {
  test("is done whole, and names within it what it creates", async (context) => {
    const { client, web } = await dataverseRig(context, () =>
      batch([set([part(204, null, "Content-ID: 2\r\n"), part(201, { a: 1 }, "Content-ID: 1\r\n")])]),
    );
    const changesOf: readonly Request[] = [write(1), { method: "PUT", path: "$1/email_activity_parties", body: { value: [] } }];
    const [answer] = await client.changeSets([{ changes: changesOf }]);
    assert.ok(answer?.kind === "done");
    assert.deepEqual(answer.answers.map(told), ["answered 201", "answered 204"]);
    const [heard] = web.heard;
    assert.ok(heard !== undefined);
    assert.deepEqual(
      inBatch(heard).map(({ line, set: number }) => [line, number]),
      [
        [`POST ${web.origin}/api/data/v9.2/emails HTTP/1.1`, 0],
        ["PUT $1/email_activity_parties HTTP/1.1", 0],
      ],
    );
    assert.match(heard.body.toString(), /Content-ID: 1\r\n.*Content-ID: 2\r\n/s);
  });

  test("that fails is one refusal, within its frame or without, and the others are done", async (context) => {
    const { client } = await dataverseRig(context, () =>
      batch([part(412, error("0x80060882")), set([part(400, error("0x80044331"))]), set([part(204)])]),
    );
    const answers = await client.changeSets([{ changes: [write(1), write(2)] }, { changes: [write(3)] }, { changes: [write(4)] }]);
    assert.deepEqual(
      answers.map((one) => ("status" in one ? `${one.kind} ${one.status}` : one.kind)),
      ["refused 412", "refused 400", "done"],
    );
  });

  test("that a limit stops was not done, for it is undone whole: it is sent again", async (context) => {
    const { client, web } = await dataverseRig(context, (request) =>
      request.number === 1 ? dynamicsError(429, "0x80072321", "No.", { "Retry-After": "0" }) : batch([set([part(204), part(204)])]),
    );
    const [answer] = await client.changeSets([{ changes: [write(1), write(2)] }]);
    assert.equal(answer?.kind, "done");
    assert.equal(web.heard.length, 2);
  });

  test("whose answer lacks one of its changes is not taken for done", async (context) => {
    const { client } = await dataverseRig(context, () => batch([set([part(204)])]));
    const [answer] = await client.changeSets([{ changes: [write(1), write(2)] }]);
    assert.equal(answer?.kind, "unknown");
  });

  test("holds changes alone, and no more than a batch takes", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({}));
    await assert.rejects(client.changeSets([{ changes: [read(1)] }]), TypeError);
    await assert.rejects(client.changeSets([{ changes: [] }]), RangeError);
    await assert.rejects(client.changeSets([{ changes: Array.from({ length: 101 }, (_, index) => write(index)) }]), RangeError);
    assert.equal(web.heard.length, 0);
  });
});

describe("the answer to a batch", () => {
  test("is read in time in line with its length and within its limits, whatever it is", () => {
    const body = Buffer.concat(Array.from({ length: 200_000 }, () => Buffer.from("--x\r\n")));
    assert.throws(() => readBatchAnswer("multipart/mixed;boundary=x", body, 100), NoBatchAnswer);
    const endless = Buffer.from(`--x\r\n${"a: b\r\n".repeat(20_000)}--x--`);
    assert.throws(() => readBatchAnswer("multipart/mixed;boundary=x", endless, 100), NoBatchAnswer);
    assert.throws(() => readBatchAnswer("multipart/mixed", body, 100), NoBatchAnswer);
    fc.assert(
      fc.property(
        fc.array(fc.constantFrom("--x", "--x--", "\r\n", "\n", "HTTP/1.1 200 OK", "Content-Type: multipart/mixed;boundary=y", "--y", "z")),
        (pieces) => {
          try {
            readBatchAnswer("multipart/mixed;boundary=x", Buffer.from(pieces.join("")), 10);
          } catch (thrown) {
            assert.ok(thrown instanceof NoBatchAnswer);
          }
        },
      ),
    );
  });

  test("gives back what stood in it, byte by byte, also lines that look like its own", () => {
    fc.assert(
      fc.property(fc.array(fc.string({ unit: "binary" }), { minLength: 1, maxLength: 5 }), (texts) => {
        const parts = texts.map((text) => part(200, { text: `${text}\r\n--batchresponse_1--\r\n` }));
        const { body } = batch(parts);
        const told = readBatchAnswer("multipart/mixed; boundary=batchresponse_1", Buffer.from(String(body)), 5);
        assert.deepEqual(
          told.map((one) => one.kind === "request" && JSON.parse(one.part.body.toString()).text),
          texts.map((text) => `${text}\r\n--batchresponse_1--\r\n`),
        );
      }),
    );
  });
});

test("a plan keeps the order, loses nothing and keeps to the limits, but for what is too large alone", () => {
  const sized = fc.record({ item: fc.integer(), count: fc.integer({ min: 1, max: 30 }), bytes: fc.integer({ min: 0, max: 300 }) });
  fc.assert(
    fc.property(fc.array(sized), (all) => {
      const items = all.map((one) => ({ ...one, item: one }));
      const plan = batchPlan(items, { count: 20, bytes: 200 });
      assert.deepEqual(plan.flat(), all);
      for (const one of plan) {
        const [count, bytes] = [one.reduce((sum, next) => sum + next.count, 0), one.reduce((sum, next) => sum + next.bytes, 0)];
        assert.ok(one.length === 1 || (count <= 20 && bytes <= 200));
      }
    }),
  );
});
