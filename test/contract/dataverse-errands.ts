import { PARTICIPATION } from "../../src/model/decision.ts";
import type { Crm } from "../../src/ports.ts";
import { file, head, incoming, party, query, unique } from "./crm-fixtures.ts";
import type { DataverseUnderTest } from "./dataverse-under-test.ts";
import { withoutAddressIndex } from "./indexed-organization.ts";

/** Something that Waypost does with an organization, and that people know it by. */
export interface Errand {
  readonly name: string;
  /** Throws Failure. */
  run(crm: Crm): Promise<unknown>;
}

/** Everything that Waypost asks an organization for besides its check, in an organization that has something of each kind. */
export async function errandsAt(here: DataverseUnderTest): Promise<readonly Errand[]> {
  const addresses = { user: unique("ann"), queue: unique("support"), contact: unique("c"), account: unique("a"), lead: unique("l") };
  const userId = await here.user({ address: addresses.user, letsOthersSend: true });
  const queueId = await here.queue({ address: addresses.queue, owner: addresses.user });
  const [contact, account, lead] = await here.embedded.createRecords([
    { type: "contact", lastname: "Contact", addresses: [addresses.contact], ownerId: userId },
    { type: "account", name: "Account", addresses: [addresses.account], ownerId: userId },
    { type: "lead", lastname: "Lead", addresses: [addresses.lead], ownerId: userId },
  ]);
  if (!contact || !account || !lead) throw new Error("the records were not made");
  const [user, queue] = [
    { type: "systemuser", id: userId, name: "Ann" },
    { type: "queue", id: queueId, name: "Support" },
  ];
  const parties = [
    party(PARTICIPATION.sender, addresses.contact, contact),
    party(PARTICIPATION.to, addresses.user, user),
    party(PARTICIPATION.cc, addresses.queue, queue),
    party(PARTICIPATION.cc, addresses.account, account),
    party(PARTICIPATION.bcc, addresses.lead, lead),
  ];
  const received = (given: Parameters<typeof incoming>[0] = {}) =>
    incoming({ ...given, placement: { ownerId: userId, parties, ...given.placement } });
  const stands = async (given: Parameters<typeof incoming>[0] = {}) => {
    const email = received(given);
    await here.embedded.deliver([email]);
    return email.id;
  };
  const pressed = async () => {
    const id = await here.draft({ from: addresses.user, to: [addresses.contact], attachments: [file("a.txt", "a")] });
    await here.send(id, userId);
    return id;
  };
  const asked = () => ({ ...query([head({ from: Object.values(addresses) })]), mailbox: { address: addresses.user, owner: user } });
  const older = here.another(withoutAddressIndex);
  return [
    { name: "settings", run: (crm) => crm.organizationSettings() },
    { name: "whose addresses these are", run: (crm) => crm.facts(asked()) },
    { name: "whose addresses these are, without an index of them", run: () => older.facts(asked()) },
    ...[contact, account, lead].map((regarding) => ({
      name: `an email regarding the ${regarding.type}`,
      run: async (crm: Crm) =>
        crm.deliver([
          received({ attachments: [file("a.txt", "a")], placement: { regarding, queueIds: [queueId], parentEmailId: await stands() } }),
        ]),
    })),
    { name: "an email that a user accepts", run: (crm) => crm.deliver([received({ placement: { accepting: user } })]) },
    { name: "an email that a queue accepts", run: (crm) => crm.deliver([received({ placement: { accepting: queue } })]) },
    { name: "queue items", run: async (crm) => crm.addQueueItems(queueId, [await stands()]) },
    { name: "another regarding", run: async (crm) => crm.setRegarding(await stands({ placement: { regarding: contact } }), account) },
    { name: "no regarding", run: async (crm) => crm.setRegarding(await stands({ placement: { regarding: contact } }), null) },
    {
      name: "regarding that follows",
      run: async (crm) => crm.relate([{ id: await stands({ placement: { regarding: contact } }), from: contact, to: lead }]),
    },
    ...(["contact", "account", "lead"] as const).map((type) => ({
      name: `another address for the ${type}`,
      async run(crm: Crm) {
        const [record] = await here.embedded.createRecords([
          { type, name: "Given", lastname: "Given", addresses: [unique("g")], ownerId: userId },
        ]);
        return record && crm.addAddress(record, unique("new"), "column");
      },
    })),
    ...(["contact", "lead"] as const).map((type) => ({
      name: `a new ${type}`,
      run: (crm: Crm) =>
        crm.makeRecords([{ type, address: unique("stranger"), firstname: "", lastname: "Stranger", topic: "Hello", ownerId: userId }]),
    })),
    { name: "what waits to be sent", run: (crm) => crm.pendingSenders(new Date()) },
    {
      name: "sending",
      async run(crm) {
        const id = await pressed();
        const email = await crm.claim(id, 1);
        for (const { hash } of email?.attachments ?? []) await crm.attachment(hash);
        const settlement = {
          status: "sent",
          messageId: `${id}@crm.test`,
          subject: "s",
          sentOn: new Date(),
          attempts: 1,
          note: null,
        } as const;
        await crm.settle(id, 1, settlement);
      },
    },
    { name: "what came back", run: async (crm) => crm.returned([await stands()]) },
    { name: "whether all of a message is there", run: async (crm) => crm.whole([await stands()]) },
    { name: "emails of an address", run: (crm) => crm.emailsOf(addresses.contact, 10) },
    { name: "deleting an email", run: async (crm) => crm.remove(await stands()) },
    { name: "who else works on the mailboxes", run: async (crm) => crm.synchronizedElsewhere?.() },
    { name: "import", run: async (crm) => crm.serverSideSync?.(new AbortController().signal) },
  ];
}
