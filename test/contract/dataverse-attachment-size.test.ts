import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { dataverseUnderTest } from "./dataverse-under-test.ts";

const organizations = z.object({ value: z.tuple([z.object({ organizationid: z.string(), maxuploadfilesize: z.number() })]) });

for (const engine of ["pglite", "postgres"] as const) {
  test(`maxuploadfilesize counts bytes over HTTP, as in Dynamics, and kilobytes on both sides of it (${engine})`, async () => {
    // An administrator changes settings.
    await using here = await dataverseUnderTest(engine, { role: "System Administrator" });
    const secret = await here.served.credentials.current();
    assert.ok(secret.kind === "token");
    const ask = (path: string, init: RequestInit = {}) =>
      fetch(`${here.served.url}/api/data/v9.2/${path}`, {
        ...init,
        headers: { authorization: `Bearer ${secret.token}`, "content-type": "application/json", "if-match": "*" },
      });
    const read = async () => organizations.parse(await (await ask("organizations?$select=maxuploadfilesize")).json()).value[0];
    const { organizationid, maxuploadfilesize } = await read();
    assert.equal(maxuploadfilesize, 5_242_880);
    assert.equal((await here.crm.organizationSettings()).maxuploadfilesize, 5_120);
    const write = async (size: number) =>
      (await ask(`organizations(${organizationid})`, { method: "PATCH", body: JSON.stringify({ maxuploadfilesize: size }) })).status;
    for (const [bytes, kilobytes] of [
      [102_400, 100],
      [134_217_728, 131_072],
      [2_047, 1],
    ] as const) {
      assert.equal(await write(bytes), 204);
      assert.equal((await here.embedded.settings()).settings.maxuploadfilesize, kilobytes);
      assert.equal((await here.crm.organizationSettings()).maxuploadfilesize, kilobytes);
      assert.equal((await read()).maxuploadfilesize, kilobytes * 1_024);
    }
    for (const bytes of [0, 1_023, 134_218_752]) assert.equal(await write(bytes), 400);
    assert.equal((await here.embedded.settings()).settings.maxuploadfilesize, 1);
  });
}
