import { hasFlag } from "../flags.ts";
import type { StoredMessage } from "../folder.ts";
import { headerValue } from "../message/header-fields.ts";
import { messageParts } from "../message/message-parts.ts";
import { readableBody, readableHeader } from "../message/readable-text.ts";
import type { SearchKey } from "./command.ts";
import { type Day, dayOfDate, dayOfHeader } from "./imap-date.ts";
import { resolveSet, setHolds } from "./sequence-set.ts";

/** A message as a session numbers it. */
export interface NumberedMessage {
  readonly sequence: number;
  readonly message: StoredMessage;
}

/** The largest numbers in use, for `*`. */
export interface Largest {
  readonly sequence: number;
  readonly uid: number;
}

type Test = (candidate: NumberedMessage) => boolean;

/** A search key as a test for messages (RFC 3501 6.4.4): sets are resolved and words folded once, not per message. */
export function compileSearch(key: SearchKey, largest: Largest): Test {
  switch (key.kind) {
    case "all":
      return () => true;
    case "none":
      return () => false;
    case "flag":
      return ({ message }) => hasFlag(message.flags, key.flag) === key.present;
    case "received":
      return ({ message }) => compareDays(dayOfDate(message.internalDate), key.compare, key.day);
    case "sent":
      return ({ message }) => {
        const sent = dayOfHeader(headerValue(messageParts(message.mime).fields, "date") ?? "");
        return sent !== null && compareDays(sent, key.compare, key.day);
      };
    case "larger":
      return ({ message }) => message.mime.length > key.bytes;
    case "smaller":
      return ({ message }) => message.mime.length < key.bytes;
    case "sequence": {
      const ranges = resolveSet(key.set, largest.sequence);
      return ({ sequence }) => setHolds(ranges, sequence);
    }
    case "uid": {
      const ranges = resolveSet(key.set, largest.uid);
      return ({ message }) => setHolds(ranges, message.uid);
    }
    case "modseq":
      return ({ message }) => message.modseq >= key.from;
    case "not": {
      const test = compileSearch(key.key, largest);
      return (candidate) => !test(candidate);
    }
    case "or": {
      const left = compileSearch(key.left, largest);
      const right = compileSearch(key.right, largest);
      return (candidate) => left(candidate) || right(candidate);
    }
    case "and": {
      const tests = key.keys.map((each) => compileSearch(each, largest));
      return (candidate) => tests.every((test) => test(candidate));
    }
    case "header":
    case "body":
    case "text":
      return compileTextSearch(key);
  }
}

/** Whether a key asks for mod-sequences, which makes the answer carry one (RFC 7162 3.1.5). */
export function mentionsModseq(key: SearchKey): boolean {
  switch (key.kind) {
    case "modseq":
      return true;
    case "not":
      return mentionsModseq(key.key);
    case "or":
      return mentionsModseq(key.left) || mentionsModseq(key.right);
    case "and":
      return key.keys.some(mentionsModseq);
    default:
      return false;
  }
}

function compileTextSearch(key: Extract<SearchKey, { text: string }>): Test {
  const wanted = key.text.toLowerCase();
  const holds = (text: string) => text.toLowerCase().includes(wanted);
  if (key.kind === "header") {
    // An empty string matches every message that has the field at all.
    return ({ message }) =>
      messageParts(message.mime).fields.some((field) => field.name.toLowerCase() === key.field && holds(readableHeader(field.value)));
  }
  const inBody: Test = ({ message }) => holds(readableBody(messageParts(message.mime)));
  if (key.kind === "body") return inBody;
  return (candidate) =>
    messageParts(candidate.message.mime).fields.some((field) => holds(`${field.name}: ${readableHeader(field.value)}`)) ||
    inBody(candidate);
}

function compareDays(actual: Day, compare: "before" | "on" | "since", wanted: Day): boolean {
  if (compare === "before") return actual < wanted;
  return compare === "on" ? actual === wanted : actual >= wanted;
}
