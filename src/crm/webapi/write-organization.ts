import { Failure } from "../../model/failure.ts";
import { changeSettings } from "../settings.ts";
import { fault } from "./error-codes.ts";
import { readSettingsXml } from "./settings-xml.ts";
import type { Specials } from "./special.ts";
import type { Value } from "./values.ts";

/** The column of the organization that holds OrgDbOrgSettings as XML. */
const XML = "orgdborgsettings";

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
      else changes.set(column.name, value);
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

function textOf(value: Value): string {
  return typeof value === "string" ? value : "";
}
