import { type Configuration, readSecret } from "../config.ts";
import type { Opening } from "../engine/opening.ts";
import { addressKey } from "../model/address.ts";
import { Failure } from "../model/failure.ts";
import type { Direction, PasswordSecret } from "../model/mailbox.ts";
import type { Credentials, MailboxAccess, ServiceAccountAccess } from "../ports.ts";

/** With whose credentials the mailboxes of one server profile are reached. */
export interface SignIn {
  /** The mailbox as it is reached in that direction. */
  access(mailbox: MailboxAccess, direction: Direction): MailboxAccess;
  /** The same in words and names; `user` is the mailbox's user name. */
  opening(address: string, user: string, direction: Direction): Opening;
  /** Mailboxes are read by somebody who sees only what is shared. */
  readonly seesOnlyShared: boolean;
}

type Profile = Configuration["serverProfiles"][number];
type ServiceAccount = NonNullable<Profile["serviceAccount"]>;

/** The mailbox's own credentials, or in their place those of the profile's service account, only for mailboxes that the configuration names. */
export function signInOf({ serverProfiles, mailboxes }: Configuration, profileName: string): SignIn {
  const profile = serverProfiles.find((one) => one.name === profileName);
  const account = profile?.serviceAccount;
  const own = (user: string, direction: Direction): Opening => ({ access: ownAccess(profile, direction), user, serviceAccount: null });
  if (account === undefined)
    return { access: (mailbox) => mailbox, opening: (_address, user, direction) => own(user, direction), seesOnlyShared: false };
  const kindOf = (direction: Direction) => (direction === "receive" ? account.incoming : account.outgoing);
  const named = mailboxes.filter((one) => (one.profile ?? serverProfiles[0]?.name) === profileName);
  const users = new Map(named.map((one) => [addressKey(one.address), one.username ?? one.address]));
  return {
    seesOnlyShared: account.incoming === "sharedFolders",
    opening(address, user, direction) {
      const kind = kindOf(direction);
      if (kind === undefined || !users.has(addressKey(address))) return own(user, direction);
      return { access: kind, user, serviceAccount: account.username };
    },
    access(mailbox, direction) {
      const kind = kindOf(direction);
      const user = users.get(addressKey(mailbox.address));
      if (kind === undefined || user === undefined) return mailbox;
      const others = () => [...users.values()].filter((other) => actsAsUser(kind) && other !== user);
      return {
        address: mailbox.address,
        credentials: credentialsFor(account, kind, user),
        serviceAccount: {
          name: account.username,
          user,
          access: kind,
          others: () => others().map((other) => credentialsFor(account, kind, other)),
        },
      };
    },
  };
}

function ownAccess(profile: Profile | undefined, direction: Direction): Opening["access"] {
  const server = direction === "receive" ? profile?.incoming : profile?.outgoing;
  if (server?.authentication === "none") return "none";
  return profile?.oauth === undefined ? "password" : "token";
}

function actsAsUser(access: ServiceAccountAccess["access"]): boolean {
  return access === "masterUser" || access === "authorizationIdentity";
}

/** Read at each use, as the passwords of mailboxes are. */
function credentialsFor(account: ServiceAccount, access: ServiceAccountAccess["access"], user: string): Credentials {
  const read = async (): Promise<PasswordSecret> => ({
    kind: "password",
    username: access === "masterUser" ? loginName(account, user) : account.username,
    password: passwordOf(account),
    ...(access === "authorizationIdentity" && { authorizationIdentity: user }),
  });
  return { current: read, refresh: read };
}

/** One secret for all mailboxes: where it is missing, that is the profile's trouble. */
function passwordOf(account: ServiceAccount): string {
  try {
    return readSecret(account.password, `The password of the service account ${account.username}`);
  } catch (error) {
    throw error instanceof Failure ? new Failure({ ...error, message: error.message, cause: error.cause, scope: "profile" }) : error;
  }
}

/** The name under which a master user signs in to the mailbox of `username`. */
function loginName(account: ServiceAccount, username: string): string {
  const parts: Readonly<Record<string, string>> = { "{username}": username, "{serviceAccount}": account.username };
  return account.loginName.replace(/\{username\}|\{serviceAccount\}/g, (part) => parts[part] ?? part);
}
