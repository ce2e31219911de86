import assert from "node:assert/strict";
import { it } from "node:test";
import { parseConfiguration } from "../config.ts";
import { allPresets, presetLines, profileLines } from "./print-presets.ts";

it("a preset is shown with all it fills in, in the words of the file", () => {
  const lines = presetLines(allPresets().filter(({ name }) => name === "gmail" || name === "exchange"));
  assert.deepEqual(lines.slice(0, 8), [
    "exchange  (Microsoft Exchange Server)",
    "  incoming: protocol: imap, port: 993, security: tls, host: (your own)",
    "  outgoing: protocol: smtp, port: 587, security: starttls, host: (your own)",
    "  to be set up on the server: docs/mail-systems/exchange-imap.md",
    "gmail  (Gmail and Google Workspace)",
    "  incoming: protocol: imap, host: imap.gmail.com, port: 993, security: tls",
    "  outgoing: protocol: smtp, host: smtp.gmail.com, port: 465, security: tls",
    "  filesSentCopy: true, maximumMessageMegabytes: 50",
  ]);
});

it("a server profile is shown as it is in force", () => {
  const { serverProfiles } = parseConfiguration(
    `organizations: [{ name: contoso, kind: embedded }]
serverProfiles: [{ name: google, preset: gmail, maximumMessageMegabytes: 20, outgoing: { timeoutSeconds: 30 } }]`,
    "waypost.yaml",
  );
  const lines = profileLines(serverProfiles);
  assert.equal(lines[0], "google  (preset gmail)");
  assert.match(lines[1] ?? "", /^ {2}incoming: .*host: imap\.gmail\.com.*port: 993/);
  assert.match(lines[2] ?? "", /^ {2}outgoing: .*host: smtp\.gmail\.com.*timeoutSeconds: 30/);
  assert.match(lines[3] ?? "", /filesSentCopy: true.*maximumMessageMegabytes: 20/);

  const [account] = parseConfiguration(
    `organizations: [{ name: contoso, kind: embedded }]
serverProfiles:
  - name: mail
    incoming: { host: mail.example.com }
    serviceAccount: { username: router, password: { env: ROUTER }, incoming: masterUser }`,
    "waypost.yaml",
  ).serverProfiles;
  assert.ok(account);
  assert.match(
    profileLines([account])[2] ?? "",
    /^ {2}serviceAccount: username: router, password: \{ env: ROUTER \}, incoming: masterUser/,
  );
});
