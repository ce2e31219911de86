/** What "test & enable" for incoming mail tells of each step up to the sign-in: the same words for every protocol. */
import { Failure } from "../model/failure.ts";
import type { Endpoint, Secret } from "../model/mailbox.ts";

export type ConnectStep = "find the server" | "connect" | "encrypt" | "sign in";

/** In the order in which they are shown. */
export const CONNECT_STEPS: readonly ConnectStep[] = ["find the server", "connect", "encrypt", "sign in"];

/** A step as the ports have it. */
interface Told {
  readonly name: string;
  readonly result: "ok" | "failed" | "warning";
  readonly code?: string;
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy?: string;
}

/** What is known of a connection. */
export interface Reached {
  /** Whoever signs in, in words. */
  readonly who: string;
  readonly greeting: string | undefined;
  /** The version of TLS; null where it is not known any more. */
  readonly tls: string | null;
}

/** A step that was passed. */
export function passed(name: ConnectStep, endpoint: Endpoint, { who, greeting, tls }: Reached): Told {
  const where = `${endpoint.host}:${endpoint.port}`;
  switch (name) {
    case "find the server":
      return { name, result: "ok", message: `The host ${endpoint.host} is known.` };
    case "connect":
      return { name, result: "ok", message: `${where} takes connections.`, serverSaid: greeting };
    case "sign in":
      return { name, result: "ok", message: `${where} lets ${who} in.` };
    case "encrypt":
      return encrypted(name, where, endpoint, tls);
  }
}

function encrypted(name: ConnectStep, where: string, endpoint: Endpoint, tls: string | null): Told {
  if (endpoint.security === "none") {
    const message = `Password and mail go to ${where} in clear, as the server profile says.`;
    const remedy = "Choose TLS or STARTTLS in the server profile, unless the server is on this machine.";
    return { name, result: "warning", code: "in clear", message, remedy };
  }
  if (!endpoint.verifyCertificate) {
    const message = `The connection with ${where} is encrypted, but anybody could be at its other end: certificates are not verified.`;
    const remedy = "Add the server's certificate authority to the server profile and have certificates verified again.";
    return { name, result: "warning", code: "certificate not verified", message, remedy };
  }
  const version = tls === null ? "" : ` (${tls})`;
  return { name, result: "ok", message: `The connection with ${where} is encrypted${version}, and its certificate is trusted.` };
}

/** A step that failed. */
export function failedStep(name: string, { code, message, serverSaid, remedy }: Failure): Told {
  return { name, result: "failed", code, message, serverSaid, remedy };
}

/** Why there is nothing to sign in with, or null; the server was not asked anything then. Throws what is no Failure. */
export async function secretFailure(credentials: { current(): Promise<Secret> }): Promise<Failure | null> {
  try {
    await credentials.current();
    return null;
  } catch (error) {
    if (error instanceof Failure) return error;
    throw error;
  }
}
