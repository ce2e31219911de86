/** A mailbox on a server with a script, whose messages look otherwise in each session, read by the whole engine. */
import { configurationSchema } from "../../../src/config.ts";
import type { TestDatabase } from "../../databases.ts";
import { type ScriptedImap, type ScriptedImapOptions, startScriptedImap } from "../../servers/scripted-imap.ts";
import { type ScriptedPop3, type ScriptedPop3Options, startScriptedPop3 } from "../../servers/scripted-pop3.ts";
import { decisionsIn, emailsIn } from "../incoming.ts";
import { addressOf, openRigApp, type RigApp, receive, testClock } from "../rig.ts";

export type Protocol = "imap" | "pop3";

/** A message as its server shows it now. */
export interface Shown {
  readonly name: string;
  readonly from?: string;
  /** Null: it has none. */
  readonly messageId?: string | null;
  readonly date?: string;
  readonly subject?: string;
  readonly body?: string;
  /** The moment of receipt; null: the server tells none. */
  readonly received?: string | null;
}

export const MOMENT = "Mon, 23 Nov 2026 10:00:00 +0000";

/** Tests before this one: they share a database, and the same message in two mailboxes would be one email. */
let before = 0;

export function mimeOf({ name, received = null, ...shown }: Shown): Buffer {
  const { from = "carla@customer.test", messageId = `${name}@customer.test`, date = MOMENT, subject = name } = shown;
  const lines = [
    ...(received === null ? [] : [`Received: from relay.test by mail.test; ${received}`]),
    `From: ${from}`,
    `To: anew${before}@company.test`,
    `Subject: ${subject}`,
    `Date: ${date}`,
    ...(messageId === null ? [] : [`Message-ID: <${before}.${messageId}>`]),
    "",
    shown.body ?? `This is ${name}.`,
  ];
  return Buffer.from(`${lines.join("\r\n")}\r\n`);
}

/** A mailbox on a server with a script, read by a Waypost of its own. */
export interface Scene extends AsyncDisposable {
  readonly app: RigApp;
  readonly user: string;
  /** What the server shows from the next session on; a message keeps its number, or id, as its place in the list. */
  show(...messages: readonly Shown[]): void;
  /** Reads the mailbox once: what went wrong, by its code. */
  round(): Promise<readonly string[]>;
  /** Subjects of the emails. */
  emails(): Promise<readonly string[]>;
  /** What was decided, in the order of the words. */
  decisions(): Promise<readonly string[]>;
  /** How often a folder was read from its beginning without being told to. */
  resets(): number;
}

interface SceneOptions {
  readonly filter?: "all" | "contacts";
  readonly deleting?: boolean;
  readonly imap?: ScriptedImapOptions["script"];
  readonly pop3?: ScriptedPop3Options["script"];
}

export async function openScene(database: TestDatabase, protocol: Protocol, options: SceneOptions = {}): Promise<Scene> {
  process.env.WAYPOST_TEST_WRITTEN_ANEW = "secret";
  await using stack = new AsyncDisposableStack();
  stack.defer(() => void before++);
  const server = stack.use(protocol === "imap" ? await imapServer(options.imap) : await pop3Server(options.pop3));
  const user = `anew${before}`;
  const clock = testClock();
  const app = stack.use(await openRigApp(database, configurationOf(user, protocol, server.port, options), { now: clock.now }));
  const all = stack.move();
  return {
    app,
    user,
    show: server.show,
    async round() {
      // Longer than any back-off.
      clock.forward(7200);
      return (await receive(app, user)).failures.map(({ code }) => code);
    },
    emails: async () => (await emailsIn(database, user)).map(({ subject }) => subject),
    decisions: async () => (await decisionsIn(database, user)).map(({ outcome }) => outcome).toSorted(),
    resets: () => app.logged.filter(({ message }) => message.startsWith("cursor lost")).length,
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  };
}

function configurationOf(user: string, protocol: Protocol, port: number, { filter = "all", deleting = false }: SceneOptions) {
  const address = addressOf(user);
  return configurationSchema.parse({
    organizations: [{ name: "CRM", kind: "embedded" }],
    serverProfiles: [{ name: user, incoming: { protocol, host: "127.0.0.1", port, security: "none", timeoutSeconds: 20 } }],
    ...(deleting ? { queues: [{ name: user, email: address }] } : { users: [{ name: user, email: address, filter }] }),
    mailboxes: [
      {
        address,
        ...(deleting ? { queue: address, deleteAfterProcessing: true } : { user: address }),
        username: "ann",
        outgoing: false,
        password: { env: "WAYPOST_TEST_WRITTEN_ANEW" },
        readFrom: "2026-01-01T00:00:00Z",
      },
    ],
  });
}

type ShowingServer = (ScriptedImap | ScriptedPop3) & { show(...messages: readonly Shown[]): void };

async function imapServer(script: ScriptedImapOptions["script"]): Promise<ShowingServer> {
  const server = await startScriptedImap({ ...(script && { script }) });
  return Object.assign(server, {
    show(...messages: readonly Shown[]) {
      server.inbox.uidNext = messages.length + 1;
      server.inbox.messages = messages.map((one, index) => ({
        uid: index + 1,
        mime: mimeOf({ ...one, received: null }),
        ...(one.received !== undefined && { internalDate: one.received?.slice(5).replace(/^(\d+) (\w+) /, "$1-$2-") ?? null }),
      }));
    },
  });
}

async function pop3Server(script: ScriptedPop3Options["script"]): Promise<ShowingServer> {
  const server = await startScriptedPop3({ ...(script && { script }) });
  return Object.assign(server, {
    show(...messages: readonly Shown[]) {
      server.messages = messages.map((one, index) => ({ uidl: `n${index + 1}`, mime: mimeOf({ received: MOMENT, ...one }) }));
    },
  });
}

export const at = (minute: number) => `Mon, 23 Nov 2026 11:${String(minute).padStart(2, "0")}:00 +0000`;

/** Messages with nothing special. */
export const plain = (...names: string[]): Shown[] => names.map((name) => ({ name }));
