import type { SigningKeys } from "../../wire/oauth/signing-keys.ts";

/** The authorization server whose tokens the Web API accepts besides the CRM's own. */
export interface Authority {
  readonly issuer: string;
  /** Any of these must stand in `aud`. */
  readonly audiences: readonly string[];
  readonly keys: SigningKeys;
  /** Where people sign in, for clients that ask without a token; null: they are not told. */
  readonly authorizationUri: string | null;
}
