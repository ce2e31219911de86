import { MAXIMUM_LIST_PATTERNS } from "../limits.ts";
import type { Command, ListCommand, StatusItem } from "./command.ts";
import { mailbox, mailboxPattern, statusItem } from "./parse-terms.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

const SELECTION_OPTIONS = new Set(["SUBSCRIBED", "REMOTE", "RECURSIVEMATCH", "SPECIAL-USE"]);

/** RFC 3501 6.3.8 with the options of RFC 5258, RFC 5819 and RFC 6154. */
export function parseList(scanner: Scanner): ListCommand {
  let selecting: string[] = [];
  if (scanner.peek() === "(") {
    selecting = scanner.list(() => selectionOption(scanner), { empty: true });
    scanner.space();
  }
  // RFC 5258 section 3: RECURSIVEMATCH says nothing without an option that selects.
  if (selecting.includes("RECURSIVEMATCH") && !selecting.includes("SUBSCRIBED") && !selecting.includes("SPECIAL-USE")) {
    throw new SyntaxFault("RECURSIVEMATCH needs another selection option");
  }
  const reference = mailbox(scanner);
  scanner.space();
  const patterns = scanner.peek() === "(" ? scanner.list(() => mailboxPattern(scanner)) : [mailboxPattern(scanner)];
  if (patterns.length > MAXIMUM_LIST_PATTERNS) throw new SyntaxFault("Too many mailbox patterns");
  const { status, returnSubscribed } = scanner.take(" ") ? returnOptions(scanner) : NOTHING_RETURNED;
  return { name: "LIST", reference, patterns, selecting: new Set(selecting), status, returnSubscribed };
}

/** RFC 3501 6.3.9. */
export function parseLsub(scanner: Scanner): Command {
  const reference = mailbox(scanner);
  scanner.space();
  return { name: "LSUB", reference, pattern: mailboxPattern(scanner) };
}

const NOTHING_RETURNED = { status: [], returnSubscribed: false };

function returnOptions(scanner: Scanner): { status: StatusItem[]; returnSubscribed: boolean } {
  if (!scanner.takeName("RETURN")) throw new SyntaxFault("Expected RETURN");
  scanner.space();
  let status: StatusItem[] = [];
  let returnSubscribed = false;
  scanner.list(
    () => {
      const option = scanner.name();
      if (option === "STATUS") {
        scanner.space();
        status = scanner.list(() => statusItem(scanner));
      } else if (option === "SUBSCRIBED") returnSubscribed = true;
      // Children and special uses are told with every folder anyway.
      else if (option !== "CHILDREN" && option !== "SPECIAL-USE") throw new SyntaxFault("Unknown LIST return option");
    },
    { empty: true },
  );
  return { status, returnSubscribed };
}

function selectionOption(scanner: Scanner): string {
  const option = scanner.name();
  if (!SELECTION_OPTIONS.has(option)) throw new SyntaxFault("Unknown LIST selection option");
  return option;
}
