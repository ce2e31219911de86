import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { dataverseRig, dynamicsError, failureOf, tokens, told } from "../../../../test/servers/dataverse-rig.ts";
import type { HeardRequest, WebAct } from "../../../../test/servers/scripted-web.ts";
import { answered, type Request } from "./client.ts";
import { ONLINE } from "./limits.ts";

const READ: Request = { method: "GET", path: "accounts" };
const WRITE: Request = { method: "POST", path: "emails", body: { subject: "x" } };
const WHOLE: WebAct = { body: { value: [] } };

/** The first requests go wrong, all others well. */
function firstly(...acts: readonly WebAct[]): (request: HeardRequest) => WebAct {
  return ({ number }) => acts[number - 1] ?? WHOLE;
}

describe("an answer", () => {
  test("is a value, with its body read", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({ body: { name: "ä" }, headers: { ETag: 'W/"1"' } }));
    const answer = answered(await client.send(READ));
    assert.deepEqual([answer.status, answer.body, answer.headers.etag], [200, { name: "ä" }, 'W/"1"']);
    assert.equal(web.heard[0]?.headers.authorization, "Bearer good");
    assert.equal(web.heard[0]?.headers["if-none-match"], "null");
  });

  test("that is packed is unpacked", async (context) => {
    const packed = gzipSync(JSON.stringify({ value: ["x".repeat(1000)] }));
    const { client } = await dataverseRig(context, () => ({
      body: packed,
      headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" },
    }));
    assert.deepEqual(answered(await client.send(READ)).body, { value: ["x".repeat(1000)] });
  });

  test("about which a caller must choose is a value: not there, another version, still the same", async (context) => {
    const answers = [dynamicsError(404, "0x80040217"), dynamicsError(412, "0x80060882"), { status: 304 }, { status: 204 }];
    const { client } = await dataverseRig(context, firstly(...answers));
    const all = [await client.send(READ), await client.send(READ), await client.send(READ), await client.send(WRITE)];
    assert.deepEqual(all.map(told), ["refused 404", "refused 412", "answered 304", "answered 204"]);
    assert.equal(all[0]?.kind === "refused" && all[0].code, "0x80040217");
  });

  test("that refuses one request is that request's alone, also where an old version says no code and a stack trace", async (context) => {
    const error = { code: "", message: "Bad.", innererror: { message: "Bad.", type: "x", stacktrace: "at Secret.Place()" } };
    const { client } = await dataverseRig(context, () => ({ status: 400, body: { error } }));
    const answer = await client.send(WRITE);
    assert.ok(answer.kind === "refused");
    assert.deepEqual([answer.failure.scope, answer.failure.serverSaid], ["item", "status 400: Bad."]);
  });

  test("that tells of trouble of its own says nothing of the request; one that old versions give for a fault of the request is that request's", async (context) => {
    const sqlTimeout = dynamicsError(500, "0x80044151", "SQL timeout expired.");
    const acts = [sqlTimeout, dynamicsError(500, "", "An error has occurred."), dynamicsError(500, "0x80040265", "ISV code aborted.")];
    const { client } = await dataverseRig(context, firstly(...acts));
    const all = [await client.send(WRITE), await client.send(WRITE), await client.send(WRITE)];
    assert.deepEqual(
      all.map((one) => one.kind === "refused" && `${one.status} ${one.failure.scope} ${one.failure.code}`),
      ["500 organization request failed", "500 organization request failed", "500 item request refused"],
    );
  });

  test("that tells of a privilege that is missing is the organization's trouble; of one row out of its reach, that row's", async (context) => {
    const missing = "Principal user (Id=7b3d, type=8) is missing prvCreateActivity privilege (Id=091d)";
    const row = "SecLib::AccessCheckEx failed. Returned hr = -2147187962, ObjectID: 7b3d, AccessRights: WriteAccess";
    const acts = [dynamicsError(403, "0x80040220", missing), dynamicsError(403, "0x80048306", row)];
    const { client } = await dataverseRig(context, firstly(...acts));
    const all = [await client.send(WRITE), await client.send(WRITE)];
    assert.deepEqual(
      all.map((one) => one.kind === "refused" && `${one.status} ${one.failure.scope} ${one.failure.code}`),
      ["403 organization privilege missing", "403 item row access refused"],
    );
    assert.match(all[0]?.kind === "refused" ? all[0].failure.message : "", /prvCreateActivity/);
  });

  test("keeps no cookie: load is to spread over the servers of an organization", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({ ...WHOLE, headers: { "Set-Cookie": "ARRAffinity=1; Path=/" } }));
    await client.send(READ);
    await client.send(READ);
    assert.equal(web.heard[1]?.headers.cookie, undefined);
  });
});

