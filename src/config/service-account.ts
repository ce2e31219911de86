import { z } from "zod";
import { secret } from "./fields.ts";

/** One account that signs in for all mailboxes of a server profile (docs/service-account.md). */

/** As Dovecot writes it by default: the user, `*`, the master user. */
const LOGIN_NAME = "{username}*{serviceAccount}";
const PARTS = ["{username}", "{serviceAccount}"] as const;

export const serviceAccount = z
  .strictObject({
    username: z.string().min(1).max(250).describe("Its own user name on the mail server."),
    password: secret,
    incoming: z
      .enum(["masterUser", "authorizationIdentity", "sharedFolders"])
      .optional()
      .describe(
        "How it reads the mailboxes. masterUser: signs in under a name made of both. authorizationIdentity: signs in as itself and names the mailbox's user (SASL PLAIN, RFC 4616). sharedFolders: reads what is shared with it. Left out: each mailbox is read with its own password.",
      ),
    outgoing: z
      .enum(["masterUser", "authorizationIdentity", "itself"])
      .optional()
      .describe(
        "How it sends for the mailboxes. itself: signs in as itself and sends from each mailbox's address. Left out: each mailbox sends with its own password.",
      ),
    loginName: z
      .string()
      .max(250)
      .refine((text) => PARTS.every((part) => text.split(part).length === 2), { error: `must hold ${PARTS.join(" and ")} once each` })
      .default(LOGIN_NAME)
      .describe("masterUser: the name to sign in with, made of the mailbox's user name and the service account's."),
  })
  .refine((one) => one.incoming !== undefined || one.outgoing !== undefined, {
    error: "needs incoming, outgoing or both: what it is used for",
  });

export type ServiceAccount = z.output<typeof serviceAccount>;

/** What of a server profile decides how its mailboxes sign in. */
interface Profile {
  readonly incoming?: Server | undefined;
  readonly outgoing?: Server | undefined;
  readonly serviceAccount?: ServiceAccount | undefined;
}

interface Server {
  readonly protocol: string;
  readonly authentication: string;
}

const DIRECTIONS = ["incoming", "outgoing"] as const;

/** Whether a mailbox of the profile signs in with a password of its own, in one direction at least. */
export function signsInItself(profile: Profile): boolean {
  return DIRECTIONS.some((direction) => {
    const server = profile[direction];
    return server !== undefined && server.authentication !== "none" && profile.serviceAccount?.[direction] === undefined;
  });
}

/** What a service account is told to do and cannot, by its field. */
export function serviceAccountProblems(profile: Profile): readonly { readonly field: string; readonly problem: string }[] {
  const { serviceAccount: account } = profile;
  if (account === undefined) return [];
  const problems = DIRECTIONS.flatMap((direction) => {
    const problem = problemOf(direction, account[direction], profile[direction]);
    return problem === null ? [] : [{ field: direction, problem }];
  });
  const composed = DIRECTIONS.some((direction) => account[direction] === "masterUser");
  return account.loginName === LOGIN_NAME || composed
    ? problems
    : [...problems, { field: "loginName", problem: "is used for nothing: it is for masterUser" }];
}

function problemOf(direction: string, access: string | undefined, server: Server | undefined): string | null {
  if (access === undefined) return null;
  if (server === undefined) return `is used for nothing: the server profile has no ${direction} server`;
  if (server.authentication === "none") return `is used for nothing: ${direction}.authentication is none`;
  if (access === "authorizationIdentity" && server.authentication === "login")
    return `needs the sign-in method PLAIN, and ${direction}.authentication is login`;
  if (access === "sharedFolders" && server.protocol !== "imap")
    return `needs IMAP: ${server.protocol.toUpperCase()} knows no folders, so nothing can be shared there`;
  return null;
}
