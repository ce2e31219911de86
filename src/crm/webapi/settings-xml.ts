import { SaxesParser } from "saxes";
import { DEFAULT_SETTINGS } from "../../model/settings.ts";
import { fault } from "./error-codes.ts";

/** What OrgDbOrgSettings may be at most. There are some 400 of them. */
const LIMITS = { characters: 500_000, settings: 2_000, name: 200 } as const;

const ROOT = "OrgSettings";
const NAME = /^[A-Z]\w*$/;

/**
 * OrgDbOrgSettings by name out of their XML: `<OrgSettings><DoNotAutoTrackEmail>true</DoNotAutoTrackEmail>…`. A known one has the type of its default; others are kept
 * as text. An empty text is no setting at all. Throws ApiFault 400: 0x80040201 for what is no such XML, 0x80040203 for a value that is none, naming the setting.
 */
export function readSettingsXml(xml: string): ReadonlyMap<string, unknown> {
  const settings = new Map<string, unknown>();
  if (xml.trim() === "") return settings;
  if (xml.length > LIMITS.characters) throw invalidXml(`more than ${LIMITS.characters} characters`);
  const parser = new SaxesParser();
  const open: string[] = [];
  let text = "";
  parser.on("error", (error) => {
    throw invalidXml(error.message);
  });
  parser.on("doctype", () => {
    throw invalidXml("a document type is not allowed");
  });
  parser.on("opentag", ({ name }) => {
    if (open.length === 0 && name !== ROOT) throw invalidXml(`the root must be ${ROOT}`);
    if (open.length === 1 && !NAME.test(name)) throw invalidXml(`'${name}' is no name of a setting`);
    if (open.length > 1) throw invalidXml(`'${open[1]}' holds elements`);
    open.push(name);
    text = "";
  });
  parser.on("text", (part) => {
    text += part;
  });
  parser.on("cdata", (part) => {
    text += part;
  });
  parser.on("closetag", ({ name }) => {
    open.pop();
    if (open.length !== 1) return;
    if (name.length > LIMITS.name || settings.size >= LIMITS.settings) throw invalidXml("too many settings, or too long a name");
    settings.set(name, settingOf(name, text.trim()));
  });
  parser.write(xml).close();
  return settings;
}

function settingOf(name: string, text: string): unknown {
  const standard: unknown = Object.hasOwn(DEFAULT_SETTINGS, name) ? Reflect.get(DEFAULT_SETTINGS, name) : undefined;
  if (typeof standard === "boolean") {
    if (/^(true|1)$/i.test(text)) return true;
    if (/^(false|0)$/i.test(text)) return false;
    throw fault("InvalidArgument", `The setting ${name} takes true or false, not '${text.slice(0, 100)}'.`);
  }
  if (typeof standard === "number") {
    if (/^-?\d{1,10}$/.test(text)) return Number(text);
    throw fault("InvalidArgument", `The setting ${name} takes a whole number, not '${text.slice(0, 100)}'.`);
  }
  return text;
}

function invalidXml(why: string) {
  return fault("InvalidXml", `Invalid XML: ${why.slice(0, 200)}`);
}
