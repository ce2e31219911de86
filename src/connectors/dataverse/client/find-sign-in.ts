import { Client } from "undici";
import { trustIn } from "../../../wire/trust.ts";
import { type SignInFound, signInFound } from "./challenges.ts";
import { connectionOptions, exchange } from "./exchange.ts";
import { exchangeFailure, organizationFailure } from "./failures.ts";
import { rawRequest, rootOf } from "./raw-request.ts";

/**
 * Asks an organization, without signing in, how it wants people to sign in (wire 9). Sends no secret.
 * @param address as of an organization: any version of its Web API will do
 * @throws Failure of scope organization where it cannot be asked
 */
export async function findSignIn(address: string, certificateAuthorities: string | null): Promise<SignInFound> {
  const root = rootOf(address);
  const trust = root.protocol === "https:" ? trustIn(certificateAuthorities) : null;
  if (root.protocol === "https:" && trust === null) throw organizationFailure("certificate authorities not readable", root.host);
  const client = new Client(root.origin, connectionOptions(trust));
  try {
    const plain = rawRequest({ method: "GET", path: "" }, root);
    const first = signInFound((await exchange(client, root.origin, plain)).challenges);
    if (first.kind === "oauth") return first;
    // Some say where to sign in only to who comes with an empty token.
    const asking = { ...plain, headers: { ...plain.headers, authorization: "Bearer" } };
    const second = signInFound((await exchange(client, root.origin, asking)).challenges);
    return second.kind === "oauth" ? second : first;
  } catch (error) {
    throw exchangeFailure(error, root.origin);
  } finally {
    await client.destroy();
  }
}
