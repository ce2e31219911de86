import type { SelectCommand } from "./command.ts";
import { mailbox } from "./parse-terms.ts";
import { type Scanner, SyntaxFault } from "./scanner.ts";

/** RFC 3501 6.3.1 with the parameters of RFC 7162 3.1.8 and 3.2.5. */
export function parseSelect(scanner: Scanner, name: "SELECT" | "EXAMINE"): SelectCommand {
  const path = mailbox(scanner);
  let condstore = false;
  let known: SelectCommand["known"] = null;
  if (scanner.take(" ")) {
    scanner.list(() => {
      if (scanner.takeName("CONDSTORE")) condstore = true;
      else if (scanner.takeName("QRESYNC")) {
        scanner.space();
        known = qresync(scanner);
      } else throw new SyntaxFault("Unknown SELECT parameter");
    });
  }
  return { name, path, condstore, known };
}

/** `(uidvalidity modseq [known-uids] [(known-sequences known-uids)])` */
function qresync(scanner: Scanner): NonNullable<SelectCommand["known"]> {
  scanner.expect("(");
  const uidValidity = scanner.number();
  scanner.space();
  const modseq = scanner.modseq();
  let uids = null;
  let more = scanner.take(" ");
  if (more && scanner.peek() !== "(") {
    uids = scanner.sequenceSet();
    more = scanner.take(" ");
  }
  if (more) {
    // Which numbers the client had for which UIDs would only save bytes: without it all of the expunged UIDs are told.
    scanner.expect("(");
    scanner.sequenceSet();
    scanner.space();
    scanner.sequenceSet();
    scanner.expect(")");
  }
  scanner.expect(")");
  return { uidValidity, modseq, uids };
}
