/** In to an organization with an access token (RFC 6750): online, and on premises with claims. */
import type { Dispatcher } from "undici";
import type { Failure } from "../../../model/failure.ts";
import { isSameSecret, type Secret, type TokenSecret } from "../../../model/mailbox.ts";
import type { Credentials } from "../../../ports.ts";
import { secretForms, withoutSecrets } from "../../../wire/without-secrets.ts";
import { readChallenges } from "./challenges.ts";
import type { Door } from "./door.ts";
import { exchange, type RawAnswer, type RawRequest } from "./exchange.ts";
import { organizationFailure } from "./failures.ts";
import { bodyOf } from "./json.ts";
import { said } from "./judge.ts";
import { LIMITS } from "./limits.ts";

export class BearerDoor implements Door {
  readonly #dispatcher: Dispatcher;
  readonly #origin: string;
  readonly #credentials: Credentials;

  /** @param dispatcher belongs to the door from now on */
  constructor(dispatcher: Dispatcher, origin: string, credentials: Credentials) {
    this.#dispatcher = dispatcher;
    this.#origin = origin;
    this.#credentials = credentials;
  }

  async exchange(request: RawRequest, signal?: AbortSignal): Promise<RawAnswer> {
    const first = this.#token(await this.#credentials.current());
    const answer = await this.#send(request, first, signal);
    if (answer.status !== 401) return answer;
    const second = this.#token(await this.#credentials.refresh());
    if (isSameSecret(first, second)) throw this.#refused(answer, [first]);
    const again = await this.#send(request, second, signal);
    if (again.status === 401) throw this.#refused(again, [first, second]);
    return again;
  }

  async close(): Promise<void> {
    await this.#dispatcher.destroy();
  }

  #send(request: RawRequest, { token }: TokenSecret, signal: AbortSignal | undefined): Promise<RawAnswer> {
    return exchange(
      this.#dispatcher,
      this.#origin,
      { ...request, headers: { ...request.headers, authorization: `Bearer ${token}` } },
      signal,
    );
  }

  #token(secret: Secret): TokenSecret {
    if (secret.kind === "token") return secret;
    throw organizationFailure("sign-in method not offered", new URL(this.#origin).host, {
      serverSaid: "an access token is needed, and there is a password",
    });
  }

  #refused(answer: RawAnswer, secrets: readonly TokenSecret[]): Failure {
    const serverSaid = withoutSecrets(refusalWords(answer), secrets.flatMap(secretForms));
    return organizationFailure("sign-in refused", new URL(this.#origin).host, { serverSaid });
  }
}

/** The server's words stand in the challenge rather than in the body, which is often empty. */
export function refusalWords(answer: RawAnswer): string {
  const { bearer, schemes } = readChallenges(answer.challenges);
  const words = [bearer.error, bearer.error_description].filter((one) => one !== undefined && one !== "").join(": ");
  const status = said({ status: answer.status, body: bodyOf(answer) });
  const known = words === "" && schemes.length > 0 ? `it offers ${schemes.join(", ")}` : words;
  return (known === "" ? status : `${status}; ${known}`).slice(0, LIMITS.words);
}
