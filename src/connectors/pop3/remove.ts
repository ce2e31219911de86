import { Failure } from "../../model/failure.ts";
import type { MessageRef } from "../../model/message.ts";
import type { Applied, Undone } from "../../ports.ts";
import type { Entry } from "./listing.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Session } from "./session.ts";

/**
 * Deletes exactly these messages and tells which are gone already. A message marked by DELE is deleted when the server has answered
 * QUIT (RFC 1939 6), and a connection that breaks before deletes nothing: it all happens in one session, which is over then. Of messages that share
 * an id only those are deleted whose content was handed out in this very session, and of the others those that were looked at in it: between two
 * sessions a server may give an id to another message. Where the server hangs up at one, or does not end the session well, one of them may be to blame.
 */
export async function removeMessages(session: Session, refs: readonly MessageRef[]): Promise<Applied> {
  try {
    return await inOneSession(session, refs);
  } catch (failure) {
    if (!(failure instanceof Failure)) throw failure;
    return { changed: [], gone: [], undone: refs.map((ref) => ({ ref, failure })) };
  }
}

function inOneSession(session: Session, refs: readonly MessageRef[]): Promise<Applied> {
  return session.run(async (drop) => {
    const found = await drop.find(refs.map((ref) => ref.id));
    const entries = [...found.values()];
    const [certain, uncertain] = parted(entries, (entry) => drop.isCertain(entry));
    const [certainHere, ofAnotherSession] = parted(certain, (entry) => drop.isOfThisSession(entry));
    const undone = new Map<string, Reason>(await markAndQuit(session, drop, certainHere));
    const note = (some: readonly Entry[], failure: Failure) => {
      for (const { id } of some) undone.set(id, { failure, lookAgain: true });
    };
    const { address } = session.mailbox;
    note(ofAnotherSession, session.failure("messages not looked at", { what: `${ofAnotherSession.length} messages of ${address}` }));
    note(uncertain, session.failure("messages not told apart", { what: `${uncertain.length} messages of ${address}` }));
    const reasons = refs.flatMap((ref) => {
      const reason = undone.get(ref.id);
      return reason === undefined ? [] : [{ ref, ...reason }];
    });
    const [there, gone] = parted(refs, ({ id }) => found.has(id));
    return { changed: there.filter(({ id }) => !undone.has(id)), gone, undone: reasons };
  });
}

/** Why a message was not deleted. */
type Reason = Omit<Undone, "ref">;

/** Deletes them and ends the session. Returns those that were not deleted, or of which nobody can say it, by id. */
async function markAndQuit(session: Session, drop: Maildrop, entries: readonly Entry[]): Promise<ReadonlyMap<string, Reason>> {
  if (entries.length === 0) return new Map();
  const { address } = session.mailbox;
  let undone: Map<string, Reason>;
  try {
    undone = await mark(session, drop, entries);
  } catch (error) {
    // The session is over without a QUIT, so that nothing is deleted (RFC 1939 6).
    const failure = failureOf(session, error);
    return new Map(entries.map(({ id }) => [id, { failure, apart: true }]));
  }
  const marked = entries.filter(({ id }) => !undone.has(id));
  const failure = await quit(session, drop, `${marked.length} messages of ${address}`);
  if (failure !== null) for (const { id } of marked) undone.set(id, { failure, apart: true });
  return undone;
}

/** Marks them as deleted. Returns those that the server refused, by id. */
async function mark(session: Session, drop: Maildrop, entries: readonly Entry[]): Promise<Map<string, Reason>> {
  const undone = new Map<string, Reason>();
  const { address } = session.mailbox;
  // What was read before in this session is to leave no trace, see Connection.leave.
  await drop.connection.ask("RSET");
  await drop.each(
    entries,
    ({ number }) => `DELE ${number}`,
    async ({ id }, answer) => {
      if (answer.ok) return;
      const failure = session.failure("message not deleted", { what: `a message of ${address} (${id})`, serverSaid: answer.text });
      undone.set(id, { failure });
    },
  );
  return undone;
}

/** Null: what was marked is deleted. Whatever else the server says or does, it may have deleted some or none of it (RFC 1939 6). */
async function quit(session: Session, { connection }: Maildrop, marked: string): Promise<Failure | null> {
  try {
    const answer = await connection.ask("QUIT");
    await connection.channel.closed(CLOSING);
    session.quitted();
    return answer.ok ? null : session.failure("message not deleted", { what: marked, serverSaid: answer.text });
  } catch (error) {
    return failureOf(session, error);
  }
}

function failureOf(session: Session, error: unknown): Failure {
  const failure = session.secrets.error(error);
  if (failure instanceof Failure) return failure;
  throw failure;
}

function parted<T>(list: readonly T[], test: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [list.filter(test), list.filter((one) => !test(one))];
}

/** Milliseconds that the server may take to close after it said goodbye. */
const CLOSING = 2000;
