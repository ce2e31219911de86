import { Parser } from "htmlparser2";

/** Elements whose text nobody sees. */
const UNSEEN = new Set(["script", "style", "head", "title", "template", "noscript", "object", "svg"]);

/** Elements that begin and end a line of their own. */
const BLOCKS = new Set(
  "address article aside blockquote center dd div dl dt fieldset figcaption figure footer form h1 h2 h3 h4 h5 h6 header hr li main nav ol p pre section table tbody tfoot thead tr ul".split(
    " ",
  ),
);

/** Blocks that stand apart from their neighbours by an empty line. */
const PARAGRAPHS = new Set("blockquote dl h1 h2 h3 h4 h5 h6 ol p pre table ul".split(" "));

/** Characters of HTML read: four times what the CRM stores of a body. */
const CHARACTERS = 4 * 1024 * 1024;

/**
 * Elements open at a time, looked at after each chunk of characters. The parser's time for one element grows with the number of open
 * ones; above this the page is hostile, and reading goes on as if all of them had been closed.
 */
const NESTING = 500;
const CHUNK = 16 * 1024;

/** Quotes inside each other are marked up to here; deeper ones look the same. */
const QUOTE_DEPTH = 20;

/**
 * What a reader of an HTML body sees, as plain text: blocks on lines of their own, lists with dashes, quotes with `>`, links
 * followed by their address, pictures by their alternative text. Linear in the HTML; never throws.
 */
export function htmlToText(whole: string): string {
  const html = whole.length > CHARACTERS ? whole.slice(0, CHARACTERS) : whole;
  const writer = new TextWriter();
  let parser = parserFor(writer);
  let at = 0;
  while (at < html.length) {
    // A chunk ends before a tag, so that no tag is read in two halves.
    const chunk = html.slice(at, at + CHUNK);
    const tag = chunk.lastIndexOf("<");
    const length = tag > 0 ? tag : chunk.length;
    parser.write(chunk.slice(0, length));
    at += length;
    if (writer.depth <= NESTING) continue;
    parser.end();
    parser = parserFor(writer);
  }
  parser.end();
  return writer.result();
}

function parserFor(writer: TextWriter): Parser {
  return new Parser(
    {
      onopentag: (name, attributes) => writer.open(name, attributes),
      ontext: (text) => writer.text(text),
      onclosetag: (name) => writer.close(name),
    },
    { decodeEntities: true, lowerCaseTags: true },
  );
}

/** A plain text as HTML that looks the same. */
export function textToHtml(text: string): string {
  const escaped = text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  return `<div>${escaped.replace(/\r?\n/g, "<br>\n")}</div>`;
}

class TextWriter {
  /** Elements open now. */
  depth = 0;
  readonly #lines: string[] = [];
  #line = new Line();
  #unseen = 0;
  #preformatted = 0;
  #quotes = 0;
  /** Blanks were read that only count when a word follows on the line. */
  #gap = false;
  readonly #links: { readonly href: string; readonly line: number; readonly place: number }[] = [];

