import type { Outcome, Session } from "../imap/session.ts";

/** IDLE (RFC 2177): news is told as it happens, until the client says DONE. */
export async function idle(session: Session): Promise<Outcome> {
  session.send("+ Idling\r\n");
  const line = await session.whileIdle(() => session.wire.nextLine());
  if (line === null) session.leaving = true;
  return line?.toUpperCase() === "DONE" ? { status: "OK", text: "Idle ended" } : { status: "BAD", text: "Expected DONE" };
}
