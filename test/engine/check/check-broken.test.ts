import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { configurationSchema } from "../../../src/config.ts";
import type { CheckStep } from "../../../src/engine/check/check-step.ts";
import { testDatabase } from "../../databases.ts";
import { missingServers } from "../../servers/needs.ts";
import { openRigApp, type RigApp } from "../rig.ts";
import { type Fault, faultsBothWays, outgoingFaults } from "./faults.ts";
import { incomingFaults } from "./incoming-faults.ts";
import { type BrokenServers, HOSTS, PASSWORD, startBrokenServers } from "./servers.ts";

/** Accounts without a fault of their own; each fault without an account takes the next. */
const ACCOUNTS = Array.from({ length: 100 }, (_, index) => `sound${index}`);
/** Accounts that a fault names, with a mailbox of their own. */
const NAMED = ["innocent", "redirected", "junked", "lost", "uncopied", "undeletable", "unreadable"];

/** A fault with the mailbox that has it. */
interface Case extends Fault {
  readonly name: string;
  readonly address: string;
}

let servers: BrokenServers;
let app: RigApp;
let cases: readonly Case[] = [];
const told = new Map<string, CheckStep>();
const open = new AsyncDisposableStack();
const skip = missingServers(["dovecot", "postfix"]);

before(async () => {
  if (skip) return;
  servers = open.use(await startBrokenServers([...ACCOUNTS, ...NAMED]));
  const faults = [...incomingFaults(servers), ...outgoingFaults(servers), ...faultsBothWays(servers)];
  const sound = ACCOUNTS.values();
  cases = faults.map((fault) => {
    const name = fault.account ?? sound.next().value ?? assert.fail("the suite needs more accounts");
    return { ...fault, name, address: fault.mailbox?.address ?? `${name}@example.test` };
  });
  await setRights("unreadable", "INBOX", "la");
  await setRights("uncopied", "Sent", "lra");
  await servers.dovecot.withImap("undeletable", (client) => client.mailboxCreate("INBOX/Later"));
  await setRights("undeletable", "INBOX", "lrsta");
  await setRights("undeletable", "INBOX/Later", "lrsea");
  const database = open.use(await testDatabase("pglite"));
  app = await openRigApp(database, configurationFor(cases));
  open.defer(() => app.close());
});
after(() => open.disposeAsync());

/** One server profile, user and mailbox for each fault, right but for the fault. */
function configurationFor(all: readonly Case[]) {
  const server = { host: HOSTS.good, security: "none", timeoutSeconds: 5 } as const;
  const incoming = { ...server, port: servers.dovecot.ports.imap };
  const outgoing = { ...server, port: servers.postfix.ports.smtp, authentication: "none" } as const;
  const innocent: Case[] = all
    .filter((one) => one.name === "redirected")
    .map((one) => ({ ...one, name: "innocent", address: "innocent@example.test" }));
  const everybody = [...all, ...innocent];
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: all.map((one) => ({
      name: one.fault,
      incoming: { ...incoming, ...one.incoming },
      outgoing: { ...outgoing, ...one.outgoing },
      ...one.profile,
    })),
    users: everybody.filter((one) => !isOfQueue(one)).map(({ name, address }) => ({ name, email: address, filter: "all" })),
    queues: everybody.filter(isOfQueue).map(({ name, address }) => ({ name, email: address })),
    mailboxes: everybody.map((one) => ({
      address: one.address,
      [isOfQueue(one) ? "queue" : "user"]: one.address,
      profile: one.fault,
      username: one.name,
      password: { file: servers.passwordFile },
      ...one.mailbox,
    })),
  });
}

/** Only in the mailbox of a queue messages are deleted. */
function isOfQueue({ mailbox }: Pick<Fault, "mailbox">): boolean {
  return mailbox?.deleteAfterProcessing === true;
}

/** Leaves the owner of a folder these rights there (RFC 4314). imapflow has no SETACL of its own. */
async function setRights(account: string, folder: string, rights: string): Promise<void> {
  await servers.dovecot.withImap(account, async (client) => {
    const run = client as unknown as { exec(command: string, attributes: readonly object[]): Promise<{ next(): void }> };
    const attributes = [folder, account, rights].map((value) => ({ type: "STRING", value }));
    (await run.exec("SETACL", attributes)).next();
  });
}

/** The step that tells the fault. */
async function stepOf(one: Case): Promise<CheckStep> {
  await using _held = await one.prepare?.(one.name);
  const [checked] = await app.operations.check([one.address], { waitSeconds: 2 }, new AbortController().signal, () => {});
  const wanted = new RegExp(`^(${one.code})$`);
  const step = checked?.steps.find((step) => step.direction === one.direction && wanted.test(step.code ?? ""));
  assert.ok(step, `no step says ${one.code}: ${JSON.stringify(checked?.steps, null, 1)}`);
  return step;
}

describe("broken set-ups on real servers", { skip }, () => {
  test("each has its own advice", { concurrency: 4 }, async (context) => {
    assert.ok(cases.length >= 80, `${cases.length} set-ups`);
    const tried = cases.map((one) =>
      context.test(one.fault, async () => {
        const step = await stepOf(one);
        told.set(one.fault, step);
        assert.equal(step.result, one.result ?? "failed");
        assert.match(step.message, one.message);
        assert.match(step.remedy ?? "", one.remedy);
        if (one.serverSaid) assert.match(step.serverSaid ?? "", one.serverSaid);
        assert.doesNotMatch(JSON.stringify(step), new RegExp(PASSWORD));
      }),
    );
    await Promise.all(tried);
  });

  test("no two of them get the same sentence, neither for what happened nor for what to do", () => {
    assert.equal(told.size, cases.length);
    for (const part of ["message", "remedy"] as const) {
      const faults = new Map<string, string[]>();
      for (const one of cases.filter((one) => one.sameAs === undefined)) {
        const sentence = normalized(told.get(one.fault)?.[part] ?? "", one);
        faults.set(sentence, [...(faults.get(sentence) ?? []), one.fault]);
      }
      for (const one of cases.filter((one) => one.sameAs !== undefined))
        assert.ok(
          faults.get(normalized(told.get(one.fault)?.[part] ?? "", one))?.includes(one.sameAs ?? ""),
          `${one.fault} is told as ${one.sameAs}`,
        );
      const shared = [...faults].filter(([, names]) => names.length > 1);
      assert.deepEqual(shared, [], part);
    }
  });

  test("a set-up without a fault passes beside them", async () => {
    const [checked] = await app.operations.check(["innocent@example.test"], { testMessage: false }, new AbortController().signal, () => {});
    assert.deepEqual(
      checked?.steps.filter((step) => step.result === "failed"),
      [],
    );
  });
});

/** A sentence without what differs from company to company: hosts, ports, names and ids. */
function normalized(sentence: string, { name, address }: Case): string {
  return sentence
    .replaceAll(address, "ADDRESS")
    .replaceAll(name, "ACCOUNT")
    .replace(/\b127\.0\.0\.\d\b|no-such-host\.invalid/g, "HOST")
    .replace(/HOST:\d+/g, "HOST:PORT")
    .replace(/\b\d{5}\b/g, "PORT")
    .replace(/<[^>]*>/g, "<ID>");
}
