import { alikeFrom } from "./alike.ts";
import { type Answering, answerRequest, answerTogether, completed, textInTurns, textOf } from "./answering.ts";
import {
  type BatchAnswer,
  type BatchRequest,
  type ChangeSet,
  MAXIMUM_OPERATIONS,
  MAXIMUM_OPERATIONS_ON_PREMISES,
  readBatch,
  writeBatch,
} from "./batch-message.ts";
import { addressOf, References } from "./batch-references.ts";
import type { Caller } from "./caller.ts";
import { type ApiAnswer, ApiFault, type ApiRequest } from "./exchange.ts";
import { faultAnswer, faultOf } from "./fault-answer.ts";
import { isJson, unsupportedMedia } from "./negotiation.ts";

/** A `$batch` as HTTP hands it in. */
export interface BatchCall {
  readonly body: Buffer;
  /** Of the outer request, by lower-case name. */
  readonly headers: ReadonlyMap<string, string>;
  readonly root: string;
  /** Whoever acts for somebody else in a part of the batch says so in the headers of that part. Throws ApiFault. */
  callerOf(headers: ReadonlyMap<string, string>): Promise<Caller>;
  /** Reads JSON; throws ApiFault 400 for what is none. */
  parse(bytes: Buffer): Promise<unknown>;
}

/** UTF-16 units of all answers of one batch. */
const LONGEST_ANSWERS = 128 * 1024 * 1024;

/** The first failure ends what is to be all or nothing. */
class Undone extends Error {
  override readonly name = "Undone";
  readonly contentId: string | null;
  readonly fault: ApiFault;
  constructor(contentId: string | null, fault: ApiFault) {
    super("undone");
    this.contentId = contentId;
    this.fault = fault;
  }
}

/**
 * Answers a batch (wire 7): its requests one after the other, each change set in one transaction. A change set that fails leaves nothing behind and is
 * answered with the one fault that ended it. The first failure ends the batch with 400 (in v8 and v9.0 with its own status), unless
 * `Prefer: odata.continue-on-error` asks for 200 and all answers. A refusal for too many requests (429) is the answer of the whole batch.
 */
export async function answerBatch(answering: Answering, call: BatchCall): Promise<ApiAnswer> {
  try {
    return completed(await runBatch(answering, call));
  } catch (error) {
    return completed(faultAnswer(faultOf(error, answering.report)));
  }
}

async function runBatch(answering: Answering, call: BatchCall): Promise<ApiAnswer> {
  const isOld = /\/v(8\.\d|9\.0)\/$/.test(call.root);
  const items = readBatch(call.body, call.headers.get("content-type"), isOld ? MAXIMUM_OPERATIONS_ON_PREMISES : MAXIMUM_OPERATIONS);
  const goesOn = /(^|[,;\s])odata\.continue-on-error($|[,;\s])/i.test((call.headers.get("prefer") ?? "").replace(/=\s*true\b/i, ""));
  const answers: (BatchAnswer | readonly BatchAnswer[])[] = [];
  const references = new References(call.root, answering.service.tables);
  let [length, failure] = [0, null as ApiAnswer | null];
  let ahead: Ahead = { answers: new Map(), until: 0 };
  for (const [place, item] of items.entries()) {
    if (place >= ahead.until) ahead = await lookAhead(answering, call, alikeFrom(items, place), place);
    const given =
      item.kind === "change set"
        ? await runChangeSet(answering, call, item)
        : await runOne(answering, call, item, references, LONGEST_ANSWERS - length, ahead.answers.get(item));
    answers.push(given);
    for (const { text } of "answer" in given ? [given] : given) length += text.length;
    if (!("answer" in given) || given.answer.status < 400) continue;
    if (given.answer.status === 429) return { ...given.answer, body: given.text };
    failure ??= given.answer;
    if (!goesOn) break;
  }
  const { contentType, text } = writeBatch(answers);
  const status = failure === null || goesOn ? 200 : isOld ? failure.status : 400;
  return { status, headers: { "Content-Type": contentType }, body: text };
}

