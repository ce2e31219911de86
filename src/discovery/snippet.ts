import { domainOf } from "./domain.ts";
import type { Candidate, Found, Settings } from "./found.ts";
import { best } from "./ranking.ts";

/**
 * The piece of waypost.yaml for what was found, to paste beside `organizations`; null when no server was found. What a person should look at first
 * stands in it as comments.
 */
export function snippetOf(found: Omit<Found, "snippet">): string | null {
  const incoming = best(found.candidates, "incoming");
  const outgoing = best(found.candidates, "outgoing");
  if (incoming === null && outgoing === null) return null;
  const { address } = found;
  // Where no password opens a mailbox, none is asked for.
  const byToken = found.preset === "microsoft365";
  const username = incoming?.username ?? outgoing?.username ?? address;
  return [
    "serverProfiles:",
    ...comments([incoming, outgoing], "  "),
    `  - name: ${quoted(domainOf(address) ?? address)}`,
    ...(found.preset !== null ? [`    preset: ${found.preset}`] : directions(incoming, outgoing)),
    ...(byToken ? application(domainOf(address) ?? "organizations") : []),
    "users:",
    `  - { name: ${quoted(address)}, email: ${quoted(address)} }`,
    "mailboxes:",
    `  - address: ${quoted(address)}`,
    `    user: ${quoted(address)}`,
    ...(username === address ? [] : [`    username: ${quoted(username)}`]),
    ...(byToken ? [] : ["    password: { env: MAILBOX_PASSWORD }"]),
    ...(incoming === null ? ["    incoming: false"] : []),
    ...(outgoing === null ? ["    outgoing: false"] : []),
    "",
  ].join("\n");
}

/** The application that has to be registered first; its id is for a person to fill in. */
function application(tenant: string): readonly string[] {
  return [
    "    # Register an application and enter its id; then `waypost authorize` (docs/oauth.md).",
    `    oauth: { provider: microsoft365, tenant: ${quoted(tenant)}, clientId: 00000000-0000-0000-0000-000000000000 }`,
  ];
}

function directions(incoming: Candidate | null, outgoing: Candidate | null): readonly string[] {
  return [...(incoming ? [`    incoming: ${endpoint(incoming)}`] : []), ...(outgoing ? [`    outgoing: ${endpoint(outgoing)}`] : [])];
}

function endpoint({ protocol, host, port, security }: Settings): string {
  return `{ protocol: ${protocol}, host: ${host}, port: ${port}, security: ${security} }`;
}

/** Everything that speaks against pasting without a look. */
function comments(chosen: readonly (Candidate | null)[], indent: string): readonly string[] {
  const lines = chosen
    .filter((one) => one !== null)
    .flatMap(({ host, trust, evidence, probe, signIn, security }) => [
      ...(trust === "published" ? [] : [`${host} is ${trust === "guess" ? "a guess" : trust}: ${evidence[0]?.doubts[0] ?? ""}`]),
      ...(probe.result === "failed" ? [`${host} does not work at the moment: ${probe.message}`] : []),
      ...(security === "none" ? [`${host} is reached without protection: passwords and mail cross the network in clear text.`] : []),
      ...(signIn.length > 0 && signIn.every((one) => one === "oauth")
        ? [`${host} takes no passwords, only access tokens (OAuth 2.0).`]
        : []),
    ]);
  return [...new Set(lines)].map((line) => `${indent}# ${oneLine(line)}`);
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: a line end would end the comment, and what follows would be configuration.
const LINE_ENDS = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]+/g;

function oneLine(text: string): string {
  return text.replace(LINE_ENDS, " ");
}

/** As it is where YAML takes it for a text, else in the quotes of JSON, which YAML knows too. */
function quoted(text: string): string {
  const plain = /^[a-z][a-z0-9@._-]*$/i.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n|nan|inf)$/i.test(text);
  return plain
    ? text
    : JSON.stringify(text).replace(/[\u007f-\u009f\u2028\u2029\ufeff]/g, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, "0")}`);
}
