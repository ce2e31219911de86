import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { Failure } from "../../model/failure.ts";
import type { Answer, DataverseClient, Request } from "./client/client.ts";
import type { Metadata } from "./client/metadata.ts";
import { MetadataReader } from "./client/metadata-reader.ts";
import { synchronizedElsewhere } from "./elsewhere.ts";
import { Organization } from "./organization.ts";
import type { Row } from "./row.ts";
import { readServerSideSync } from "./server-side-sync.ts";

const CSDL = path.resolve(import.meta.dirname, "../../../../shared/schemas/dataverse/crm-v8-org-en.csdl.xml");
const ROOT = "https://crm.contoso.local/Contoso/api/data/v8.2/";

let read: Metadata | null = null;

/** The metadata of a real organization of version 8.2. */
function metadata(): Metadata {
  if (read !== null) return read;
  const reader = new MetadataReader();
  reader.write(readFileSync(CSDL, "utf8"));
  read = reader.end();
  return read;
}

interface Script {
  readonly client: DataverseClient;
  readonly asked: Request[];
}

/** An organization that answers each reading of a set with these rows, two a page. */
function scripted(sets: Readonly<Record<string, readonly Row[]>>): Script {
  const asked: Request[] = [];
  const answer = async (request: Request): Promise<Answer> => {
    asked.push(request);
    const followed = request.link === undefined ? null : new URL(request.link);
    const set = followed === null ? request.path : followed.href.slice(ROOT.length).replace(/\?.*/, "");
    const all = sets[set] ?? [];
    const from = Number(followed?.searchParams.get("$skiptoken") ?? 0);
    const link = `${ROOT}${set}?$skiptoken=${from + 2}`;
    const body = { value: all.slice(from, from + 2), ...(all.length > from + 2 && { "@odata.nextLink": link }) };
    return { kind: "answered", status: 200, headers: {}, body };
  };
  const unexpected = () => Promise.reject(new Error("nothing else is asked"));
  const client: DataverseClient = {
    root: ROOT,
    send: (request) => answer(request),
    batch: (requests) => Promise.all(requests.map(answer)),
    changeSets: unexpected,
    metadata: async () => metadata(),
    version: unexpected,
    close: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return { client, asked };
}

const ANN = "11111111-0000-0000-0000-000000000001";
const SUPPORT = "22222222-0000-0000-0000-000000000001";
const PROFILE = "33333333-0000-0000-0000-000000000001";
const OWNER = "_regardingobjectid_value";

function mailbox(number: number, given: Row = {}): Row {
  return {
    mailboxid: `44444444-0000-0000-0000-00000000000${number}`,
    name: `Mailbox ${number}`,
    emailaddress: `Box${number}@contoso.com`,
    statecode: 0,
    [OWNER]: ANN,
    [`${OWNER}@Microsoft.Dynamics.CRM.lookuplogicalname`]: "systemuser",
    _emailserverprofile_value: PROFILE,
    incomingemaildeliverymethod: 2,
    outgoingemaildeliverymethod: 2,
    enabledforincomingemail: true,
    enabledforoutgoingemail: true,
    emailrouteraccessapproval: 1,
    ...given,
  };
}

const ORGANIZATION: Row = {
  name: "Contoso",
  emailconnectionchannel: 0,
  requireapprovalforuseremail: true,
  requireapprovalforqueueemail: false,
};
const PROFILE_ROW: Row = {
  emailserverprofileid: PROFILE.toUpperCase(),
  name: "Mail",
  statecode: 0,
  servertype: 1,
  incomingserverlocation: " pop.contoso.com ",
  incomingportnumber: 995,
  incomingusessl: true,
  incomingcredentialretrieval: 0,
  outgoingcredentialretrieval: 99,
  timeoutmailboxconnection: false,
  timeoutmailboxconnectionafteramount: 5000,
};

describe("what an organization says of its server-side synchronization", () => {
  test("is read with choices as words, page by page, and whose a mailbox is", async () => {
    const { client } = scripted({
      organizations: [ORGANIZATION],
      emailserverprofiles: [PROFILE_ROW],
      mailboxes: [
        mailbox(1, { processemailreceivedafter: "2026-11-20T08:00:00Z", username: "ann", allowemailconnectortousecredentials: true }),
        mailbox(2, {
          [OWNER]: SUPPORT,
          [`${OWNER}@Microsoft.Dynamics.CRM.lookuplogicalname`]: undefined,
          username: "unused",
          actdeliverymethod: 1,
        }),
        mailbox(3, { [OWNER]: null, isforwardmailbox: true, incomingemaildeliverymethod: 3, outgoingemaildeliverymethod: 0 }),
      ],
      systemusers: [{ systemuserid: ANN, fullname: "Ann Lee", internalemailaddress: "ann@contoso.com", isdisabled: true }],
      queues: [{ queueid: SUPPORT, name: "Support", emailaddress: "", statecode: 0 }],
    });
    const sync = await readServerSideSync(client, AbortSignal.timeout(10_000));
    assert.deepEqual(sync.organization, {
      ...{ name: "Contoso", channel: "server-side synchronization", approvalForUsers: true, approvalForQueues: false },
    });
    const [profile] = sync.profiles;
    assert.deepEqual(
      [profile?.id, profile?.serverType, profile?.incoming.location, profile?.incoming.credentials, profile?.timeoutMilliseconds],
      [PROFILE, "pop3", "pop.contoso.com", "user or queue", null],
    );
    assert.equal(profile?.outgoing.credentials, null, "a number that is not known means nothing");
    assert.deepEqual(
      sync.mailboxes.map(({ address, owner, username, forward, incoming, outgoing, synchronizesItems }) => ({
        ...{ address, owner, username, forward, incoming, outgoing, synchronizesItems },
      })),
      [
        {
          ...{ address: "Box1@contoso.com", owner: { type: "user", id: ANN }, username: "ann", forward: false },
          ...{ incoming: "server", outgoing: "server", synchronizesItems: false },
        },
        {
          ...{ address: "Box2@contoso.com", owner: { type: "queue", id: SUPPORT }, username: null, forward: false },
          ...{ incoming: "server", outgoing: "server", synchronizesItems: true },
        },
        {
          ...{ address: "Box3@contoso.com", owner: null, username: null, forward: true },
          ...{ incoming: "forward mailbox", outgoing: "none", synchronizesItems: false },
        },
      ],
    );
    assert.equal(sync.mailboxes[0]?.readFrom?.toISOString(), "2026-11-20T08:00:00.000Z");
    assert.deepEqual(sync.users, [{ id: ANN, name: "Ann Lee", address: "ann@contoso.com", active: false, filter: "answers to CRM email" }]);
    assert.deepEqual(sync.queues, [{ id: SUPPORT, name: "Support", address: null, active: true, filter: null }]);
  });

  test("is asked for with columns that the organization has, and never with a password", async () => {
    const { client, asked } = scripted({ organizations: [ORGANIZATION] });
    await readServerSideSync(client, AbortSignal.timeout(10_000));
    assert.equal(asked.length, 6);
    for (const { path: set, query } of asked) {
      const table = [...metadata().entities.values()].find((one) => one.set === set);
      const columns = query?.$select?.split(",") ?? [];
      if (set === "usersettingscollection") assert.deepEqual(columns, ["systemuserid", "incomingemailfilteringmethod"]);
      else assert.ok(columns.length > 2, set);
      assert.deepEqual(
        columns.filter((column) => !table?.properties.has(column)),
        [],
      );
      assert.ok(!columns.some((column) => column.includes("password") || column.includes("secret")));
    }
    const profiles = asked.find((one) => one.path === "emailserverprofiles")?.query?.$select ?? "";
    assert.ok(profiles.includes("incomingserverlocation") && !profiles.includes("oauthclientid"), "8.2 has no column for an application");
  });

  test("is a failure of the organization where an answer is none", async () => {
    const { client } = scripted({ organizations: [ORGANIZATION], mailboxes: [mailbox(1, { statecode: "Active" })] });
    await assert.rejects(readServerSideSync(client, AbortSignal.timeout(10_000)), { code: "answer not understood", scope: "organization" });
  });
});

describe("mailboxes that Dynamics itself works on", () => {
  const elsewhere = async (sets: Parameters<typeof scripted>[0]) => {
    const { client, asked } = scripted(sets);
    const found = await synchronizedElsewhere(new Organization({ client }));
    return { asked: asked.length, found: Object.fromEntries([...found].map(([address, one]) => [address, Object.keys(one)])) };
  };

  test("are told by address and direction, all in two exchanges; one where there is none", async () => {
    const both = await elsewhere({
      organizations: [ORGANIZATION],
      mailboxes: [mailbox(1), mailbox(2, { enabledforincomingemail: false })],
    });
    assert.deepEqual(both, { asked: 3, found: { "box1@contoso.com": ["receive", "send"], "box2@contoso.com": ["send"] } });
    assert.deepEqual(await elsewhere({ organizations: [ORGANIZATION] }), { asked: 1, found: {} });
  });

  test("are not those of another delivery method, without approval that is wanted, without a profile or with an inactive one", async () => {
    const mailboxes = [
      mailbox(1, { incomingemaildeliverymethod: 0, outgoingemaildeliverymethod: 1 }),
      mailbox(2, { emailrouteraccessapproval: 2 }),
      mailbox(3, { _emailserverprofile_value: null }),
      // Of queues this organization wants no approval.
      mailbox(4, { emailrouteraccessapproval: 2, [`${OWNER}@Microsoft.Dynamics.CRM.lookuplogicalname`]: "queue" }),
    ];
    const { found } = await elsewhere({ organizations: [ORGANIZATION], mailboxes });
    assert.deepEqual(found, { "box4@contoso.com": ["receive", "send"] });
    const resting = await elsewhere({
      organizations: [ORGANIZATION],
      mailboxes: [mailbox(1)],
      emailserverprofiles: [{ emailserverprofileid: PROFILE }],
    });
    assert.deepEqual(resting.found, {});
  });

  test("are none where a router has the organization's email: then whoever works on enabled mailboxes is one", async () => {
    const { found } = await elsewhere({ organizations: [{ ...ORGANIZATION, emailconnectionchannel: 1 }], mailboxes: [mailbox(1)] });
    assert.deepEqual(found, {});
  });

  test("make all of them wait where Waypost may not look: nobody knows then who works on one", async () => {
    const { client } = scripted({ organizations: [ORGANIZATION] });
    const failure = new Failure({ scope: "item", code: "refused", message: "prvReadMailbox is missing", remedy: "", waitingHelps: false });
    const refusing: DataverseClient = {
      ...client,
      batch: async (all) => all.map(() => ({ kind: "refused", status: 403, code: "0x80040220", failure })),
    };
    await assert.rejects(synchronizedElsewhere(new Organization({ client: refusing })), {
      scope: "organization",
      code: "mailboxes not readable",
    });
  });

  test("are told with what to do, by their address", async () => {
    const { client } = scripted({ organizations: [ORGANIZATION], mailboxes: [mailbox(1)] });
    const one = (await synchronizedElsewhere(new Organization({ client }))).get("box1@contoso.com");
    assert.match(one?.receive?.because ?? "", /^Dynamics itself reads Box1@contoso\.com: .* enabled for incoming email/);
    assert.match(
      one?.receive?.remedy ?? "",
      /set incoming email to None, or deactivate the mailbox\. Or switch it off here: incoming: false\.$/,
    );
    assert.match(one?.send?.because ?? "", /sends for .* could leave twice/);
  });
});
