import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { FastifyInstance, InjectOptions, LightMyRequestResponse } from "fastify";
import { makeSample, type Sample, SILENT } from "../../test/e2e/sample.ts";
import { Failure } from "../model/failure.ts";
import { createMetrics } from "./metrics.ts";
import { SignIn } from "./sign-in.ts";
import { buildWebApp, type WebAppOptions } from "./web-app.ts";

const TOKEN = "the-token-of-the-operations";
const BEARER = { authorization: `Bearer ${TOKEN}` };
const HOST = "127.0.0.1:8025";

/** A request that comes as a promise and nothing else. */
function inject(app: FastifyInstance, options: InjectOptions): Promise<LightMyRequestResponse> {
  return app.inject(options);
}

describe("the web server", () => {
  let sample: Sample;
  let app: FastifyInstance;
  const signIn = new SignIn();

  before(async () => {
    sample = await makeSample("http://elsewhere.example");
    app = await buildWebApp(options());
  });
  after(async () => {
    await app?.close();
    await sample?.[Symbol.asyncDispose]();
  });

  function options(changes: Partial<WebAppOptions> = {}): WebAppOptions {
    const { database, crm, operations } = sample.app;
    return {
      database,
      crm,
      operations,
      metrics: createMetrics(),
      log: SILENT,
      listenHost: "crm.example",
      operationsToken: TOKEN,
      signIn,
      ...changes,
    };
  }

  /** A request of a browser that is signed in. */
  function asReader(url: string, more: InjectOptions = {}): Promise<LightMyRequestResponse> {
    const cookies = { "waypost-session": signIn.enter(signIn.offer()) ?? "" };
    return inject(app, { url, cookies, ...more, headers: { host: HOST, ...more.headers } });
  }

  function ask(url: string, more: InjectOptions = {}): Promise<LightMyRequestResponse> {
    return inject(app, { url, ...more, headers: { host: HOST, ...more.headers } });
  }

  function operate(name: string, given: unknown[], headers: Record<string, string> = BEARER): Promise<LightMyRequestResponse> {
    return ask(`/api/operations/${name}`, { method: "POST", headers, payload: { arguments: given } });
  }

  function privatePaths(): string[] {
    const email = `/emails/${sample.attackId}`;
    return [
      "/",
      "/emails",
      email,
      `${email}/body`,
      `${email}/attachments/1`,
      `/records/account/${sample.accountId}`,
      "/decisions",
      "/decisions/1",
    ];
  }

  test("without a session every page answers 401 and shows nothing", async () => {
    for (const cookies of [{}, { "waypost-session": "guess" }]) {
      for (const url of privatePaths()) {
        const { statusCode, body } = await ask(url, { cookies });
        assert.equal(statusCode, 401, url);
        assert.match(body, /You are not signed in/);
        assert.doesNotMatch(body, /contoso|fabrikam/i);
      }
    }
  });

  test("with a session every page answers, uncached and under a policy that lets nothing run", async () => {
    for (const url of privatePaths()) {
      const { statusCode, headers } = await asReader(url);
      assert.equal(statusCode, 200, url);
      const policy = String(headers["content-security-policy"]);
      assert.match(policy, /^default-src 'none'/, url);
      assert.doesNotMatch(policy, /script-src|unsafe-eval|\*/, url);
      assert.equal(headers["cache-control"], "no-store", url);
      assert.equal(headers["x-content-type-options"], "nosniff", url);
      assert.equal(headers["referrer-policy"], "no-referrer", url);
      assert.match(String(headers["x-frame-options"]), /^(?:DENY|SAMEORIGIN)$/, url);
    }
  });

  test("a one-time link is not used up by looking, enters once by its button, and its cookie is out of reach", async () => {
    const key = signIn.offer();
    for (let look = 0; look < 3; look++) {
      const page = await ask(`/enter?key=${key}`);
      assert.equal(page.statusCode, 200);
      assert.ok(page.body.includes(`<input type="hidden" name="key" value="${key}">`));
      assert.equal(page.headers["set-cookie"], undefined);
    }
    const press = () =>
      ask("/enter", { method: "POST", headers: { "content-type": "application/x-www-form-urlencoded" }, payload: `key=${key}` });
    const entered = await press();
    assert.equal(entered.statusCode, 303);
    assert.equal(entered.headers.location, "/");
    const cookie = String(entered.headers["set-cookie"]);
    assert.match(cookie, /^waypost-session=[\w-]{43}; Max-Age=43200; Path=\/; HttpOnly; SameSite=Strict$/);
    assert.equal((await ask("/emails", { headers: { cookie: cookie.split(";")[0] } })).statusCode, 200);
    const again = await press();
    assert.equal(again.statusCode, 410);
    assert.equal(again.headers["set-cookie"], undefined);
    assert.equal((await ask(`/enter?key=${key}`)).statusCode, 410);
  });

  test("leaving ends the session for everybody who has its key", async () => {
    const cookies = { "waypost-session": signIn.enter(signIn.offer()) ?? "" };
    assert.equal((await ask("/", { cookies })).statusCode, 200);
    assert.equal((await ask("/leave", { method: "POST", cookies })).statusCode, 303);
    assert.equal((await ask("/", { cookies })).statusCode, 401);
  });

  function tryKey(key: string, remoteAddress = "192.0.2.1"): Promise<LightMyRequestResponse> {
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return ask("/enter", { method: "POST", headers, payload: `key=${key}`, remoteAddress });
  }

  test("wrong keys again and again are stopped; the right one enters all the same", async () => {
    const statuses: number[] = [];
    for (let tries = 0; tries < 25; tries++) statuses.push((await tryKey("x")).statusCode);
    assert.equal(statuses[0], 410);
    assert.equal(statuses.at(-1), 429);
    assert.equal((await tryKey("x", "192.0.2.2")).statusCode, 410);
    assert.equal((await tryKey(signIn.offer())).statusCode, 303);
  });

  test("another site's page cannot use up anything by fetching the link, and a reader may follow it from there", async () => {
    const fetched = (dest: string) => ({ headers: { "sec-fetch-site": "cross-site", "sec-fetch-dest": dest } });
    const key = signIn.offer();
    for (let look = 0; look < 30; look++) assert.equal((await ask(`/enter?key=${key}`, fetched("image"))).statusCode, 403);
    assert.equal((await ask(`/enter?key=${key}`, fetched("document"))).statusCode, 200);
    assert.equal((await tryKey(key, "127.0.0.1")).statusCode, 303);
  });

  test("behind a proxy its name is answered, and the cookie stays on HTTPS when the browser came by it", async () => {
    const proxied = await buildWebApp(options({ names: ["Mail.example"] }));
    const enter = (server: FastifyInstance, host: string, proto: string) =>
      inject(server, {
        url: "/enter",
        method: "POST",
        headers: { host, "x-forwarded-proto": proto, "content-type": "application/x-www-form-urlencoded" },
        payload: `key=${signIn.offer()}`,
      });
    const secure = ({ headers }: LightMyRequestResponse) => /; Secure/.test(String(headers["set-cookie"]));
    const byHttps = await enter(proxied, "mail.example", "https");
    assert.deepEqual([byHttps.statusCode, secure(byHttps)], [303, true]);
    assert.equal(secure(await enter(proxied, "mail.example", "http")), false);
    assert.equal((await enter(proxied, "other.example", "https")).statusCode, 421);
    assert.equal((await enter(app, "mail.example", "https")).statusCode, 421);
    assert.equal(secure(await enter(app, HOST, "https")), false);
    await proxied.close();
  });

  test("a name that a stranger made to point here is refused, with a session too", async () => {
    for (const host of ["evil.example", "evil.example:8025", "localhost.evil.example"]) {
      assert.equal((await asReader("/emails", { headers: { host } })).statusCode, 421, host);
      assert.equal((await ask("/metrics", { headers: { host } })).statusCode, 421, host);
    }
    for (const host of ["localhost:8025", "crm.example", "[::1]:8025"]) {
      assert.equal((await asReader("/emails", { headers: { host } })).statusCode, 200, host);
    }
  });

  test("forms of other sites are refused", async () => {
    for (const [site, status] of [
      ["cross-site", 403],
      ["same-site", 403],
      ["none", 403],
      ["same-origin", 410],
    ] as const) {
      const { statusCode } = await ask("/enter", {
        method: "POST",
        headers: { "sec-fetch-site": site, "content-type": "application/x-www-form-urlencoded" },
        payload: "key=x",
      });
      assert.equal(statusCode, status, site);
    }
  });

  test("subjects, names and file names of strangers stay text", async () => {
    for (const url of [
      "/emails",
      "/decisions",
      `/emails/${sample.attackId}`,
      `/records/account/${sample.accountId}`,
      "/emails?subject=%22%3E%3Cscript%3E",
    ]) {
      const { body } = await asReader(url);
      assert.doesNotMatch(body, /<script|<img src=http|onerror=alert\(1\)>"|<Ltd>/, url);
    }
    assert.match((await asReader("/emails")).body, /Re: Our offer &lt;script&gt;alert\(1\)&lt;\/script&gt;/);
  });

  test("an email's HTML comes only into a sandbox, under a policy of its own", async () => {
    const page = await asReader(`/emails/${sample.attackId}`);
    assert.match(page.body, new RegExp(`<iframe class="body" sandbox="" src="/emails/${sample.attackId}/body"`));
    const { headers, body } = await asReader(`/emails/${sample.attackId}/body`);
    assert.equal(
      headers["content-security-policy"],
      "default-src 'none'; img-src data:; style-src 'unsafe-inline'; sandbox; base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    );
    assert.equal(headers["x-frame-options"], "SAMEORIGIN");
    assert.doesNotMatch(body, /<script|onload|onerror|href=|src="(?!data:image\/png;base64,)|url\(/);
    assert.match(body, /<img src="data:image\/png;base64,[A-Za-z0-9+/=]+" alt="Fabrikam" width="20" height="20" \/>/);
  });

  test("attachments are downloads without a type, under a name that adds no header", async () => {
    const url = `/emails/${sample.attackId}/attachments`;
    const { headers, rawPayload } = await asReader(`${url}/2`);
    assert.equal(headers["content-type"], "application/octet-stream");
    assert.equal(headers["x-evil"], undefined);
    assert.match(
      String(headers["content-disposition"]),
      /^attachment; filename="[\x20-\x7e]+"; filename\*=UTF-8''Best%C3%A4tigung[\w%.-]+\.csv$/,
    );
    assert.equal(rawPayload.toString(), "a,b\n1,2\n");
    const page = await asReader(`${url}/3`);
    assert.equal(page.headers["content-type"], "application/octet-stream");
    assert.match(String(page.headers["content-security-policy"]), /sandbox/);
    for (const number of ["0", "4", "-1", "1.5", "x"]) assert.equal((await asReader(`${url}/${number}`)).statusCode, 404, number);
  });

  test("what is not there is 404, whatever is asked for", async () => {
    const id = "00000000-0000-4000-8000-000000000000";
    for (const url of [
      `/emails/${id}`,
      "/emails/1'--",
      `/emails/${id}/body`,
      `/records/account/${id}`,
      `/records/contact/${sample.accountId}`,
      "/decisions/0",
      "/decisions/99999999999999999999",
      "/emails?page=nonsense",
      "/nothing",
    ]) {
      assert.equal((await asReader(url)).statusCode, 404, url);
    }
    assert.equal((await asReader("/emails?direction=x&direction=y&page=")).statusCode, 404);
    assert.equal((await asReader("/decisions?outcome=x&page=-1")).statusCode, 200);
  });

  test("of mail that became no email only the sender's domain is told, of private mail nothing", async () => {
    const bodies = await Promise.all(
      ["/", "/decisions", ...Object.values(sample.decisions).map((id) => `/decisions/${id}`)].map(
        async (url) => (await asReader(url)).body,
      ),
    );
    const text = bodies.join();
    assert.match(text, /…@bargains\.example/);
    assert.match(text, /…@large\.example/);
    assert.doesNotMatch(text, /secret-subject|All my pictures|private results|news@|max@|dee@|clinic/);
  });

  test("an email's page tells nothing of a message that only bears the email's id as its Message-ID", async () => {
    await sample.database.query("update waypost.decision set message_id = $1 where id = $2", [
      sample.attackId,
      sample.decisions.advertisement,
    ]);
    const { body } = await asReader(`/emails/${sample.attackId}`);
    await sample.database.query("update waypost.decision set message_id = 'today@bargains.example' where id = $1", [
      sample.decisions.advertisement,
    ]);
    assert.match(body, /is tracked, accepted by Alice Adams/);
    assert.doesNotMatch(body, /bargains/);
  });

  test("operations take the token and nothing else", async () => {
    for (const authorization of [undefined, "", "Bearer", "Bearer ", `Bearer ${TOKEN}x`, `Bearer ${TOKEN.slice(1)}`, `Basic ${TOKEN}`]) {
      const answer = await operate("status", [], authorization === undefined ? {} : { authorization });
      assert.equal(answer.statusCode, 401, authorization);
      assert.equal(answer.json().code, "token missing");
    }
    const cookies = { "waypost-session": signIn.enter(signIn.offer()) ?? "" };
    assert.equal((await ask("/api/operations/status", { method: "POST", cookies, payload: {} })).statusCode, 401);
    assert.equal((await operate("status", [])).statusCode, 200);
  });

  test("operations give their results as JSON", async () => {
    const status = (await operate("status", [])).json().result;
    assert.equal(status.mailboxes.length, 3);
    assert.equal(typeof status.mailboxes[0].startDate, "string");
    assert.equal((await operate("explain", ["<today@bargains.example>"])).json().result.incoming[0].outcome, "skipped");
    assert.equal((await operate("quarantineList", [])).json().result.length, 1);
    assert.deepEqual((await operate("quarantineRetry", [[]])).json().result, { marked: 0 });
    const received = (await operate("receive", [["alice@contoso.example"]])).json().result;
    assert.deepEqual([received.mailboxes, received.failures], [1, []]);
    assert.equal((await operate("send", [["alice@contoso.example"]])).json().result.counts.sent, 0);
    assert.equal(
      (await operate("check", [["support@contoso.example"], { testMessage: false }])).json().result[0].mailbox,
      "support@contoso.example",
    );
  });

  test("wrong arguments are refused with what is wrong", async () => {
    const wrong: readonly (readonly [string, unknown[]])[] = [
      ["status", [1]],
      ["explain", []],
      ["explain", [{ toString: "x" }]],
      ["decide", ["no id", "sent"]],
      ["decide", [sample.unknownId, "perhaps"]],
      ["quarantineRetry", [["1"]]],
      ["receive", ["alice@contoso.example"]],
      ["send", []],
    ];
    for (const [name, given] of wrong) {
      const answer = await operate(name, given);
      assert.equal(answer.statusCode, 400, name);
      assert.equal(answer.json().code, "arguments refused");
      assert.match(answer.json().message, new RegExp(`^The arguments of ${name} are not what it takes: `));
    }
    assert.equal(
      (
        await ask("/api/operations/status", { method: "POST", headers: { ...BEARER, "content-type": "application/json" }, payload: "{" })
      ).json().code,
      "request refused",
    );
    for (const name of ["nothing", "constructor", "__proto__"]) {
      const answer = await operate(name, []);
      assert.deepEqual([answer.statusCode, answer.json().code], [404, "operation unknown"]);
    }
  });

  test("a failure keeps its code, the server's words and the remedy, under a status of its kind", async () => {
    const mailbox = await operate("receive", [["nobody@contoso.example"]]);
    assert.equal(mailbox.statusCode, 404);
    assert.deepEqual(Object.keys(mailbox.json()), ["code", "message", "remedy"]);
    assert.equal(mailbox.json().code, "mailbox unknown");
    assert.equal((await operate("decide", [sample.attackId, "sent"])).statusCode, 409);
    const failing = await buildWebApp(
      options({
        operations: {
          ...sample.app.operations,
          status: () =>
            Promise.reject(new Failure({ scope: "process", code: "busy", message: "m", serverSaid: "s", remedy: "r", waitingHelps: true })),
          quarantineList: () => Promise.reject(new Error("broken")),
        },
      }),
    );
    const post = (name: string) => inject(failing, { method: "POST", url: `/api/operations/${name}`, headers: BEARER, payload: {} });
    const busy = await post("status");
    assert.deepEqual([busy.statusCode, busy.json()], [503, { code: "busy", message: "m", serverSaid: "s", remedy: "r" }]);
    const broken = await post("quarantineList");
    assert.deepEqual([broken.statusCode, broken.json().code], [500, "unexpected error"]);
    await failing.close();
  });

  test("the service's end aborts a running operation", async () => {
    let aborted = false;
    const ending = await buildWebApp(
      options({
        operations: {
          ...sample.app.operations,
          receive: (_addresses, signal) =>
            new Promise((_resolve, reject) =>
              signal.addEventListener("abort", () => {
                aborted = true;
                reject(new Error("aborted"));
              }),
            ),
        },
      }),
    );
    await ending.ready();
    const running = inject(ending, { method: "POST", url: "/api/operations/receive", headers: BEARER, payload: { arguments: [[]] } });
    await new Promise((resolve) => setTimeout(resolve, 50));
    await ending.close();
    await running;
    assert.ok(aborted);
  });

  test("health needs nobody's leave; readiness needs the database", async () => {
    assert.deepEqual((await ask("/healthz", { headers: { host: "anything" } })).json(), { healthy: true });
    assert.deepEqual((await ask("/readyz", { headers: { host: "anything" } })).json(), { ready: true });
    const away: WebAppOptions["database"] = Object.create(sample.database, {
      query: {
        value: () =>
          Promise.reject(
            new Failure({
              scope: "process",
              code: "database unavailable",
              message: "10.0.0.1 is away",
              remedy: "Start it.",
              waitingHelps: true,
            }),
          ),
      },
    });
    const lame = await buildWebApp(options({ database: away }));
    const ready = await inject(lame, { url: "/readyz" });
    assert.deepEqual([ready.statusCode, ready.json()], [503, { ready: false, reason: "database unavailable" }]);
    assert.equal((await inject(lame, { url: "/healthz" })).statusCode, 200);
    const metrics = await inject(lame, { url: "/metrics", headers: { host: HOST } });
    assert.equal(metrics.statusCode, 200);
    assert.doesNotMatch(metrics.body, /^waypost_open_alerts/m);
    await lame.close();
  });

  test("metrics are for this machine and for who has the token", async () => {
    const here = await ask("/metrics");
    assert.match(String(here.headers["content-type"]), /^text\/plain; version=/);
    for (const line of [
      /^waypost_open_alerts 2$/m,
      /^waypost_quarantined_messages 1$/m,
      /^waypost_unknown_emails 1$/m,
      /^waypost_mailboxes\{direction="receive",state="failing"\} 1$/m,
      /^waypost_mailboxes\{direction="send",state="off"\} 1$/m,
    ]) {
      assert.match(here.body, line);
    }
    assert.equal((await ask("/metrics", { remoteAddress: "192.0.2.1" })).statusCode, 403);
    assert.equal((await ask("/metrics", { headers: { "x-forwarded-for": "192.0.2.1" } })).statusCode, 403);
    assert.equal((await ask("/metrics", { remoteAddress: "192.0.2.1", headers: { ...BEARER, host: "waypost.internal" } })).statusCode, 200);
  });
});
