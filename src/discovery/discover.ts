import { Failure } from "../model/failure.ts";
import { domainOf } from "./domain.ts";
import type { Answer, Candidate, Evidence, Found, Note, Probe, Settings } from "./found.ts";
import { guesses } from "./guesses.ts";
import {
  answered,
  autoconfigSteps,
  autodiscoverSteps,
  exchangerStep,
  ispdbStep,
  type Step,
  type Subject,
  srvSteps,
  userAgentConfigurationStep,
  type World,
} from "./methods.ts";
import { fittingPreset, merged, type Named, ranked } from "./ranking.ts";
import { snippetOf } from "./snippet.ts";

export interface DiscoverOptions {
  /** Whether Mozilla's database may be asked, which tells a third party the domain. */
  readonly askIspdb: boolean;
  /** Milliseconds that one place may take with all its redirects. */
  readonly stepTimeout?: number;
}

const STEP_TIMEOUT = 15_000;
/** Servers that are asked; a domain that names more is playing with us. */
const MAXIMUM_CANDIDATES = 24;

/**
 * Finds the servers of an address by the published methods, all at once, and asks each server what it offers. No credentials are sent, and a
 * place that fails hides no other's answer. Where nobody publishes servers for a direction, the usual names are tried. Throws Failure for text that
 * is no mail address.
 */
export async function discover(address: string, world: World, options: DiscoverOptions): Promise<Found> {
  const domain = domainOf(address);
  if (domain === null || !domain.includes(".")) throw noAddress(address);
  const subject: Subject = { address, domain };
  const steps: readonly Step[] = [
    ...srvSteps(subject),
    ...autoconfigSteps(subject),
    userAgentConfigurationStep(subject),
    ...autodiscoverSteps(subject),
    exchangerStep(subject),
    ...(options.askIspdb ? [ispdbStep(subject)] : []),
  ];
  const timeout = options.stepTimeout ?? STEP_TIMEOUT;
  const answers = await Promise.all(steps.map((step) => answered(step, world, AbortSignal.timeout(timeout))));
  const named = merged(answers).slice(0, MAXIMUM_CANDIDATES);
  const [known, guessed] = await Promise.all([probed(named, world), probed(guessesFor(domain, named), world)]);
  const answering = guessed.filter(({ probe }) => probe.result === "answers");
  const candidates = ranked([...known, ...answering]);
  const notes = [...notesOf(answers), ...notesOfGuesses(domain, guessed, answering)];
  const found = { address, candidates, notes, preset: fittingPreset(candidates) };
  return { ...found, snippet: snippetOf(found) };
}

function probed(named: readonly Named[], world: World): Promise<readonly Candidate[]> {
  return Promise.all(named.map(async (one) => ({ ...one, probe: await world.probe(one) })));
}

/** The usual names, for the directions in which nobody named a server. */
function guessesFor(domain: string, named: readonly Named[]): readonly Named[] {
  const isIncoming = ({ protocol }: Settings) => protocol !== "smtp";
  const directions = new Set(named.map(isIncoming));
  const evidence: Evidence = { method: "guess", place: domain, trust: "guess", doubts: ["Nobody says so: it is where most have it."] };
  return guesses(domain)
    .filter((one) => !directions.has(isIncoming(one)))
    .map((one) => ({ ...one, trust: "guess" as const, evidence: [evidence] }));
}

function notesOf(answers: readonly Answer[]): readonly Note[] {
  return answers.flatMap(({ notes }) => notes);
}

function notesOfGuesses(domain: string, guessed: readonly Candidate[], answering: readonly Candidate[]): readonly Note[] {
  if (guessed.length === 0 || answering.length > 0) return [];
  const names = [...new Set(guessed.map(({ host }) => host))].join(", ");
  const worst: Probe | undefined = guessed.find(({ probe }) => probe.serverSaid !== null)?.probe;
  const message = `No server with a valid certificate answers at ${names}.${worst ? ` ${worst.message}` : ""}`;
  return [{ method: "guess", place: domain, outcome: "nothing", message }];
}

function noAddress(address: string): Failure {
  return new Failure({
    scope: "process",
    code: "no mail address",
    message: `"${address.slice(0, 100)}" is no mail address whose domain can have servers.`,
    remedy: "Give one like ann@example.com.",
    waitingHelps: false,
  });
}
