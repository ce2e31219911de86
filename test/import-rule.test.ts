import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";

// Who may import whom, written down a second time on purpose: this list says what is meant, biome.json what is enforced.
const beforeEngine = [
  "model",
  "tracking",
  "sending",
  "sync",
  "ports.ts",
  "mime",
  "ical",
  "wire",
  "config.ts",
  "database",
  "crm",
  "ledger",
  "jobs",
];
const mayImport: Readonly<Record<string, readonly string[]>> = {
  model: [],
  tracking: ["model"],
  sending: ["model", "ports.ts"],
  sync: ["model"],
  discovery: ["model"],
  mime: ["model"],
  ical: ["model"],
  wire: ["model"],
  config: ["model"],
  database: ["model", "config.ts"],
  "connectors/imap": ["model", "mime", "ical", "wire", "ports.ts"],
  // A CRM is asked by the keys that the rules of tracking find.
  "connectors/dataverse": ["model", "mime", "ical", "wire", "ports.ts", "tracking"],
  crm: ["model", "mime", "ical", "wire", "ports.ts", "database", "tracking"],
  ledger: ["model", "database"],
  jobs: ["database", "ledger"],
  engine: beforeEngine,
  server: [...beforeEngine, "engine", "discovery"],
  migrate: [...beforeEngine, "engine", "discovery"],
  demo: [...beforeEngine, "engine", "discovery"],
  "command-line": [...beforeEngine, "engine", "discovery"],
  app: [
    ...beforeEngine.filter((name) => !["tracking", "sending", "sync"].includes(name)),
    "engine",
    "discovery",
    "connectors/imap",
    "connectors/pop3",
    "connectors/smtp",
    "connectors/dataverse",
  ],
};
const command = ["main.ts", "serve.ts", "demo.ts", "command-line"];
const everything = [
  ...Object.keys(mayImport),
  "connectors/pop3",
  "connectors/smtp",
  "ports.ts",
  "config.ts",
  "app.ts",
  "main.ts",
  "serve.ts",
  "demo.ts",
];
const aboveApp = everything.filter((name) => name !== "main.ts" && name !== "app" && !name.startsWith("connectors/"));
const singleFiles: Readonly<Record<string, readonly string[]>> = {
  "ports.ts": ["model"],
  "config.ts": ["model", "config"],
  "app.ts": everything.filter((name) => !command.includes(name)),
  "main.ts": aboveApp,
  "serve.ts": aboveApp,
  "demo.ts": aboveApp,
};
/** Folders that hold no file of their own but one folder for each foreign system. */
const groups = ["connectors"];

/** One import that stands on a line of its own in a file of src. */
interface Probe {
  readonly file: string;
  readonly code: string;
  readonly refused: boolean;
}

const root = path.resolve(import.meta.dirname, "..");
const target = (name: string) => (name.endsWith(".ts") ? name : `${name}/other.ts`);

/** Folders with folders in their folders. */
const deep = ["crm"];

/** From each place to each other: from a file in the folder itself, and from one a folder deeper, or two where there are such. */
function matrix(): Probe[] {
  return Object.entries(mayImport).flatMap(([from, allowed]) => {
    return [from, `${from}/deeper`, ...(deep.includes(from) ? [`${from}/deeper/still`] : [])].flatMap((place) => {
      const own = { file: `${place}/probe.ts`, code: 'import "./other.ts";', refused: false };
      const others = everything.filter((name) => name !== from);
      return [own, ...others.map((to) => importing(`${place}/probe.ts`, to, !allowed.includes(to)))];
    });
  });
}

function filesOfSrc(): Probe[] {
  return Object.entries(singleFiles).flatMap(([file, allowed]) =>
    everything.filter((to) => to !== file).map((to) => importing(file, to, !allowed.includes(to))),
  );
}

function importing(file: string, to: string, refused: boolean): Probe {
  const specifier = path.posix.relative(path.posix.dirname(file), target(to));
  return { file, code: `import "${specifier.startsWith(".") ? specifier : `./${specifier}`}";`, refused };
}

/** The same forbidden neighbour in every form in which a module can be named, and by detours. */
function forms(): Probe[] {
  const codes = [
    'import "../server/other.ts";',
    'import type { Other } from "../server/other.ts";',
    'export { other } from "../server/other.ts";',
    'export * from "../server/other.ts";',
    'await import("../server/other.ts");',
    'import "./../server/other.ts";',
    'import "../model/../server/other.ts";',
    'import "./deeper/../../server/other.ts";',
    'import "../../src/server/other.ts";',
  ];
  return ["tracking", "mime", "ledger", "engine"].flatMap((folder) =>
    codes.map((code) => ({ file: `${folder}/forms.ts`, code, refused: true })),
  );
}

