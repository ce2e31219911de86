import { z } from "zod";
import { PRESET_NAMES } from "../model/presets.ts";
import { host } from "./fields.ts";

/** How the two servers of a profile are reached (docs/configuration.md). */

const server = () =>
  z.strictObject({
    host: host.describe("Host name as it stands in the server's certificate."),
    port: z.number().int().min(1).max(65535).optional(),
    security: z
      .enum(["tls", "starttls", "none"])
      .default("tls")
      .describe("tls from the first byte, starttls (never falls back to clear text), or none: plain text by choice."),
    certificateAuthorities: z.string().optional().describe("PEM file with certificate authorities to trust beside the system's."),
    verifyCertificate: z.boolean().default(true).describe("false accepts any certificate; shown as a weakness."),
    timeoutSeconds: z.number().min(1).max(3600).default(60),
  });

const METHODS = ["auto", "plain", "login", "oauth", "oauthbearer", "xoauth2", "none"] as const;
const METHODS_TOLD =
  "auto, plain, login: with a password. oauth: with an access token, by OAUTHBEARER where the server offers it and else by XOAUTH2.";

export const incomingServer = server().extend({
  protocol: z.enum(["imap", "pop3"]).default("imap"),
  authentication: z
    .enum([...METHODS, "apop"])
    .default("auto")
    .describe(`${METHODS_TOLD} apop: with a password that is not sent, for POP3 on connections in clear.`),
});

export const outgoingServer = server().extend({
  protocol: z.literal("smtp").default("smtp"),
  authentication: z.enum(METHODS).default("auto").describe(METHODS_TOLD),
});

export const preset = z
  .enum(PRESET_NAMES)
  .describe("A mail system whose settings are known: fills what this profile leaves out (`waypost presets`).");

/** For the JSON Schema of a server, where nothing is required: a preset may know the host. */
export function hostMayBeLeftOut({ jsonSchema }: { readonly jsonSchema: z.core.JSONSchema.BaseSchema }): void {
  if (jsonSchema.properties?.verifyCertificate !== undefined) delete jsonSchema.required;
}

/** What of a server profile decides whether its incoming server can be read that way. */
interface Profile {
  readonly incoming?: { readonly protocol: string; readonly authentication: string } | undefined;
  readonly serviceAccount?: { readonly incoming?: string | undefined } | undefined;
}

/** What a server is told to do and its protocol cannot, by field. */
export function serverProblems({
  incoming,
  serviceAccount,
}: Profile): readonly { readonly field: readonly string[]; readonly problem: string }[] {
  if (incoming === undefined) return [];
  const apop = incoming.authentication === "apop";
  if (incoming.protocol !== "pop3")
    return apop ? [{ field: ["incoming", "authentication"], problem: "apop is a sign-in method of POP3: IMAP has none like it" }] : [];
  const problems: { field: readonly string[]; problem: string }[] = [];
  if (incoming.authentication === "none")
    problems.push({
      field: ["incoming", "authentication"],
      problem: "none is not possible: a POP3 server gives out mail only after a sign-in",
    });
  if (serviceAccount?.incoming === "sharedFolders")
    problems.push({
      field: ["serviceAccount", "incoming"],
      problem: "sharedFolders needs IMAP: POP3 shows one mailbox and nothing of others",
    });
  if (serviceAccount?.incoming === "authorizationIdentity" && apop)
    problems.push({
      field: ["serviceAccount", "incoming"],
      problem: "needs the sign-in method PLAIN, and incoming.authentication is apop",
    });
  return problems;
}
