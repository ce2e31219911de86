import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { openEmbeddedCrm } from "../../src/crm/embedded.ts";
import { STATUS } from "../../src/model/email.ts";
import { onBothEngines, type TestDatabase } from "../databases.ts";
import { caller, messagesRig } from "./messages-rig.ts";

const ANN = "ann@crm.test";
const BOB = "bob@customer.test";

async function world(database: TestDatabase) {
  const crm = openEmbeddedCrm(database);
  const users = await crm.putUsers([{ name: "Ann", address: ANN }]);
  const ann = users.get(ANN) ?? "";
  const [bob] = await crm.createRecords([{ type: "contact", firstname: "Bob", lastname: "<Ray>", addresses: [BOB], ownerId: ann }]);
  assert.ok(bob);
  const template = randomUUID();
  await database.query(
    "insert into crm.template (templateid, title, templatetypecode, subject, body, ownerid) values ($1, 'Hello', 'contact', 'Hello {!Contact:firstname;you}', '<p>Dear {!Contact:lastname;}, {!Contact:jobtitle;friend}, from {!User:fullname;}{!Account:name;}</p>', $2)",
    [template, ann],
  );
  const contact = { "@odata.type": "Microsoft.Dynamics.CRM.contact", contactid: bob.id };
  const rig = messagesRig(database, caller(ann));
  return { crm, rig, ann, bob, template, contact };
}

const SUBJECT = "Hello Bob";
const HTML = "<p>Dear &#60;Ray&#62;, friend, from Ann</p>";

onBothEngines("InstantiateTemplate fills in what the record and the user have, without letting it become HTML", async (database) => {
  const { rig, template, bob } = await world(database);
  const instantiate = (ObjectType: string, TemplateId = template) =>
    rig.call("POST", "InstantiateTemplate", { TemplateId, ObjectType, ObjectId: bob.id });
  const { body } = await instantiate("contact");
  assert.deepEqual(body.value, [{ "@odata.type": "#Microsoft.Dynamics.CRM.email", subject: SUBJECT, description: HTML }]);
  assert.equal((await instantiate("contact", randomUUID())).status, 404);
  assert.equal((await instantiate("nothing")).code, "0x8004021f");
  assert.equal((await instantiate("lead")).status, 404);
});

onBothEngines("SendEmailFromTemplate and SendTemplate send what the template makes to whom they name", async (database) => {
  const { crm, rig, ann, template, contact, bob } = await world(database);
  const Target = {
    "@odata.type": "Microsoft.Dynamics.CRM.email",
    email_activity_parties: [
      { "partyid_systemuser@odata.bind": `/systemusers(${ann})`, participationtypemask: 1 },
      { "partyid_contact@odata.bind": `/contacts(${bob.id})`, participationtypemask: 2 },
    ],
  };
  const sent = await rig.call("POST", "SendEmailFromTemplate", { TemplateId: template, Regarding: contact, Target });
  const email = await crm.readEmail(String(sent.body.activityid));
  assert.deepEqual(
    [email?.status, email?.subject, email?.html, email?.regarding?.id],
    [STATUS.pendingSend, `${SUBJECT} CRM:0001001`, HTML, bob.id],
    sent.message,
  );
  const Sender = { "@odata.type": "Microsoft.Dynamics.CRM.systemuser", systemuserid: ann };
  const parameters = { TemplateId: template, Sender, Recipients: [contact], Regarding: contact };
  assert.equal((await rig.call("POST", "SendTemplate", parameters)).status, 204);
  assert.equal((await rig.call("POST", "SendTemplate", { ...parameters, Recipients: [] })).code, "0x80040b04");
  assert.equal(
    (
      await rig.call("POST", "SendEmailFromTemplate", {
        TemplateId: template,
        Regarding: contact,
        Target: { "@odata.type": "Microsoft.Dynamics.CRM.email" },
      })
    ).code,
    "0x80040b04",
  );
  const { emails } = await crm.listEmails({ limit: 10 });
  assert.deepEqual(emails.map(({ subject, status }) => [subject, status]).sort(), [
    [`${SUBJECT} CRM:0001001`, STATUS.pendingSend],
    [`${SUBJECT} CRM:0001002`, STATUS.pendingSend],
  ]);
});
