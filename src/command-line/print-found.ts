import type { Candidate, Found, Note } from "../discovery/found.ts";
import { printable } from "./print.ts";

/** What discovery found, for a person: the servers with what speaks for them, what else was learnt, and what to paste. */
export function foundLines(found: Found, all: boolean): string[] {
  const { snippet } = found;
  const notes = found.notes.filter(({ outcome }) => all || outcome !== "nothing");
  return [
    ...(found.candidates.length === 0 ? nothingFoundLines(found.address) : found.candidates.flatMap(candidateLines)),
    ...(notes.length > 0 ? ["", "Also learnt:", ...notes.map(noteLine)] : []),
    ...(snippet === null
      ? []
      : ["", "For waypost.yaml, beside its organizations (docs/discovery.md):", "", ...snippet.trimEnd().split("\n")]),
  ].map(printable);
}

function nothingFoundLines(address: string): string[] {
  return [
    `No mail server was found for ${address}.`,
    "What to do: ask whoever runs its mail for the hosts of IMAP (or POP3) and SMTP; docs/mail-systems/README.md says what to set for which mail system. --all shows where it was looked.",
  ];
}

function candidateLines({ protocol, host, port, security, username, signIn, trust, evidence, probe }: Candidate): string[] {
  const protection = { tls: "TLS", starttls: "STARTTLS", none: "NO PROTECTION" }[security];
  return [
    `${protocol.toUpperCase()}  ${host}:${port}  ${protection}  ${trust === "guess" ? "a guess" : trust}`,
    ...evidence.map(({ method, place, doubts }) => `    by ${method}: ${place}${doubts.map((doubt) => `\n    ! ${doubt}`).join("")}`),
    ...(username === null ? [] : [`    user name: ${username}`]),
    ...(signIn.length === 0 ? [] : [`    signs in with: ${signIn.join(", ")}`]),
    `    ${probe.result === "answers" ? "ok" : probe.result === "failed" ? "FAILED" : "?"}: ${probe.message}`,
    ...(probe.serverSaid === null ? [] : [`    the server said: ${probe.serverSaid}`]),
    ...(probe.offers.length === 0 ? [] : [`    offers: ${probe.offers.join(", ")}`]),
    ...(probe.remedy === null ? [] : [`    what to do: ${probe.remedy}`]),
    ...probe.warnings.map((warning) => `    ! ${warning}`),
  ].flatMap((line) => line.split("\n"));
}

function noteLine({ method, place, outcome, message }: Note): string {
  return `  ${outcome === "hint" ? "" : `${outcome}: `}${method}, ${place}: ${message}`;
}
