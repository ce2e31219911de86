import { readFileSync } from "node:fs";
import path from "node:path";
import { type Document, isAlias, LineCounter, parseDocument, visit } from "yaml";
import { z } from "zod";
import { address, hostName, name, type SecretReference, secret } from "./config/fields.ts";
import { oauth } from "./config/oauth.ts";
import { hostMayBeLeftOut, incomingServer, outgoingServer, preset, serverProblems } from "./config/servers.ts";
import { serviceAccount, serviceAccountProblems, signsInItself } from "./config/service-account.ts";
import { addressKey } from "./model/address.ts";
import { Failure } from "./model/failure.ts";
import { withPresets } from "./model/presets.ts";
import { DEFAULT_SETTINGS } from "./model/settings.ts";

export { readSecret, type SecretReference } from "./config/fields.ts";

/** The one schema of configuration (docs/configuration.md). What stands in the file is read-only everywhere else. */

const connections = z.number().int().min(1).max(65536);

const settings = z
  .strictObject(
    Object.fromEntries(
      Object.entries(DEFAULT_SETTINGS).map(([key, value]) => [
        key,
        (typeof value === "boolean"
          ? z.boolean()
          : typeof value === "number"
            ? z.number()
            : Array.isArray(value)
              ? z.array(z.string())
              : z.string()
        ).optional(),
      ]),
    ),
  )
  .describe("Organization settings by their Dynamics names; what is left out has Dynamics' default.");

const filter = z
  .enum(["all", "replies", "contacts", "records", "none"])
  .describe(
    "incomingemailfilteringmethod: all = 0, replies to CRM email = 1, from leads, contacts and accounts = 2, from email-enabled records = 3, none = 4.",
  );

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
  organizations: z.array(z.strictObject({ name, kind: z.literal("embedded"), settings: settings.default({}) })).min(1),
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
    .min(1),
  users: z
    .array(
      z.strictObject({
        name,
        email: address,
        otherEmails: z.array(address).max(2).default([]),
        filter: filter.default("replies"),
        letsOthersSend: z.boolean().default(false).describe("Other users may send in this user's name (issendasallowed)."),
        maySendAsOthers: z.boolean().default(false).describe("Holds prvSendAsUser."),
      }),
    )
    .default([]),
  queues: z
    .array(
      z.strictObject({
        name,
        email: address,
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
          username: z.string().min(1).optional().describe("The user whose mailbox it is on the mail server. Left out: the address."),
          password: secret.optional(),
          incoming: z.boolean().default(true),
          outgoing: z.boolean().default(true),
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
            .describe("Delete from a queue's mailbox what has become an email of the CRM (processanddeleteemails)."),
          readFrom: z.iso
            .datetime({ offset: true })
            .optional()
            .describe("Messages received before this are left alone. Left out: the moment at which the mailbox is first seen here."),
        })
        .refine((one) => Number(one.user !== undefined) + Number(one.queue !== undefined) === 1, {
          error: "needs exactly one of user and queue",
        }),
    )
    .default([]),
});

export type Configuration = z.output<typeof configurationSchema>;
export type FilterName = z.output<typeof filter>;

/** One thing wrong in a configuration file. Lines and columns count from 1. */
export interface ConfigurationProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path of the field, like `mailboxes[2].password`; empty for the whole file. */
  readonly field: string;
  readonly problem: string;
}

/** Thrown when a configuration cannot be used; says where, line by line. */
export class ConfigurationError extends Failure {
  readonly problems: readonly ConfigurationProblem[];
  constructor(problems: readonly ConfigurationProblem[]) {
    super({
      scope: "process",
      code: "configuration wrong",
      message: problems
        .map((one) => `${one.file}:${one.line}:${one.column}: ${one.field ? `${one.field}: ` : ""}${one.problem}`)
        .join("\n"),
      remedy: "Correct these lines; docs/configuration.md describes every field.",
      waitingHelps: false,
    });
    this.problems = problems;
  }
}

/**
 * Reads and checks a configuration file. Throws ConfigurationError with every problem found, by line and field. DATABASE_URL wins over a folder,
 * as the environment of a container should.
 */
