import type { Endpoint, Secret, ServerProfile } from "../../src/model/mailbox.ts";
import type { MailboxAccess } from "../../src/ports.ts";

/** A profile that sends in clear with a password; each test changes what it is about. */
export function profileOf(port: number, changed: Partial<Endpoint> = {}, maxConcurrentConnections = 3): ServerProfile {
  const outgoing: Endpoint = {
    protocol: "smtp",
    host: "127.0.0.1",
    port,
    security: "none",
    authentication: "plain",
    certificateAuthorities: null,
    verifyCertificate: true,
    timeout: 10_000,
    ...changed,
  };
  return {
    name: "test",
    incoming: null,
    outgoing,
    folders: "inbox",
    filesSentCopy: false,
    maxConcurrentConnections,
    maximumMessageSize: 10_000_000,
  };
}

/** A mailbox whose secret is `password`, and `renewed` once it has been asked for again. */
export function mailboxOf(address: string, username: string, password: string, renewed = password): MailboxAccess {
  const secret = (text: string): Promise<Secret> => Promise.resolve({ kind: "password", username, password: text });
  return { address, credentials: { current: () => secret(password), refresh: () => secret(renewed) } };
}

/** A mailbox that signs in with an access token, and with `renewed` once it has been asked for again. */
export function tokenMailboxOf(address: string, username: string, token: string, renewed = token): MailboxAccess {
  const secret = (text: string): Promise<Secret> => Promise.resolve({ kind: "token", username, token: text });
  return { address, credentials: { current: () => secret(token), refresh: () => secret(renewed) } };
}
