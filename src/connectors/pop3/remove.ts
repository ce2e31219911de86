import type { MessageRef } from "../../model/message.ts";
import type { Session } from "./session.ts";

/**
 * Deletes exactly these messages; those that are gone already are passed over. A message marked by DELE is deleted when the server has answered
 * QUIT (RFC 1939 6), and a connection that breaks before deletes nothing: it all happens in one session, which is over then. Of messages that share
 * an id only those are deleted whose content was handed out in this very session: in another one the id may be another message's. And so is it with
 * what was looked at in a session that broke, unless it was looked at again.
 */
export async function removeMessages(session: Session, refs: readonly MessageRef[]): Promise<void> {
  const refused: string[] = [];
  let uncertain = 0;
  let ofAnotherSession = 0;
  await session.run(async (drop) => {
    const found = await drop.find(refs.map((ref) => ref.id));
    const apart = [...found.values()].filter((entry) => drop.isCertain(entry));
    const certain = apart.filter((entry) => drop.isOfThisSession(entry));
    uncertain = found.size - apart.length;
    ofAnotherSession = apart.length - certain.length;
    if (certain.length === 0) return;
    const { connection } = drop;
    // What was read before in this session is to leave no trace, see Connection.leave.
    await connection.ask("RSET");
    await drop.each(
      certain,
      ({ number }) => `DELE ${number}`,
      async (_, answer) => {
        if (!answer.ok) refused.push(answer.text);
      },
    );
    const done = await connection.ask("QUIT");
    if (!done.ok) refused.push(done.text);
    await connection.channel.closed(CLOSING);
    session.quitted();
  });
  const [words] = refused;
  if (words !== undefined)
    throw session.failure("message not deleted", {
      what: `some of ${refs.length} messages of ${session.mailbox.address}`,
      serverSaid: words,
    });
  if (ofAnotherSession > 0) throw session.failure("connection lost");
  if (uncertain > 0) throw session.failure("messages not told apart", { what: `${uncertain} messages of ${session.mailbox.address}` });
}

/** Milliseconds that the server may take to close after it said goodbye. */
const CLOSING = 2000;
