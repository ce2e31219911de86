import { SaxesParser } from "saxes";

/** Longest XML that is read; a real one has some thousand characters. */
const MOST_CHARACTERS = 1_000_000;
/** Longest value of one setting. */
const MOST_VALUE = 10_000;

/**
 * The switches in `organizations.orgdborgsettings` (product-behaviour 10.2): `<OrgSettings><Name>value</Name>…</OrgSettings>`, the value as text, or in an
 * attribute `value`. Null where it is no XML: then nothing is known, and whoever asks has to say so.
 */
export function readOrgDbSettings(xml: string | null): ReadonlyMap<string, string> | null {
  const found = new Map<string, string>();
  if (xml === null || xml.trim() === "") return found;
  if (xml.length > MOST_CHARACTERS) return null;
  const parser = new SaxesParser();
  let depth = 0;
  let value = "";
  let isBroken = false;
  parser.on("error", () => {
    isBroken = true;
  });
  parser.on("opentag", ({ name, attributes }) => {
    depth++;
    value = "";
    if (depth === 2 && attributes.value !== undefined) found.set(name, attributes.value);
  });
  parser.on("text", (text) => {
    if (depth === 2 && value.length < MOST_VALUE) value += text;
  });
  parser.on("closetag", ({ name }) => {
    if (depth === 2 && value.trim() !== "") found.set(name, value.trim());
    depth--;
    value = "";
  });
  parser.write(xml).close();
  return isBroken ? null : found;
}
