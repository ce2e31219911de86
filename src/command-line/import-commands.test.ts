import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { PassThrough } from "node:stream";
import { afterEach, beforeEach, describe, test } from "node:test";
import { Command } from "commander";
import { parseConfiguration } from "../config.ts";
import { takingOver } from "../migrate/server-side-sync/taking-over.ts";
import { mailboxRow, organizationRows } from "../migrate/server-side-sync/test-data.ts";
import { Failure } from "../model/failure.ts";
import { EXIT, type ExitCode } from "./exit-codes.ts";
import { askHidden } from "./hidden-line.ts";
import { addImportCommands } from "./import-commands.ts";
import { asJson } from "./json.ts";
import { missingSecrets, writeSecret } from "./take-over-files.ts";

const BEFORE = `# ours
organizations: [{ name: Contoso, kind: dataverse, url: "https://contoso.crm4.dynamics.com", windows: { username: waypost, password: { env: CRM } } }]
`;

let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), "waypost-import-"));
  file = path.join(folder, "waypost.yaml");
  writeFileSync(file, BEFORE);
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

interface Ran {
  readonly code: ExitCode | null;
  readonly out: string;
  readonly failure: string | null;
}

/** Runs the command with what an organization says. */
async function run(args: readonly string[], rows = organizationRows()): Promise<Ran> {
  const printed: string[] = [];
  let code: ExitCode | null = null;
  const program = new Command().exitOverride();
  addImportCommands(program, {
    ...takingOver,
    file: () => file,
    isJson: () => false,
    actor: () => "somebody",
    print: (_result, lines) => void printed.push(...lines),
    withDoor: async (work) => {
      code = await work({ call: async () => asJson({ organization: "Contoso", sync: rows }) as never });
    },
  });
  let failure: string | null = null;
  await program.parseAsync(["import", "server-side-synchronization", ...args], { from: "user" }).catch((error: unknown) => {
    if (!(error instanceof Failure)) throw error;
    failure = error.code;
  });
  return { code, out: printed.join("\n"), failure };
}

describe("waypost import server-side-synchronization", () => {
  test("on a dry run tells what would be taken over and what not, and writes nothing", async () => {
    const none = mailboxRow({ id: "m2", name: "Bob", address: "bob@contoso.com", incoming: "none", outgoing: "none" });
    const { code, out } = await run(
      ["--dry-run", "--to", path.join(folder, "new.yaml")],
      organizationRows({ mailboxes: [mailboxRow(), none] }),
    );
    assert.match(out, /^Contoso: 1 server profile and 1 mailbox can be taken over\./);
    assert.match(
      out,
      /mailbox: +ann@contoso\.com \(Company mail\): read from .*2026.*, sends; Dynamics still works on it \(incoming, outgoing\)/,
    );
    assert.match(out, /\nLeft out:\n {2}mailbox Bob: Nothing of it is processed on a server/);
    assert.match(out, /\n {2}secrets\/ann@contoso\.com: the password of ann@contoso\.com$/);
    assert.equal(code, EXIT.attention, "Dynamics has to stop first");
    assert.equal(existsSync(path.join(folder, "new.yaml")), false);
  });

  test("prints a piece to paste, with what is to be known of it as comments", async () => {
    const { out } = await run([]);
    const configuration = parseConfiguration(`${BEFORE}${out}\n`, file);
    assert.deepEqual(
      configuration.mailboxes.map(({ address }) => address),
      ["ann@contoso.com"],
    );
  });

  test("writes the whole configuration into a new file, and never over one unless told to", async () => {
    const to = path.join(folder, "new.yaml");
    const written = await run(["--to", to]);
    assert.deepEqual([written.failure, written.code], [null, EXIT.attention]);
    assert.match(readFileSync(to, "utf8"), /^# ours\norganizations:/);
    assert.equal(parseConfiguration(readFileSync(to, "utf8"), to).mailboxes.length, 1);
    assert.equal((await run(["--to", to])).failure, "file exists");
    assert.equal(readFileSync(file, "utf8"), BEFORE);
    assert.equal((await run(["--to", file, "--overwrite"])).failure, null);
    assert.equal(parseConfiguration(readFileSync(file, "utf8"), file).mailboxes.length, 1);
    assert.match((await run(["--dry-run"])).out, /0 mailboxes can be taken over/);
  });

  test("refuses a file in another folder, where its paths would mean other files", async () => {
    assert.equal((await run(["--to", path.join(folder, "..", "elsewhere.yaml")])).failure, "file elsewhere");
  });
});

describe("secrets", () => {
  const secret = { file: "secrets/ann@contoso.com", what: "the password of ann@contoso.com" };

  test("are written for their owner only, beside the configuration, and never over another", { skip: process.platform === "win32" }, () => {
    assert.deepEqual(missingSecrets([secret], file), [secret]);
    const place = writeSecret(secret, "correct horse", file);
    assert.equal(readFileSync(place, "utf8"), "correct horse\n");
    assert.deepEqual([statSync(place).mode & 0o777, statSync(path.dirname(place)).mode & 0o777], [0o600, 0o700]);
    assert.deepEqual(missingSecrets([secret], file), []);
    assert.throws(() => writeSecret(secret, "other", file), { code: "file exists" });
    assert.equal(readFileSync(place, "utf8"), "correct horse\n");
  });

  function terminal(): { input: PassThrough & { isTTY: boolean; setRawMode(raw: boolean): void }; output: PassThrough; raw: boolean[] } {
    const raw: boolean[] = [];
    const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: (on: boolean) => void raw.push(on) });
    return { input, output: new PassThrough(), raw };
  }

  test("are asked for without being shown, key by key, pieces of letters too", async () => {
    const { input, output, raw } = terminal();
    const answer = askHidden("Password: ", { input, output });
    const bytes = Buffer.from("pässx\u007fwort\r");
    for (const byte of bytes) input.write(Buffer.from([byte]));
    assert.equal(await answer, "pässwort");
    assert.equal(output.read()?.toString(), "Password: \n");
    assert.deepEqual(raw, [true, false]);
  });

  test("are not asked for where nobody can type, and Ctrl+C ends the command", async () => {
    await assert.rejects(askHidden("Password: ", { input: new PassThrough(), output: new PassThrough() }), { code: "no terminal" });
    const { input, output, raw } = terminal();
    const answer = askHidden("Password: ", { input, output });
    input.write("abc\u0003");
    await assert.rejects(answer, { code: "interrupted" });
    assert.deepEqual(raw, [true, false]);
  });
});
