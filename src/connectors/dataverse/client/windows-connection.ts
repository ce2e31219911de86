import { randomBytes, type X509Certificate } from "node:crypto";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import { buildConnector, Client } from "undici";
import type { PasswordSecret } from "../../../model/mailbox.ts";
import { accountOf, answerTo, channelBinding } from "../../../wire/ntlm/answer.ts";
import { negotiateMessage, readChallenge } from "../../../wire/ntlm/challenge.ts";
import { readChallenges } from "./challenges.ts";
import { type connectionOptions, exchange, type RawAnswer, type RawRequest } from "./exchange.ts";

type Scheme = "ntlm" | "negotiate";

/** How a sign-in ended that the server did not take. */
export interface NotIn {
  readonly reason: "refused" | "not offered" | "not safe" | "not kept";
  readonly answer: RawAnswer;
}

/** One connection, on which one sign-in by NTLM holds until it is lost (wire 4). One request at a time. */
export class WindowsConnection {
  readonly #client: Client;
  readonly #origin: string;
  #socket: Socket | null = null;
  #isSignedIn = false;

  constructor(origin: string, options: ReturnType<typeof connectionOptions>) {
    const { connect, ...rest } = options;
    const connector = buildConnector({ ...connect, allowH2: false });
    this.#origin = origin;
    this.#client = new Client(origin, {
      ...rest,
      connect: (wanted, callback) =>
        connector(wanted, (...result) => {
          const [error, socket] = result;
          this.#isSignedIn = false;
          this.#socket = error === null ? socket : null;
          callback(...result);
        }),
    });
    this.#client.on("disconnect", () => {
      this.#isSignedIn = false;
      this.#socket = null;
    });
  }

  get isSignedIn(): boolean {
    return this.#isSignedIn;
  }

  send(request: RawRequest, signal?: AbortSignal): Promise<RawAnswer> {
    return exchange(this.#client, this.#origin, request, signal);
  }

  /**
   * Signs in by asking for `probe` three times at most. A request that does something is never part of it: it is sent when the server knows who is there.
   * @returns null when in @throws NoAnswer
   */
  async signIn(probe: RawRequest, secret: PasswordSecret, signal?: AbortSignal): Promise<NotIn | null> {
    this.#isSignedIn = false;
    const first = await this.#ask(probe, "ntlm", negotiateMessage(), signal);
    if (first.status !== 401) return this.#in();
    const offered = readChallenges(first.challenges);
    if (offered.token("ntlm") !== null) return await this.#answer(probe, "ntlm", first, secret, signal);
    if (!offered.schemes.includes("negotiate")) return { reason: "not offered", answer: first };
    // Negotiate takes the messages of NTLM as they are, without the envelope of RFC 4178.
    const second = await this.#ask(probe, "negotiate", negotiateMessage(), signal);
    return second.status === 401 ? await this.#answer(probe, "negotiate", second, secret, signal) : this.#in();
  }

  async #answer(probe: RawRequest, scheme: Scheme, asked: RawAnswer, secret: PasswordSecret, signal?: AbortSignal): Promise<NotIn | null> {
    const token = readChallenges(asked.challenges).token(scheme);
    const challenge = token === null ? null : readChallenge(token);
    if (challenge === null) return { reason: "not offered", answer: asked };
    const socket = this.#socket;
    if (socket === null) return { reason: "not kept", answer: asked };
    const message = answerTo(challenge, accountOf(secret.username, secret.password), {
      nonce: randomBytes(8),
      now: new Date(),
      binding: bindingOf(socket),
      service: `HTTP/${new URL(this.#origin).hostname}`,
    });
    if (message === null) return { reason: "not safe", answer: asked };
    const last = await this.#ask(probe, scheme, message, signal);
    if (socket !== this.#socket) return { reason: "not kept", answer: last };
    return last.status === 401 ? { reason: "refused", answer: last } : this.#in();
  }

  #in(): null {
    // A server that ends the connection with its answer has forgotten who was there.
    this.#isSignedIn = this.#socket !== null;
    return null;
  }

  #ask(probe: RawRequest, scheme: Scheme, message: Buffer, signal: AbortSignal | undefined): Promise<RawAnswer> {
    const name = scheme === "ntlm" ? "NTLM" : "Negotiate";
    return this.send({ ...probe, headers: { ...probe.headers, authorization: `${name} ${message.toString("base64")}` } }, signal);
  }

  async close(): Promise<void> {
    await this.#client.destroy();
  }
}

function bindingOf(socket: Socket): Buffer | null {
  if (!(socket instanceof TLSSocket)) return null;
  const certificate = socket.getPeerX509Certificate();
  return certificate === undefined ? null : channelBinding(certificate.raw, signatureAlgorithm(certificate));
}

/** Where the platform tells it. */
function signatureAlgorithm(certificate: X509Certificate): string | undefined {
  return "signatureAlgorithm" in certificate && typeof certificate.signatureAlgorithm === "string"
    ? certificate.signatureAlgorithm
    : undefined;
}
