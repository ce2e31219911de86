import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, test } from "node:test";
import { z } from "zod";
import { EXIT_MEANINGS } from "../src/command-line/exit-codes.ts";
import { configurationJsonSchema, parseConfiguration } from "../src/config.ts";
import { WAYPOST_SERVICE } from "../src/crm/webapi/roles/waypost-service.ts";
import { PRESETS } from "../src/model/presets.ts";
import { DEFAULT_SETTINGS } from "../src/model/settings.ts";
import { createMetrics } from "../src/server/metrics.ts";

const packageShape = z.object({ dependencies: z.record(z.string(), z.string()), devDependencies: z.record(z.string(), z.string()) });
const root = path.resolve(import.meta.dirname, "..");
const pages = ["README.md", ...globSync("docs/**/*.md", { cwd: root }).sort()];
const read = (page: string) => readFileSync(path.join(root, page), "utf8");

/** Code blocks of a page in that language. */
function blocks(page: string, language: string): string[] {
  return [...read(page).matchAll(/^```(\w*)\n(.*?)^```$/gms)].filter(([, its]) => its === language).map(([, , code = ""]) => code);
}

/** Words in backticks. */
function named(page: string): Set<string> {
  return new Set([...read(page).matchAll(/`([^`\n]+)`/g)].map(([, word = ""]) => word));
}

/** Every name of a field in the JSON Schema of the configuration, but for the settings, whose names stand in the model. */
function fieldsOf(schema: unknown, found = new Set<string>()): Set<string> {
  if (Array.isArray(schema)) for (const part of schema) fieldsOf(part, found);
  else if (typeof schema === "object" && schema !== null) {
    for (const [key, value] of Object.entries(schema)) {
      if (key === "properties" && typeof value === "object" && value !== null) for (const name of Object.keys(value)) found.add(name);
      fieldsOf(value, found);
    }
  }
  return found;
}

/** Every command of the program with its subcommands, as its own help lists them. */
function commandsOf(...parents: string[]): string[] {
  const { stdout } = spawnSync(process.execPath, [path.join(root, "bin/waypost.mjs"), ...parents, "--help"], { encoding: "utf8" });
  const list = /^Commands:\n(.*?)(\n\n|$(?![\s\S]))/ms.exec(stdout)?.[1] ?? "";
  const names = [...list.matchAll(/^ {2}([a-z][a-z-]*)/gm)].map(([, name = ""]) => name).filter((name) => name !== "help");
  return names.flatMap((name) => {
    const below = parents.length === 0 && ["quarantine", "config", "folder", "import"].includes(name) ? commandsOf(name) : [];
    return below.length > 0 ? below : [[...parents, name].join(" ")];
  });
}

/** What the pages of the mail systems quote of their servers. */
const SERVERS_WORDS: ReadonlySet<string> = new Set([
  "Maximum number of connections from user+IP exceeded",
  "Application-specific password required",
  "Invalid credentials",
  "Too many simultaneous connections",
  "Account exceeded command or bandwidth limits",
  "AUTHENTICATE failed",
  "535 5.7.139 SmtpClientAuthentication is disabled",
  "432 4.3.2 STOREDRV.ClientSubmit; sender thread limit exceeded",
]);

describe("the documentation", () => {
  test("has YAML examples that the program accepts, and there are some", () => {
    const examples = pages.flatMap((page) => blocks(page, "yaml").map((code) => ({ page, code })));
    assert.ok(examples.length >= 2);
    for (const { page, code } of examples) assert.doesNotThrow(() => parseConfiguration(code, page));
  });

  test("quotes in the trouble of a mail system or a CRM only what a server or Waypost says", () => {
    const sources = globSync("src/**/*.ts", { cwd: root }).filter((file) => !file.endsWith(".test.ts"));
    const comments = /\/\*.*?\*\/|^\s*\/\/.*?$/gms;
    const said = sources
      .map((file) =>
        read(file)
          .replace(comments, "")
          .replace(/\$\{[^}]*\}/g, "…"),
      )
      .join("\n");
    const quoted = pages
      .filter((page) => page.startsWith("docs/mail-systems/") || page.startsWith("docs/crm/dynamics-"))
      .flatMap((page) => [...read(page).matchAll(/^\| ([^|]*"[^|]*) \|/gm)].flatMap(([, cell = ""]) => cell.match(/"[^"]+"/g) ?? []))
      .map((quote) => quote.slice(1, -1));
    assert.ok(quoted.length > SERVERS_WORDS.size);
    for (const quote of quoted.filter((one) => !SERVERS_WORDS.has(one)))
      for (const part of quote.split("…")) assert.ok(said.includes(part.trim()), quote);
  });

  test("has a page for each mail system with a whole configuration, what works and what cannot", () => {
    const systems = pages.filter((page) => page.startsWith("docs/mail-systems/") && !page.endsWith("README.md"));
    assert.ok(systems.length >= 7);
    for (const page of systems) {
      const configured = blocks(page, "yaml").map((code) => parseConfiguration(code, page));
      assert.ok(
        configured.some(({ mailboxes, serverProfiles }) => mailboxes.length > 0 && serverProfiles.length > 0),
        page,
      );
      const headings = [...read(page).matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
      for (const wanted of ["On the server", "In waypost.yaml", "What works", "What cannot work, and why"])
        assert.ok(headings.includes(wanted), `${page}: ${wanted}`);
      assert.match(read("docs/mail-systems/README.md"), new RegExp(`\\(${path.basename(page)}\\)`));
    }
    const pointed = Object.values(PRESETS).flatMap(({ page }) => page);
    for (const page of pointed) assert.ok(systems.includes(`docs/mail-systems/${page}`), page);
  });

  test("has a page for each kind of Dynamics with each way to sign in, what works and what cannot", () => {
    const ways = { "docs/crm/dynamics-365-online.md": ["application"], "docs/crm/dynamics-on-premises.md": ["adfs", "windows"] } as const;
    for (const [page, wanted] of Object.entries(ways)) {
      const organizations = blocks(page, "yaml").flatMap((code) => parseConfiguration(code, page).organizations);
      for (const way of wanted)
        assert.ok(
          organizations.some((one) => one.kind === "dataverse" && one[way] !== undefined),
          `${page}: ${way}`,
        );
      const headings = [...read(page).matchAll(/^## (.*)$/gm)].map(([, heading]) => heading);
      for (const heading of ["On the server", "In waypost.yaml", "What works", "What cannot work, and why", "Trouble"])
        assert.ok(headings.includes(heading), `${page}: ${heading}`);
    }
  });

  test("asks for exactly the privileges of the role with which the connector is tested", () => {
    const page = read("docs/crm/dynamics-365-online.md");
    const table = /<a id="security-role"><\/a>\n\n(.*?)\n\n/s.exec(page)?.[1] ?? "";
    const asked = [...table.matchAll(/`(prv\w+)`/g)].map(([, name = ""]) => name);
    assert.deepEqual(asked.sort(), Object.keys(WAYPOST_SERVICE.privileges).sort());
    assert.deepEqual([...new Set(Object.values(WAYPOST_SERVICE.privileges))], ["global"], "each for the whole organization");
  });

  test("names every field and every setting of the configuration", () => {
    const page = read("docs/configuration.md");
    const words = named("docs/configuration.md");
    const missing = [...fieldsOf(configurationJsonSchema())].filter((name) => !new RegExp(`\\b${name}\\b`).test(page));
    assert.deepEqual(missing, []);
    assert.deepEqual(
      Object.keys(DEFAULT_SETTINGS).filter((name) => !words.has(name)),
      [],
    );
  });

  test("gives the defaults of the settings as they are", () => {
    const rows = [...read("docs/configuration.md").matchAll(/^\| (`.*?`) \| (.*?) \| .* \|$/gm)].map(([, names = "", defaults = ""]) => ({
      names: [...names.matchAll(/`(\w+)`/g)].map(([, name = ""]) => name),
      defaults: defaults.split(", "),
    }));
    const said = new Map(
      rows.flatMap(({ names, defaults }) => names.map((name, index) => [name, defaults[index] ?? defaults[0]] as const)),
    );
    for (const [name, value] of Object.entries(DEFAULT_SETTINGS)) {
      const words = Array.isArray(value) ? "none" : name === "blockedattachments" ? "Dynamics' list" : String(value);
      assert.equal(said.get(name)?.replaceAll("`", "").replaceAll(",", ""), words, name);
    }
  });

  test("names every command of the program, and no other", () => {
    const commands = commandsOf();
    assert.ok(commands.length >= 10, `the program's help lists ${commands.join(", ")}`);
    const words = [...named("docs/command-line.md")].map((word) => word.replace("quarantine [list]", "quarantine list"));
    const missing = commands.filter((command) => !words.some((word) => word.startsWith(`waypost ${command}`)));
    assert.deepEqual(missing, []);
    const elsewhere = pages.flatMap((page) =>
      [...read(page).matchAll(/\bwaypost (?:--\S+ )*([a-z][a-z-]*)(?: ([a-z]+))?/g)].map(([, one = "", two]) => ({ page, one, two })),
    );
    const programs = new Set(commands.map((command) => command.split(" ")[0] ?? ""));
    // `waypost command`, `waypost serves`: only what stands in code is a command line.
    const wrong = elsewhere.filter(({ page, one }) => new RegExp(`(\`|^|npx )waypost ${one}`, "m").test(read(page)) && !programs.has(one));
    assert.deepEqual(wrong, []);
  });

  test("gives every exit code in the words of --help", () => {
    const told = [...read("docs/command-line.md").matchAll(/^\| (\d) \| (.*) \|$/gm)].map(([, code = "", meaning = ""]) => [code, meaning]);
    assert.deepEqual(told, Object.entries(EXIT_MEANINGS));
  });

  test("names every package that Waypost needs, and no other", () => {
    const { dependencies, devDependencies } = packageShape.parse(JSON.parse(read("package.json")));
    const words = named("docs/dependencies.md");
    const isNamed = (name: string) => words.has(name) || (name.startsWith("@types/") && words.has("@types/*"));
    const wanted = [...Object.keys(dependencies), ...Object.keys(devDependencies)];
    assert.deepEqual(
      wanted.filter((name) => !isNamed(name)),
      [],
    );
    const rows = [...read("docs/dependencies.md").matchAll(/^\| (`[^|]*) \|/gm)].flatMap(([, cell = ""]) => [
      ...cell.matchAll(/`([^`]+)`/g),
    ]);
    const gone = rows.map(([, name = ""]) => name).filter((name) => name !== "@types/*" && !wanted.includes(name));
    assert.deepEqual(gone, []);
  });

  test("names every metric of Waypost, and no other", async () => {
    const page = [...read("docs/monitoring.md").matchAll(/`(waypost_\w+)`/g)].map(([, name = ""]) => name);
    const standing = { pendingEmails: 0, unknownEmails: 0, quarantined: 0, openAlerts: 0, mailboxes: [], connections: [], jobs: [] };
    const shown = [...(await createMetrics().text(standing)).matchAll(/^# TYPE (waypost_\w+) /gm)].map(([, name = ""]) => name);
    assert.ok(shown.length >= 5);
    assert.deepEqual([...new Set(page)].sort(), shown.sort());
  });

  test("links to files that are there", () => {
    const broken = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)]
        .map(([, to = ""]) => path.join(path.dirname(page), to))
        .filter((to) => !existsSync(path.join(root, to)))
        .map((to) => `${page}: ${to}`),
    );
    assert.deepEqual(broken, []);
  });

  test("is reached from the README, page by page", () => {
    const linked = read("README.md");
    const lost = pages.filter((page) => page !== "README.md" && !linked.includes(`(${page})`));
    assert.deepEqual(lost, []);
  });
});
