/** Accounts that sign in with name and password at a token endpoint (RFC 6749 4.3), as AD FS has it (MS-OAPX): `resource` says what the token is for. */
export interface ServiceLogins {
  readonly passwords: Readonly<Record<string, string>>;
  readonly resources: readonly string[];
}

/** For whom and for what the token is, or why there is none. */
export function checkLogin(
  given: URLSearchParams,
  logins: ServiceLogins | undefined,
): { readonly account: string; readonly audience: string } | string {
  const account = given.get("username") ?? "";
  const audience = given.get("resource") ?? "";
  if (logins === undefined || logins.passwords[account.toLowerCase()] !== given.get("password"))
    return "MSIS9659: Invalid 'username' or 'password'.";
  if (!logins.resources.includes(audience)) return "MSIS9602: The received 'resource' parameter is invalid.";
  return { account, audience };
}
