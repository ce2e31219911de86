/**
 * A `format=flowed` text with its lines joined to paragraphs again (RFC 3676 4): a line that ends in a blank goes on in the
 * next one of the same quote depth, a stuffed blank goes, the signature separator stays a line. `deleteSpace` is `DelSp=yes`.
 */
export function joinFlowed(text: string, deleteSpace: boolean): string {
  const joined: string[] = [];
  let paragraph: string[] = [];
  let depth = -1;
  const finish = (): void => {
    if (paragraph.length > 0) joined.push(paragraph.join(""));
    paragraph = [];
  };
  for (const line of text.split("\n")) {
    const quotes = /^>*/.exec(line)?.[0] ?? "";
    const content = line.slice(quotes.length).replace(/^ /, "");
    const flows = content.endsWith(" ") && content !== "-- ";
    if (paragraph.length > 0 && (quotes.length !== depth || content === "-- ")) finish();
    if (paragraph.length === 0) paragraph.push(quotes === "" ? "" : `${quotes} `);
    paragraph.push(flows && deleteSpace ? content.slice(0, -1) : content);
    depth = quotes.length;
    if (!flows) finish();
  }
  finish();
  return joined.join("\n");
}
