import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { column, lookup, table } from "../../../test/webapi/sample-tables.ts";
import { ApiFault } from "./exchange.ts";
import { readResource } from "./resource-path.ts";
import { indexTables } from "./table-index.ts";

const ID = "00000000-0000-0000-0000-000000000001";
const OTHER = "89390c24-9c72-e511-80d4-00155d2a68d1";

const tables = indexTables([
  table("email", "emails", "activityid", {
    base: "activitypointer",
    columns: [
      column("subject", "String"),
      lookup("regardingobjectid", { account: "regardingobjectid_account_email", contact: "regardingobjectid_contact_email" }),
      lookup("ownerid", { systemuser: "ownerid", team: "ownerid" }),
    ],
    collections: [{ navigation: "email_activity_parties", table: "activityparty", column: "activityid" }],
  }),
  table("activitypointer", "activitypointers", "activityid", {}),
  table("activityparty", "activityparties", "activitypartyid", {}),
  table("systemuser", "systemusers", "systemuserid", {}),
  table("team", "teams", "teamid", {}),
  table("account", "accounts", "accountid", {}),
  table("contact", "contacts", "contactid", {
    columns: [
      column("firstname", "String"),
      column("emailaddress1", "String"),
      column("age", "Int32"),
      lookup("parentcustomerid", { account: "parentcustomerid_account" }),
    ],
    alternateKeys: [
      ["firstname", "emailaddress1"],
      ["parentcustomerid", "age"],
    ],
  }),
]);

const read = (path: string, aliases?: ReadonlyMap<string, string>) => readResource(path, { tables, ...(aliases && { aliases }) });

/** A resource in a few words. */
function told(path: string, aliases?: ReadonlyMap<string, string>): string {
  const found = read(path, aliases);
  const words: string[] = [found.kind];
  if ("table" in found) words.push(found.table.name);
  if ("key" in found) words.push(found.key.kind === "id" ? found.key.id : JSON.stringify([...found.key.values]));
  if ("collection" in found) words.push(found.collection.navigation);
  if ("member" in found && found.member.kind === "id") words.push(found.member.id);
  if ("column" in found) words.push(found.column.name);
  if ("target" in found) words.push(String(found.target));
  if ("raw" in found && found.raw) words.push("raw");
  if ("references" in found && found.references) words.push("references");
  if (found.kind === "operation") {
    words.push(found.name, found.on ? `on ${found.on.table.name} ${found.on.key?.kind ?? "set"}` : "unbound", String(found.parameters));
  }
  return words.join(" ");
}

