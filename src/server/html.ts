/** Markup that is safe to send: made by {@link html} alone, so that no text of a stranger can pass for it. */
export class Html {
  readonly #markup: string;

  constructor(parts: readonly string[], values: readonly HtmlValue[]) {
    this.#markup = parts.map((part, index) => part + (index < values.length ? markupOf(values[index]) : "")).join("");
  }

  toString(): string {
    return this.#markup;
  }
}

/** What can stand in a template: text is escaped, markup and lists of it go in as they are, nothing for null, undefined and false. */
export type HtmlValue = string | number | Html | null | undefined | false | readonly HtmlValue[];

/** Markup with every text escaped. Attribute values must stand in double quotes; a stranger's text never names a tag, an attribute or a scheme. */
export function html(parts: TemplateStringsArray, ...values: readonly HtmlValue[]): Html {
  return new Html(parts, values);
}

const ENTITIES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Control characters but tab and line ends, and marks that reorder the text after them (Unicode TR 9, 2.1 to 2.5): they let a text lie about itself. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be replaced
const MISLEADING = /[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g;

function markupOf(value: HtmlValue): string {
  if (value === null || value === undefined || value === false) return "";
  if (value instanceof Html) return value.toString();
  if (typeof value === "number") return String(value);
  if (typeof value === "string") return escaped(value);
  return value.map(markupOf).join("");
}

function escaped(text: string): string {
  return text
    .toWellFormed()
    .replace(MISLEADING, "\uFFFD")
    .replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");
}
