/** In to an organization on premises as a Windows account (wire 4, 9): each connection is signed in once, and kept. */
import type { Failure } from "../../../model/failure.ts";
import { isSameSecret, type PasswordSecret, type Secret } from "../../../model/mailbox.ts";
import type { Credentials } from "../../../ports.ts";
import { secretForms, withoutSecrets } from "../../../wire/without-secrets.ts";
import { refusalWords } from "./bearer-door.ts";
import type { Door } from "./door.ts";
import type { connectionOptions, RawAnswer, RawRequest } from "./exchange.ts";
import { type OrganizationTrouble, organizationFailure } from "./failures.ts";
import { type NotIn, WindowsConnection } from "./windows-connection.ts";

/** Milliseconds for which a refused password is not tried again: a few tries too many lock the account. */
const REST_AFTER_REFUSAL = 60_000;

const TROUBLES = {
  refused: "sign-in refused",
  "not offered": "sign-in method not offered",
  "not safe": "sign-in not safe",
  "not kept": "connection lost",
} as const satisfies Record<NotIn["reason"], OrganizationTrouble>;

export interface WindowsDoorOptions {
  readonly origin: string;
  readonly connection: ReturnType<typeof connectionOptions>;
  readonly credentials: Credentials;
  /** What a connection asks for to sign in: something small that is only read. */
  readonly probe: RawRequest;
  /** Whether it may sign in on a connection that others can read. */
  readonly inClearText: boolean;
  readonly now: () => number;
}

export class WindowsDoor implements Door {
  readonly #options: WindowsDoorOptions;
  readonly #idle: WindowsConnection[] = [];
  readonly #all = new Set<WindowsConnection>();
  /** One sign-in at a time, so that a wrong password is tried once. */
  #signingIn: Promise<unknown> = Promise.resolve();
  #refused: { readonly secret: Secret; readonly failure: Failure; readonly until: number } | null = null;

  constructor(options: WindowsDoorOptions) {
    this.#options = options;
  }

  /** As many connections as requests at a time: the caller bounds them. */
  async exchange(request: RawRequest, signal?: AbortSignal): Promise<RawAnswer> {
    const { origin, inClearText } = this.#options;
    if (!inClearText && new URL(origin).protocol !== "https:")
      throw organizationFailure("sign-in not safe", new URL(origin).host, { serverSaid: "its address begins with http://" });
    const connection = this.#idle.pop() ?? this.#opened();
    let done = false;
    try {
      if (!connection.isSignedIn) await this.#signIn(connection, signal);
      const answer = await connection.send(request, signal);
      if (answer.status !== 401) {
        done = true;
        return answer;
      }
      // The connection was lost and opened anew, or the server ends a sign-in from time to time.
      await this.#signIn(connection, signal);
      const again = await connection.send(request, signal);
      if (again.status === 401) throw this.#failure({ reason: "refused", answer: again }, await this.#secret());
      done = true;
      return again;
    } finally {
      if (done) this.#idle.push(connection);
      else await this.#discard(connection);
    }
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map((connection) => this.#discard(connection)));
    this.#idle.length = 0;
  }

  #opened(): WindowsConnection {
    const connection = new WindowsConnection(this.#options.origin, this.#options.connection);
    this.#all.add(connection);
    return connection;
  }

  async #discard(connection: WindowsConnection): Promise<void> {
    this.#all.delete(connection);
    await connection.close();
  }

  #signIn(connection: WindowsConnection, signal: AbortSignal | undefined): Promise<void> {
    const mine = this.#signingIn.then(() => this.#signInNow(connection, signal));
    // Whoever comes next waits for the end, not for the success.
    this.#signingIn = mine.catch(() => undefined);
    return mine;
  }

  async #signInNow(connection: WindowsConnection, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    const secret = await this.#secret();
    if (this.#refused !== null && isSameSecret(this.#refused.secret, secret) && this.#options.now() < this.#refused.until)
      throw this.#refused.failure;
    const trouble = await connection.signIn(this.#options.probe, secret, signal);
    if (trouble === null) {
      this.#refused = null;
      return;
    }
    const failure = this.#failure(trouble, secret);
    if (trouble.reason === "refused") this.#refused = { secret, failure, until: this.#options.now() + REST_AFTER_REFUSAL };
    throw failure;
  }

  async #secret(): Promise<PasswordSecret> {
    const secret = await this.#options.credentials.current();
    if (secret.kind === "password") return secret;
    throw organizationFailure("sign-in method not offered", this.#host, {
      serverSaid: "a password is needed, and there is an access token",
    });
  }

  #failure({ reason, answer }: NotIn, secret: PasswordSecret): Failure {
    const serverSaid = withoutSecrets(refusalWords(answer), secretForms(secret));
    return organizationFailure(TROUBLES[reason], this.#host, { serverSaid });
  }

  get #host(): string {
    return new URL(this.#options.origin).host;
  }
}
