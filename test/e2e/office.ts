import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import type { z } from "zod";
import type { configurationSchema } from "../../src/config.ts";
import { type EmbeddedCrm, openEmbeddedCrm } from "../../src/crm/embedded.ts";
import type { Database } from "../../src/database/database.ts";
import { openDatabase } from "../../src/database/open.ts";
import { type DemoMailServer, startMailServer } from "../../src/demo/mail-server/mail-server.ts";
import { type EngineName, testDatabase } from "../databases.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { type CommandOptions, type Ended, type Running, startWaypost, waypost } from "./command.ts";

export type ConfigurationInput = z.input<typeof configurationSchema>;

export const ANN = "ann@office.test";
export const BEN = "ben@office.test";
export const PASSWORD = "opensesame-7f3a";

/** A small company: a mail server with two accounts, a database, and a folder with the `waypost.yaml` that joins them. */
export interface Office extends AsyncDisposable {
  readonly folder: string;
  readonly mail: DemoMailServer;
  /** Folder of the embedded database; null on PostgreSQL. */
  readonly data: string | null;
  readonly configuration: ConfigurationInput;
  /** Writes `waypost.yaml`. */
  write(configuration: ConfigurationInput): void;
  /** Changes the password that Waypost signs in with. */
  setPassword(password: string): void;
  /** A message from a stranger arrives for somebody. */
  arrive(address: string, messageId: string, more?: { readonly subject?: string; readonly size?: number }): void;
  /** Ann presses Send on a new email; a command must have run before, and nothing may hold the folder. Returns its id. */
  pressSend(to: string): Promise<string>;
  /** Looks into the database while nothing else holds the folder. */
  inDatabase<T>(look: (database: Database, crm: EmbeddedCrm) => Promise<T>): Promise<T>;
  /** Runs a command to its end. */
  run(...args: string[]): Promise<Ended>;
  /** Starts one that goes on. */
  start(args: readonly string[], options?: Partial<CommandOptions>): Running;
}

/** `smtpPort`: what stands before the mail server for those who send, made from its port. */
export async function openOffice(
  engine: EngineName,
  smtpPort: (port: number) => Promise<number> | number = (port) => port,
): Promise<Office> {
  await using opening = new AsyncDisposableStack();
  const folder = temporaryFolder("office");
  opening.defer(() => removeFolder(folder));
  const mail = await startMailServer({
    accounts: [ANN, BEN].map((address) => ({ address, name: address, password: PASSWORD })),
    domains: ["office.test"],
  });
  opening.defer(() => mail.close());
  const database = opening.use(await testDatabase(engine));
  await database.close();
  const data = "folder" in database.place ? database.place.folder : null;
  const environment: Record<string, string> = "url" in database.place ? { DATABASE_URL: database.place.url } : {};
  const configuration = configurationFor(data, mail.imapPort, await smtpPort(mail.smtpPort));
  const opened = opening.move();
  const write = (changed: ConfigurationInput) => writeFileSync(path.join(folder, "waypost.yaml"), JSON.stringify(changed, null, 1));
  const setPassword = (password: string) => writeFileSync(path.join(folder, "password"), `${password}\n`, { mode: 0o600 });
  write(configuration);
  setPassword(PASSWORD);

  const inDatabase: Office["inDatabase"] = async (look) => {
    await using open = await openDatabase(database.place);
    return await look(open, openEmbeddedCrm(open));
  };
  return {
    folder,
    mail,
    data,
    configuration,
    write,
    setPassword,
    arrive(address, messageId, { subject = "A question", size = 0 } = {}) {
      const lines = [`From: Carl <carl@stranger.test>`, `To: <${address}>`, `Subject: ${subject}`, `Message-ID: <${messageId}>`];
      mail.deliver(address, [...lines, `Date: ${new Date().toUTCString()}`, "", `Hello.${"\r\nmore".repeat(size / 6)}`, ""].join("\r\n"));
    },
    pressSend: (to) =>
      inDatabase(async (open, crm) => {
        const { rows } = await open.query<{ id: string }>("select systemuserid as id from crm.systemuser where internalemailaddress = $1", [
          ANN,
        ]);
        const [id = ""] = await crm.createEmails([
          {
            subject: "An offer",
            text: "Here it is.",
            from: { address: { name: "", address: ANN } },
            to: [{ address: { name: "", address: to } }],
          },
        ]);
        await crm.sendEmail(id, rows[0]?.id ?? null);
        return id;
      }),
    inDatabase,
    run: (...args) => waypost(args, { folder, environment }),
    start: (args, options = {}) => startWaypost(args, { folder, ...options, environment: { ...environment, ...options.environment } }),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function configurationFor(data: string | null, imapPort: number, smtpPort: number): ConfigurationInput {
  const plain = { host: "127.0.0.1", security: "none" } as const;
  return {
    ...(data !== null && { database: { folder: data } }),
    listen: { port: 0 },
    pullSeconds: 5,
    organizations: [{ name: "office", kind: "embedded", settings: { allowunresolvedpartiesonemailsend: true } }],
    serverProfiles: [
      { name: "mail", incoming: { ...plain, port: imapPort }, outgoing: { ...plain, port: smtpPort }, maximumMessageMegabytes: 1 },
    ],
    users: [
      { name: "Ann", email: ANN, filter: "all" },
      { name: "Ben", email: BEN, filter: "replies" },
    ],
    mailboxes: [ANN, BEN].map((address) => ({ address, user: address, password: { file: "password" }, readFrom: "2020-01-01T00:00:00Z" })),
  };
}

/** What a process leaves for the command line beside its database. */
export function doorOf(office: Office): { readonly url: string; readonly token: string } {
  return JSON.parse(readFileSync(path.join(office.data ?? "", "service.json"), "utf8"));
}
