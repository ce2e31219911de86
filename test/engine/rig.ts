import { mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { z } from "zod";
import { type App, type AppOptions, openApp } from "../../src/app.ts";
import { type Configuration, configurationSchema } from "../../src/config.ts";
import type { Database } from "../../src/database/database.ts";
import type { CheckRequest, MailboxCheck } from "../../src/engine/operations/check.ts";
import type { RunResult } from "../../src/engine/operations/run-now.ts";
import type { Counts } from "../../src/engine/receive/reading.ts";
import type { SendCounts } from "../../src/engine/send/send-mailbox.ts";
import { type Dovecot, type DovecotOptions, startDovecot } from "../servers/dovecot.ts";
import { type Postfix, type PostfixOptions, startPostfix } from "../servers/postfix.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { OVER_DYNAMICS, overWebApi } from "./over-web-api.ts";

type ConfigurationInput = z.input<typeof configurationSchema>;
type EmbeddedInput = Extract<ConfigurationInput["organizations"][number], { kind: "embedded" }>;
type UserInput = NonNullable<ConfigurationInput["users"]>[number];
type MailboxInput = NonNullable<ConfigurationInput["mailboxes"]>[number];
type ProfileInput = NonNullable<ConfigurationInput["serverProfiles"]>[number];

/** A user of Waypost with one mailbox on the rig's Dovecot. What is left out: filter "all", both directions. */
export interface RigUser extends Partial<Omit<UserInput, "name" | "email">> {
  /** The account on the mail server, see `EngineRig.newUser`. */
  readonly name: string;
  readonly mailbox?: Partial<Omit<MailboxInput, "address" | "user" | "queue" | "forward">>;
}

export interface RigQueue {
  readonly name: string;
  readonly owner?: string;
  /** Whole addresses. */
  readonly aliases?: readonly string[];
  readonly mailbox?: RigUser["mailbox"];
}

/** What a test changes in the one organization and the one server profile. */
export interface RigChanges {
  readonly settings?: EmbeddedInput["settings"];
  readonly trackAfterwards?: EmbeddedInput["trackAfterwards"];
  readonly profile?: Partial<Omit<ProfileInput, "incoming" | "outgoing">>;
  readonly incoming?: Partial<NonNullable<ProfileInput["incoming"]>>;
  readonly outgoing?: Partial<NonNullable<ProfileInput["outgoing"]>>;
  readonly queues?: readonly RigQueue[];
  /** Forward mailboxes. */
  readonly sinks?: readonly Pick<RigUser, "name" | "mailbox">[];
}

export interface Logged {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly fields: object;
  readonly message: string;
}

/** An app that keeps what it logs. Disposing it does not close the database. */
export type RigApp = App & { readonly logged: readonly Logged[] };

/** Real servers and the configurations of a Waypost that works with them. One for each test file; tests take users of their own. */
export interface EngineRig extends AsyncDisposable {
  readonly dovecot: Dovecot;
  /** The Postfix asked for; throws when there is none. */
  readonly postfix: Postfix;
  /** An account on the Dovecot that no other test has, for example `user7`; its address is `user7@example.test`. */
  newUser(): string;
  newUsers(count: number): string[];
  /** One profile ("test") over both servers, one organization ("CRM"), and one mailbox for each user and queue. A string is a user with nothing special. */
  configurationFor(users: readonly (RigUser | string)[], changes?: RigChanges): Configuration;
  /** What Waypost believes the account's password to be, from its next sign-in on. The mail server's own: `dovecot.setPassword`. */
  writePassword(name: string, password: string): void;
  open(database: Database, configuration: Configuration, options?: Pick<AppOptions, "now" | "content">): Promise<RigApp>;
  /** Where that password stands, for an account that is no mailbox of the rig too. */
  passwordFile(name: string): string;
}

export const PASSWORD = "correct-horse";

export interface EngineRigOptions {
  readonly dovecot?: Omit<DovecotOptions, "users">;
  /** Default: none. It delivers to the Dovecot and asks it for passwords. */
  readonly postfix?: Omit<PostfixOptions, "deliverTo" | "sasl">;
  /** Default 60. */
  readonly accounts?: number;
}

export async function engineRig(options: EngineRigOptions = {}): Promise<EngineRig> {
  const accounts = Array.from({ length: options.accounts ?? 60 }, (_, index) => `user${index}`);
  const folder = temporaryFolder("engine");
  const passwordFile = (name: string) => path.join(folder, name);
  const writePassword = (name: string, password: string) => writeFileSync(passwordFile(name), password, { mode: 0o600 });
  mkdirSync(folder, { recursive: true });
  for (const name of accounts) writePassword(name, PASSWORD);

  await using starting = new AsyncDisposableStack();
  starting.defer(() => removeFolder(folder));
  const dovecot = starting.use(
    await startDovecot({ ...options.dovecot, users: Object.fromEntries(accounts.map((name) => [name, PASSWORD])) }),
  );
  const postfix =
    options.postfix &&
    starting.use(await startPostfix({ ...options.postfix, deliverTo: { lmtp: dovecot.ports.lmtp }, sasl: { port: dovecot.ports.sasl } }));
  const running = starting.move();

  let next = 0;
  const newUser = () => {
    const name = accounts[next++];
    if (name === undefined) throw new Error("the suite needs more accounts");
    return name;
  };
  return {
    dovecot,
    get postfix() {
      if (!postfix) throw new Error("this rig was started without Postfix");
      return postfix;
    },
    newUser,
    newUsers: (count) => Array.from({ length: count }, newUser),
    configurationFor: (users, changes = {}) =>
      configurationSchema.parse(
        configurationInput(
          users.map((user) => (typeof user === "string" ? { name: user } : user)),
          { imap: dovecot.ports.imap, ...(postfix && { smtp: postfix.ports.smtp }) },
          passwordFile,
          changes,
        ),
      ),
    writePassword,
    passwordFile,
    open: openRigApp,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

function configurationInput(
  users: readonly RigUser[],
  ports: { readonly imap: number; readonly smtp?: number },
  passwordFile: (name: string) => string,
  changes: RigChanges,
): ConfigurationInput {
  const server = { host: "127.0.0.1", security: "none", timeoutSeconds: 20 } as const;
  const queues = changes.queues ?? [];
  return {
    organizations: [
      {
        name: "CRM",
        kind: "embedded",
        ...(changes.settings && { settings: changes.settings }),
        ...(changes.trackAfterwards && { trackAfterwards: changes.trackAfterwards }),
      },
    ],
    serverProfiles: [
      {
        name: "test",
        incoming: { ...server, protocol: "imap", port: ports.imap, ...changes.incoming },
        ...(ports.smtp !== undefined && { outgoing: { ...server, protocol: "smtp", port: ports.smtp, ...changes.outgoing } }),
        ...changes.profile,
      },
    ],
    users: users.map(({ mailbox: _, name, ...rest }) => ({ filter: "all" as const, ...rest, name, email: addressOf(name) })),
    queues: queues.map(({ name, owner, aliases = [] }) => ({
      ...{ name, email: addressOf(name), aliases: [...aliases] },
      ...(owner !== undefined && { owner: addressOf(owner) }),
    })),
    mailboxes: [
      ...users.map(({ name, mailbox }) => ({ ...mailboxInput(name, passwordFile), user: addressOf(name), ...mailbox })),
      ...queues.map(({ name, mailbox }) => ({ ...mailboxInput(name, passwordFile), queue: addressOf(name), ...mailbox })),
      ...(changes.sinks ?? []).map(({ name, mailbox }) => ({ ...mailboxInput(name, passwordFile), forward: true, ...mailbox })),
    ],
  };
}

function mailboxInput(name: string, passwordFile: (name: string) => string): MailboxInput {
  return { address: addressOf(name), password: { file: passwordFile(name) } };
}

/** The address of an account of the rig. */
export function addressOf(name: string): string {
  return `${name}@example.test`;
}

export async function openRigApp(
  database: Database,
  configuration: Configuration,
  options: Pick<AppOptions, "now" | "content"> = {},
): Promise<RigApp> {
  const logged: Logged[] = [];
  const keep = (level: Logged["level"]) => (fields: object, message: string) => void logged.push({ level, fields, message });
  const log = { debug: keep("debug"), info: keep("info"), warn: keep("warn"), error: keep("error") };
  const app = Object.assign(await openApp(configuration, { ...options, database, log }), { logged });
  return OVER_DYNAMICS ? await overWebApi(app, database) : app;
}

/** One round of receiving: of all mailboxes, or of these accounts. */
export function receive(app: App, ...names: readonly string[]): Promise<RunResult<Counts>> {
  return app.operations.receive(names.map(addressOf), new AbortController().signal, () => {});
}

/** One round of sending: of all mailboxes, or of these accounts. */
export function send(app: App, ...names: readonly string[]): Promise<RunResult<SendCounts>> {
  return app.operations.send(names.map(addressOf), new AbortController().signal, () => {});
}

/** Tests the mailboxes of all, or of these accounts. The test message is looked for for 15 s unless said otherwise. */
export function check(app: App, names: readonly string[], request: CheckRequest = {}): Promise<readonly MailboxCheck[]> {
  return app.operations.check(names.map(addressOf), { waitSeconds: 15, ...request }, new AbortController().signal, () => {});
}

/** A clock that stands still until it is moved. */
export interface TestClock {
  readonly now: () => Date;
  /** Moves it. */
  forward(seconds: number): void;
  set(to: Date): void;
}

export function testClock(start: Date = new Date()): TestClock {
  let time = start.getTime();
  return {
    now: () => new Date(time),
    forward(seconds) {
      time += seconds * 1000;
    },
    set(to) {
      time = to.getTime();
    },
  };
}
