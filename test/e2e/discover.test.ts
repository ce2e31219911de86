import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { z } from "zod";
import { EXIT } from "../../src/command-line/exit-codes.ts";
import { parseConfiguration } from "../../src/config.ts";
import { type NameServer, startNameServer } from "../servers/name-server.ts";
import { removeFolder, temporaryFolder } from "../servers/processes.ts";
import { waypost } from "./command.ts";

const foundShape = z.object({
  candidates: z.array(z.object({ protocol: z.string(), host: z.string(), trust: z.string(), probe: z.object({ result: z.string() }) })),
  snippet: z.string().nullable(),
});

describe("waypost discover", { concurrency: 2 }, () => {
  let names: NameServer;
  let folder: string;
  before(async () => {
    folder = temporaryFolder("discover");
    names = await startNameServer({
      "_imaps._tcp.example.test": { srv: [{ priority: 0, weight: 0, port: 993, target: "imap.hoster.test" }] },
    });
  });
  after(async () => {
    await names[Symbol.asyncDispose]();
    removeFolder(folder);
  });
  const discover = (...args: string[]) => waypost(["discover", "--name-server", names.address, ...args], { folder });

  test("needs no configuration, and prints each server with who says so, and what to paste", async () => {
    const [plain, asJson] = await Promise.all([discover("ann@example.test"), discover("ann@example.test", "--json")]);
    assert.deepEqual([plain.code, asJson.code], [EXIT.ok, EXIT.ok], plain.error + asJson.error);
    assert.match(
      plain.out,
      /^IMAP {2}imap\.hoster\.test:993 {2}TLS {2}to be confirmed\n {4}by DNS SRV: _imaps\._tcp\.example\.test\n {4}! /,
    );
    assert.match(plain.out, /FAILED: No host called imap\.hoster\.test is known/);
    const { candidates, snippet } = foundShape.parse(JSON.parse(asJson.out));
    assert.equal(candidates.length, 1);
    assert.ok(plain.out.includes(snippet?.trimEnd() ?? "nothing"));
    const { mailboxes } = parseConfiguration(`organizations: [{ name: contoso, kind: embedded }]\n${snippet}`, "waypost.yaml");
    assert.deepEqual([mailboxes[0]?.incoming, mailboxes[0]?.outgoing], [true, false]);
  });

  test("ends with its own code where there is nothing, and where the question is none", async () => {
    const [nothing, all, wrong, server] = await Promise.all([
      discover("ann@nothing.test"),
      discover("ann@nothing.test", "--all"),
      discover("ann"),
      waypost(["discover", "--name-server", "example", "ann@example.test"], { folder }),
    ]);
    assert.deepEqual([nothing.code, all.code, wrong.code, server.code], [EXIT.notFound, EXIT.notFound, EXIT.usage, EXIT.usage]);
    assert.match(nothing.out, /^No mail server was found for ann@nothing\.test\.\nWhat to do: ask whoever runs its mail/);
    assert.ok(!nothing.out.includes("autoconfig.nothing.test") && all.out.includes("autoconfig.nothing.test"));
  });
});