  open(name: string, { href, alt }: Readonly<Record<string, string>>): void {
    this.depth += 1;
    if (UNSEEN.has(name)) this.#unseen += 1;
    if (this.#unseen > 0) return;
    if (BLOCKS.has(name)) this.#endLine(PARAGRAPHS.has(name));
    if (name === "br") this.#push();
    if (name === "blockquote") this.#quotes += 1;
    if (name === "pre") this.#preformatted += 1;
    if (name === "li") this.#word("- ");
    if (name === "hr") this.#word("----------");
    if (name === "td" || name === "th") this.#gap ||= !this.#line.isEmpty;
    if (name === "img" && alt) this.text(alt);
    if (name === "a") this.#links.push({ href: href ?? "", line: this.#lines.length, place: this.#line.place });
  }

  text(text: string): void {
    if (this.#unseen > 0) return;
    if (this.#preformatted > 0) {
      const [first = "", ...rest] = text.split(/\r?\n/);
      this.#word(first);
      for (const line of rest) {
        this.#push();
        this.#line.add(line);
      }
      return;
    }
    // Only the blanks of HTML collapse; a no-break space is a character like any other to this rule and a blank to the reader.
    const words = text.split(/[ \t\r\n\f]+/);
    words.forEach((word, index) => {
      if (index > 0) this.#gap = true;
      if (word !== "") this.#word(word.replaceAll("\u00a0", " "));
    });
  }

  close(name: string): void {
    this.depth -= 1;
    if (UNSEEN.has(name)) this.#unseen = Math.max(0, this.#unseen - 1);
    if (this.#unseen > 0) return;
    if (name === "a") this.#endLink();
    if (BLOCKS.has(name)) this.#endLine(PARAGRAPHS.has(name));
    if (name === "blockquote") this.#quotes = Math.max(0, this.#quotes - 1);
    if (name === "pre") this.#preformatted = Math.max(0, this.#preformatted - 1);
  }

  result(): string {
    this.#endLine(false);
    return `${this.#lines
      .join("\n")
      .replace(/\n{3,}/g, "\n\n")
      .trim()}\n`;
  }

  #word(word: string): void {
    if (this.#gap && !this.#line.isEmpty && !this.#line.endsInSpace) this.#line.add(" ");
    this.#gap = false;
    this.#line.add(word);
  }

  /** The link's address in brackets, unless the text of the link is the address already. */
  #endLink(): void {
    const link = this.#links.pop();
    if (!link || !/^(https?|mailto|tel):/i.test(link.href)) return;
    const target = link.href.replace(/^mailto:|^tel:/i, "").replace(/\s+/g, "");
    const shown = link.line === this.#lines.length ? this.#line.since(link.place, target.length) : "";
    if (shown === "" || shown === target || `${shown}/` === target || target.endsWith(`//${shown}`)) return;
    this.#gap = true;
    this.#word(`<${target}>`);
  }

  #endLine(paragraph: boolean): void {
    if (!this.#line.isBlank) this.#push();
    else this.#line = new Line();
    if (paragraph && this.#lines.length > 0 && this.#lines.at(-1) !== "") this.#lines.push("");
    this.#gap = false;
  }

  #push(): void {
    const marks = this.#quotes > 0 ? `${">".repeat(Math.min(this.#quotes, QUOTE_DEPTH))} ` : "";
    this.#lines.push((marks + this.#line.text()).trimEnd());
    this.#line = new Line();
    this.#gap = false;
  }
}

/**
 * A line while it is written, in pieces that are joined once: a string that grows and is looked at in between is copied as a whole each time, and a line
 * may be as long as the body.
 */
class Line {
  /** The last that was added ends in a space. */
  endsInSpace = false;
  /** In turn the blanks before a text, which may be none, and the text, which begins and ends with something else. */
  readonly #pieces: string[] = [];
  /** Blanks that no text follows yet. */
  #blanks = "";

  get isEmpty(): boolean {
    return this.isBlank && this.#blanks === "";
  }

  get isBlank(): boolean {
    return this.#pieces.length === 0;
  }

  /** Where the line ends now. */
  get place(): number {
    return this.#pieces.length;
  }

  add(text: string): void {
    if (text === "") return;
    this.endsInSpace = text.endsWith(" ");
    const start = text.length - text.trimStart().length;
    const end = text.trimEnd().length;
    if (end === 0) {
      this.#blanks += text;
      return;
    }
    this.#pieces.push(this.#blanks + text.slice(0, start), text.slice(start, end));
    this.#blanks = text.slice(end);
  }

  /** What was written since a place, without the blanks around it; of more characters than are wanted so many that it shows. */
  since(place: number, wanted: number): string {
    let text = "";
    for (let at = place + 1; at < this.#pieces.length && text.length <= wanted; at += 1) text += this.#pieces[at] ?? "";
    return text;
  }

  /** Without the blanks at its end. */
  text(): string {
    return this.#pieces.join("");
  }
}
