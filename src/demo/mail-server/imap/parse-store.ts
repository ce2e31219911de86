import type { StoreCommand } from "./command.ts";
import { after, settableFlag } from "./parse-terms.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

/** RFC 3501 6.4.6, RFC 7162 3.1.3. */
export function parseStore(scanner: Scanner, byUid: boolean): StoreCommand {
  const set = scanner.sequenceSet();
  scanner.space();
  let unchangedSince: number | null = null;
  if (scanner.peek() === "(") {
    scanner.list(() => {
      if (!scanner.takeName("UNCHANGEDSINCE")) throw new SyntaxFault("Unknown STORE modifier");
      unchangedSince = after(scanner).modseq();
    });
    scanner.space();
  }
  const change = scanner.take("+") ? "add" : scanner.take("-") ? "remove" : "replace";
  const item = scanner.name();
  if (item !== "FLAGS" && item !== "FLAGS.SILENT") throw new SyntaxFault("Expected FLAGS");
  scanner.space();
  const flags = scanner.peek() === "(" ? scanner.list(() => settableFlag(scanner), { empty: true }) : bareFlags(scanner);
  return { name: "STORE", byUid, set, change, silent: item === "FLAGS.SILENT", flags, unchangedSince };
}

function bareFlags(scanner: Scanner): string[] {
  const flags = [settableFlag(scanner)];
  while (scanner.take(" ")) flags.push(settableFlag(scanner));
  return flags;
}