/** What is known before its turn comes: answers of requests before the place `until`. */
interface Ahead {
  readonly answers: ReadonlyMap<BatchRequest, ApiAnswer>;
  readonly until: number;
}

/** Calls of one function that stand one behind the other need no statements of their own. */
async function lookAhead(answering: Answering, call: BatchCall, alike: readonly BatchRequest[], place: number): Promise<Ahead> {
  const until = place + Math.max(alike.length, 1);
  if (alike.length < 2) return { answers: new Map(), until };
  const caller = await call.callerOf(new Map());
  const none = new References(call.root, answering.service.tables);
  const answers = await answerTogether(answering, caller, () => alike.map((item) => addressed(call, item, undefined, none)));
  return { answers: new Map(alike.flatMap((item, index) => (answers?.[index] ? [[item, answers[index]]] : []))), until };
}

/** @param known its answer, where it was found ahead */
async function runOne(
  answering: Answering,
  call: BatchCall,
  item: BatchRequest,
  references: References,
  room: number,
  known?: ApiAnswer,
): Promise<BatchAnswer> {
  const { contentId } = item;
  try {
    const caller = await call.callerOf(item.headers);
    const request = await requestOf(call, item, references);
    const answer = known ?? (await answerRequest(answering, caller, request));
    references.note(contentId, request, answer);
    const text = await textInTurns(answer);
    // What a write answers is short, and it has happened.
    if (text.length > room && request.method === "GET")
      throw new ApiFault(400, "0x80060888", "The answers of this batch are too large in sum. Ask for fewer rows in one batch.");
    return { contentId, answer, text };
  } catch (error) {
    return faultPart(contentId, faultOf(error, answering.report));
  }
}

async function runChangeSet(answering: Answering, call: BatchCall, { requests }: ChangeSet): Promise<BatchAnswer | readonly BatchAnswer[]> {
  const { service, dispatch, report } = answering;
  const references = new References(call.root, service.tables);
  try {
    // Bodies are read before, so that no transaction waits for it.
    const read = await Promise.all(
      requests.map(async (item) => ({ item, caller: await call.callerOf(item.headers), body: await bodyOf(call, item) })),
    );
    return await service.store.transaction(async (sql) => {
      const answers: BatchAnswer[] = [];
      for (const { item, caller, body } of read) {
        const { contentId } = item;
        try {
          const request = addressed(call, item, body, references);
          const answer = completed(await dispatch({ service, caller, sql }, request));
          references.note(contentId, request, answer);
          answers.push({ contentId, answer, text: textOf(answer) });
        } catch (error) {
          throw new Undone(contentId, faultOf(error, report));
        }
      }
      return answers;
    }, "web api change set");
  } catch (error) {
    return error instanceof Undone ? faultPart(error.contentId, error.fault) : faultPart(null, faultOf(error, report));
  }
}

function faultPart(contentId: string | null, fault: ApiFault): BatchAnswer {
  const answer = completed(faultAnswer(fault));
  return { contentId, answer, text: textOf(answer) };
}

async function requestOf(call: BatchCall, item: BatchRequest, references: References): Promise<ApiRequest> {
  return addressed(call, item, await bodyOf(call, item), references);
}

function addressed({ root }: BatchCall, { method, url, headers }: BatchRequest, body: unknown, references: References): ApiRequest {
  const { path, query } = addressOf(references.inAddress(url));
  return { method, path, query, headers, body: references.inBody(body), root };
}

/** The JSON of a part; undefined: it has none. */
async function bodyOf(call: BatchCall, { method, headers, body }: BatchRequest): Promise<unknown> {
  if (method === "GET" || isBlank(body)) return undefined;
  // A part may leave the type out: there is nothing else that a body can be.
  const type = headers.get("content-type");
  if (type !== undefined && !isJson(type)) throw unsupportedMedia(type);
  return await call.parse(body);
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((one) => one === 0x20 || one === 0x0a || one === 0x0d || one === 0x09);
}
