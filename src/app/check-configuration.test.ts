import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { after, before, describe, it } from "node:test";
import { makeCertificates } from "../../test/servers/certificates.ts";
import { ConfigurationError } from "../config.ts";
import { checkConfiguration } from "./check-configuration.ts";

const DAY = 86_400_000;
const now = new Date("2026-11-26T12:00:00Z");
const { authority, server, notYetValid } = makeCertificates(now);
const past = makeCertificates(new Date(now.getTime() - 365 * DAY)).authority;
const der = Buffer.from(authority.replace(/-----.*-----|\n/g, ""), "base64");

const FAULTS: readonly (readonly [string, string | Buffer, RegExp])[] = [
  ["empty.pem", "", /empty\.pem is empty\. Export/],
  ["words.pem", "Dear administrator, here is it", /words\.pem is not PEM: .*-----BEGIN CERTIFICATE-----/],
  ["key.pem", server.key, /key\.pem holds a private key instead of a certificate\. Name the file with the authority's certificate/],
  ["request.pem", "-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n-----END CERTIFICATE REQUEST-----\n", /of the kind "CERTIFICATE REQUEST"/],
  ["der.cer", der, /der\.cer holds a certificate in DER form, not in PEM\. Convert it: openssl x509 -inform der/],
  ["damaged.pem", `${authority}${authority.replace(/\n.{64}\n/, "\n")}`, /Certificate 2 of 2 in .*damaged\.pem is damaged/],
  ["expired.pem", past, /"CN=Test Authority" in .*expired\.pem expired on 2025-12-26\. Put its present certificate there/],
  ["early.pem", notYetValid.cert, /"CN=Test Server" in .*early\.pem is not valid before 2026-11-27\. Look at this machine's clock/],
];

describe("config check reads the files of certificate authorities", () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync(path.join(os.tmpdir(), "waypost-authorities-"));
    mkdirSync(path.join(folder, "ca"));
    for (const [name, content] of FAULTS) writeFileSync(path.join(folder, "ca", name), content);
    writeFileSync(path.join(folder, "ca/good.pem"), `# Ours\n${authority}`);
    writeFileSync(path.join(folder, "ca/both.pem"), `${past}${authority}`);
  });
  after(() => rmSync(folder, { recursive: true }));

  function check(profile: object) {
    const file = path.join(folder, "waypost.yaml");
    const organizations = [{ name: "o", kind: "embedded" }];
    writeFileSync(file, JSON.stringify({ organizations, serverProfiles: [{ name: "p", ...profile }] }, null, 1));
    return checkConfiguration(file, now);
  }

  function problemsOf(profile: object): readonly { field: string; problem: string; line: number }[] {
    try {
      check(profile);
    } catch (error) {
      assert.ok(error instanceof ConfigurationError, String(error));
      return error.problems;
    }
    return assert.fail("it was taken");
  }

  const incoming = (name: string) => ({ incoming: { host: "mail.test", certificateAuthorities: `ca/${name}` } });

  it("each thing that can be wrong with one has its own sentence, with the field, its line, and the next step", () => {
    const missing = ["nowhere.pem", "", /nowhere\.pem does not exist\. Put the PEM file/] as const;
    const folderInstead = [".", "", /cannot be read: EISDIR.*Let it be a file/] as const;
    const said = [...FAULTS, missing, folderInstead].map(([name, , sentence]) => {
      const [problem, ...more] = problemsOf(incoming(name));
      assert.deepEqual([more.length, problem?.field, problem?.line], [0, "serverProfiles[0].incoming.certificateAuthorities", 13], name);
      assert.match(problem?.problem ?? "", sentence);
      return problem?.problem.replaceAll(folder, "").replaceAll(name, "");
    });
    assert.equal(new Set(said).size, said.length);
  });

  it("wherever one may be named, and all at once", () => {
    const oauth = { provider: "google", clientId: "c", certificateAuthorities: "ca/expired.pem" };
    const problems = problemsOf({ ...incoming("key.pem"), outgoing: { host: "mail.test", certificateAuthorities: "ca/gone.pem" }, oauth });
    assert.deepEqual(
      problems.map(({ field }) => field),
      ["incoming", "outgoing", "oauth"].map((section) => `serverProfiles[0].${section}.certificateAuthorities`),
    );
  });

  it("takes those that are good; one that is over beside a good one is a note", () => {
    assert.deepEqual(check(incoming("good.pem")).notes, []);
    const [note, ...more] = check(incoming("both.pem")).notes;
    assert.equal(more.length, 0);
    assert.equal(note?.field, "serverProfiles[0].incoming.certificateAuthorities");
    assert.match(note?.problem ?? "", /expired on 2025-12-26/);
  });
});
