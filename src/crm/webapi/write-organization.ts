import { Failure } from "../../model/failure.ts";
import { changeSettings } from "../settings.ts";
import { fault } from "./error-codes.ts";
import { readSettingsXml } from "./settings-xml.ts";
import type { Specials } from "./special.ts";
import type { Value } from "./values.ts";

/** The column of the organization that holds OrgDbOrgSettings as XML. */
const XML = "orgdborgsettings";

/** Counts bytes in Dynamics, and kilobytes as a setting. */
const SIZE = "maxuploadfilesize";
const KILOBYTE = 1_024;
const MOST_KILOBYTES = 131_072;

/** OrgDbOrgSettings stand among the settings by their names in CamelCase; columns of the organization are in lower case. */
const CAMEL_CASE = /^[A-Z]/;

/**
 * The organization's columns are its settings (product-behaviour 3.1, 10.2): each is written through changeSettings, which checks it. Null brings the default back.
 * `orgdborgsettings` replaces all of OrgDbOrgSettings.
 */
export const ORGANIZATION_SPECIALS: Specials = {
  async beforeUpdate(turn, { draft, referred }) {
    const changes = new Map<string, unknown>();
    let replaced: ReadonlyMap<string, unknown> | null = null;
    for (const [column, value] of draft.values) {
      if (column.stored !== undefined) continue;
      if (column.name === XML) replaced = readSettingsXml(textOf(value));
      else changes.set(column.name, column.name === SIZE ? kilobytes(value) : value);
    }
    for (const [column, row] of referred) if (column.stored === undefined) changes.set(column.name, row?.id ?? null);
    if (changes.size === 0 && !replaced) return;
    try {
      await changeSettings(turn.sql, (stored) => {
        const kept = Object.entries(stored).filter(([name]) => !replaced || !CAMEL_CASE.test(name));
        const after = new Map<string, unknown>([...kept, ...(replaced ?? []), ...changes]);
        return Object.fromEntries([...after].filter(([, value]) => value !== null));
      });
    } catch (error) {
      if (error instanceof Failure && error.scope === "organization") throw fault("InvalidArgument", error.message);
      throw error;
    }
  },
};

/** The whole kilobytes of a size in bytes: never more is let in than was said. */
function kilobytes(value: Value): Value {
  if (typeof value !== "number") return value;
  const size = Math.floor(value / KILOBYTE);
  if (size >= 1 && size <= MOST_KILOBYTES) return size;
  throw fault("InvalidArgument", `'${SIZE}' of 'organization' is a number of bytes from ${KILOBYTE} to ${MOST_KILOBYTES * KILOBYTE}.`);
}

function textOf(value: Value): string {
  return typeof value === "string" ? value : "";
}
