import { z } from "zod";
import { LinearPattern } from "../model/linear-pattern.ts";
import { CATEGORY_KEYWORD, DEFAULT_SETTINGS, OWN_SETTINGS, type OwnSettings, PLUS_ADDRESS_SEPARATOR } from "../model/settings.ts";
import { LOOPBACK, name, secret, webAddress } from "./fields.ts";
import { webApi } from "./web-api.ts";

/** The CRMs that are served: the embedded one, or Dynamics 365 (docs/crm/). */

const noisePattern = z.string().superRefine((text, context) => {
  const read = LinearPattern.read(text);
  if ("problem" in read) context.addIssue({ code: "custom", message: `is a regular expression that cannot be used: it ${read.problem}` });
});

const plusAddressSeparator = z.string().regex(PLUS_ADDRESS_SEPARATOR, "must be one character like + or -, or nothing");

const categoryKeyword = z
  .string()
  .regex(CATEGORY_KEYWORD, "must be a keyword of IMAP: at most 64 letters, digits and any of $ . _ + - without spaces");

/** Settings of an organization by their Dynamics names, as far as they mean something here. */
export const organizationSettings = z
  .strictObject(Object.fromEntries(Object.entries(DEFAULT_SETTINGS).map(([key, value]) => [key, settingField(key, value).optional()])))
  .describe("Organization settings by their Dynamics names; what is left out has Dynamics' default.");

/** What a setting may be, by what it is by default. */
function settingField(key: string, value: unknown): z.ZodType {
  if (key === "hashfilterkeywords") return noisePattern;
  if (key === "PlusAddressSeparator") return plusAddressSeparator;
  if (key === "CategoryKeyword") return categoryKeyword;
  if (typeof value === "boolean") return z.boolean();
  if (typeof value === "number") return z.number();
  return Array.isArray(value) ? z.array(z.string()) : z.string();
}

const trackAfterwards = z
  .strictObject({
    automatically: z
      .boolean()
      .default(false)
      .describe("Mail that no filter wanted is decided again when a contact, account or lead gets its sender's address."),
    days: z.number().int().min(1).max(3650).default(30).describe("How many days back, as far as heads are kept."),
  })
  .prefault({})
  .describe("What becomes of mail whose sender the CRM knows only later.");

const embedded = z.strictObject({ name, kind: z.literal("embedded"), settings: organizationSettings.default({}), trackAfterwards, webApi });

/** What is set here of an organization of Dynamics: all else is set there. */
const ownSettings = z
  .strictObject(
    {
      trackingprefixhistory: z
        .array(z.string().regex(/^[^\p{Cc}]{1,256}$/u, "must be one to 256 characters long and hold no control characters"))
        .exactOptional(),
      CategoryKeyword: categoryKeyword.exactOptional(),
      AutoRouteToOwnerQueue: z.boolean().exactOptional(),
      SkipAutomaticReplies: z.boolean().exactOptional(),
      PlusAddressSeparator: plusAddressSeparator.exactOptional(),
    } satisfies Record<keyof OwnSettings, z.ZodType>,
    { error: (issue) => (issue.code === "unrecognized_keys" ? notSetHere(issue.keys) : undefined) },
  )
  .describe("The settings that Dynamics does not have. All others are set in Dynamics.");

function notSetHere(names: readonly string[]): string {
  const { there = [], nowhere = [] } = Object.groupBy(names, (name) => (Object.hasOwn(DEFAULT_SETTINGS, name) ? "there" : "nowhere"));
  return [
    ...there.map((name) => `${name} is set in Dynamics; here are set only ${OWN_SETTINGS.join(", ")}`),
    ...nowhere.map((name) => `unknown field "${name}"`),
  ].join("; ");
}

const application = z
  .strictObject({
    tenant: z
      .string()
      .trim()
      .regex(/^[\w-]+(?:\.[\w-]+)*$/, "must be the id or a domain of the directory")
      .describe("The directory (Microsoft Entra), by id or by domain."),
    clientId: z.string().trim().min(1).max(300).describe("Id of the application that is an application user of the organization."),
    clientSecret: secret.optional().describe("The application's secret, by reference."),
    privateKey: secret.optional().describe("Instead of a secret: the application's private key (PEM, PKCS #8), by reference."),
    certificate: z.string().min(1).optional().describe("PEM file with the certificate of that key."),
    tokenEndpoint: webAddress.optional().describe("Where tokens are asked for; left out: Microsoft's, for that directory."),
  })
  .refine((one) => (one.clientSecret === undefined) !== (one.privateKey === undefined), {
    error: "needs exactly one of clientSecret and privateKey",
  })
  .refine((one) => (one.privateKey === undefined) === (one.certificate === undefined), {
    error: "needs privateKey and certificate together",
  });

const adfs = z.strictObject({
  clientId: z.string().trim().min(1).max(300).describe("Id under which Waypost is registered in AD FS (Add-AdfsClient)."),
  clientSecret: secret.optional().describe("Its secret, where it was given one."),
  username: z.string().trim().min(1).max(300).describe("The service account, like CONTOSO\\waypost or waypost@contoso.local."),
  password: secret,
  tokenEndpoint: webAddress.optional().describe("Left out: where the CRM's own answer leads (WWW-Authenticate)."),
  resource: z.string().trim().min(1).max(500).optional().describe("What the token is for; left out: what the CRM's own answer says."),
});

const windows = z.strictObject({
  username: z.string().trim().min(1).max(300).describe("The service account, like CONTOSO\\waypost."),
  password: secret,
});

const dataverse = z
  .strictObject({
    name,
    kind: z.literal("dataverse"),
    url: webAddress.describe(
      "Where the organization is: https://contoso.crm4.dynamics.com, or on premises https://crm.contoso.local/Contoso. Without /api/data.",
    ),
    application: application.optional().describe("Online: an application signs in, by secret or certificate."),
    adfs: adfs.optional().describe("On premises with claims or IFD: a user account signs in at AD FS."),
    windows: windows.optional().describe("On premises without claims: a user account signs in with NTLM."),
    certificateAuthorities: z.string().optional().describe("PEM file with certificate authorities to trust beside the system's."),
    decides: z
      .enum(["dynamics", "waypost"])
      .default("dynamics")
      .describe("Who decides which messages become emails: Dynamics, where it has CheckIncomingEmail, or Waypost's own rules."),
    settings: ownSettings.default({}),
    trackAfterwards,
  })
  .superRefine((one, context) => {
    const wrong = (field: string, message: string) => context.addIssue({ code: "custom", path: [field], message, input: one });
    const ways = (["application", "adfs", "windows"] as const).filter((way) => one[way] !== undefined);
    const [first = "application", second] = ways;
    if (ways.length === 0) wrong(first, "is needed, or adfs or windows: Waypost signs in to the organization in one of these ways");
    if (second !== undefined) wrong(second, `is one too many: there is ${first} already`);
    if (one.windows !== undefined && isClear(one.url)) wrong("url", "must begin with https:// where an account signs in with NTLM");
  });

function isClear(url: string): boolean {
  return URL.canParse(url) && new URL(url).protocol === "http:" && !LOOPBACK.test(new URL(url).hostname);
}

const hasKind = z.looseObject({ kind: z.string() });

export const organization = z.discriminatedUnion("kind", [embedded, dataverse], {
  error: ({ input }) => (hasKind.safeParse(input).success ? 'must be "embedded" or "dataverse"' : "is needed"),
});

export type OrganizationConfiguration = z.output<typeof organization>;
export type EmbeddedConfiguration = z.output<typeof embedded>;
export type DataverseConfiguration = z.output<typeof dataverse>;
