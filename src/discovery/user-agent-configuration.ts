/** The IETF's coming successor of autoconfig (draft-ietf-mailmaint-pacc): JSON over HTTPS, confirmed by a digest in DNS. Pure. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { hostName, STANDARD_PORTS } from "./domain.ts";
import type { Settings, SignIn } from "./found.ts";

export function userAgentConfigurationPlace(domain: string): string {
  return `https://ua-auto-config.${domain}/.well-known/user-agent-configuration.json`;
}

/** Where the digest stands. */
export function digestName(domain: string): string {
  return `_ua-auto-config.${domain}`;
}

const server = z.object({ host: z.string().max(300) }).optional();

const documentSchema = z.object({
  protocols: z.object({ imap: server, pop3: server, smtp: server }),
  authentication: z
    .object({ "oauth-public": z.object({ issuer: z.string().max(2000) }).optional(), password: z.boolean().optional() })
    .optional(),
});

/** The document cannot be used; `message` says why. */
export class DocumentRefused extends Error {}

/**
 * Reads a document whose digest stands in one of the TXT records (`v=UAAC1; a=sha256; d=...`), each given as its strings. Servers are reached by TLS
 * from the first byte on the standard ports; the draft knows nothing else. Throws DocumentRefused.
 */
export function readUserAgentConfiguration(document: Buffer, records: readonly (readonly string[])[]): readonly Settings[] {
  const digest = createHash("sha256").update(document).digest("base64");
  if (!records.some((strings) => digestOf(strings.join("")) === digest))
    throw new DocumentRefused(records.length === 0 ? "DNS holds no digest of it" : "its digest in DNS is another one");
  const { protocols, authentication } = parsed(document);
  const signIn: SignIn[] = [
    ...(authentication?.password === true ? (["password"] as const) : []),
    ...(authentication?.["oauth-public"] ? (["oauth"] as const) : []),
  ];
  return (["imap", "pop3", "smtp"] as const).flatMap((protocol) => {
    const host = hostName(protocols[protocol]?.host ?? "");
    return host === null ? [] : [{ protocol, host, port: STANDARD_PORTS[protocol].tls, security: "tls" as const, username: null, signIn }];
  });
}

function parsed(document: Buffer): z.infer<typeof documentSchema> {
  let json: unknown;
  try {
    json = JSON.parse(document.toString("utf8"));
  } catch (error) {
    throw new DocumentRefused(`it is no JSON: ${error instanceof Error ? error.message : String(error)}`);
  }
  const result = documentSchema.safeParse(json);
  if (!result.success) throw new DocumentRefused("it does not have the fields of the draft");
  return result.data;
}

/** The SHA-256 in a record, in base64; null when the record is of another kind or version. */
function digestOf(record: string): string | null {
  const tags = new Map(
    record.split(";").map((tag) => {
      const at = tag.indexOf("=");
      return [tag.slice(0, Math.max(at, 0)).trim().toLowerCase(), tag.slice(at + 1).trim()] as const;
    }),
  );
  const known = tags.get("v")?.toLowerCase() === "uaac1" && tags.get("a")?.toLowerCase() === "sha256";
  return known ? (tags.get("d") ?? null) : null;
}
