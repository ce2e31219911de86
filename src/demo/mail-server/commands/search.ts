import type { SearchCommand, SearchReturn } from "../imap/command.ts";
import { compileSearch, mentionsModseq, type NumberedMessage } from "../imap/search.ts";
import { formatSet } from "../imap/sequence-set.ts";
import type { Outcome, Session } from "../imap/session.ts";

const CHARSETS = ["US-ASCII", "UTF-8"];

/** SEARCH and UID SEARCH (RFC 3501 6.4.4), with ESEARCH (RFC 4731) and MODSEQ (RFC 7162 3.1.5). The tag is told back by ESEARCH. */
export function search(command: SearchCommand, tag: string, session: Session): Outcome {
  if (command.charset !== null && !CHARSETS.includes(command.charset)) {
    return { status: "NO", code: `BADCHARSET (${CHARSETS.join(" ")})`, text: "Unknown character set" };
  }
  const selection = session.selected();
  const test = compileSearch(command.key, { sequence: selection.exists, uid: selection.largestUid });
  const found = selection.all().filter(test);
  const numbers = found.map((each) => (command.byUid ? each.message.uid : each.sequence));
  const wantsModseq = mentionsModseq(command.key);
  if (wantsModseq) session.condstore = true;
  if (command.returning) {
    const modseq = wantsModseq ? relevantModseq(found, command.returning) : null;
    session.send(esearchLine(tag, command.byUid, numbers, command.returning, modseq));
  } else {
    const modseq = wantsModseq && found.length > 0 ? ` (MODSEQ ${highestModseq(found)})` : "";
    session.send(`* SEARCH${numbers.map((number) => ` ${number}`).join("")}${modseq}\r\n`);
  }
  return { status: "OK", text: "Searched" };
}

function esearchLine(
  tag: string,
  byUid: boolean,
  numbers: readonly number[],
  returning: ReadonlySet<SearchReturn>,
  modseq: number | null,
): string {
  const parts = [`* ESEARCH (TAG "${tag}")`];
  const [first] = numbers;
  const last = numbers.at(-1);
  if (byUid) parts.push("UID");
  if (returning.has("MIN") && first !== undefined) parts.push(`MIN ${first}`);
  if (returning.has("MAX") && last !== undefined) parts.push(`MAX ${last}`);
  if (returning.has("ALL") && numbers.length > 0) parts.push(`ALL ${formatSet(numbers)}`);
  if (returning.has("COUNT")) parts.push(`COUNT ${numbers.length}`);
  if (modseq !== null) parts.push(`MODSEQ ${modseq}`);
  return `${parts.join(" ")}\r\n`;
}

/** RFC 4731 3.2: with MIN and MAX only, the mod-sequence is that of those messages. */
function relevantModseq(found: readonly NumberedMessage[], returning: ReadonlySet<SearchReturn>): number | null {
  if (found.length === 0) return null;
  if (returning.has("ALL") || returning.has("COUNT")) return highestModseq(found);
  return highestModseq([...(returning.has("MIN") ? found.slice(0, 1) : []), ...(returning.has("MAX") ? found.slice(-1) : [])]);
}

function highestModseq(found: readonly NumberedMessage[]): number {
  return found.reduce((highest, { message }) => Math.max(highest, message.modseq), 0);
}
