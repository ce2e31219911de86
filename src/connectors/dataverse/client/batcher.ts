/** Many requests in few exchanges: `$batch`, with an answer for each. */
import { setImmediate as turn } from "node:timers/promises";
import { Failure } from "../../../model/failure.ts";
import { type BatchPart, isMultipart, NoBatchAnswer, type Part, readBatchAnswer } from "./batch-answer.ts";
import { type BatchItem, batchBody, requestText } from "./batch-body.ts";
import { batchPlan } from "./batch-plan.ts";
import type { Answer, Answered, ChangeSet, ChangeSetAnswer, Refused, Request, SendOptions } from "./client.ts";
import type { RawAnswer, RawRequest } from "./exchange.ts";
import { type OrganizationTrouble, organizationFailure } from "./failures.ts";
import { bodyOf } from "./json.ts";
import { isRepeatable, judge, type Verdict } from "./judge.ts";
import { LIMITS } from "./limits.ts";
import { headersOf } from "./raw-request.ts";
import { type Judged, pauseAfter, pauseOf, type Sender } from "./sender.ts";

/** Bytes of answers that are read in one go, before others get their turn. */
const TURN = 512 * 1024;

/** Bytes of a batch that are tried again, whatever was refused as too large. */
const LEAST_BYTES = 64 * 1024;

const TOO_LARGE: OrganizationTrouble = "request too large";

/** Characters of an address that every server takes by itself (wire 7.1); a longer one goes in the body of a batch. */
const LONGEST_QUERY = 2000;

type Outcome = Answer | ChangeSetAnswer;

/** One thing of a batch and how its answer is told. */
interface Job {
  readonly item: BatchItem;
  readonly requests: readonly Request[];
  readonly repeatable: boolean;
  outcome: Outcome | null;
  /** Where the server could not do it now: what to say if there is no further try. */
  failure: Failure | null;
}

export class Batcher {
  readonly #sender: Sender;
  readonly #most: number;
  /** Bytes of one batch; less where the server, or what stands before it, was seen to take less. */
  #mostBytes: number = LIMITS.batchBytes;

  /** @param most requests in one batch */
  constructor(sender: Sender, most: number) {
    this.#sender = sender;
    this.#most = most;
  }

