import type { ServiceAccountAccess } from "../ports.ts";

/** How a mailbox is opened on its server in one direction. */
export interface Opening {
  /** With whose right: the mailbox's own user by `password` or `token`, nobody (`none`), or a service account in one of its ways. */
  readonly access: "password" | "token" | "none" | ServiceAccountAccess["access"];
  /** The mailbox's user on the mail server. */
  readonly user: string;
  /** User name of the service account; null where the mailbox's own user signs in. */
  readonly serviceAccount: string | null;
}

const WORDS: Readonly<Record<Opening["access"], (opening: Opening) => string>> = {
  none: () => "without signing in",
  password: ({ user }) => `as ${user}, with its own password`,
  token: ({ user }) => `as ${user}, with an access token`,
  masterUser: (one) => `by the service account ${one.serviceAccount}, which signs in as ${one.user} (master user)`,
  authorizationIdentity: (one) => `by the service account ${one.serviceAccount}, which acts as ${one.user} (authorization identity)`,
  sharedFolders: (one) => `by the service account ${one.serviceAccount}, in the folders that ${one.user} shares with it`,
  itself: (one) => `by the service account ${one.serviceAccount}, which signs in as itself`,
};

/** Part of a sentence: "as ann, with its own password". */
export function openingWords(opening: Opening): string {
  return WORDS[opening.access](opening);
}

/** The name under which the server counts the connection: that of the user whose mailbox it takes it for. */
export function countedAs({ access, user, serviceAccount }: Opening): string {
  return access === "sharedFolders" || access === "itself" ? (serviceAccount ?? user) : user;
}
