import type { Outcome, Session } from "../imap/session.ts";
import { capabilities } from "./capability.ts";

/** LOGIN (RFC 3501 6.2.3). In clear, which is why this server listens on loopback only. */
export function login(user: string, password: string, session: Session): Outcome {
  const account = session.store.signIn(user, password);
  if (!account) return { status: "NO", code: "AUTHENTICATIONFAILED", text: "Wrong user name or password" };
  session.account = account;
  return { status: "OK", code: `CAPABILITY ${capabilities(session)}`, text: `Signed in as ${account.address}` };
}

/** AUTHENTICATE PLAIN (RFC 3501 6.2.2, RFC 4616), with the initial response of RFC 4959. */
export async function authenticate(mechanism: string, initial: string | null, session: Session): Promise<Outcome> {
  if (mechanism !== "PLAIN") return { status: "NO", text: "Only PLAIN is understood here" };
  if (initial === null) session.send("+ \r\n");
  const answer = initial ?? (await session.wire.nextLine());
  if (answer === null || answer === "*") return { status: "BAD", text: "Authentication cancelled" };
  const [authorization, user, password, ...more] = Buffer.from(answer, "base64").toString("utf8").split("\0");
  if (user === undefined || password === undefined || more.length > 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(answer)) {
    return { status: "BAD", text: "Not a PLAIN response" };
  }
  // Nobody may act for somebody else on this server.
  if (authorization && authorization.toLowerCase() !== user.toLowerCase()) {
    return { status: "NO", code: "AUTHORIZATIONFAILED", text: "Not allowed to act for another user" };
  }
  return login(user, password, session);
}