/** What is pure knows no library either; the others are free to. */
function libraries(): Probe[] {
  const pure = ["model", "tracking", "sending", "sync", "discovery"];
  const own: Readonly<Record<string, readonly string[]>> = {
    sync: ["rrule-temporal", "windows-iana"],
    discovery: ["saxes", "tldts", "zod"],
  };
  const probes = Object.keys(mayImport).flatMap((folder) =>
    ["zod", "node:fs", "@fastify/cookie"].map((library) => ({
      file: `${folder}/libraries.ts`,
      code: `import "${library}";`,
      refused: pure.includes(folder) && !(own[folder] ?? []).includes(library),
    })),
  );
  const allowed = Object.entries(own).flatMap(([folder, names]) =>
    names.map((library) => ({ file: `${folder}/libraries.ts`, code: `import "${library}";`, refused: false })),
  );
  return [...probes, ...allowed];
}

const report = z.object({
  diagnostics: z.array(z.object({ category: z.string(), location: z.object({ path: z.string(), start: z.object({ line: z.number() }) }) })),
});

/** Lints the probes in a tree of their own with the project's configuration; returns each refused place as `file:line`. */
function refusedPlaces(folder: string, files: ReadonlyMap<string, readonly Probe[]>): Set<string> {
  for (const name of ["biome.json", ".gitignore"]) copyFileSync(path.join(root, name), path.join(folder, name));
  for (const [file, probes] of files) {
    mkdirSync(path.join(folder, "src", path.dirname(file)), { recursive: true });
    writeFileSync(path.join(folder, "src", file), probes.map((probe) => `${probe.code}\n`).join(""));
  }
  const biome = path.join(root, "node_modules/@biomejs/biome/bin/biome");
  const args = [biome, "lint", "--only=style/noRestrictedImports", "--reporter=json", "--max-diagnostics=none", "."];
  const result = spawnSync(process.execPath, args, { cwd: folder, encoding: "utf8", maxBuffer: 64 << 20 });
  assert.ok(result.stdout.startsWith("{"), `Biome gave no report: ${result.stderr}`);
  const { diagnostics } = report.parse(JSON.parse(result.stdout));
  for (const diagnostic of diagnostics) assert.equal(diagnostic.category, "lint/style/noRestrictedImports", result.stdout);
  return new Set(
    diagnostics.map(({ location }) => `${path.posix.relative("src", location.path.replaceAll("\\", "/"))}:${location.start.line}`),
  );
}

function assertVerdicts(probes: readonly Probe[]): void {
  const folder = mkdtempSync(path.join(tmpdir(), "waypost-import-rule-"));
  try {
    const files = Map.groupBy(probes, (probe) => probe.file);
    const refused = refusedPlaces(folder, files);
    const wrong = [...files.values()].flatMap((lines) =>
      lines
        .filter((probe, index) => refused.has(`${probe.file}:${index + 1}`) !== probe.refused)
        .map((probe) => `${probe.file} ${probe.refused ? "may not, but could" : "may, but could not"}: ${probe.code}`),
    );
    assert.deepEqual(wrong, []);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe("the import rule", () => {
  test("refuses each import of a folder that is not allowed and lets each allowed one pass", () => {
    assertVerdicts(matrix());
  });

  test("refuses a forbidden neighbour in every form of import and by every detour", () => {
    assertVerdicts(forms());
  });

  test("keeps libraries out of the pure folders", () => {
    assertVerdicts(libraries());
  });

  test("holds for the files of src: only app names connectors, and app does not know the command", () => {
    assertVerdicts(filesOfSrc());
  });

  test("leaves tests alone", () => {
    assertVerdicts(matrix().map((probe) => ({ ...probe, file: probe.file.replace(".ts", ".test.ts"), refused: false })));
  });

  test("knows every folder and file of src, so a new one cannot stand outside it", () => {
    const entries = readdirSync(path.join(root, "src"), { withFileTypes: true });
    const unknown = entries
      .filter((entry) => entry.isDirectory() || !entry.name.endsWith(".test.ts"))
      .map((entry) => entry.name)
      .filter((name) => !(name in mayImport || name in singleFiles || groups.includes(name)));
    assert.deepEqual(unknown, []);
    const connectors = readdirSync(path.join(root, "src/connectors"), { withFileTypes: true });
    assert.deepEqual(
      connectors.filter((entry) => !entry.isDirectory()).map((entry) => entry.name),
      [],
    );
  });

  test("is an error, not a warning, in the configuration", () => {
    const configuration = readFileSync(path.join(root, "biome.json"), "utf8");
    assert.doesNotMatch(configuration, /"noRestrictedImports": \{ "level": "(?!error)/);
  });
});