  async requests(requests: readonly Request[], options: SendOptions): Promise<readonly Answer[]> {
    const jobs = requests.map((request): Job => {
      const item: BatchItem = { kind: "request", text: requestText(request, this.#sender.root, false) };
      return { item, requests: [request], repeatable: isRepeatable(request), outcome: null, failure: null };
    });
    await this.#run(jobs, options);
    return jobs.map((job) => {
      const outcome = this.#settled(job);
      if (outcome.kind === "done") throw new TypeError("a request by itself was answered like a change set");
      return outcome;
    });
  }

  async changeSets(sets: readonly ChangeSet[], options: SendOptions): Promise<readonly ChangeSetAnswer[]> {
    const jobs = sets.map(({ changes }): Job => {
      if (changes.length === 0 || changes.length > this.#most) throw new RangeError(`a change set has 1 to ${this.#most} changes`);
      if (changes.some(({ method }) => method === "GET")) throw new TypeError("a change set holds nothing that only reads");
      const texts = changes.map((request) => requestText(request, this.#sender.root, true));
      return { item: { kind: "set", texts }, requests: changes, repeatable: changes.every(isRepeatable), outcome: null, failure: null };
    });
    await this.#run(jobs, options);
    return jobs.map((job) => {
      const outcome = this.#settled(job);
      if (outcome.kind === "answered") throw new TypeError("a change set was answered like a request by itself");
      return outcome;
    });
  }

  #settled({ outcome, failure }: Job): Outcome {
    return outcome ?? { kind: "not done", failure: failure ?? organizationFailure("organization in trouble", this.#sender.root.host) };
  }

  /** Again and again, as long as something could not be done for now. */
  async #run(jobs: readonly Job[], options: SendOptions): Promise<void> {
    // Only waiting counts: however many batches there are, each may take its time.
    let patience: number = options.patience ?? LIMITS.patience;
    for (let tries = 1; ; tries++) {
      const open = jobs.filter(({ outcome }) => outcome === null);
      if (open.length === 0) break;
      const sized = open.map((item) => ({ item, count: item.requests.length, bytes: bytesOf(item) }));
      for (const batch of batchPlan(sized, { count: this.#most, bytes: this.#mostBytes })) {
        try {
          await this.#sendBatch(batch, options);
        } catch (error) {
          // What was changed before must be told; where nothing was, the caller hears of it as of a single request.
          if (!(error instanceof Failure) || !jobs.some(mayHaveChanged)) throw error;
          for (const job of jobs) if (job.outcome === null) job.outcome = { kind: "not done", failure: error };
          return;
        }
      }
      const pause = pauseFor(open, tries);
      if (tries >= LIMITS.tries || pause > patience) break;
      patience -= pause;
      if (pause > 0) await pauseOf(pause, options.signal);
    }
    // Trouble that is wider than a request is thrown as of a single one, where nothing was changed that must be told.
    const wide = jobs.map((job) => this.#settled(job)).find(({ kind }) => kind === "not done");
    if (wide?.kind === "not done" && !jobs.some(mayHaveChanged)) throw wide.failure;
  }

  async #sendBatch(jobs: readonly Job[], options: SendOptions): Promise<void> {
    const [alone, second] = jobs;
    if (alone !== undefined && second === undefined && alone.item.kind === "request" && addressLength(alone.item.text) <= LONGEST_QUERY) {
      for (const request of alone.requests) alone.outcome = await this.#sender.send(request, options);
      return;
    }
    const raw = this.#raw(jobs);
    const sent = await this.#sender.run<readonly BatchPart[] | Refused>(
      {
        raw,
        repeatable: jobs.every(({ repeatable }) => repeatable),
        judged: (answer) => this.#judgedBatch(answer, jobs, raw.body?.length),
      },
      options,
    );
    if (sent.kind === "unknown") {
      for (const job of jobs) if (!job.repeatable) job.outcome = sent;
      for (const job of jobs) job.failure ??= sent.failure;
      return;
    }
    if ("kind" in sent.value) {
      await this.#sendInParts(jobs, sent.value, options);
      return;
    }
    let read = 0;
    for (const [index, job] of jobs.entries()) {
      const part = sent.value[index];
      if (part === undefined) this.#missing(job);
      else read += this.#take(job, part);
      if (read > TURN) {
        read = 0;
        await turn();
      }
    }
  }

  /** A batch was too large to be taken, and nothing of it was done: its halves, down to the single thing, whose own fault it is then. */
  async #sendInParts(jobs: readonly Job[], refusal: Refused, options: SendOptions): Promise<void> {
    const [alone, second] = jobs;
    if (alone !== undefined && second === undefined) {
      alone.outcome = refusal;
      return;
    }
    this.#mostBytes = Math.max(LEAST_BYTES, Math.min(this.#mostBytes, Math.ceil(jobs.reduce((sum, job) => sum + bytesOf(job), 0) / 2)));
    const half = Math.ceil(jobs.length / 2);
    await this.#sendBatch(jobs.slice(0, half), options);
    await this.#sendBatch(jobs.slice(half), options);
  }

  #raw(jobs: readonly Job[]): RawRequest {
    const { contentType, body } = batchBody(jobs.map(({ item }) => item));
    const headers = {
      ...headersOf({ headers: { Prefer: "odata.continue-on-error" } }, true),
      "content-type": contentType,
      accept: "multipart/mixed, application/json",
    };
    return { method: "POST", path: `${this.#sender.root.pathname}$batch`, headers, body, largestAnswer: LIMITS.answer };
  }

  /** Refused: it is too large. */
  #judgedBatch(answer: RawAnswer, jobs: readonly Job[], sent: number | undefined): Judged<readonly BatchPart[] | Refused> {
    const { host } = this.#sender.root;
    const type = answer.headers["content-type"];
    // Old versions give the batch the status of what failed in it (wire 7): its parts say more.
    if (isMultipart(type)) {
      try {
        return {
          kind: "done",
          value: readBatchAnswer(type ?? "", answer.body, Math.max(jobs.length, ...jobs.map(({ requests }) => requests.length))),
        };
      } catch (error) {
        if (!(error instanceof NoBatchAnswer)) throw error;
        return { kind: "not understood", failure: organizationFailure("answer not understood", host, { serverSaid: error.message }) };
      }
    }
    const verdict = judge({ status: answer.status, headers: answer.headers, body: bodyOf(answer), sent }, host, new Date());
    switch (verdict.kind) {
      case "answered":
        return {
          kind: "not understood",
          failure: organizationFailure("answer not understood", host, { serverSaid: `it calls itself ${type ?? "nothing"}` }),
        };
      case "refused":
        if (verdict.failure.code === TOO_LARGE) return { kind: "done", value: verdict };
        // The whole batch was not taken, which is nobody's fault in particular: nothing of it was done.
        return { kind: "failed", failure: new Failure({ ...verdict.failure, message: verdict.failure.message, scope: "organization" }) };
      case "busy":
        // A limit that is reached within a batch ends all of it (wire 7), and what was done before it stays done; one change set is undone.
        return { ...verdict, notDone: verdict.notDone && jobs.length === 1 };
      default:
        return verdict;
    }
  }

  /** @returns bytes that were read */
  #take(job: Job, part: BatchPart): number {
    const parts = part.kind === "set" ? part.parts : [part.part];
    const verdicts = parts.map((one) => this.#verdict(one));
    const bad = verdicts.find(({ kind }) => kind !== "answered");
    if (bad !== undefined && bad.kind !== "answered") this.#takeBad(job, bad);
    else if (job.item.kind === "request") this.#takeAnswer(job, verdicts);
    else
      this.#takeSet(
        job,
        parts,
        verdicts.filter((one) => one.kind === "answered"),
      );
    return parts.reduce((sum, { body }) => sum + body.length, 0);
  }

  #takeAnswer(job: Job, [first, second]: readonly Verdict[]): void {
    if (first?.kind === "answered" && second === undefined) job.outcome = first;
    else this.#missing(job);
  }

  #takeSet(job: Job, parts: readonly Part[], answers: readonly Answered[]): void {
    if (answers.length !== job.requests.length) {
      this.#missing(job);
      return;
    }
    const byId = new Map(parts.map(({ contentId }, index) => [contentId, answers[index]]));
    const inOrder = job.requests.map((_, index) => byId.get(String(index + 1)) ?? answers[index]).filter((one) => one !== undefined);
    job.outcome = { kind: "done", answers: inOrder };
  }