export function readConfiguration(file: string): Configuration {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (cause) {
    throw new Failure({
      scope: "process",
      code: "configuration missing",
      message: `The configuration file ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: "Write one (docs/configuration.md shows a complete example), or name another with --config or WAYPOST_CONFIG.",
      waitingHelps: false,
      cause,
    });
  }
  const configuration = parseConfiguration(text, file);
  const urlInEnvironment = "folder" in configuration.database && process.env.DATABASE_URL;
  return urlInEnvironment ? { ...configuration, database: { url: { env: "DATABASE_URL" } } } : configuration;
}

/** Checks the text of a configuration; `file` is only for messages. Relative paths of files and folders are taken from the file's folder. */
export function parseConfiguration(text: string, file: string): Configuration {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = [
    ...document.errors.map(({ pos, code, message }) => ({ at: pos[0], problem: yamlProblem(code, message) })),
    ...lostAliases(document),
  ];
  if (faults.length > 0)
    throw new ConfigurationError(faults.map((fault) => ({ file, ...at(fault.at), field: "", problem: fault.problem })));
  const place = (path: readonly PropertyKey[]) => {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      if (node && typeof node === "object" && "range" in node && Array.isArray(node.range)) return at(Number(node.range[0]));
    }
    return { line: 1, column: 1 };
  };
  const result = configurationSchema.safeParse(withPresets(document.toJS() ?? {}), {
    error: (issue) => (issue.input === undefined ? "is needed" : undefined),
  });
  if (!result.success) {
    throw new ConfigurationError(
      result.error.issues.map((issue) => ({
        file,
        ...place(issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path),
        field: fieldName(issue.path),
        problem: issue.code === "unrecognized_keys" ? `unknown field ${issue.keys.map((key) => `"${key}"`).join(", ")}` : issue.message,
      })),
    );
  }
  const problems = contradictions(result.data).map(({ path, problem }) => ({ file, ...place(path), field: fieldName(path), problem }));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return withAbsolutePaths(result.data, path.dirname(path.resolve(file)));
}

/** What the YAML reader says, without what it repeats of the file behind a colon: that may be a password in the wrong place. */
function yamlProblem(code: string, message: string): string {
  return code === "MULTIPLE_DOCS" ? "a second document begins here (---); the file may hold only one" : message.replace(/: .*$/s, "");
}

/** Values that begin with `*` without being meant so; the reader itself notices them late, without a place. */
function lostAliases(document: Document.Parsed): { at: number; problem: string }[] {
  const found: { at: number; problem: string }[] = [];
  visit(document, (_key, node) => {
    if (isAlias(node) && node.resolve(document) === undefined)
      found.push({
        at: node.range?.[0] ?? 0,
        problem: "a value that begins with * refers to an anchor (&) earlier in the file, and there is none",
      });
  });
  return found;
}

/** Everything that one field alone cannot show to be wrong: names that refer to nothing, or twice the same. */
function contradictions(configuration: Configuration): { path: PropertyKey[]; problem: string }[] {
  const found: { path: PropertyKey[]; problem: string }[] = [];
  const unique = (list: string, values: readonly string[], field: string) => {
    const seen = new Set<string>();
    for (const [index, value] of values.entries()) {
      if (seen.has(addressKey(value))) found.push({ path: [list, index, field], problem: `"${value}" stands here a second time` });
      seen.add(addressKey(value));
    }
  };
  const { organizations, serverProfiles, users, queues, mailboxes } = configuration;
  unique(
    "organizations",
    organizations.map((one) => one.name),
    "name",
  );
  unique(
    "serverProfiles",
    serverProfiles.map((one) => one.name),
    "name",
  );
  unique(
    "users",
    users.map((one) => one.email),
    "email",
  );
  unique(
    "queues",
    queues.map((one) => one.email),
    "email",
  );
  unique(
    "mailboxes",
    mailboxes.map((one) => one.address),
    "address",
  );
  if (organizations.length > 1)
    found.push({ path: ["organizations", 1], problem: "only one embedded organization fits into one database" });
  const known = (list: readonly string[], value: string) => list.some((one) => addressKey(one) === addressKey(value));
  for (const [index, profile] of serverProfiles.entries()) {
    for (const { field, problem } of serverProblems(profile)) found.push({ path: ["serverProfiles", index, ...field], problem });
    for (const { field, problem } of serviceAccountProblems(profile))
      found.push({ path: ["serverProfiles", index, "serviceAccount", field], problem });
    if (profile.oauth && profile.serviceAccount)
      found.push({
        path: ["serverProfiles", index, "serviceAccount"],
        problem: "and oauth do not go together: name the account in oauth.account",
      });
    for (const direction of ["incoming", "outgoing"] as const) {
      const problem = signInProblem(profile[direction]?.authentication, profile.oauth !== undefined);
      if (problem !== null) found.push({ path: ["serverProfiles", index, direction, "authentication"], problem });
    }
  }
  for (const [index, queue] of queues.entries()) {
    if (
      queue.owner !== undefined &&
      !known(
        users.map((one) => one.email),
        queue.owner,
      )
    )
      found.push({ path: ["queues", index, "owner"], problem: `no user has the address ${queue.owner}` });
  }
  for (const [index, mailbox] of mailboxes.entries()) {
    const wrong = (field: string, problem: string) => found.push({ path: ["mailboxes", index, field], problem });
    if (mailbox.deleteAfterProcessing && mailbox.user !== undefined)
      wrong("deleteAfterProcessing", "is for mailboxes of queues: a user's mail belongs to the user (Dynamics refuses it as 8005E233)");
    if (
      mailbox.user !== undefined &&
      !known(
        users.map((one) => one.email),
        mailbox.user,
      )
    )
      wrong("user", `no user has the address ${mailbox.user}`);
    if (
      mailbox.queue !== undefined &&
      !known(
        queues.map((one) => one.email),
        mailbox.queue,
      )
    )
      wrong("queue", `no queue has the address ${mailbox.queue}`);
    if (mailbox.organization !== undefined && !organizations.some((one) => one.name === mailbox.organization))
      wrong("organization", `there is no organization "${mailbox.organization}"`);
    const profile = mailbox.profile === undefined ? serverProfiles[0] : serverProfiles.find((one) => one.name === mailbox.profile);
    if (mailbox.profile === undefined && serverProfiles.length > 1) wrong("profile", "must be named: there are several server profiles");
    else if (!profile) wrong("profile", `there is no server profile "${mailbox.profile}"`);
    else if (!mailbox.password && !profile.oauth && signsInItself(profile))
      wrong("password", `is needed: the server profile "${profile.name}" signs in with it`);
    else if (mailbox.password && profile.oauth)
      wrong("password", `is used for nothing: the server profile "${profile.name}" signs in with access tokens (oauth)`);
    else if (mailbox.password && profile.serviceAccount && !signsInItself(profile))
      wrong("password", `is used for nothing: the service account of the server profile "${profile.name}" signs in`);
  }
  return found;
}

/** Tokens and passwords do not mix in one profile: a mailbox has one way to sign in. */
function signInProblem(authentication: string | undefined, withTokens: boolean): string | null {
  if (withTokens && (authentication === "plain" || authentication === "login"))
    return "signs in with a password, but the profile has access tokens (oauth)";
  const needsTokens = authentication === "oauth" || authentication === "oauthbearer" || authentication === "xoauth2";
  return needsTokens && !withTokens ? "needs the section oauth in the server profile" : null;
}

function withAbsolutePaths(configuration: Configuration, base: string): Configuration {
  const absolute = (file: string) => path.resolve(base, file);
  const secretFile = (one: SecretReference): SecretReference => ("file" in one ? { file: absolute(one.file) } : one);
  const { database } = configuration;
  return {
    ...configuration,
    ...(configuration.key && { key: secretFile(configuration.key) }),
    database: "folder" in database ? { folder: absolute(database.folder) } : { ...database, url: secretFile(database.url) },
    serverProfiles: configuration.serverProfiles.map((profile) => ({
      ...profile,
      ...(profile.incoming && { incoming: withAuthorities(profile.incoming, absolute) }),
      ...(profile.outgoing && { outgoing: withAuthorities(profile.outgoing, absolute) }),
      ...(profile.serviceAccount && {
        serviceAccount: { ...profile.serviceAccount, password: secretFile(profile.serviceAccount.password) },
      }),
      ...(profile.oauth && { oauth: withAbsoluteOauth(profile.oauth, absolute) }),
    })),
    mailboxes: configuration.mailboxes.map((mailbox) => ({
      ...mailbox,
      ...(mailbox.password && { password: secretFile(mailbox.password) }),
    })),
  };
}

type Oauth = NonNullable<Configuration["serverProfiles"][number]["oauth"]>;

function withAbsoluteOauth(one: Oauth, absolute: (file: string) => string): Oauth {
  const secretFile = (reference: SecretReference): SecretReference =>
    "file" in reference ? { file: absolute(reference.file) } : reference;
  return {
    ...withAuthorities(one, absolute),
    ...(one.clientSecret && { clientSecret: secretFile(one.clientSecret) }),
    ...(one.privateKey && { privateKey: secretFile(one.privateKey) }),
    ...(one.certificate !== undefined && { certificate: absolute(one.certificate) }),
  };
}

function withAuthorities<T extends { certificateAuthorities?: string | undefined }>(one: T, absolute: (file: string) => string): T {
  return one.certificateAuthorities === undefined ? one : { ...one, certificateAuthorities: absolute(one.certificateAuthorities) };
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`)).join("");
}

/** The JSON Schema of the file, for editors: docs/waypost.schema.json. A host may be left out there, because a preset may know it. */
export function configurationJsonSchema(): object {
  return z.toJSONSchema(configurationSchema, {
    io: "input",
    unrepresentable: "any",
    override: hostMayBeLeftOut,
  });
}