describe("a connection that breaks", () => {
  const places: readonly [string, WebAct][] = [
    ["before the answer", { ...WHOLE, cutAfter: 0 }],
    ["in its first line", { ...WHOLE, cutAfter: 5 }],
    ["in its headers", { ...WHOLE, cutAfter: 40 }],
    ["in its body", { body: { value: ["x".repeat(500)] }, cutAfter: 300 }],
    ["because it is shorter than it says", { ...WHOLE, claimedLength: 5000, cutAfter: 10_000 }],
  ];
  for (const [place, act] of places) {
    test(`${place}: what only reads is asked for again`, async (context) => {
      const { client, web } = await dataverseRig(context, firstly(act));
      assert.equal(told(await client.send(READ)), "answered 200");
      assert.equal(web.heard.length, 2);
    });

    test(`${place}: what changes something is never sent a second time, and its outcome is unknown`, async (context) => {
      const { client, web } = await dataverseRig(context, firstly(act));
      const answer = await client.send(WRITE);
      assert.equal(answer.kind, "unknown");
      assert.ok(answer.kind === "unknown" && answer.failure.scope === "organization" && answer.failure.waitingHelps);
      assert.equal(web.heard.length, 1);
    });
  }

  test("is no trouble for a change of which the caller says that it may be done twice", async (context) => {
    const { client, web } = await dataverseRig(context, firstly({ ...WHOLE, cutAfter: 10 }));
    assert.equal(told(await client.send({ ...WRITE, repeatable: true })), "answered 200");
    assert.equal(web.heard.length, 2);
  });

  test("again and again ends as a failure of the organization after a few tries", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({ ...WHOLE, cutAfter: 10 }));
    const failure = await failureOf(client.send(READ));
    assert.deepEqual([failure?.code, failure?.scope, failure?.waitingHelps], ["connection lost", "organization", true]);
    assert.equal(web.heard.length, 5);
  });

  test("while it was idle is opened anew", async (context) => {
    const { client, web } = await dataverseRig(context, () => WHOLE);
    await client.send(READ);
    web.cutNow();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(told(await client.send(WRITE)), "answered 200");
    assert.equal(web.connections(), 2);
  });
});

