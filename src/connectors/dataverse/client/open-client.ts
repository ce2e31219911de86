import { Pool } from "undici";
import { z } from "zod";
import type { Credentials } from "../../../ports.ts";
import { trustIn } from "../../../wire/trust.ts";
import { Batcher } from "./batcher.ts";
import { BearerDoor } from "./bearer-door.ts";
import { answered, type DataverseClient } from "./client.ts";
import type { Door } from "./door.ts";
import { connectionOptions } from "./exchange.ts";
import { organizationFailure } from "./failures.ts";
import type { ServiceLimits } from "./limits.ts";
import { MetadataSource } from "./metadata-source.ts";
import { rawRequest, rootOf } from "./raw-request.ts";
import { Sender } from "./sender.ts";
import { WindowsDoor } from "./windows-door.ts";

/** How to reach an organization. */
export interface Organization {
  /** Address of its Web API with the version, e.g. `https://contoso.crm4.dynamics.com/api/data/v9.2/`. */
  readonly address: string;
  readonly signIn: SignIn;
  readonly limits: ServiceLimits;
  /** PEM text of certificate authorities to trust beside the system's; null: none. */
  readonly certificateAuthorities: string | null;
  /** Milliseconds until an answer must be there; left out: `LIMITS.answerTime`. */
  readonly answerTime?: number | undefined;
}

export type SignIn =
  /** By access token; the credentials hand out such (OAuth 2.0, online and on premises with claims). */
  | { readonly kind: "token"; readonly credentials: Credentials }
  /** By NTLM, also where the server calls it Negotiate; the credentials hand out a password, the user's name as `DOMAIN\user` or `user@domain`. */
  | { readonly kind: "windows"; readonly credentials: Credentials; readonly inClearText: boolean };

const versionSchema = z.object({ Version: z.string().max(100) });

/**
 * Opens an organization; asks nobody yet.
 * @throws Failure where its certificate authorities cannot be read, TypeError where the address is none
 */
export function openClient({ address, signIn, limits, certificateAuthorities, answerTime }: Organization): DataverseClient {
  const root = rootOf(address);
  const sender = new Sender(root, doorOf(root, signIn, limits, certificateAuthorities), limits, answerTime);
  const batcher = new Batcher(sender, limits.batch);
  const metadata = new MetadataSource(sender);
  return {
    root: root.href,
    send: (request, options) => sender.send(request, options),
    batch: (requests, options = {}) => batcher.requests(requests, options),
    changeSets: (sets, options = {}) => batcher.changeSets(sets, options),
    metadata: (options = {}) => metadata.metadata(options),
    async version(options) {
      const { body } = answered(await sender.send({ method: "GET", path: "RetrieveVersion()" }, options));
      const read = versionSchema.safeParse(body);
      if (read.success) return read.data.Version;
      throw organizationFailure("answer not understood", root.host, { serverSaid: "RetrieveVersion was answered without a version" });
    },
    close: () => sender.close(),
    [Symbol.asyncDispose]: () => sender.close(),
  };
}

function doorOf(root: URL, signIn: SignIn, { concurrent }: ServiceLimits, authorities: string | null): Door {
  const { origin } = root;
  const trust = root.protocol === "https:" ? trustIn(authorities) : null;
  if (root.protocol === "https:" && trust === null) throw organizationFailure("certificate authorities not readable", root.host);
  const connection = connectionOptions(trust);
  if (signIn.kind === "token")
    return new BearerDoor(new Pool(origin, { ...connection, connections: concurrent }), origin, signIn.credentials);
  const { credentials, inClearText } = signIn;
  const probe = rawRequest({ method: "GET", path: "WhoAmI()" }, root);
  return new WindowsDoor({ origin, connection, credentials, probe, inClearText, now: () => performance.now() });
}
