import { readSecret, type SecretReference } from "../config.ts";
import type { Secret } from "../model/mailbox.ts";
import type { Credentials } from "../ports.ts";

/** Read at each use, so that a changed password file or a mended secret needs no restart. */
export function passwordOf(
  address: string,
  mailbox: { username?: string | undefined; password?: SecretReference | undefined } | undefined,
): Credentials {
  const read = async (): Promise<Secret> => ({
    kind: "password",
    username: mailbox?.username ?? address,
    password: mailbox?.password ? readSecret(mailbox.password, `The password of ${address}`) : "",
  });
  return { current: read, refresh: read };
}
