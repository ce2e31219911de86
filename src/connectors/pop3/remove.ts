import type { MessageRef } from "../../model/message.ts";
import type { Session } from "./session.ts";

/**
 * Deletes exactly these messages; those that are gone already are passed over. A message marked by DELE is deleted when the server has answered
 * QUIT (RFC 1939 6), and a connection that breaks before deletes nothing: it all happens in one session, which is over then.
 */
export async function removeMessages(session: Session, refs: readonly MessageRef[]): Promise<void> {
  const refused: string[] = [];
  await session.run(async (drop) => {
    const found = await drop.find(refs.map((ref) => ref.id));
    if (found.size === 0) return;
    const { connection } = drop;
    // What was read before in this session is to leave no trace, see Connection.leave.
    await connection.ask("RSET");
    await drop.each(
      [...found.values()],
      ({ number }) => `DELE ${number}`,
      async (_, answer) => {
        if (!answer.ok) refused.push(answer.text);
      },
    );
    const done = await connection.ask("QUIT");
    if (!done.ok) refused.push(done.text);
    await connection.channel.closed(CLOSING);
  });
  const [words] = refused;
  if (words !== undefined)
    throw session.failure("message not deleted", {
      what: `some of ${refs.length} messages of ${session.mailbox.address}`,
      serverSaid: words,
    });
}

/** Milliseconds that the server may take to close after it said goodbye. */
const CLOSING = 2000;
