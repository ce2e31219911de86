import { z } from "zod";
import { webAddress } from "./fields.ts";

/** The embedded CRM as a Dataverse Web API (docs/crm/web-api.md). */

const count = z.number().int().min(1).max(1_000_000);

const authority = z
  .strictObject({
    issuer: z.string().trim().min(1).max(1000).describe("The authorization server's name for itself, as `iss` of its tokens has it."),
    audience: z.string().trim().min(1).max(1000).describe("Whom its tokens must be for, as `aud` has it."),
    keysUrl: webAddress.optional().describe("Where it publishes the keys that it signs with (JWKS)."),
    keysFile: z.string().min(1).optional().describe("Instead: a file with these keys."),
    authorizationUri: webAddress.optional().describe("Where people sign in; told to clients that come without a token."),
    certificateAuthorities: z.string().min(1).optional().describe("PEM file with certificate authorities to trust beside the system's."),
  })
  .refine((one) => (one.keysUrl === undefined) !== (one.keysFile === undefined), { error: "needs exactly one of keysUrl and keysFile" });

const serviceProtection = z.strictObject({
  requests: count.default(6000).describe("Requests of one user within the window."),
  executionSeconds: count.default(1200).describe("Seconds that they may take together."),
  concurrent: count.default(52).describe("Requests of one user at the same time."),
  seconds: count.default(300).describe("Length of the window."),
});

export const webApi = z
  .strictObject({
    enabled: z.boolean().default(true).describe("false: nothing answers below /api/data/."),
    authority: authority.optional().describe("An authorization server whose signed tokens are accepted besides the CRM's own."),
    serviceProtection: serviceProtection
      .optional()
      .describe("Limits for each user, refused with 429 as Dynamics 365 online does. Left out: there are none."),
  })
  .prefault({})
  .describe("The Dataverse-compatible Web API of the embedded CRM, below /api/data/ of the web address.");

export type WebApiConfiguration = z.output<typeof webApi>;

/** What of a user the Web API must know. */
export const webApiUser = {
  roles: z
    .array(z.enum(["System Administrator", "Waypost Service"]))
    .default([])
    .describe("Security roles: what the user may do over the Web API. None: nothing."),
  objectId: z.guid().optional().describe("azureactivedirectoryobjectid: the user's id in the directory whose tokens are accepted."),
  applicationId: z.guid().optional().describe("applicationid: id of the application that signs in as this user."),
  signInName: z.string().trim().min(1).max(1000).optional().describe("domainname: the name with which the user signs in (UPN)."),
};
