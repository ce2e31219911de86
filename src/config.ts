import { readFileSync } from "node:fs";
import path from "node:path";
import { type Document, isAlias, LineCounter, parseDocument, visit } from "yaml";
import { z } from "zod";
import { withAbsolutePaths } from "./config/absolute-paths.ts";
import { contradictions } from "./config/contradictions.ts";
import { type Configuration, configurationSchema } from "./config/schema.ts";
import { hostMayBeLeftOut } from "./config/servers.ts";
import { Failure } from "./model/failure.ts";
import { withPresets } from "./model/presets.ts";

export { readSecret, type SecretReference } from "./config/fields.ts";
export {
  type DataverseConfiguration,
  type EmbeddedConfiguration,
  type OrganizationConfiguration,
  organizationSettings,
} from "./config/organizations.ts";
export { type Configuration, configurationSchema, type FilterName } from "./config/schema.ts";

/** One thing wrong in a configuration file. Lines and columns count from 1. */
export interface ConfigurationProblem {
  readonly file: string;
  readonly line: number;
  readonly column: number;
  /** Path of the field, like `mailboxes[2].password`; empty for the whole file. */
  readonly field: string;
  readonly problem: string;
}

/** As compilers write it: file, line, column, field, and what is wrong. */
export function problemLine({ file, line, column, field, problem }: ConfigurationProblem): string {
  return `${file}:${line}:${column}: ${field ? `${field}: ` : ""}${problem}`;
}

/** Thrown when a configuration cannot be used; says where, line by line. */
export class ConfigurationError extends Failure {
  readonly problems: readonly ConfigurationProblem[];
  constructor(problems: readonly ConfigurationProblem[]) {
    super({
      scope: "process",
      code: "configuration wrong",
      message: problems.map(problemLine).join("\n"),
      remedy: "Correct these lines; docs/configuration.md describes every field.",
      waitingHelps: false,
    });
    this.problems = problems;
  }
}

/**
 * Reads and checks a configuration file. Throws ConfigurationError with every problem found, by line and field. DATABASE_URL wins over a folder,
 * as the environment of a container should.
 */
export function readConfiguration(file: string): Configuration {
  return readWithPlaces(file).configuration;
}

/** A configuration, and where its fields stand in the file. */
export interface PlacedConfiguration {
  readonly configuration: Configuration;
  placeOf(path: readonly PropertyKey[]): Omit<ConfigurationProblem, "problem">;
}

/** As `readConfiguration`, for whoever finds something wrong that the file alone does not show. */
export function readWithPlaces(file: string): PlacedConfiguration {
  const { configuration, placeOf } = parseWithPlaces(textOf(file), file);
  const urlInEnvironment = "folder" in configuration.database && process.env.DATABASE_URL;
  return { configuration: urlInEnvironment ? { ...configuration, database: { url: { env: "DATABASE_URL" } } } : configuration, placeOf };
}

function textOf(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch (cause) {
    throw new Failure({
      scope: "process",
      code: "configuration missing",
      message: `The configuration file ${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      remedy: "Write one (docs/configuration.md shows a complete example), or name another with --config or WAYPOST_CONFIG.",
      waitingHelps: false,
      cause,
    });
  }
}

/** Checks the text of a configuration; `file` is only for messages. Relative paths of files and folders are taken from the file's folder. */
export function parseConfiguration(text: string, file: string): Configuration {
  return parseWithPlaces(text, file).configuration;
}

function parseWithPlaces(text: string, file: string): PlacedConfiguration {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false });
  const at = (offset: number) => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(line, 1), column: Math.max(col, 1) };
  };
  const faults = [
    ...document.errors.map(({ pos, code, message }) => ({ at: pos[0], problem: yamlProblem(code, message) })),
    ...lostAliases(document),
  ];
  if (faults.length > 0)
    throw new ConfigurationError(faults.map((fault) => ({ file, ...at(fault.at), field: "", problem: fault.problem })));
  const place = (path: readonly PropertyKey[]) => {
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn(path.slice(0, length), true);
      if (node && typeof node === "object" && "range" in node && Array.isArray(node.range)) return at(Number(node.range[0]));
    }
    return { line: 1, column: 1 };
  };
  const result = configurationSchema.safeParse(withPresets(document.toJS() ?? {}), {
    error: (issue) => {
      if (issue.code === "unrecognized_keys") return `unknown field ${issue.keys.map((key) => `"${key}"`).join(", ")}`;
      return issue.input === undefined ? "is needed" : undefined;
    },
  });
  if (!result.success) {
    throw new ConfigurationError(
      result.error.issues.map((issue) => ({
        file,
        ...place(issue.code === "unrecognized_keys" ? [...issue.path, ...issue.keys.slice(0, 1)] : issue.path),
        field: fieldName(issue.path),
        problem: issue.message,
      })),
    );
  }
  const placeOf = (path: readonly PropertyKey[]) => ({ file, ...place(path), field: fieldName(path) });
  const problems = contradictions(result.data).map(({ path, problem }) => ({ ...placeOf(path), problem }));
  if (problems.length > 0) throw new ConfigurationError(problems);
  return { configuration: withAbsolutePaths(result.data, path.dirname(path.resolve(file))), placeOf };
}

/** What the YAML reader says, without what it repeats of the file behind a colon: that may be a password in the wrong place. */
function yamlProblem(code: string, message: string): string {
  return code === "MULTIPLE_DOCS" ? "a second document begins here (---); the file may hold only one" : message.replace(/: .*$/s, "");
}

/** Values that begin with `*` without being meant so; the reader itself notices them late, without a place. */
function lostAliases(document: Document.Parsed): { at: number; problem: string }[] {
  const found: { at: number; problem: string }[] = [];
  visit(document, (_key, node) => {
    if (isAlias(node) && node.resolve(document) === undefined)
      found.push({
        at: node.range?.[0] ?? 0,
        problem: "a value that begins with * refers to an anchor (&) earlier in the file, and there is none",
      });
  });
  return found;
}

function fieldName(path: readonly PropertyKey[]): string {
  return path.map((part, index) => (typeof part === "number" ? `[${part}]` : `${index > 0 ? "." : ""}${String(part)}`)).join("");
}

/** The JSON Schema of the file, for editors: docs/waypost.schema.json. A host may be left out there, because a preset may know it. */
export function configurationJsonSchema(): object {
  return z.toJSONSchema(configurationSchema, {
    io: "input",
    unrepresentable: "any",
    override: hostMayBeLeftOut,
  });
}
