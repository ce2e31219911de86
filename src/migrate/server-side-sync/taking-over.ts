import { readFileSync } from "node:fs";
import { parseConfiguration, readConfiguration } from "../../config.ts";
import type { ServerSideSync, Takeover } from "../../model/server-side-sync.ts";
import { takeOver } from "./take-over.ts";
import { addedTo } from "./yaml.ts";

/** Taking over beside what a configuration file holds. */
export const takingOver = {
  /** See takeOver. @throws ConfigurationError where the file is not taken as it is */
  takeOver: (file: string, sync: ServerSideSync, organization: string): Takeover =>
    takeOver(sync, { organization, configuration: readConfiguration(file) }),

  /** The text of the file with the sections of a takeover added (see addedTo). @throws ConfigurationError where that were no configuration that is taken */
  withAdded(file: string, yaml: string): string {
    const text = addedTo(readFileSync(file, "utf8"), yaml);
    parseConfiguration(text, file);
    return text;
  },
} as const;
