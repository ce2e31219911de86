import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { ConfigurationError, parseConfiguration } from "../config.ts";

const START = `organizations: [{ name: contoso, kind: embedded }]
serverProfiles: [{ name: company, incoming: { host: imap.example.com }, outgoing: { host: smtp.example.com } }]
users: [{ name: Ann Lee, email: ann@example.com, aliases: [lee@example.com] }, { name: Ben Ray, email: ben@example.com, otherEmails: [team@example.com] }]
queues: [{ name: Help, email: help@example.com, aliases: [team@example.com] }]
mailboxes:
`;
const SINK = "address: crm-in@example.com, forward: true, password: { env: SINK }";
const TRUST = "trust: { forwardingServers: [10.0.0.5] }";
const ANN = "address: ann@example.com, user: ann@example.com, incoming: forward mailbox, outgoing: false";

const file = (...mailboxes: readonly string[]): string => START + mailboxes.map((one) => `  - { ${one} }\n`).join("");

function problemsOf(...mailboxes: readonly string[]): string[] {
  try {
    parseConfiguration(file(...mailboxes), "waypost.yaml");
    return [];
  } catch (error) {
    assert.ok(error instanceof ConfigurationError);
    return error.problems.map(({ field, problem }) => `${field}: ${problem}`);
  }
}

describe("forward mailboxes in the configuration", () => {
  it("takes one with what proves forwards, and users and queues whose mail comes there and who need no password", () => {
    const queue = "address: help@example.com, queue: help@example.com, incoming: forward mailbox, outgoing: false";
    const { mailboxes } = parseConfiguration(file(`${SINK}, ${TRUST}, deleteAfterProcessing: true`, ANN, queue), "waypost.yaml");
    assert.deepEqual(
      mailboxes.map(({ forward, incoming, outgoing }) => [forward, incoming, outgoing]),
      [
        [true, true, undefined],
        [false, "forward mailbox", false],
        [false, "forward mailbox", false],
      ],
    );
    assert.deepEqual(mailboxes[0]?.trust?.forwardingServers, ["10.0.0.5"]);
  });

  it("takes Authentication-Results of a server as the proof too", () => {
    assert.deepEqual(problemsOf(`${SINK}, trust: { authenticationResults: mx.example.com }`, ANN), []);
  });

  for (const [what, mailbox, expected] of [
    ["an owner", `${SINK}, ${TRUST}, user: ann@example.com`, /mailboxes\[0\].*exactly one.*8005E207/],
    ["no address", `forward: true, password: { env: SINK }, ${TRUST}`, /mailboxes\[0\]\.address/],
    ["the delivery method Forward Mailbox", `${SINK}, ${TRUST}, incoming: forward mailbox`, /mailboxes\[0\]\.incoming.*8005E212/],
    ["outgoing mail", `${SINK}, ${TRUST}, outgoing: true`, /mailboxes\[0\]\.outgoing.*8005E213/],
    ["nothing that proves forwards", SINK, /mailboxes\[0\]\.trust.*strangers/],
    ["an empty list of servers", `${SINK}, trust: { forwardingServers: [] }`, /mailboxes\[0\]\.trust.*strangers/],
    [
      "a server that is no address",
      `${SINK}, trust: { forwardingServers: [mail.example.com] }`,
      /forwardingServers\[0\].*an IP address or a network/,
    ],
  ] as const)
    it(`refuses ${what} for one`, () => {
      assert.match(problemsOf(mailbox).join("\n"), expected);
    });

  it("refuses the delivery method Forward Mailbox where there is none, and what is not meant for others", () => {
    assert.match(problemsOf(ANN).join("\n"), /mailboxes\[0\]\.incoming: needs a forward mailbox, and there is none/);
    assert.match(problemsOf(`${ANN}, ${TRUST}`, `${SINK}, ${TRUST}`).join("\n"), /mailboxes\[0\]\.trust: is for forward mailboxes/);
    assert.match(
      problemsOf(`${SINK}, ${TRUST}`, `${ANN}, deleteAfterProcessing: true`).join("\n"),
      /mailboxes\[1\]\.deleteAfterProcessing.*8005E233/,
    );
  });

  it("takes whoever alone has the address by which forwards are known, and refuses others: their mail would be taken for nobody's or another's", () => {
    const byForwards = (address: string, owner: string) =>
      problemsOf(`${SINK}, ${TRUST}`, `address: ${address}, ${owner}, incoming: forward mailbox, outgoing: false`).join("\n");
    assert.equal(byForwards("Lee@example.com", "user: ann@example.com"), "");
    assert.equal(byForwards("team@example.com", "user: ben@example.com"), "", "of a user and a queue the user counts");
    assert.match(byForwards("other@example.com", "user: ann@example.com"), /mailboxes\[1\]\.user: does not have the address/);
    assert.match(byForwards("ann@example.com", "user: ben@example.com"), /mailboxes\[1\]\.user: does not have the address/);
    assert.match(
      byForwards("team@example.com", "queue: help@example.com"),
      /mailboxes\[1\]\.queue: is not the only one.*Ben Ray has it too/,
    );
  });

  it("asks for the password of a user who sends though the mail comes by forwards", () => {
    assert.match(problemsOf(`${SINK}, ${TRUST}`, ANN.replace(", outgoing: false", "")).join("\n"), /mailboxes\[1\]\.password: is needed/);
  });
});
