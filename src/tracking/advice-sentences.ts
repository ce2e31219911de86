import { FILTER_METHOD_NAMES } from "../model/settings.ts";
import type { Wish } from "../model/wish.ts";
import type { Advice, Advised } from "./advice.ts";
import type { Change } from "./change.ts";
import { commandAbout, listing, quote, when } from "./sentence.ts";

/**
 * What one could change, a sentence for each alternative. None where nothing helps.
 * @param number of the decision, for the commands that are named
 */
export function adviceSentences({ wanted, alternatives }: Advised, number?: number): string[] {
  const aim = wanted === "tracked" ? "To have it tracked, " : "To keep such a message out, ";
  const questions = alternatives.flatMap(({ changes }) => (changes.length === 1 && changes[0]?.kind === "question" ? changes : []));
  const others = alternatives.filter(({ changes }) => !changes.some(({ kind }) => kind === "by hand") && !isQuestion({ changes }));
  const words = alternatives.flatMap(({ changes }) => changes.flatMap((change) => (change.kind === "by hand" ? change.verb : [])));
  const ids = questions.flatMap((change) => (change.kind === "question" ? quote(change.messageId) : []));
  // Addresses that may not be shown look alike.
  const told = new Set(others.map(({ changes }) => `${aim}${listing(changes.map(toDo))}.`));
  return [
    ...told,
    ...(ids.length === 0 ? [] : [`It is decided again by itself as soon as a message that it answers is tracked: ${listing(ids, 3)}.`]),
    ...words.map((verb) => BY_HAND[verb](`\`waypost ${verb} ${number ?? "<number>"}\``)),
  ];
}

const BY_HAND: Readonly<Record<Wish["verb"], (command: string) => string>> = {
  track: (command) => `To have this message tracked, whatever the rules say: ${command}.`,
  untrack: (command) => `To have no email of this very message: ${command}.`,
};

function isQuestion({ changes }: Advice): boolean {
  return changes.length === 1 && changes[0]?.kind === "question";
}

function inBrackets(text: string | null): string {
  return text === null ? "" : ` (${text})`;
}

function toDo(change: Change): string {
  switch (change.kind) {
    case "setting":
      return typeof change.value === "boolean"
        ? `switch ${change.name} ${change.value ? "on" : "off"}`
        : `set ${change.name} to ${change.value}`;
    case "filter":
      return `set the filter of ${quote(change.of.name)} to "${FILTER_METHOD_NAMES[change.method]}"`;
    case "start date":
      return `set the start date of ${quote(change.mailbox)} to ${when(change.at)} or earlier`;
    case "enable":
      return `enable ${quote(change.record.name)} in the CRM`;
    case "new contact": {
      const command = change.hasRecords ? null : commandAbout(change.address, (one) => `waypost contact ${one}`);
      return `add ${quote(change.address)} as a contact, lead or account${inBrackets(command)}`;
    }
    case "one record":
      return "leave the sender's address on one record only";
    case "new recipient":
      return `give the address ${quote(change.address)} to a user or queue whose filter is "${FILTER_METHOD_NAMES[0]}"`;
    case "by hand":
      return `${change.verb} it by hand`;
    case "question":
      return `have the message ${quote(change.messageId)} that it answers tracked`;
  }
}