test("a path is read as what it names", () => {
  const expected: [path: string, told: string][] = [
    ["", "service"],
    ["$metadata", "metadata"],
    ["$batch", "batch"],
    ["emails", "set email"],
    ["emails/", "set email"],
    ["emails/$count", "count email"],
    [`emails(${ID})`, `row email ${ID}`],
    [`emails(activityid=${ID})`, `row email ${ID}`],
    [`emails(${OTHER.toUpperCase()})`, `row email ${OTHER}`],
    [`emails(${ID})/subject`, `property email ${ID} subject`],
    [`emails(${ID})/subject/$value`, `property email ${ID} subject raw`],
    [`emails(${ID})/_regardingobjectid_value`, `property email ${ID} regardingobjectid`],
    [`emails(${ID})/email_activity_parties`, `collection email ${ID} email_activity_parties`],
    [`emails(${ID})/email_activity_parties/$ref`, `collection email ${ID} email_activity_parties references`],
    [`emails(${ID})/email_activity_parties/$count`, `collectionCount email ${ID} email_activity_parties`],
    [`emails(${ID})/email_activity_parties(${OTHER})/$ref`, `member email ${ID} email_activity_parties ${OTHER} references`],
    [`emails(${ID})/regardingobjectid_account_email`, `reference email ${ID} regardingobjectid account`],
    [`emails(${ID})/regardingobjectid_account_email/$ref`, `reference email ${ID} regardingobjectid account references`],
    [`emails(${ID})/ownerid`, `reference email ${ID} ownerid null`],
    [`emails(${ID})/ownerid/Microsoft.Dynamics.CRM.systemuser`, `reference email ${ID} ownerid systemuser`],
    ["activitypointers/Microsoft.Dynamics.CRM.email", "set email"],
    [`activitypointers(${ID})/mscrm.email/subject`, `property email ${ID} subject`],
    ["contacts(firstname='Joe',emailaddress1='abc@example.com')", 'row contact [["firstname","Joe"],["emailaddress1","abc@example.com"]]'],
    ["contacts(emailaddress1='a%2Fb/c',firstname='O''Neill%2C%20J')", `row contact [["firstname","O'Neill, J"],["emailaddress1","a/b/c"]]`],
    [`contacts(_parentcustomerid_value=${ID},age=7)`, `row contact [["parentcustomerid","${ID}"],["age",7]]`],
    ["WhoAmI", "operation WhoAmI unbound null"],
    ["WhoAmI()", "operation WhoAmI unbound "],
    ["Microsoft.Dynamics.CRM.WhoAmI()", "operation WhoAmI unbound "],
    [
      "GetTimeZoneCodeByLocalizedName(LocalizedStandardName='Pacific%20Standard%20Time',LocaleId=1033)",
      "operation GetTimeZoneCodeByLocalizedName unbound LocalizedStandardName='Pacific Standard Time',LocaleId=1033",
    ],
    ["emails/Microsoft.Dynamics.CRM.DeliverIncomingEmail", "operation DeliverIncomingEmail on email set null"],
    [`emails(${ID})/Microsoft.Dynamics.CRM.SendEmail`, "operation SendEmail on email id null"],
    [
      `systemusers(${ID})/Microsoft.Dynamics.CRM.RetrievePrincipalAccess(Target=@tid)`,
      "operation RetrievePrincipalAccess on systemuser id Target=@tid",
    ],
  ];
  assert.deepEqual(
    expected.map(([path]) => [path, told(path)]),
    expected,
  );
});

test("aliases stand for keys and for parts of them", () => {
  assert.equal(told("emails(@id)", new Map([["@id", ID]])), `row email ${ID}`);
  const aliases = new Map([
    ["@a", "'Joe'"],
    ["@b", "'x@y.example'"],
  ]);
  assert.equal(
    told("contacts(firstname=@a,emailaddress1=@b)", aliases),
    'row contact [["firstname","Joe"],["emailaddress1","x@y.example"]]',
  );
  assert.throws(() => told("emails(@none)"), fault(400, "0x80060888"));
});

test("what is not there is 404 with the segment's name, what cannot be read is 400", () => {
  for (const path of [
    `emails(${ID})/email_activity_parties/$ref/x`,
    `emails(${ID})/subject/$count`,
    `emails(${ID})/$nothing`,
    "$metadata/x",
    "$all",
    "emails/$count/x",
    `WhoAmI()/x`,
  ]) {
    assert.throws(() => read(path), fault(404, "0x8006088a"), path);
  }
  for (const path of [
    "emails(7)",
    "emails('x')",
    "emails()",
    "emails(%ff)",
    "emails(1)2",
    "emails((())",
    `emails(${ID},${ID})`,
    "x/".repeat(40),
    "a".repeat(40_000),
  ]) {
    assert.throws(() => read(path), fault(400, "0x80060888"), path.slice(0, 40));
  }
  assert.throws(() => read("contacts(firstname='Joe')"), fault(400, "0x80060890"));
});

test("any path is read, or refused with a fault", () => {
  const piece = fc.oneof(
    fc.constantFrom("emails", "contacts", "/", "(", ")", "'", "$ref", "$count", ID, "=", ",", "@a", "subject", "ownerid", "%27", "%"),
    fc.string(),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      try {
        read(pieces.join(""));
      } catch (error) {
        assert.ok(error instanceof ApiFault, String(error));
      }
    }),
  );
});

function fault(status: number, code: string): (error: unknown) => boolean {
  return (error) => error instanceof ApiFault && error.status === status && error.code === code;
}
