import { readFileSync } from "node:fs";
import { type Configuration, ConfigurationError, type ConfigurationProblem, readWithPlaces } from "../config.ts";
import { type AuthoritiesFound, inspectAuthorities } from "../wire/authorities.ts";

export interface CheckedConfiguration {
  readonly configuration: Configuration;
  /** What is not wrong, but of no use: an authority beside others whose time is over. */
  readonly notes: readonly ConfigurationProblem[];
}

/** Reads and checks a configuration file with the files of certificate authorities that it names. Throws ConfigurationError as `readConfiguration`. */
export function checkConfiguration(file: string, now: Date): CheckedConfiguration {
  const { configuration, placeOf } = readWithPlaces(file);
  const found = authorityFiles(configuration).map(({ path, file }) => ({ place: placeOf(path), ...inspectFile(file, now) }));
  const problems = found.flatMap(({ place, fault }) => (fault === null ? [] : [{ ...place, problem: fault }]));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { configuration, notes: found.flatMap(({ place, notes }) => notes.map((problem) => ({ ...place, problem }))) };
}

function authorityFiles({ serverProfiles }: Configuration): { path: PropertyKey[]; file: string }[] {
  return serverProfiles.flatMap((profile, index) =>
    (["incoming", "outgoing", "oauth"] as const).flatMap((section) => {
      const file = profile[section]?.certificateAuthorities;
      return file === undefined ? [] : [{ path: ["serverProfiles", index, section, "certificateAuthorities"], file }];
    }),
  );
}

function inspectFile(file: string, now: Date): AuthoritiesFound {
  try {
    return inspectAuthorities(file, readFileSync(file), now);
  } catch (error) {
    const isMissing = error instanceof Error && "code" in error && error.code === "ENOENT";
    const what = isMissing ? "does not exist" : `cannot be read: ${error instanceof Error ? error.message : String(error)}`;
    const next = isMissing
      ? "Put the PEM file with the authority's certificate there, or correct the path."
      : "Let it be a file that Waypost's user may read.";
    return { fault: `${file} ${what}. ${next}`, notes: [] };
  }
}
