import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";
import type { StepName } from "../../src/engine/step.ts";
import type { Chance } from "./random.ts";
import type { RequestMoment } from "./request-kills.ts";
import { ERROR_LEVEL, type LogLine, type PassedStep, SERVES, type Service } from "./service.ts";
import type { World } from "./world.ts";

export type Way = "receive" | "delete" | "send";

/** The named steps of the engine in their order; the types refuse a step that is added there and not killed at here. */
const WAYS: Readonly<Record<StepName, Way>> = {
  "receive.pulled": "receive",
  "receive.decided": "receive",
  "receive.read": "receive",
  "receive.claimed": "receive",
  "receive.delivered": "receive",
  "receive.committed": "receive",
  "delete.chosen": "delete",
  "delete.durable": "delete",
  "delete.verified": "delete",
  "delete.intended": "delete",
  "delete.deleted": "delete",
  "delete.stored": "delete",
  "send.intended": "send",
  "send.claimed": "send",
  "send.composed": "send",
  "send.transmitting": "send",
  "send.answered": "send",
  "send.stored": "send",
  "send.settled": "send",
  "send.copied": "send",
};

/** The steps of a way. */
export function stepsOf(way: Way): readonly string[] {
  return Object.entries(WAYS).flatMap(([name, its]) => (its === way ? [name] : []));
}

/** Random kills of one suite; fewer for a quick look. */
export const KILLS = Number(process.env.WAYPOST_FAULT_KILLS ?? 50);
/** Where the CRM stands elsewhere: the steps are the same, and each life takes longer. */
export const KILLS_FAR = Math.ceil(KILLS / 3);
/** Where the moments between the steps are known, too. */
export const KILLS_BESIDE = Math.ceil(KILLS / 12);

/** After these a piece of work is over. A pull finds nothing as a rule, and what it finds shows at once in the next step. */
const RESTING: ReadonlySet<string> = new Set(["receive.pulled", "receive.committed", "send.settled", "send.copied"]);
/** Share of the kills that may hit the process while it starts. */
const KILLS_AT_START = 1 / 8;
const START_UP = { from: 100, to: 900 };
/** Otherwise a life lasts so many steps and milliseconds: steps, so that a slow machine is not always killed at the first of them. */
const STEPS_PER_LIFE = { from: 1, to: 60 };
const MILLISECONDS_MORE = { from: 0, to: 40 };
/** A life that runs out of work is ended all the same. */
const IDLE_MS = 1_000;

/** One life of a `waypost serve` that ended by SIGKILL. */
export interface KilledLife {
  readonly pid: number;
  /** Milliseconds of the epoch. */
  readonly killedAt: number;
  /** Steps of the way that is under test. */
  readonly steps: readonly PassedStep[];
  /** Milliseconds from its start. */
  readonly toServing: number | null;
  readonly toFirstStep: number | null;
  readonly toEnd: number;
  readonly errors: readonly LogLine[];
}

/** Lets the service kill itself at named steps of the way, at all by default, one life for each. */
export async function killAtEachStep(world: World, way: Way, names: readonly string[] = stepsOf(way)): Promise<KilledLife[]> {
  const lives: KilledLife[] = [];
  for (const name of names) {
    const service = world.start({ killAt: name });
    await service.until(`killed at ${name}`, (one) => !one.running());
    assert.equal((await service.ended).signal, "SIGKILL", `${name}: ${service.said()}`);
    assert.equal(service.steps().at(-1)?.name, name);
    lives.push(lifeOf(service, way, Date.now()));
  }
  return lives;
}

/** Kills the service when the CRM elsewhere has done something and its answer has reached nobody, one life for each moment. */
export async function killAtRequests(world: World, way: Way, moments: readonly RequestMoment[]): Promise<KilledLife[]> {
  const lives: KilledLife[] = [];
  for (const moment of moments) {
    const service = world.start({ killAtRequest: moment });
    await service.until(`killed when ${moment.name}`, (one) => !one.running());
    assert.equal((await service.ended).signal, "SIGKILL", `${moment.name}: ${service.said()}`);
    lives.push(lifeOf(service, way, Date.now()));
  }
  return lives;
}