describe("an answer that is none", () => {
  const nonsense: readonly [string, WebAct][] = [
    ["bytes that are no HTTP", { raw: "220 mail.example ESMTP\r\n" }],
    ["a page for people", { body: "<html>Sign in</html>", headers: { "Content-Type": "text/html" } }],
    ["JSON that breaks off", { body: '{"value":[', headers: { "Content-Type": "application/json" } }],
    ["a broken pack", { body: "no gzip", headers: { "Content-Type": "application/json", "Content-Encoding": "gzip" } }],
    ["a pack of another kind", { body: "x", headers: { "Content-Encoding": "br" } }],
  ];
  for (const [what, act] of nonsense) {
    test(`(${what}) is a failure for who reads, and unknown for who changes`, async (context) => {
      const { client, web } = await dataverseRig(context, () => act);
      const failure = await failureOf(client.send(READ));
      assert.deepEqual([failure?.code, failure?.scope], ["answer not understood", "organization"]);
      assert.equal((await client.send(WRITE)).kind, "unknown");
      assert.equal(web.heard.length, 2);
    });
  }

  test("(without end) is given up at its limit, packed or not", async (context) => {
    const bomb = gzipSync(Buffer.alloc(3_000_000));
    const acts: readonly WebAct[] = [{ body: Buffer.alloc(2_000_000) }, { body: bomb, headers: { "Content-Encoding": "gzip" } }];
    const { client } = await dataverseRig(context, firstly(...acts));
    for (const _ of acts) {
      const failure = await failureOf(client.send({ ...READ, largestAnswer: 1_000_000 }));
      assert.deepEqual([failure?.code, failure?.scope], ["answer too large", "item"]);
    }
  });

  test("(a redirection) is not followed, and nothing that we sign in with goes there", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({ status: 302, headers: { Location: "/elsewhere" } }));
    assert.equal((await failureOf(client.send(WRITE)))?.code, "redirected");
    assert.equal(web.heard.length, 1);
  });

  test("(a page where the Web API should be) says that the address is wrong", async (context) => {
    const { client } = await dataverseRig(context, () => ({ status: 404, body: "<html>", headers: { "Content-Type": "text/html" } }));
    assert.equal((await failureOf(client.send(READ)))?.code, "no Web API");
  });

  test("(nothing at all) is given up after its time: read again, changed never", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({ ...WHOLE, afterMs: 2000 }), { answerTime: 100 });
    assert.equal((await client.send(WRITE)).kind, "unknown");
    assert.equal(web.heard.length, 1);
    const failure = await failureOf(client.send(READ, { patience: 300 }));
    assert.equal(failure?.code, "organization silent");
  });
});

describe("a server that has too much to do", () => {
  for (const code of ["0x80072322", "0x80072321", "0x80072326"]) {
    test(`says ${code} and when to come again: then it is done, also what changes something`, async (context) => {
      const { client, web } = await dataverseRig(context, firstly(dynamicsError(429, code, "Too many.", { "Retry-After": "0.3" })), {
        limits: ONLINE,
      });
      const before = performance.now();
      assert.equal(told(await client.send(WRITE)), "answered 200");
      assert.ok(performance.now() - before >= 295);
      assert.equal(web.heard.length, 2);
    });
  }

  test("is left alone by everybody until its time", async (context) => {
    const { client, web } = await dataverseRig(context, firstly(dynamicsError(429, "0x80072322", "Too many.", { "Retry-After": "0.5" })));
    const first = client.send(READ, { caller: "a" });
    await new Promise((resolve) => setTimeout(resolve, 100));
    const second = client.send(READ, { caller: "b" });
    await new Promise((resolve) => setTimeout(resolve, 200));
    assert.equal(web.heard.length, 1);
    assert.deepEqual([told(await first), told(await second)], ["answered 200", "answered 200"]);
  });

  test("for longer than one wants to wait is a failure that names the time", async (context) => {
    const { client, web } = await dataverseRig(context, () => dynamicsError(429, "0x80072321", "Too much time.", { "Retry-After": "240" }));
    const before = Date.now();
    for (const _ of [1, 2]) {
      const failure = await failureOf(client.send(WRITE, { patience: 1000 }));
      assert.deepEqual([failure?.code, failure?.scope, failure?.waitingHelps], ["organization busy", "organization", true]);
      const wait = (failure?.notBefore?.getTime() ?? 0) - before;
      assert.ok(wait > 230_000 && wait < 250_000, String(wait));
    }
    assert.equal(web.heard.length, 1);
  });

  test("and says 503 with a time has done nothing; without one, and at 502 and 504, nobody knows", async (context) => {
    const acts = [{ status: 503, headers: { "Retry-After": "0" } }, WHOLE, { status: 503 }, { status: 502 }, { status: 504 }];
    const { client, web } = await dataverseRig(context, firstly(...acts));
    assert.deepEqual(
      [told(await client.send(WRITE)), told(await client.send(WRITE)), told(await client.send(WRITE)), told(await client.send(WRITE))],
      ["answered 200", "unknown", "unknown", "unknown"],
    );
    assert.equal(web.heard.length, 5);
  });

  test("is waited for no longer than the caller wants: giving up ends the waiting", async (context) => {
    const { client } = await dataverseRig(context, () => ({ status: 503, headers: { "Retry-After": "30" } }));
    const giveUp = new AbortController();
    const call = client.send(READ, { signal: giveUp.signal });
    setTimeout(() => giveUp.abort(new Error("no longer wanted")), 100);
    await assert.rejects(call, /no longer wanted/);
  });

  test("tells how much is left, and then it is not asked for more", async (context) => {
    const { client, web } = await dataverseRig(
      context,
      () => ({ ...WHOLE, headers: { "x-ms-ratelimit-burst-remaining-xrm-requests": "1" } }),
      { limits: ONLINE },
    );
    assert.equal(told(await client.send(READ)), "answered 200");
    assert.equal(told(await client.send(READ)), "answered 200");
    assert.equal((await failureOf(client.send(READ)))?.code, "organization busy");
    assert.equal(web.heard.length, 2);
  });
});

