import type { Socket } from "node:net";
import { capabilities } from "../commands/capability.ts";
import { mayTellExpunges, runCommand } from "../commands/run-command.ts";
import { IDLE_LOGOUT_MS, MAXIMUM_BAD_COMMANDS, MAXIMUM_LITERAL_BEFORE_SIGN_IN, MAXIMUM_MESSAGE_BYTES, SIGN_IN_MS } from "../limits.ts";
import type { MailStore } from "../store.ts";
import { CommandInput, InputTooLong, type RefusedCommand } from "./command-input.ts";
import { parseCommand } from "./parse-command.ts";
import type { Chunk } from "./respond.ts";
import type { RawCommand } from "./scanner.ts";
import { type Outcome, Session } from "./session.ts";

/** Serves one IMAP client until it leaves (RFC 3501). Never throws for what the client sends; resolves when the connection is over. */
export async function serveImap(socket: Socket, store: MailStore): Promise<void> {
  const input = new CommandInput(socket);
  const session = new Session(store, {
    send: (chunks) => write(socket, chunks),
    nextLine: () => input.line(),
    close: () => socket.destroySoon(),
  });
  limitSilence(socket, SIGN_IN_MS);
  try {
    session.send(`* OK [CAPABILITY ${capabilities(session)}] Waypost demo mail server ready\r\n`);
    await serveCommands(socket, input, session);
  } catch (error) {
    if (error instanceof InputTooLong) session.send(`* BYE ${error.message}\r\n`);
    // A connection cut by the other side ends in an error of the socket, and is over.
    else if (!socket.destroyed) throw error;
  } finally {
    session.deselect();
    socket.destroySoon();
  }
}

async function serveCommands(socket: Socket, input: CommandInput, session: Session): Promise<void> {
  let badInARow = 0;
  while (!session.leaving) {
    const literalLimit = session.account ? MAXIMUM_MESSAGE_BYTES : MAXIMUM_LITERAL_BEFORE_SIGN_IN;
    const raw = await input.command(literalLimit, () => session.send("+ Go on\r\n"));
    if (raw === null) return;
    const status = await session.whileBusy(() => answer(raw, session));
    badInARow = status === "BAD" ? badInARow + 1 : 0;
    if (badInARow >= MAXIMUM_BAD_COMMANDS) {
      session.send("* BYE Too many commands that are none\r\n");
      return;
    }
    if (session.account) limitSilence(socket, IDLE_LOGOUT_MS);
    await drained(socket);
  }
}

/** Runs one command and says how it ended. */
async function answer(raw: RawCommand | RefusedCommand, session: Session): Promise<Outcome["status"]> {
  if ("refused" in raw) return finish(tagOf(raw.refused), LITERAL_REFUSED, session);
  const parsed = parseCommand(raw);
  if ("fault" in parsed) return finish(parsed.tag, { status: "BAD", text: parsed.fault }, session);
  const outcome = await run(parsed.tag, parsed.command, session);
  if (outcome.status !== "BAD") session.tellNews(mayTellExpunges(parsed.command));
  return finish(parsed.tag, outcome, session);
}

/** A fault of ours ends the command, not the server; it is shown on the process's own channel. */
async function run(tag: string, command: Parameters<typeof runCommand>[0], session: Session): Promise<Outcome> {
  try {
    return await runCommand(command, tag, session);
  } catch (error) {
    if (error instanceof InputTooLong || !(error instanceof Error)) throw error;
    process.emitWarning(error);
    return { status: "NO", code: "SERVERBUG", text: "The server failed at this command" };
  }
}

/** RFC 4469 3.1 names the code for a message that is too big. */
const LITERAL_REFUSED: Outcome = { status: "NO", code: "TOOBIG", text: "Literal is larger than this server takes" };

function finish(tag: string, outcome: Outcome, session: Session): Outcome["status"] {
  const code = outcome.code === undefined ? "" : `[${outcome.code}] `;
  session.send(`${tag} ${outcome.status} ${code}${outcome.text}\r\n`);
  return outcome.status;
}

function tagOf(line: string): string {
  const parsed = parseCommand({ lines: [line], literals: [] });
  return parsed.tag;
}

/** One packet for what is said together. */
function write(socket: Socket, chunks: readonly Chunk[]): void {
  if (!socket.writable) return;
  socket.cork();
  for (const chunk of chunks) typeof chunk === "string" ? socket.write(chunk, "latin1") : socket.write(chunk);
  process.nextTick(() => socket.uncork());
}

/** Waits until the client has read: one that asks and never reads must not fill the memory. */
async function drained(socket: Socket): Promise<void> {
  if (!socket.writableNeedDrain || socket.destroyed) return;
  await new Promise<void>((resolve) => {
    const done = () => {
      socket.off("drain", done).off("close", done);
      resolve();
    };
    socket.on("drain", done).on("close", done);
  });
}

function limitSilence(socket: Socket, milliseconds: number): void {
  socket.removeAllListeners("timeout");
  socket.setTimeout(milliseconds, () => {
    write(socket, ["* BYE Silent for too long\r\n"]);
    socket.destroySoon();
  });
}
