import { randomUUID } from "node:crypto";
import type { Configuration } from "../config.ts";
import type { AuthorizationOffer, AuthorizationResult, Authorizations, AuthorizeOptions } from "../engine/authorizations.ts";
import type { EngineContext } from "../engine/context.ts";
import { forgetWaiting, listMailboxes } from "../ledger/mailboxes.ts";
import { type TokenState, tokenStates } from "../ledger/tokens.ts";
import { Failure } from "../model/failure.ts";
import type { Credentials } from "../ports.ts";
import { OAUTH_TROUBLES, oauthFailure } from "../wire/oauth/failures.ts";
import { openLoopback } from "../wire/oauth/loopback.ts";
import type { TokenSet } from "../wire/oauth/settings.ts";
import type { TokenKeeper } from "./token-keeper.ts";
import type { TokenKeepers } from "./tokens.ts";
import { type TriedMailbox, tryMailboxes } from "./try-mailboxes.ts";

/** Milliseconds that somebody has to sign in with a browser. */
const PATIENCE = 15 * 60_000;
/** Authorizations under way at a time; one more ends the oldest. */
const AT_A_TIME = 20;
/** How connectors call it when a mail server does not take a token. */
const TOKEN_REFUSED = "token refused";
/** How they call it when it takes a token, and opens the mailbox not. */
const NOT_OPENED = ["mailbox not opened", "access not granted"];

interface Pending extends AsyncDisposable {
  readonly keeper: TokenKeeper;
  /** Waits for the tokens; null: the keeper has got and stored them itself. */
  obtain(signal: AbortSignal): Promise<TokenSet | null>;
  readonly expired: AbortSignal;
}

export interface OpenAuthorizations extends Authorizations, AsyncDisposable {}