describe("giving up", () => {
  test("ends reading at once", async (context) => {
    const { client } = await dataverseRig(context, () => ({ ...WHOLE, afterMs: 5000 }));
    const giveUp = new AbortController();
    setTimeout(() => giveUp.abort(new Error("no longer wanted")), 100);
    await assert.rejects(client.send(READ, { signal: giveUp.signal }), /no longer wanted/);
  });

  test("a change that is under way says that nobody knows what became of it", async (context) => {
    const { client } = await dataverseRig(context, () => ({ ...WHOLE, afterMs: 5000 }));
    const giveUp = new AbortController();
    setTimeout(() => giveUp.abort(new Error("no longer wanted")), 100);
    assert.equal((await client.send(WRITE, { signal: giveUp.signal })).kind, "unknown");
  });
});

describe("signing in by token", () => {
  const byToken = ({ headers }: HeardRequest): WebAct =>
    headers.authorization === "Bearer new"
      ? WHOLE
      : { status: 401, headers: { "WWW-Authenticate": 'Bearer error="invalid_token", error_description="expired: old-token"' } };

  test("takes a new token once when the old one is refused, and sends the request again, which was not done", async (context) => {
    const credentials = tokens("old-token", "new");
    const { client, web } = await dataverseRig(context, byToken, { credentials });
    assert.equal(told(await client.send(WRITE)), "answered 200");
    assert.deepEqual([web.heard.length, credentials.refreshes()], [2, 1]);
  });

  test("that is refused again is a failure with the server's own words, and without the token", async (context) => {
    const { client, web } = await dataverseRig(context, byToken, { credentials: tokens("old-token", "other") });
    const failure = await failureOf(client.send(READ));
    assert.deepEqual([failure?.code, failure?.scope, failure?.waitingHelps], ["sign-in refused", "organization", false]);
    assert.equal(failure?.serverSaid, "status 401; invalid_token: expired: [removed]");
    assert.equal(web.heard.length, 2);
  });

  test("as somebody whom the organization does not know says what to do", async (context) => {
    const { client } = await dataverseRig(context, () => dynamicsError(403, "0x80072560", "The user is not a member of the organization."));
    const failure = await failureOf(client.send(READ));
    assert.equal(failure?.code, "application user missing");
    assert.match(failure?.remedy ?? "", /application user/);
  });

  test("at a server that is not there says so in the words of all connections", async (context) => {
    const { client, web } = await dataverseRig(context, () => WHOLE);
    await web[Symbol.asyncDispose]();
    const failure = await failureOf(client.send(WRITE));
    assert.deepEqual([failure?.code, failure?.scope], ["connection refused", "organization"]);
    assert.match(failure?.remedy ?? "", /the web server runs \(Dynamics 365\)/);
  });
});

test("no more requests run at the same time than the organization takes", async (context) => {
  let [running, most] = [0, 0];
  const { client } = await dataverseRig(
    context,
    async () => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 10));
      running--;
      return WHOLE;
    },
    { limits: { concurrent: 6, budget: null, batch: 100 } },
  );
  await Promise.all(Array.from({ length: 100 }, () => client.send(READ)));
  assert.ok(most > 4 && most <= 6, String(most));
});
