import { PRESET_NAMES, type PresetName, presetOf } from "../model/presets.ts";
import { serverKey } from "./domain.ts";
import { type Answer, type Candidate, type Evidence, METHODS, type Probe, type Settings, TRUST, type Trust } from "./found.ts";

/** Settings that at least one place named, before the server was asked. */
export type Named = Omit<Candidate, "probe">;

/** The same server named by several places is one candidate, with the best trust of them and all that any of them tells. */
export function merged(answers: readonly Answer[]): readonly Named[] {
  const found = new Map<string, Named>();
  for (const { settings, evidence } of answers.flatMap((answer) => answer.settings)) {
    const key = serverKey(settings);
    const known = found.get(key);
    found.set(key, known ? joined(known, settings, evidence) : { ...settings, trust: evidence.trust, evidence: [evidence] });
  }
  return [...found.values()];
}

function joined(known: Named, settings: Settings, evidence: Evidence): Named {
  return {
    ...known,
    username: known.username ?? settings.username,
    signIn: [...new Set([...known.signIn, ...settings.signIn])],
    trust: better(known.trust, evidence.trust),
    evidence: [...known.evidence, evidence].sort((a, b) => METHODS.indexOf(a.method) - METHODS.indexOf(b.method)),
  };
}

function better(one: Trust, other: Trust): Trust {
  return TRUST.indexOf(one) <= TRUST.indexOf(other) ? one : other;
}

const PROTOCOLS = ["imap", "pop3", "smtp"] as const;
const RESULTS: readonly Probe["result"][] = ["answers", "not tried", "failed"];
const SECURITIES = ["tls", "starttls", "none"] as const;

/**
 * Best first within each protocol: first who says so, then whether the server answers, then the protection of the connection where it is
 * clear text or not, then the method. What is equal stays in the order of its source, which knows its own preference.
 */
export function ranked(candidates: readonly Candidate[]): readonly Candidate[] {
  return [...candidates].sort(
    (a, b) =>
      PROTOCOLS.indexOf(a.protocol) - PROTOCOLS.indexOf(b.protocol) ||
      TRUST.indexOf(a.trust) - TRUST.indexOf(b.trust) ||
      RESULTS.indexOf(a.probe.result) - RESULTS.indexOf(b.probe.result) ||
      Number(a.security === "none") - Number(b.security === "none") ||
      methodRank(a) - methodRank(b) ||
      (isGuess(a) ? SECURITIES.indexOf(a.security) - SECURITIES.indexOf(b.security) : 0),
  );
}

function methodRank({ evidence }: Candidate): number {
  return Math.min(...evidence.map(({ method }) => METHODS.indexOf(method)));
}

function isGuess({ trust }: Candidate): boolean {
  return trust === "guess";
}

/** The one to use in each direction: the first that did not fail, else the first; null where there is none. */
export function best(candidates: readonly Candidate[], direction: "incoming" | "outgoing"): Candidate | null {
  const fitting = candidates.filter(({ protocol }) => (protocol === "smtp") === (direction === "outgoing"));
  return fitting.find(({ probe }) => probe.result !== "failed") ?? fitting[0] ?? null;
}

/** The preset that names the very servers that are the best ones here; null when none does. */
export function fittingPreset(candidates: readonly Candidate[]): PresetName | null {
  const incoming = best(candidates, "incoming");
  const outgoing = best(candidates, "outgoing");
  const fits = (candidate: Candidate | null, host: string | undefined) => host !== undefined && candidate?.host === host;
  return (
    PRESET_NAMES.find((name) => {
      const preset = presetOf(name);
      return incoming?.protocol === "imap" && fits(incoming, preset.incoming.host) && fits(outgoing, preset.outgoing.host);
    }) ?? null
  );
}
