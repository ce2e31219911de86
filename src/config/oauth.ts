import { z } from "zod";
import { address, secret, webAddress } from "./fields.ts";

/** How a server profile signs in with access tokens (docs/oauth.md). */

export const oauth = z
  .strictObject({
    provider: z.enum(["microsoft365", "google", "other"]).describe("Whose sign-in service it is; other: name its addresses below."),
    tenant: z
      .string()
      .trim()
      .regex(/^[\w-]+(?:\.[\w-]+)*$/, "must be the id or a domain of the directory")
      .default("organizations")
      .describe("microsoft365: the directory, by id or by domain."),
    clientId: z.string().trim().min(1).max(300).describe("Id of the application that was registered for Waypost."),
    clientSecret: secret.optional().describe("The application's secret, by reference."),
    privateKey: secret.optional().describe("Instead of a secret: the application's private key (PEM, PKCS #8), by reference."),
    certificate: z.string().min(1).optional().describe("PEM file with the certificate of that key; Microsoft knows the key by it."),
    grant: z
      .enum(["authorizationCode", "deviceCode", "clientCredentials"])
      .default("authorizationCode")
      .describe(
        "authorizationCode: somebody signs in with a browser. deviceCode: with a browser on another machine. clientCredentials: nobody signs in, the application itself has the right.",
      ),
    account: address
      .optional()
      .describe("One account that signs in for all mailboxes of the profile. Left out: each mailbox is authorized by its own account."),
    scopes: z
      .array(z.string().trim().min(1).max(300))
      .min(1)
      .max(30)
      .optional()
      .describe("Rights that are asked for; left out: those for mail."),
    issuer: webAddress.optional().describe("other: the sign-in service's name for itself, where it says one."),
    authorizationEndpoint: webAddress.optional().describe("other: where people sign in."),
    deviceAuthorizationEndpoint: webAddress.optional().describe("other: where codes for other devices are asked for."),
    tokenEndpoint: webAddress.optional().describe("other: where tokens are asked for."),
    certificateAuthorities: z.string().optional().describe("PEM file with certificate authorities to trust beside the system's."),
  })
  .superRefine((one, context) => {
    const wrong = (field: string, problem: string) => context.addIssue({ code: "custom", path: [field], message: problem, input: one });
    for (const [field, problem] of contradictions(one)) wrong(field, problem);
  });

type Oauth = {
  readonly provider: "microsoft365" | "google" | "other";
  readonly tenant: string;
  readonly clientSecret?: unknown;
  readonly privateKey?: unknown;
  readonly certificate?: string | undefined;
  readonly grant: "authorizationCode" | "deviceCode" | "clientCredentials";
  readonly account?: string | undefined;
  readonly scopes?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  readonly authorizationEndpoint?: string | undefined;
  readonly deviceAuthorizationEndpoint?: string | undefined;
  readonly tokenEndpoint?: string | undefined;
};

function* contradictions(one: Oauth): Generator<readonly [field: string, problem: string]> {
  const { provider, grant } = one;
  if (one.clientSecret && one.privateKey) yield ["privateKey", "is one too many: there is a clientSecret already"];
  if (provider === "microsoft365" && one.privateKey && !one.certificate)
    yield ["certificate", "is needed: Microsoft knows the private key by its certificate"];
  if (grant === "clientCredentials") {
    if (!one.clientSecret && !one.privateKey) yield ["clientSecret", "or privateKey is needed: the application signs in by itself"];
    if (one.account) yield ["account", "makes no sense where nobody signs in (grant: clientCredentials)"];
    if (provider === "microsoft365" && ["organizations", "common", "consumers"].includes(one.tenant))
      yield ["tenant", "is needed: an application has rights in one directory only"];
  }
  if (provider === "google" && grant !== "authorizationCode")
    yield ["grant", "must be authorizationCode: Google opens mailboxes to nobody by device code or client credentials"];
  if (provider === "other") yield* missingAddresses(one);
  else {
    const own = ["issuer", "authorizationEndpoint", "deviceAuthorizationEndpoint", "tokenEndpoint"] as const;
    for (const field of own) if (one[field]) yield [field, `belongs to provider: other; the addresses of ${provider} are known`];
  }
}

function* missingAddresses(one: Oauth): Generator<readonly [field: string, problem: string]> {
  if (!one.tokenEndpoint) yield ["tokenEndpoint", "is needed with provider: other"];
  if (one.grant === "authorizationCode" && !one.authorizationEndpoint)
    yield ["authorizationEndpoint", "is needed with provider: other and grant: authorizationCode"];
  if (one.grant === "deviceCode" && !one.deviceAuthorizationEndpoint)
    yield ["deviceAuthorizationEndpoint", "is needed with provider: other and grant: deviceCode"];
  if (!one.scopes) yield ["scopes", "are needed with provider: other"];
  if (one.scopes?.includes("openid") && !one.issuer) yield ["issuer", "is needed with the scope openid: the proof of identity names it"];
}
