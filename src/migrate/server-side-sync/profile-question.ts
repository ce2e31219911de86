import type { EmailServerProfile, SyncMailbox, TakeoverNote } from "../../model/server-side-sync.ts";
import type { DraftProfile, MailboxSignIn } from "./draft.ts";
import { usableId } from "./foreign-text.ts";
import type { Secrets } from "./secrets.ts";

/** What a conversion of a server profile works with. */
export interface ProfileQuestion {
  readonly profile: EmailServerProfile;
  /** Its name in the configuration. */
  readonly name: string;
  /** The mailboxes that are to be taken over with it; at least one. */
  readonly mailboxes: readonly SyncMailbox[];
  readonly secrets: Secrets;
  note(kind: TakeoverNote["kind"], because: string, next?: string): void;
}

export interface ConvertedProfile {
  readonly draft: DraftProfile;
  readonly signIn: MailboxSignIn;
  /** Its mailboxes are inactive until somebody has looked: why. */
  readonly uncertain?: string;
}

/** Id of an application that has to be registered first: everybody sees that it is none. */
const NO_CLIENT = "00000000-0000-0000-0000-000000000000";

/** The application of a profile; where Dynamics names none, a person has to enter one. */
export function applicationOf({ profile }: ProfileQuestion): { readonly clientId: string; readonly isKnown: boolean } {
  const clientId = usableId(profile.clientId);
  return { clientId: clientId ?? NO_CLIENT, isKnown: clientId !== null };
}
