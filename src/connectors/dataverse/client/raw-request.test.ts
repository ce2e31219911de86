import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { rawRequest, rootOf } from "./raw-request.ts";

const ROOT = rootOf("https://contoso.crm4.dynamics.com/api/data/v9.2");

describe("a request", () => {
  test("bears the headers that every one needs, and goes below the root", () => {
    const raw = rawRequest(
      { method: "GET", path: "emails", query: { $select: "subject,_ownerid_value", $filter: "messageid eq '<a b@c>'" } },
      ROOT,
    );
    assert.equal(raw.path, "/api/data/v9.2/emails?$select=subject%2C_ownerid_value&$filter=messageid%20eq%20%27%3Ca%20b%40c%3E%27");
    assert.equal(raw.headers["if-none-match"], "null");
    assert.equal(raw.headers["odata-maxversion"], "4.0");
    assert.equal(raw.headers["content-type"], undefined);
    assert.equal(raw.body, null);
  });

  test("has its body as JSON, and a caller's own headers instead of the common ones", () => {
    const raw = rawRequest(
      { method: "PATCH", path: "emails(1)", body: { subject: "ä" }, headers: { "If-None-Match": "*", Prefer: "x" } },
      ROOT,
    );
    assert.equal(raw.body?.toString(), '{"subject":"ä"}');
    assert.equal(raw.headers["content-type"], "application/json; charset=utf-8");
    assert.deepEqual([raw.headers["if-none-match"], raw.headers.prefer], ["*", "x"]);
  });

  test("goes nowhere but below the root, whatever its path is", () => {
    for (const path of ["../../secret", "//evil.example/x", "emails?x", "emails#x", "/emails", "a\r\nb", "..\\x", "%2e%2e/%2e%2e/%2e%2e/x"])
      assert.throws(() => rawRequest({ method: "GET", path }, ROOT), TypeError, path);
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (path) => {
        try {
          assert.ok(rawRequest({ method: "GET", path }, ROOT).path.startsWith("/api/data/v9.2/"));
        } catch (error) {
          assert.ok(error instanceof TypeError || error instanceof RangeError);
        }
      }),
    );
  });

  test("with a line break in a header, a header that is not a caller's, or an endless address is not made", () => {
    const withHeaders = (headers: Record<string, string>) => rawRequest({ method: "GET", path: "emails", headers }, ROOT);
    assert.throws(() => withHeaders({ MSCRMCallerID: "1\r\nX: y" }), TypeError);
    assert.throws(() => withHeaders({ Authorization: "x" }), TypeError);
    assert.throws(() => withHeaders({ "a\nb": "x" }), TypeError);
    assert.throws(() => rawRequest({ method: "GET", path: "emails", query: { $filter: "x".repeat(20_000) } }, ROOT), RangeError);
  });
});

test("an organization's address is a place and nothing else", () => {
  assert.equal(ROOT.href, "https://contoso.crm4.dynamics.com/api/data/v9.2/");
  for (const address of ["ftp://x/", "https://user@x/", "https://x/?y", "nonsense"]) assert.throws(() => rootOf(address), TypeError);
});
