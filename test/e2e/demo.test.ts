import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync } from "node:fs";
import path from "node:path";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { type Running, startProcess, startWaypost } from "./command.ts";

const root = path.resolve(import.meta.dirname, "../..");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";

const summaryShape = z.strictObject({
  received: z.number(),
  tracked: z.number(),
  skipped: z.number(),
  duplicate: z.number(),
  sent: z.number(),
  quarantined: z.number(),
  seconds: z.number().positive(),
});

function lastLine(text: string): z.output<typeof summaryShape> {
  return summaryShape.parse(JSON.parse(text.trimEnd().split("\n").at(-1) ?? ""));
}

describe("the demo", () => {
  /** Its own folder for temporary files, so that what it leaves is seen. */
  let temporary = "";
  before(() => {
    temporary = temporaryFolder("demo");
  });
  after(() => removeFolder(temporary));

  const environment = (name: string) => {
    const folder = path.join(temporary, name);
    mkdirSync(folder);
    return { TMPDIR: folder, TEMP: folder, TMP: folder };
  };
  const demo = (name: string, ...args: string[]): Running =>
    startWaypost(["demo", ...args], { folder: temporary, environment: environment(name) });
  const left = (name: string) => readdirSync(path.join(temporary, name)).filter((one) => one.startsWith("waypost-"));

  test("npm run demo -- --once: mail goes both ways, the last line is the summary, code 0, nothing is left", async () => {
    const { code, out, error } = await startProcess(npm, ["run", "demo", "--", "--once"], {
      folder: root,
      environment: environment("once"),
    }).ended;
    assert.equal(code, 0, `${out}${error}`);
    const { seconds, ...counts } = lastLine(out);
    assert.deepEqual(counts, { received: 5, tracked: 3, skipped: 1, duplicate: 1, sent: 2, quarantined: 0 });
    assert.match(out, /is tracked, accepted by Alice Adams/, "it explains why a message was tracked");
    assert.match(out, /is not tracked \(reason 1, no correlation match\)/, "and why another was not");
    assert.match(out, new RegExp(`Everything arrived, ${seconds} s after the start\\.`));
    assert.deepEqual(left("once"), []);
  });

  test("--json says nothing but the summary, and the database of the environment is left alone", async () => {
    const url = "postgres://nobody@127.0.0.1:1/not-there";
    const running = startWaypost(["demo", "--once", "--json"], {
      folder: temporary,
      environment: { ...environment("json"), DATABASE_URL: url },
    });
    const { code, out, error } = await running.ended;
    assert.deepEqual([code, error], [0, ""]);
    assert.match(out, /^[^\n]+\n$/);
    assert.equal(lastLine(out).sent, 2);
  });

  test("--once that is ended before everything arrived says so, with code 1, a summary and nothing left", async () => {
    const running = demo("ended", "--once");
    await running.until("A mail server for contoso.example is up");
    running.kill("SIGINT");
    const { code, out } = await running.ended;
    assert.equal(code, 1);
    assert.match(out, /Ended before everything had arrived\./);
    assert.ok(lastLine(out).received < 5);
    assert.deepEqual(left("ended"), []);
  });

  test("without --once it goes on, prints a link that opens the pages, and Ctrl+C ends it with code 0 and nothing left", async () => {
    const running = demo("stays", "--port", "0");
    const said = await running.until("Press Ctrl+C to end.");
    const link = /open this link once: (http:\S+)/.exec(said)?.[1] ?? "";
    const page = await fetch(link);
    assert.equal(page.status, 200);
    assert.match(await page.text(), /<form/);
    assert.ok(existsSync(path.join(temporary, "stays")) && left("stays").length > 0, "its database is there as long as it runs");
    running.kill("SIGINT");
    const { code, out } = await running.ended;
    assert.equal(code, 0);
    assert.equal(lastLine(out).received, 5);
    assert.deepEqual(left("stays"), []);
  });

  test("where the port is taken it says so and takes a free one", async () => {
    const first = demo("first", "--port", "0");
    const address = /The service is up at http:\/\/127\.0\.0\.1:(\d+)/;
    const port = address.exec(await first.until("The service is up at"))?.[1] ?? "";
    const second = demo("second", "--port", port);
    const said = await second.until("Alice sends");
    assert.ok(said.includes(`Port ${port} is not free`));
    assert.ok(Number(address.exec(said)?.[1]) > 0 && address.exec(said)?.[1] !== port);
    second.kill("SIGTERM");
    await second.ended;
    assert.deepEqual(left("second"), []);
    first.kill("SIGTERM");
    await first.ended;
    assert.deepEqual(left("first"), []);
  });
});
