import { z } from "zod";
import { address, hostName, name, secret } from "./fields.ts";
import { incoming, trust } from "./forward-mailbox.ts";
import { oauth } from "./oauth.ts";
import { organization } from "./organizations.ts";
import { retention } from "./retention.ts";
import { incomingServer, outgoingServer, preset } from "./servers.ts";
import { serviceAccount } from "./service-account.ts";
import { webApiUser } from "./web-api.ts";

const connections = z.number().int().min(1).max(65536);

const filter = z
  .enum(["all", "replies", "contacts", "records", "none"])
  .describe(
    "incomingemailfilteringmethod: all = 0, replies to CRM email = 1, from leads, contacts and accounts = 2, from email-enabled records = 3, none = 4.",
  );

const aliases = z.array(address).max(100).default([]).describe("Further addresses that stand for the user or queue.");

/** The one schema of configuration (docs/configuration.md). What stands in the file is read-only everywhere else. */
export const configurationSchema = z.strictObject({
  database: z
    .union(
      [
        z.strictObject({ folder: z.string().min(1) }),
        z.strictObject({ url: secret, poolSize: z.number().int().min(1).max(100).optional() }),
      ],
      {
        error:
          "must be { folder: path } or { url: { env: NAME } }, with poolSize from 1 to 100 if wanted: a URL holds a password and never stands in this file itself",
      },
    )
    .default({ folder: "waypost-data" })
    .describe(
      "A folder for the embedded database, or the URL of a PostgreSQL 15+ by reference. DATABASE_URL in the environment wins over the folder.",
    ),
  key: secret
    .optional()
    .describe(
      "The key that seals access tokens in the database. Left out: WAYPOST_KEY from the environment, else a file that is made in the data folder.",
    ),
  listen: z
    .strictObject({
      host: z.string().default("127.0.0.1"),
      port: z.number().int().min(0).max(65535).default(8025),
      names: z
        .array(hostName)
        .default([])
        .describe("Host names under which browsers reach it through a reverse proxy; under other names it does not answer."),
    })
    .prefault({}),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("info"),
  pullSeconds: z.number().int().min(5).max(86400).default(60).describe("Each mailbox is pulled at least this often, wakes or not."),
  auditHours: z
    .number()
    .int()
    .min(1)
    .max(8760)
    .default(24)
    .describe("Each mailbox is compared with the CRM so often, from the mail system's own listing; a message that is missing is an alert."),
  retention,
  organizations: z.array(organization).min(1),
  hosts: z
    .record(hostName, z.strictObject({ maxConcurrentConnections: connections }))
    .default({})
    .describe(
      "Connections at a time to one host, whatever server profiles lead there. Left out: the smallest maxConcurrentConnections of those profiles.",
    ),
  serverProfiles: z
    .array(
      z
        .strictObject({
          name,
          preset: preset.optional(),
          incoming: incomingServer.optional(),
          outgoing: outgoingServer.optional(),
          serviceAccount: serviceAccount
            .optional()
            .describe("One account that reads, or sends for, all mailboxes of the profile; they need no password of their own then."),
          oauth: oauth.optional().describe("Sign in with access tokens instead of passwords, in both directions."),
          folders: z
            .enum(["inbox", "personal"])
            .default("inbox")
            .describe(
              "inbox: the inbox and all folders below it. personal: all of one's own folders except Sent, Drafts, Trash, Junk and other special ones.",
            ),
          filesSentCopy: z
            .boolean()
            .default(false)
            .describe("true where the mail system puts a copy of what it sends into Sent by itself."),
          marksTracked: z
            .boolean()
            .default(false)
            .describe(
              "true: messages that become emails are given the category CategoryKeyword, where the mail system has keywords (IMAP).",
            ),
          requireTest: z
            .boolean()
            .default(false)
            .describe(
              "true: its mailboxes are worked on only after `waypost check` has passed, and again after the way to the server has changed.",
            ),
          maxConcurrentConnections: connections
            .default(10)
            .describe("Connections at a time over all processes and mailboxes of the profile: reading, sending, waiting for news, checks."),
          maximumMessageMegabytes: z
            .number()
            .min(1)
            .max(500)
            .default(40)
            .describe("A larger message is put into quarantine instead of being downloaded."),
        })
        .refine((profile) => profile.incoming || profile.outgoing, { error: "needs incoming, outgoing or both" }),
    )
    .default([]),
  users: z
    .array(
      z.strictObject({
        name,
        email: address,
        otherEmails: z.array(address).max(2).default([]),
        aliases,
        filter: filter.default("replies"),
        autoCreate: z
          .enum(["nothing", "contact", "lead"])
          .default("nothing")
          .describe(
            "autocreatecontactonpromote: what is made of the unresolved sender of an email that this user owns. nothing = 0, contact = 1, lead = 2.",
          ),
        mayWriteEmails: z.boolean().default(true).describe("Holds prvWriteActivity; who does not, owns no email."),
        defaultQueue: address.optional().describe("E-mail of the user's default queue, see AutoRouteToOwnerQueue."),
        letsOthersSend: z.boolean().default(false).describe("Other users may send in this user's name (issendasallowed)."),
        maySendAsOthers: z.boolean().default(false).describe("Holds prvSendAsUser."),
        ...webApiUser,
      }),
    )
    .default([]),
  queues: z
    .array(
      z.strictObject({
        name,
        email: address,
        aliases,
        filter: filter.exclude(["none"]).default("all"),
        owner: address.optional().describe("E-mail of the user who owns it."),
      }),
    )
    .default([]),
  mailboxes: z
    .array(
      z
        .strictObject({
          address,
          organization: name.optional().describe("May be left out when there is only one."),
          profile: name.optional().describe("May be left out when there is only one."),
          user: address.optional().describe("E-mail of the user whose mailbox it is."),
          queue: address.optional().describe("E-mail of the queue whose mailbox it is."),
          forward: z
            .boolean()
            .default(false)
            .describe(
              "true: a forward mailbox, which is nobody's. Rules of users' mailboxes forward to it, and the originals count as read there.",
            ),
          trust: trust.optional(),
          username: z.string().min(1).optional().describe("The user whose mailbox it is on the mail server. Left out: the address."),
          password: secret.optional(),
          incoming,
          outgoing: z.boolean().optional().describe("Delivery method. Left out: true; of a forward mailbox false."),
          active: z.boolean().default(true),
          approved: z
            .union([z.boolean(), address], { error: "must be true, false, or the address that is approved" })
            .default(true)
            .describe(
              "true until the address of the user or queue changes, which then must be approved again. The address itself approves it by name; false: not approved.",
            ),
          deleteAfterProcessing: z
            .boolean()
            .default(false)
            .describe("Delete from a queue's or a forward mailbox what has become an email of the CRM (processanddeleteemails)."),
          readFrom: z.iso
            .datetime({ offset: true })
            .optional()
            .describe("Messages received before this are left alone. Left out: the moment at which the mailbox is first seen here."),
        })
        .refine((one) => Number(one.user !== undefined) + Number(one.queue !== undefined) + Number(one.forward) === 1, {
          error: "needs exactly one of user, queue and forward: true (Dynamics refuses a forward mailbox with an owner as 8005E207)",
        }),
    )
    .default([]),
});

export type Configuration = z.output<typeof configurationSchema>;
export type FilterName = z.output<typeof filter>;
