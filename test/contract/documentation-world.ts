import assert from "node:assert/strict";
import { putUsers } from "../../src/crm/directory.ts";
import { putUserRoles } from "../../src/crm/webapi/roles.ts";
import type { TestDatabase } from "../databases.ts";
import type { ServedOrganization } from "../webapi/served-organization.ts";
import { tokenOf } from "./dynamics-web-api-rig.ts";

export interface Answered {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
}

const GUID = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/;
const NAMED = new RegExp(`\\b([a-z]+)\\((${GUID.source})\\)`, "g");
const TYPED = new RegExp(`"activityid":"(${GUID.source})","@odata.type":"Microsoft.Dynamics.CRM.([a-z]+)"`, "g");
const FILTERED = new RegExp(`([a-z]+id)/(account|contact)id(?: |%20)eq(?: |%20)(${GUID.source})`, "g");

const PERSON = { firstname: "Yvonne", lastname: "McKay (sample)", jobtitle: "senior specialist and manager", annualincome: 60_000 };
const TASK = { subject: "Task 1", description: "x", scheduledstart: "2016-04-11T15:00:00Z", scheduledend: "2016-04-12T15:00:00Z" };
const ACCOUNT = {
  name: "Adventure Works (sample)",
  accountnumber: "A1",
  accountcategorycode: 1,
  accountratingcode: 1,
  creditonhold: false,
  numberofemployees: 100,
  revenue: 200_000,
  telephone1: "555-0100",
  description: "x",
};

/** The rows that the documentation's examples presuppose, made as examples name them. */
export class DocumentationWorld {
  readonly #organization: ServedOrganization;
  readonly #database: TestDatabase;
  readonly #token: string;

  private constructor(organization: ServedOrganization, database: TestDatabase, token: string) {
    this.#organization = organization;
    this.#database = database;
    this.#token = token;
  }

  /** With a handful of accounts and contacts, so that queries find some and pages follow each other. */
  static async open(organization: ServedOrganization, database: TestDatabase): Promise<DocumentationWorld> {
    const world = new DocumentationWorld(organization, database, await tokenOf(organization));
    for (let count = 0; count < 6; count++) await world.#make(`accounts(00000000-0000-0000-0000-00000000010${count})`);
    await database.query("insert into crm.savedquery (name) values ('Active Accounts')");
    return world;
  }

  get root(): string {
    return `${this.#organization.url}/api/data/v9.0/`;
  }

  async send(method: string, url: string, headers: Readonly<Record<string, string>>, body: string | null): Promise<Answered> {
    const answer = await fetch(`${this.root}${url}`, {
      method,
      headers: { authorization: `Bearer ${this.#token}`, ...headers },
      ...(body !== null && { body }),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  }

  /** Makes what a request names by set and id, by type and id, in a filter, or as whom it acts, unless it is there. */
  async presuppose(url: string, body: string | null, headers: Readonly<Record<string, string>>): Promise<void> {
    const text = `${url} ${body ?? ""}`;
    for (const [row] of text.matchAll(NAMED)) await this.#make(row);
    for (const [, id, type] of text.matchAll(TYPED)) await this.#make(`${type}s(${id})`);
    for (const [, navigation, table, id] of text.matchAll(FILTERED)) {
      await this.#make(`${table}s(${id})`);
      await this.#done("POST", "accounts", { name: "Refers (sample)", [`${navigation}@odata.bind`]: `/${table}s(${id})` });
    }
    const acting = headers.CallerObjectId;
    if (acting === undefined) return;
    await this.#database.transaction(async (tx) => {
      const [id = ""] = (await putUsers(tx, [{ name: "Impersonated User", address: "impersonated@crm.test" }])).values();
      await putUserRoles(tx, new Map([[id, ["System Administrator"]]]));
      await tx.query("update crm.systemuser set azureactivedirectoryobjectid = $2 where systemuserid = $1", [id, acting]);
    }, "put impersonated user");
  }

  /** Takes away a row that must not be there. */
  async withhold(row: string): Promise<void> {
    const { status } = await this.send("DELETE", row, {}, null);
    assert.ok(status === 204 || status === 404, row);
  }

  async etagOf(row: string): Promise<string> {
    const { headers } = await this.send("GET", row, {}, null);
    return headers.get("etag") ?? assert.fail(`${row} has no ETag`);
  }

  async #make(row: string): Promise<void> {
    const { status } = await this.send("GET", row, {}, null);
    if (status === 200) return;
    const set = row.slice(0, row.indexOf("("));
    if (set === "accounts") {
      await this.#done("PATCH", row, ACCOUNT);
      const contact = await this.#done("POST", "contacts", { ...PERSON, "parentcustomerid_account@odata.bind": `/${row}` });
      await this.#done("POST", "contacts", { ...PERSON, "parentcustomerid_account@odata.bind": `/${row}` });
      const parent = await this.#done("POST", "accounts", { name: "Parent (sample)", "primarycontactid@odata.bind": `/${contact}` });
      await this.#done("PATCH", row, { "primarycontactid@odata.bind": `/${contact}`, "parentaccountid@odata.bind": `/${parent}` });
      await this.#done("POST", "tasks", { ...TASK, "regardingobjectid_account_task@odata.bind": `/${row}` });
    } else if (set === "contacts") {
      await this.#done("PATCH", row, PERSON);
      await this.#done("POST", "accounts", { ...ACCOUNT, "primarycontactid@odata.bind": `/${row}` });
      await this.#done("POST", "tasks", { ...TASK, "regardingobjectid_contact_task@odata.bind": `/${row}` });
    } else if (set === "annotations") {
      const contact = await this.#done("POST", "contacts", PERSON);
      await this.#done("PATCH", row, { subject: "The title", notetext: "x", "objectid_contact@odata.bind": `/${contact}` });
    } else if (set === "systemusers") {
      await this.#database.query("insert into crm.systemuser (systemuserid, fullname, internalemailaddress) values ($1, 'User', $2)", [
        GUID.exec(row)?.[0],
        `${GUID.exec(row)?.[0]}@crm.test`,
      ]);
    } else await this.#done("PATCH", row, set === "queues" ? { name: "A queue" } : { subject: "x" });
  }

  /** The row that was written, as `set(id)`. */
  async #done(method: string, url: string, body: object): Promise<string> {
    const answer = await this.send(method, url, { "content-type": "application/json" }, JSON.stringify(body));
    assert.equal(answer.status, 204, `${method} ${url}: ${answer.text}`);
    return (answer.headers.get("odata-entityid") ?? "").replace(this.root, "");
  }
}
