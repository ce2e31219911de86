import { SaxesParser } from "saxes";

/** An element of a small document; names without their prefix, because those who write such documents disagree about namespaces. */
export interface Element {
  readonly name: string;
  readonly attributes: Readonly<Record<string, string>>;
  /** Its own text, without that of its children. */
  readonly text: string;
  readonly children: readonly Element[];
}

/** The document is not one that we read; `message` says why, for a person. */
export class XmlRefused extends Error {}

/** Characters; the largest honest documents of this kind have a tenth of it. */
export const LONGEST_DOCUMENT = 256 * 1024;
export const MAXIMUM_DEPTH = 20;
export const MAXIMUM_ELEMENTS = 2000;

interface Growing extends Element {
  text: string;
  readonly children: Growing[];
}

/**
 * Reads a document as a tree, within limits. A document with a DOCTYPE is refused: nobody needs entities here but those who attack with them.
 * Throws XmlRefused.
 */
export function readXml(document: string): Element {
  if (document.length > LONGEST_DOCUMENT) throw new XmlRefused("it is too long");
  const parser = new SaxesParser({ xmlns: true });
  const open: Growing[] = [];
  let root: Growing | undefined;
  let elements = 0;
  parser.on("error", (error) => {
    throw new XmlRefused(`it is no well-formed XML: ${error.message}`);
  });
  parser.on("doctype", () => {
    throw new XmlRefused("it has a DOCTYPE");
  });
  parser.on("opentag", ({ local, attributes }) => {
    if (++elements > MAXIMUM_ELEMENTS) throw new XmlRefused("it has too many elements");
    if (open.length >= MAXIMUM_DEPTH) throw new XmlRefused("its elements lie too deep in each other");
    const named = Object.values(attributes).map((one) => [one.local, one.value] as const);
    const element: Growing = { name: local, attributes: Object.fromEntries(named), text: "", children: [] };
    open.at(-1)?.children.push(element);
    root ??= element;
    open.push(element);
  });
  const addText = (text: string) => {
    const element = open.at(-1);
    if (element) element.text += text;
  };
  parser.on("text", addText);
  parser.on("cdata", addText);
  parser.on("closetag", () => {
    open.pop();
  });
  parser.write(document).close();
  if (root === undefined) throw new XmlRefused("it holds no element");
  return root;
}

/** Children of that name, in any case of letters. */
export function childrenOf(element: Element | undefined, name: string): readonly Element[] {
  return element?.children.filter((child) => child.name.toLowerCase() === name.toLowerCase()) ?? [];
}

/** The trimmed text of the first child of that name; null without one or when it is empty. */
export function textOf(element: Element | undefined, name: string): string | null {
  return childrenOf(element, name)[0]?.text.trim() || null;
}
