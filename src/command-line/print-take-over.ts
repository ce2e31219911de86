import type { TakenMailbox, Takeover, TakeoverNote } from "../model/server-side-sync.ts";
import { moment, plural, printable } from "./print.ts";

/** So many names are shown of rows that have the same note; all of them with --json. */
const NAMES_SHOWN = 10;

/** What is, or would be, taken over, what not and why, and what a person has to do; as lines for a person. */
export function takeoverLines(organization: string, takeover: Takeover): string[] {
  const { profiles, mailboxes, notes, secrets } = takeover;
  const of = (kind: TakeoverNote["kind"]) => noteLines(notes.filter((one) => one.kind === kind));
  return [
    `${organization}: ${plural(profiles.length, "server profile")} and ${plural(mailboxes.length, "mailbox")} can be taken over.`,
    ...profiles.map(({ name, servers }) => `  server profile: ${name}: ${servers.join("; ")}`),
    ...mailboxes.map(mailboxLine),
    ...headed("Left out:", of("left out")),
    ...headed("Otherwise than in Dynamics:", of("otherwise")),
    ...headed("To be done:", of("to do")),
    ...headed(
      "Secrets, which nobody can read from Dynamics; each is one line in its file:",
      secrets.map(({ file, what }) => `  ${file}: ${what}`),
    ),
  ].map(printable);
}

function mailboxLine({ address, profile, incoming, outgoing, active, filter, readFrom, stillSynchronized }: TakenMailbox): string {
  const read =
    incoming === true
      ? `read${readFrom === null ? "" : ` from ${moment(readFrom)}`}`
      : incoming === false
        ? "not read"
        : "read by a forward mailbox";
  const still = stillSynchronized.length === 0 ? "" : `; Dynamics still works on it (${stillSynchronized.join(", ")})`;
  const wanted = filter === null || incoming === false ? "" : `, takes ${filter}`;
  return `  mailbox:        ${address} (${profile}): ${read}${wanted}, ${outgoing ? "sends" : "sends nothing"}${active ? "" : ", inactive"}${still}`;
}

function headed(title: string, lines: readonly string[]): string[] {
  return lines.length === 0 ? [] : ["", title, ...lines];
}

/** Rows with the same note stand together. */
function noteLines(notes: readonly TakeoverNote[]): string[] {
  const alike = Map.groupBy(notes, ({ about, because, next }) => JSON.stringify([about, because, next]));
  return [...alike.values()].flatMap((some) => {
    const [first] = some;
    if (first === undefined) return [];
    const names = [...new Set(some.map(({ name }) => name))];
    const others = names.length > NAMES_SHOWN ? ` and ${names.length - NAMES_SHOWN} more` : "";
    const next = first.next === "" ? [] : [`    What to do: ${first.next}`];
    return [`  ${first.about} ${names.slice(0, NAMES_SHOWN).join(", ")}${others}: ${first.because}`, ...next];
  });
}
