import { newKey } from "../../src/ledger/sealing.ts";
import { type AuthorizationServer, type AuthorizationServerOptions, startAuthorizationServer } from "../servers/authorization-server.ts";
import { addressOf, type EngineRig, type EngineRigOptions, engineRig, type RigApp, type RigChanges } from "./rig.ts";

type Oauth = NonNullable<NonNullable<RigChanges["profile"]>["oauth"]>;

export const CLIENT_SECRET = "the-client-secret-of-the-tests";

/** An authorization server, and mail servers that ask it about each access token. */
export interface TokenRig extends AsyncDisposable {
  readonly authority: AuthorizationServer;
  readonly rig: EngineRig;
  /** A configuration of mailboxes that are opened with access tokens. */
  configurationFor(names: readonly string[], oauth?: Partial<Oauth>, changes?: RigChanges): ReturnType<EngineRig["configurationFor"]>;
  /** What a person does with `waypost authorize` and a browser in which `account` is signed in; nothing where nobody signs in. */
  authorize(app: RigApp, target: string, account: string): ReturnType<RigApp["operations"]["authorizeFinish"]>;
  /** Requests for tokens since, by grant. */
  counted(from: number, grant: string): number;
}

export interface TokenRigOptions {
  readonly reuse?: AuthorizationServerOptions["reuse"];
  readonly clients?: AuthorizationServerOptions["clients"];
  readonly postfix?: EngineRigOptions["postfix"];
  readonly accounts?: number;
}

export async function tokenRig({ reuse = "revoke", clients = [], postfix, accounts = 60 }: TokenRigOptions = {}): Promise<TokenRig> {
  process.env.WAYPOST_KEY = newKey();
  process.env.WAYPOST_TEST_CLIENT_SECRET = CLIENT_SECRET;
  const authority = await startAuthorizationServer({
    reuse,
    clients: [{ id: "waypost", secret: CLIENT_SECRET, grants: ["authorization_code", "device_code"] }, ...clients],
  });
  const rig = await engineRig({ dovecot: { introspection: `${authority.url}/introspect` }, ...(postfix && { postfix }), accounts });
  return {
    authority,
    rig,
    configurationFor(names, oauth = {}, changes = {}) {
      const profile = {
        oauth: {
          provider: "other" as const,
          clientId: "waypost",
          clientSecret: { env: "WAYPOST_TEST_CLIENT_SECRET" },
          scopes: ["mail", "offline_access"],
          authorizationEndpoint: `${authority.url}/authorize`,
          deviceAuthorizationEndpoint: `${authority.url}/device_authorization`,
          tokenEndpoint: `${authority.url}/token`,
          ...oauth,
        },
      };
      const users = names.map((name) => ({ name, mailbox: { username: name, password: undefined } }));
      return rig.configurationFor(users, { ...changes, profile: { ...changes.profile, ...profile } });
    },
    async authorize(app, target, account) {
      const offer = await app.operations.authorizeBegin(target, { device: false, port: 0 });
      const done = app.operations.authorizeFinish(offer.id, new AbortController().signal);
      done.catch(() => undefined);
      if (offer.address !== null) await authority.browse(offer.address, account);
      return await done;
    },
    counted: (from, grant) => authority.requests.slice(from).filter((one) => one.grant === grant).length,
    async [Symbol.asyncDispose]() {
      delete process.env.WAYPOST_KEY;
      delete process.env.WAYPOST_TEST_CLIENT_SECRET;
      await rig[Symbol.asyncDispose]();
      await authority[Symbol.asyncDispose]();
    },
  };
}

/** The address of an account, authorized by its owner. */
export function authorizeOwn(tokens: TokenRig, app: RigApp, name: string): ReturnType<TokenRig["authorize"]> {
  return tokens.authorize(app, addressOf(name), name);
}