/** Kills the service at a random moment and starts it again at once, that often. `between` runs while none is there. */
export async function killAtRandom(
  world: World,
  way: Way,
  chance: Chance,
  kills: number,
  between: (kill: number) => Promise<void> = async () => {},
): Promise<KilledLife[]> {
  const lives: KilledLife[] = [];
  for (let kill = 0; kill < kills; kill++) {
    await between(kill);
    const service = world.start();
    if (chance.happens(KILLS_AT_START)) await sleep(chance.between(START_UP.from, START_UP.to));
    else {
      const steps = chance.integer(STEPS_PER_LIFE.from, STEPS_PER_LIFE.to);
      await service.until(`it had passed ${steps} steps`, (one) => {
        const passed = one.steps().filter(({ name }) => name.startsWith(way));
        const last = passed.at(-1);
        return passed.length >= steps || (last !== undefined && Date.now() > last.at + IDLE_MS);
      });
      await sleep(chance.between(MILLISECONDS_MORE.from, MILLISECONDS_MORE.to));
    }
    assert.ok(service.running(), `it ended by itself: ${service.said()}`);
    const killedAt = Date.now();
    await service.kill();
    lives.push(lifeOf(service, way, killedAt));
  }
  return lives;
}

function lifeOf(service: Service, way: Way, killedAt: number): KilledLife {
  const steps = service.steps().filter(({ name }) => name.startsWith(way));
  const after = (at: number | undefined) => (at === undefined ? null : at - service.startedAt);
  return {
    pid: service.pid,
    killedAt,
    steps,
    toServing: after(service.log.find((line) => line.msg === SERVES)?.time),
    toFirstStep: after(steps[0]?.at),
    toEnd: killedAt - service.startedAt,
    errors: service.log.filter((line) => line.level >= ERROR_LEVEL),
  };
}

const START = "start-up";
const REST = "at rest";

/** In what the kills hit the service: the last step passed. `backlog` tells whether something waited to be worked on at a moment. */
export function phasesOf(lives: readonly KilledLife[], backlog: (at: number) => boolean): string[] {
  return lives.map(({ steps, killedAt }) => {
    const last = steps.at(-1);
    if (last === undefined) return START;
    return RESTING.has(last.name) && !backlog(killedAt) ? REST : last.name;
  });
}

/** How many of the phases are work. */
export function atWork(phases: readonly string[]): number {
  return phases.filter((phase) => phase !== START && phase !== REST).length;
}

/** The phases with how often each occurs, the most frequent first. */
export function shares(phases: readonly string[]): string {
  return [...Map.groupBy(phases, (phase) => phase)]
    .sort(([, one], [, other]) => other.length - one.length)
    .map(([phase, those]) => `${phase} ${those.length}`)
    .join(", ");
}

/** Milliseconds until lives served, passed their first step, and ended: the middle one of each. */
export function timesOf(lives: readonly KilledLife[]): string {
  const middle = (times: readonly (number | null)[]) => {
    const known = times.filter((time) => time !== null).sort((one, other) => one - other);
    return known[Math.floor(known.length / 2)] ?? "never";
  };
  const serving = middle(lives.map((life) => life.toServing));
  const working = middle(lives.map((life) => life.toFirstStep));
  return `${serving} to serving, ${working} to the first step, ${middle(lives.map((life) => life.toEnd))} to the kill`;
}

/** Lets the service run until `isQuiet`, stops it in order, and returns what it logged as an error. */
export async function runUntilQuiet(world: World, isQuiet: (service: Service) => boolean): Promise<readonly LogLine[]> {
  const service = world.start();
  await service.until("it is quiet", isQuiet);
  await service.stop();
  return service.log.filter((line) => line.level >= ERROR_LEVEL);
}