/** `context` is asked for late: it holds what is made here. */
export function openAuthorizations(configuration: Configuration, keepers: TokenKeepers, context: () => EngineContext): OpenAuthorizations {
  const pending = new Map<string, Pending>();
  const end = async (id: string) => {
    const one = pending.get(id);
    pending.delete(id);
    await one?.[Symbol.asyncDispose]();
  };
  return {
    tokenName: (address) => keepers.ofMailbox(address)?.name ?? null,
    async begin(target, options) {
      const keeper = keeperOf(configuration, keepers, target);
      const [oldest] = pending.keys();
      if (oldest !== undefined && pending.size >= AT_A_TIME) await end(oldest);
      const { offer, pending: one } = await begin(keeper, options, hintFor(configuration, keeper));
      const id = randomUUID();
      pending.set(id, one);
      one.expired.addEventListener("abort", () => void end(id), { once: true });
      return { id, ...offer };
    },
    async finish(id, signal) {
      const one = pending.get(id);
      if (one === undefined) throw notUnderWay();
      try {
        return await accept(context(), keepers, one.keeper, await obtained(one, signal), signal);
      } finally {
        await end(id);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all([...pending.keys()].map(end));
    },
  };
}

async function obtained({ keeper, obtain, expired }: Pending, signal: AbortSignal): Promise<TokenSet | null> {
  try {
    return await obtain(AbortSignal.any([signal, expired]));
  } catch (error) {
    if (signal.aborted) throw interrupted(keeper);
    if (expired.aborted && !(error instanceof Failure))
      throw oauthFailure("authorization timed out", keeper.client.settings, keeper.holder);
    throw error;
  }
}

/** The token that a person names by a mailbox or a profile. */
function keeperOf({ mailboxes, serverProfiles }: Configuration, keepers: TokenKeepers, target: string): TokenKeeper {
  const keeper = keepers.ofMailbox(target) ?? keepers.ofProfile(target);
  if (keeper !== null) return keeper;
  const profile = serverProfiles.find((one) => one.name === target);
  if (profile?.oauth !== undefined) {
    const own = mailboxes.filter((one) => (one.profile ?? serverProfiles[0]?.name) === target).map((one) => one.address);
    throw cannot(
      "each mailbox by itself",
      `Each mailbox of the server profile "${target}" is authorized by itself.`,
      `Run \`waypost authorize\` for ${own.join(", ") || "its mailboxes"}, or name one account for all in oauth.account.`,
    );
  }
  if (profile !== undefined || mailboxes.some((one) => one.address.toLowerCase() === target.toLowerCase()))
    throw cannot(
      "signs in with a password",
      `${target} signs in with a password; there is nothing to authorize.`,
      "Add the section oauth to the server profile to use access tokens (docs/oauth.md).",
    );
  throw cannot(
    "mailbox unknown",
    `There is no mailbox and no server profile ${target}.`,
    "`waypost status` lists the mailboxes; add it to the configuration.",
  );
}

/** Who should sign in, shown on the page where they do. */
function hintFor({ serverProfiles }: Configuration, { holder }: TokenKeeper): string | null {
  return holder.scope === "mailbox" ? holder.name : (serverProfiles.find((one) => one.name === holder.name)?.oauth?.account ?? null);
}

interface Begun {
  readonly offer: Omit<AuthorizationOffer, "id">;
  readonly pending: Pending;
}

async function begin(keeper: TokenKeeper, { device, port }: AuthorizeOptions, hint: string | null): Promise<Begun> {
  const { grant } = keeper.client.settings;
  if (grant === "clientCredentials") return beginUnattended(keeper);
  return device || grant === "deviceCode" ? await beginDevice(keeper) : await beginBrowser(keeper, port, hint);
}

function beginUnattended(keeper: TokenKeeper): Begun {
  const expired = AbortSignal.timeout(PATIENCE);
  const obtain = async () => {
    await keeper.askNow();
    return null;
  };
  const offer = { kind: "application", address: null, userCode: null, expiresAt: new Date(Date.now() + PATIENCE) } as const;
  return { offer, pending: { keeper, obtain, expired, [Symbol.asyncDispose]: async () => undefined } };
}

async function beginDevice(keeper: TokenKeeper): Promise<Begun> {
  const { client, holder } = keeper;
  if (client.settings.deviceAuthorizationEndpoint === null) {
    throw cannot(
      "no device codes",
      `${client.settings.service} gives no codes for other devices, or its address for them is missing.`,
      "Run it without --device, on this machine or with its port forwarded (docs/oauth.md).",
    );
  }
  const request = await client.beginDevice(holder);
  const ended = new AbortController();
  const obtain = (signal: AbortSignal) => client.finishDevice(holder, request, signal);
  const { address, completeAddress, userCode, expiresAt } = request;
  return {
    offer: { kind: "device", address: completeAddress ?? address, userCode, expiresAt },
    pending: {
      keeper,
      obtain,
      expired: AbortSignal.any([ended.signal, AbortSignal.timeout(Math.max(0, expiresAt.getTime() - Date.now()))]),
      [Symbol.asyncDispose]: async () => ended.abort(),
    },
  };
}

async function beginBrowser(keeper: TokenKeeper, port: number, hint: string | null): Promise<Begun> {
  const { client, holder } = keeper;
  const loopback = await openLoopback(client.settings.redirectHost, port).catch((error: unknown) => {
    throw cannot(
      "port not free",
      `No browser can come back to this machine: ${error instanceof Error ? error.message : String(error)}.`,
      "Name another --port, or leave it out.",
    );
  });
  const request = await client.beginCode(loopback.redirectUri, hint);
  return {
    offer: { kind: "browser", address: request.address, userCode: null, expiresAt: new Date(Date.now() + PATIENCE) },
    pending: {
      keeper,
      obtain: async (signal) => client.finishCode(holder, request, await loopback.answer(request.state, signal), signal),
      expired: AbortSignal.timeout(PATIENCE),
      [Symbol.asyncDispose]: () => loopback[Symbol.asyncDispose](),
    },
  };
}

/** Tries the tokens where they are to be used, stores them, and wakes what waited for them. */
async function accept(
  context: EngineContext,
  keepers: TokenKeepers,
  keeper: TokenKeeper,
  set: TokenSet | null,
  signal: AbortSignal,
): Promise<AuthorizationResult> {
  const addresses = keepers.mailboxesOf(keeper);
  const rows = (await listMailboxes(context.database)).filter((one) => addresses.includes(one.address));
  const isShared = keeper.holder.scope === "profile";
  // Whatever one of many mailboxes says to it, it is for the others too: nothing is waited for.
  if (set !== null && isShared) await keeper.authorized(set);
  const tried = await tryMailboxes(context, rows, credentialsWith(keeper, set), signal);
  if (set !== null && !isShared) {
    const refused = await refusalIn(context, keeper, tried);
    if (refused !== undefined) throw otherAccount(keeper, refused);
    await keeper.authorized(set);
  }
  await forgetWaiting(
    context.database,
    rows.map((one) => one.id),
    [...OAUTH_TROUBLES, TOKEN_REFUSED],
    context.now(),
  );
  for (const { id } of rows) {
    await context.wake("receive", id);
    await context.wake("send", id);
  }
  const [state] = await tokenStates(context.database, [keeper.name]);
  return {
    target: keeper.holder.name,
    expiresAt: state?.expiresAt ?? null,
    renewable: keeper.holder.unattended || state?.renewable === true,
    mailboxes: tried.map(({ code: _code, ...shown }) => shown),
  };
}

function credentialsWith(keeper: TokenKeeper, set: TokenSet | null): (username: string) => Credentials {
  if (set === null) return (username) => keeper.credentialsFor(username);
  return (username) => {
    const secret = { kind: "token", username, token: set.accessToken } as const;
    return { current: async () => secret, refresh: async () => secret };
  };
}

/** What is stored and works is not given up for a token of somebody else's mailbox, which some servers take, and then open nothing with it. */
async function refusalIn(
  { database, now }: EngineContext,
  { name }: TokenKeeper,
  tried: readonly TriedMailbox[],
): Promise<TriedMailbox | undefined> {
  const [stored] = await tokenStates(database, [name]);
  const speaksAgainst = stored !== undefined && mayWork(stored, now()) ? [TOKEN_REFUSED, ...NOT_OPENED] : [TOKEN_REFUSED];
  return tried.find(({ result, code }) => result === "failed" && code !== undefined && speaksAgainst.includes(code));
}

/** Whether the mailbox may go on with what is stored: it was handed out, and neither ended nor expired for good. */
function mayWork({ obtainedAt, expiresAt, renewable, failure }: TokenState, now: Date): boolean {
  const isAlive = renewable || expiresAt === null || expiresAt > now;
  return obtainedAt !== null && isAlive && failure?.waitingHelps !== false;
}

function otherAccount({ holder }: TokenKeeper, { code, serverSaid, remedy }: TriedMailbox): Failure {
  const otherwise = code === TOKEN_REFUSED ? "its mail server does not allow the protocol (docs/oauth.md)." : `this helps: ${remedy}`;
  return new Failure({
    scope: "mailbox",
    code: "authorized by another account",
    message: `Somebody signed in, but the mail server does not open ${holder.name} with that. Nothing was changed.`,
    serverSaid,
    remedy: `Run \`waypost authorize ${holder.name}\` again and sign in as ${holder.name}: browsers often are signed in as somebody else. If it was the right account, ${otherwise}`,
    waitingHelps: false,
  });
}

function interrupted({ holder }: TokenKeeper): Failure {
  return cannot(
    "interrupted",
    `The authorization of ${holder.name} was interrupted. Nothing was changed.`,
    `Run \`waypost authorize ${holder.name}\` again.`,
  );
}

function notUnderWay(): Failure {
  return cannot("authorization timed out", "This authorization is not under way any more.", "Run `waypost authorize` again.");
}

function cannot(code: string, message: string, remedy: string): Failure {
  return new Failure({ scope: "mailbox", code, message, remedy, waitingHelps: false });
}
