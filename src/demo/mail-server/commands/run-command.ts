import type { Command } from "../imap/command.ts";
import type { Outcome, Session } from "../imap/session.ts";
import { Refusal } from "../refusal.ts";
import { append } from "./append.ts";
import { capability, enable, id, logout, noop } from "./capability.ts";
import { copy, move } from "./copy.ts";
import { expunge } from "./expunge.ts";
import { fetch } from "./fetch.ts";
import { create, remove, rename, subscribe, unsubscribe } from "./folders.ts";
import { idle } from "./idle.ts";
import { list, lsub, namespace } from "./list.ts";
import { search } from "./search.ts";
import { check, close, select, unselect } from "./select.ts";
import { authenticate, login } from "./sign-in.ts";
import { status } from "./status.ts";
import { store } from "./store.ts";

const ANY_STATE: ReadonlySet<Command["name"]> = new Set(["CAPABILITY", "NOOP", "LOGOUT", "ID"]);
const SIGNED_OUT: ReadonlySet<Command["name"]> = new Set(["LOGIN", "AUTHENTICATE"]);
const SELECTED: ReadonlySet<Command["name"]> = new Set([
  "CHECK",
  "CLOSE",
  "UNSELECT",
  "EXPUNGE",
  "SEARCH",
  "FETCH",
  "STORE",
  "COPY",
  "MOVE",
]);

/** Runs a command where the state allows it (RFC 3501 section 3 and 6). What the store refuses becomes NO with its code. */
export async function runCommand(command: Command, tag: string, session: Session): Promise<Outcome> {
  const fault = stateFault(command, session);
  if (fault) return { status: "BAD", text: fault };
  try {
    return await dispatch(command, tag, session);
  } catch (error) {
    if (error instanceof Refusal) return { status: "NO", code: error.code, text: error.message };
    throw error;
  }
}

/** Whether the end of this command may tell expunges: not where the client counts by sequence numbers (RFC 3501 7.4.1). */
export function mayTellExpunges(command: Command): boolean {
  const counts = command.name === "FETCH" || command.name === "STORE" || command.name === "SEARCH";
  return !counts || command.byUid;
}

function stateFault({ name }: Command, session: Session): string | null {
  if (ANY_STATE.has(name)) return null;
  if (SIGNED_OUT.has(name)) return session.account ? "Signed in already" : null;
  if (!session.account) return "Sign in first";
  return SELECTED.has(name) && !session.selection ? "Select a mailbox first" : null;
}

function dispatch(command: Command, tag: string, session: Session): Outcome | Promise<Outcome> {
  switch (command.name) {
    case "CAPABILITY":
      return capability(session);
    case "NOOP":
      return noop();
    case "LOGOUT":
      return logout(session);
    case "ID":
      return id(session);
    case "LOGIN":
      return login(command.user, command.password, session);
    case "AUTHENTICATE":
      return authenticate(command.mechanism, command.initial, session);
    case "ENABLE":
      return enable(command.extensions, session);
    case "NAMESPACE":
      return namespace(session);
    case "LIST":
      return list(command, session);
    case "LSUB":
      return lsub(command, session);
    case "STATUS":
      return status(command.path, command.items, session);
    case "SELECT":
    case "EXAMINE":
      return select(command, session);
    case "CREATE":
      return create(command.path, session);
    case "DELETE":
      return remove(command.path, session);
    case "RENAME":
      return rename(command.from, command.to, session);
    case "SUBSCRIBE":
      return subscribe(command.path, session);
    case "UNSUBSCRIBE":
      return unsubscribe(command.path, session);
    case "APPEND":
      return append(command, session);
    case "CHECK":
      return check();
    case "CLOSE":
      return close(session);
    case "UNSELECT":
      return unselect(session);
    case "EXPUNGE":
      return expunge(command.uids, session);
    case "SEARCH":
      return search(command, tag, session);
    case "FETCH":
      return fetch(command, session);
    case "STORE":
      return store(command, session);
    case "COPY":
      return copy(command, session);
    case "MOVE":
      return move(command, session);
    case "IDLE":
      return idle(session);
  }
}
