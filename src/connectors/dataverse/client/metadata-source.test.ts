import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { gzipSync } from "node:zlib";
import { dataverseRig, dynamicsError, failureOf } from "../../../../test/servers/dataverse-rig.ts";
import type { WebAct } from "../../../../test/servers/scripted-web.ts";
import { navigationName } from "./metadata.ts";
import { MetadataReader } from "./metadata-reader.ts";

const SCHEMAS = path.resolve(import.meta.dirname, "../../../../../shared/schemas/dataverse");
const DOCUMENTS = ["crm-v8-org-de.csdl.xml", "crm-v8-org-en.csdl.xml"].map(
  (name) => [name, readFileSync(path.join(SCHEMAS, name))] as const,
);
const XML = { "Content-Type": "application/xml" };

for (const [name, document] of DOCUMENTS) {
  describe(`the metadata of a real organization (${name})`, () => {
    test("say its tables, keys, columns, lookups and messages", async (context) => {
      const { client, web } = await dataverseRig(context, () => ({
        body: gzipSync(document),
        headers: { ...XML, "Content-Encoding": "gzip" },
      }));
      const metadata = await client.metadata();
      assert.equal(metadata.sets.get("emails"), "email");
      const email = metadata.entities.get("email");
      assert.ok(email !== undefined);
      assert.deepEqual([email.set, email.key], ["emails", ["activityid"]]);
      assert.equal(email.changeTracking, true);
      assert.deepEqual(email.properties.get("inreplyto"), { type: "Edm.String", nullable: true, readOnly: true });
      assert.deepEqual(email.properties.get("trackingtoken"), { type: "Edm.String", nullable: true, readOnly: false });
      assert.equal(email.properties.get("subject")?.readOnly, false, "inherited from activitypointer");
      assert.equal(navigationName(email, "regardingobjectid", "account"), "regardingobjectid_account_email");
      assert.equal(navigationName(email, "emailsender", "systemuser"), "emailsender_systemuser");
      const [deliver] = metadata.operations.get("DeliverIncomingEmail") ?? [];
      assert.deepEqual([deliver?.kind, deliver?.bound], ["action", { entity: "email", collection: true }]);
      assert.deepEqual(
        deliver?.parameters.find((one) => one.name === "Importance"),
        { name: "Importance", type: "Edm.String", nullable: false },
      );
      const [check] = metadata.operations.get("CheckIncomingEmail") ?? [];
      assert.deepEqual([check?.kind, check?.bound, check?.returns], ["function", null, "CheckIncomingEmailResponse"]);
      assert.deepEqual(
        [...(metadata.complexTypes.get("CheckIncomingEmailResponse") ?? [])],
        [
          ["ShouldDeliver", "Edm.Boolean"],
          ["ReasonCode", "Edm.Int32"],
        ],
      );
      assert.equal(metadata.operations.has("BackgroundSendEmail"), false);
      assert.equal(web.heard.length, 1);
    });

    test("are the same in whatever pieces they come", () => {
      const whole = new MetadataReader();
      whole.write(document.toString("utf8"));
      const pieces = new MetadataReader();
      const decoder = new TextDecoder();
      for (let at = 0; at < document.length; at += 997) pieces.write(decoder.decode(document.subarray(at, at + 997), { stream: true }));
      assert.deepEqual(pieces.end(), whole.end());
    });
  });
}

const small = (type: string) =>
  `<?xml version="1.0"?><edmx:Edmx Version="4.0" xmlns:edmx="http://docs.oasis-open.org/odata/ns/edmx"><edmx:DataServices><Schema Namespace="M" Alias="mscrm">` +
  `<EntityType Name="${type}"><Key><PropertyRef Name="id"/></Key><Property Name="id" Type="Edm.Guid"/></EntityType></Schema></edmx:DataServices></edmx:Edmx>`;

describe("the metadata of an organization", () => {
  test("are asked for once by all who want them, and kept", async (context) => {
    const { client, web } = await dataverseRig(context, () => ({ body: small("task"), headers: XML }));
    const all = await Promise.all([client.metadata(), client.metadata(), client.metadata()]);
    assert.deepEqual(
      [all[0], await client.metadata()].map((one) => [...(one?.entities.keys() ?? [])]),
      [["task"], ["task"]],
    );
    assert.equal(web.heard.length, 1);
  });

  test("that could not be had are asked for again by the next", async (context) => {
    const { client } = await dataverseRig(context, ({ number }) =>
      number === 1 ? { status: 302 } : { body: small("task"), headers: XML },
    );
    assert.equal((await failureOf(client.metadata()))?.code, "redirected");
    assert.ok((await client.metadata()).entities.has("task"));
  });

  test("come from an old server that does not know the question for annotations", async (context) => {
    const { client, web } = await dataverseRig(context, ({ path: asked }) =>
      asked.includes("?") ? dynamicsError(400, "") : { body: small("task"), headers: XML },
    );
    assert.ok((await client.metadata()).entities.has("task"));
    assert.deepEqual(
      web.heard.map((one) => one.path),
      ["/api/data/v9.2/$metadata?annotations=true", "/api/data/v9.2/$metadata"],
    );
  });

  const broken: readonly [string, WebAct, string][] = [
    ["breaks off", { body: small("task").slice(0, 200), headers: XML }, "metadata not understood"],
    ["is another document", { body: "<a/>", headers: XML }, "metadata not understood"],
    ["defines entities", { body: `<!DOCTYPE a [<!ENTITY b "c">]>${small("task")}`, headers: XML }, "metadata not understood"],
    ["is nested without end", { body: `<Schema>${"<a>".repeat(10_000)}`, headers: XML }, "metadata not understood"],
    ["has a name without end", { body: small("x".repeat(5000)), headers: XML }, "metadata not understood"],
    [
      "is packed and broken",
      { body: gzipSync(small("task")).subarray(0, 60), headers: { ...XML, "Content-Encoding": "gzip" } },
      "metadata not understood",
    ],
    ["is no XML", { body: { value: [] } }, "answer not understood"],
  ];
  for (const [what, act, code] of broken)
    test(`that ${what} are a failure`, async (context) => {
      const { client } = await dataverseRig(context, () => act);
      assert.equal((await failureOf(client.metadata()))?.code, code);
    });
});

test("the version of an organization is what it says, or a failure", async (context) => {
  const { client } = await dataverseRig(context, ({ number }) => ({ body: number === 1 ? { Version: "9.1.0.643" } : { value: [] } }));
  assert.equal(await client.version(), "9.1.0.643");
  assert.equal((await failureOf(client.version()))?.code, "answer not understood");
});
