/** The ways to sign in: USER and PASS, APOP (RFC 1939 7), and AUTH with a SASL mechanism (RFC 5034). */
import { createHash } from "node:crypto";
import type { PasswordSecret, Secret, TokenSecret } from "../../model/mailbox.ts";
import { plainMessage, tokenDismissal, tokenMechanism, tokenMessage } from "../../wire/sasl.ts";
import { withTokenFacts } from "../../wire/token-facts.ts";
import type { Answer, Connection } from "./connection.ts";

/** RFC 2449 4: longest command line; an initial response that does not fit goes in a line of its own (RFC 5034 4). */
const LONGEST_COMMAND = 255;

/**
 * The time stamp in a greeting, in its angle brackets. Only one that is a message id of RFC 822 in printable ASCII counts: an attacker who
 * chooses others can find out the password by and by (RFC 6151 2.3, CVE-2007-1558). Null: there is none that APOP may be used with.
 */
export function timestampOf(greeting: string): string | null {
  const found = greeting.match(/<[^>]*>?/g) ?? [];
  const [stamp] = found;
  return found.length === 1 && stamp !== undefined && /^<[!-;=?A-~]+@[!-;=?A-~]+>$/.test(stamp) ? stamp : null;
}

/** RFC 1939 7: MD5 of the time stamp and the password, in lower-case hex. */
export function apopDigest(timestamp: string, password: string): string {
  return createHash("md5").update(timestamp).update(password, "utf8").digest("hex");
}

/** Challenges answered in one sign-in. */
const MOST_CHALLENGES = 4;

type Method = (connection: Connection) => Promise<Answer>;

/** Signs in. @throws Failure; a refusal is `sign-in refused`, of a token `token refused`. */
export async function signIn(connection: Connection, secret: Secret): Promise<void> {
  const [first, ...others] = secret.kind === "token" ? withToken(connection, secret) : withPassword(connection, secret);
  if (first === undefined) throw connection.failure(lacksTls(connection) ? "encryption required" : "no common sign-in method");
  let answer = await first(connection);
  for (const method of others) {
    if (answer.ok) break;
    answer = await method(connection);
  }
  if (answer.ok) return;
  const refusal = connection.refusal(answer, "sign in");
  const { serverSaid } = refusal;
  const tokenRefused = secret.kind === "token" && refusal.code === "sign-in refused";
  throw tokenRefused ? withTokenFacts(connection.failure("token refused", { serverSaid }), secret) : refusal;
}

function withToken({ capabilities, about: { endpoint } }: Connection, secret: TokenSecret): readonly Method[] {
  const mechanism = tokenMechanism(endpoint.authentication, capabilities.mechanisms);
  if (mechanism === null) return [];
  return [(connection) => sasl(connection, mechanism, tokenMessage(mechanism, secret, endpoint), tokenDismissal(mechanism))];
}

/**
 * The methods to try, in this order. APOP is for connections in clear only: there it is better than the password itself, while under TLS it
 * would only tie the server to keeping passwords readable. A server may greet with a time stamp and keep some passwords hashed, for which APOP
 * cannot work, so the password follows; that gives nothing away, because whoever can refuse APOP could have left out the time stamp.
 */
function withPassword({ capabilities, greeting, channel, about }: Connection, secret: PasswordSecret): readonly Method[] {
  const stamp = timestampOf(greeting);
  const plain: Method = (connection) => sasl(connection, "PLAIN", plainMessage(secret), "");
  const byPlain = capabilities.mechanisms.has("PLAIN") ? [plain] : [];
  // Only PLAIN can name another's mailbox.
  const login: Method = (connection) => userAndPass(connection, secret);
  const byLogin = capabilities.user && secret.authorizationIdentity === undefined ? [login] : [];
  const byPassword = byPlain.length > 0 ? byPlain : byLogin;
  switch (about.endpoint.authentication) {
    case "apop":
      return [(connection) => apop(connection, stamp, secret)];
    case "plain":
      return byPlain;
    case "login":
      return byLogin;
    case "auto": {
      const byDigest = !channel.encrypted && stamp !== null && secret.authorizationIdentity === undefined;
      return byDigest ? [(connection) => apop(connection, stamp, secret), ...byPassword] : byPassword;
    }
    case "oauth":
    case "oauthbearer":
    case "xoauth2":
    case "none":
      return [];
  }
}

function lacksTls({ channel, capabilities }: Connection): boolean {
  return !channel.encrypted && capabilities.startTls;
}

async function apop(connection: Connection, stamp: string | null, { username, password }: PasswordSecret): Promise<Answer> {
  if (stamp === null) throw connection.failure("APOP not possible", { serverSaid: connection.greeting });
  // The digest stands behind the first blank.
  if (/\s/.test(username)) throw connection.failure("password not sendable");
  const digest = apopDigest(stamp, password);
  // With the time stamp, which everybody saw, it lets passwords be tried without asking the server.
  connection.keepSecret(digest);
  return connection.ask(`APOP ${username} ${digest}`);
}

async function userAndPass(connection: Connection, { username, password }: PasswordSecret): Promise<Answer> {
  if (/[\r\n\0]/.test(username + password)) throw connection.failure("password not sendable");
  const answer = await connection.ask(`USER ${username}`);
  return answer.ok ? connection.ask(`PASS ${password}`) : answer;
}

/** One mechanism whose first message, in base64, is all that it has to say. A server that explains its refusal of it is sent `dismissal`. */
async function sasl(connection: Connection, mechanism: string, initial: string | null, dismissal: string): Promise<Answer> {
  if (initial === null) throw connection.failure("password not sendable");
  const whole = `AUTH ${mechanism} ${initial}`;
  const fits = whole.length <= LONGEST_COMMAND;
  connection.channel.write(fits ? whole : `AUTH ${mechanism}`);
  for (let asked = 0; asked < MOST_CHALLENGES; asked++) {
    const answer = await connection.answerOrChallenge();
    if (!("challenge" in answer)) return answer;
    // An empty challenge asks for the first message, also a server that knows no initial responses (RFC 5034 4).
    connection.channel.write(answer.challenge === "" && asked === 0 ? initial : dismissal);
  }
  throw connection.failure("protocol error");
}