  #takeBad(job: Job, verdict: Exclude<Verdict, Answered>): void {
    if (verdict.kind === "refused") job.outcome = verdict;
    else if (verdict.kind === "failed") job.outcome = { kind: "not done", failure: verdict.failure };
    else if (verdict.kind === "not understood" || !(verdict.notDone || job.repeatable || job.item.kind === "set"))
      job.outcome = { kind: "unknown", failure: verdict.failure };
    else job.failure = verdict.failure;
  }

  /** The batch's answer has none for it: it ended before, or after. */
  #missing(job: Job): void {
    job.failure = organizationFailure("answer not understood", this.#sender.root.host, {
      serverSaid: "the batch was answered without one of its requests",
    });
    if (!job.repeatable) job.outcome = { kind: "unknown", failure: job.failure };
  }

  #verdict({ status, headers, body }: Part): Verdict {
    return judge({ status, headers, body: bodyOf({ headers, body }) }, this.#sender.root.host, new Date());
  }
}

/** Of the text, which is what most of it is; each character of a message has a byte or more. */
function bytesOf({ item }: Job): number {
  return item.kind === "request" ? Buffer.byteLength(item.text) : item.texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
}

function mayHaveChanged({ outcome, requests }: Job): boolean {
  const changes = requests.some(({ method }) => method !== "GET");
  return changes && outcome !== null && (outcome.kind === "answered" || outcome.kind === "done" || outcome.kind === "unknown");
}

function addressLength(text: string): number {
  return text.indexOf("\r\n");
}

/** Milliseconds until those that are still open are worth another try. */
function pauseFor(jobs: readonly Job[], tries: number): number {
  const waits = jobs.flatMap(({ outcome, failure }) =>
    outcome === null ? [failure?.notBefore === undefined ? pauseAfter(tries) : failure.notBefore.getTime() - Date.now()] : [],
  );
  return Math.max(0, ...waits);
}
