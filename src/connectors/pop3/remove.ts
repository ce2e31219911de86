import { Failure } from "../../model/failure.ts";
import type { MessageRef } from "../../model/message.ts";
import type { Applied } from "../../ports.ts";
import type { Entry } from "./listing.ts";
import type { Maildrop } from "./maildrop.ts";
import type { Session } from "./session.ts";

/**
 * Deletes exactly these messages and tells which are gone already. A message marked by DELE is deleted when the server has answered
 * QUIT (RFC 1939 6), and a connection that breaks before deletes nothing: it all happens in one session, which is over then. Of messages that share
 * an id only those are deleted whose content was handed out in this very session, and of the others those that were looked at in it: between two
 * sessions a server may give an id to another message.
 */
export async function removeMessages(session: Session, refs: readonly MessageRef[]): Promise<Applied> {
  return session.run(async (drop) => {
    const found = await drop.find(refs.map((ref) => ref.id));
    const entries = [...found.values()];
    const [certain, uncertain] = parted(entries, (entry) => drop.isCertain(entry));
    const [certainHere, ofAnotherSession] = parted(certain, (entry) => drop.isOfThisSession(entry));
    const undone = await markAndQuit(session, drop, certainHere);
    const note = (some: readonly Entry[], failure: Failure) => {
      for (const { id } of some) undone.set(id, failure);
    };
    const { address } = session.mailbox;
    note(ofAnotherSession, session.failure("messages not looked at", { what: `${ofAnotherSession.length} messages of ${address}` }));
    note(uncertain, session.failure("messages not told apart", { what: `${uncertain.length} messages of ${address}` }));
    const lookAgain = new Set([...uncertain, ...ofAnotherSession].map(({ id }) => id));
    const failures = refs.flatMap((ref) => {
      const failure = undone.get(ref.id);
      return failure === undefined ? [] : [{ ref, failure, lookAgain: lookAgain.has(ref.id) }];
    });
    const [there, gone] = parted(refs, ({ id }) => found.has(id));
    return { changed: there.filter(({ id }) => !undone.has(id)), gone, undone: failures };
  });
}

/** Deletes them and ends the session. Returns those that were not deleted, or of which nobody can say it, by id. */
async function markAndQuit(session: Session, drop: Maildrop, entries: readonly Entry[]): Promise<Map<string, Failure>> {
  const undone = new Map<string, Failure>();
  if (entries.length === 0) return undone;
  const { address } = session.mailbox;
  // What was read before in this session is to leave no trace, see Connection.leave.
  await drop.connection.ask("RSET");
  await drop.each(
    entries,
    ({ number }) => `DELE ${number}`,
    async ({ id }, answer) => {
      if (answer.ok) return;
      undone.set(id, session.failure("message not deleted", { what: `a message of ${address} (${id})`, serverSaid: answer.text }));
    },
  );
  const marked = entries.filter(({ id }) => !undone.has(id));
  const failure = await quit(session, drop, `${marked.length} messages of ${address}`);
  if (failure !== null) for (const { id } of marked) undone.set(id, failure);
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
    const failure = session.secrets.error(error);
    if (failure instanceof Failure) return failure;
    throw failure;
  }
}

function parted<T>(list: readonly T[], test: (one: T) => boolean): readonly [readonly T[], readonly T[]] {
  return [list.filter(test), list.filter((one) => !test(one))];
}

/** Milliseconds that the server may take to close after it said goodbye. */
const CLOSING = 2000;
