/** Paragraphs kept apart before they become one string: a text of empty lines would otherwise take ten times its size in memory. */
const PARAGRAPHS_AT_A_TIME = 10_000;

/**
 * A `format=flowed` text with its lines joined to paragraphs again (RFC 3676 4): a line that ends in a blank goes on in the
 * next one of the same quote depth, a stuffed blank goes, the signature separator stays a line. `deleteSpace` is `DelSp=yes`.
 */
export function joinFlowed(text: string, deleteSpace: boolean): string {
  const finished: string[] = [];
  let joined: string[] = [];
  let paragraph: string[] = [];
  let depth = -1;
  const finish = (): void => {
    if (paragraph.length > 0) joined.push(paragraph.join(""));
    paragraph = [];
    if (joined.length < PARAGRAPHS_AT_A_TIME) return;
    finished.push(joined.join("\n"));
    joined = [];
  };
  for (const line of linesOf(text)) {
    const quotes = /^>*/.exec(line)?.[0] ?? "";
    const content = line.slice(quotes.length).replace(/^ /, "");
    const flows = content.endsWith(" ") && content !== "-- ";
    if (paragraph.length > 0 && (quotes.length !== depth || content === "-- ")) finish();
    if (paragraph.length === 0) paragraph.push(quotes === "" ? "" : `${quotes} `);
    paragraph.push(flows && deleteSpace ? content.slice(0, -1) : content);
    if (paragraph.length === PARAGRAPHS_AT_A_TIME) paragraph = [paragraph.join("")];
    depth = quotes.length;
    if (!flows) finish();
  }
  finish();
  return [...finished, ...(joined.length > 0 ? [joined.join("\n")] : [])].join("\n");
}

function* linesOf(text: string): Generator<string> {
  let at = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", at)) {
    yield text.slice(at, end);
    at = end + 1;
  }
  yield text.slice(at);
}
