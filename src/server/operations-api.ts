import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Log } from "../engine/log.ts";
import type { Operations } from "../engine/operations/operations.ts";
import { Failure } from "../model/failure.ts";

/** Mailboxes named in one call. */
const MAXIMUM_ADDRESSES = 10_000;

/** A test message that takes longer than an hour is not looked for in one call. */
const MAXIMUM_WAIT_SECONDS = 3600;

/** Longer ago nothing is tried: ten years. */
const MAXIMUM_DAYS = 3660;

const nothing = z.tuple([]);
const mailboxes = z.array(z.string().max(320)).max(MAXIMUM_ADDRESSES);
const addresses = z.tuple([mailboxes]);
const time = z.iso.datetime({ offset: true }).transform((text) => new Date(text));
const message = z.string().min(1).max(2000);
const record = z.string().min(1).max(400);
const actor = z.string().min(1).max(200);
const mailbox = z.string().max(320);
const folder = z.string().min(1).max(1000);
const tokenName = z.string().trim().min(1).max(100);
const number = z.number().int().nonnegative();

/** Arguments of each operation as they come over HTTP: without the signal and the progress. */
const ARGUMENTS = {
  status: nothing,
  explain: z.tuple([z.string().max(2000), actor.optional()]),
  whatIf: z.tuple([
    z.object({
      days: z.number().positive().max(MAXIMUM_DAYS),
      mailboxes: z.array(z.string().max(320)).max(MAXIMUM_ADDRESSES),
      settings: z.record(z.string().max(200), z.unknown()),
      filters: z.array(z.object({ address: z.string().max(320), method: z.literal([0, 1, 2, 3, 4]) })).max(MAXIMUM_ADDRESSES),
      readFrom: z.coerce.date().nullable(),
      limit: z.number().int().nonnegative().nullable(),
    }),
  ]),
  privacy: nothing,
  forget: z.tuple([z.string().min(1).max(320), actor]),
  showUntracked: z.tuple([z.boolean(), actor]),
  history: z.tuple([mailbox, time]),
  readHistory: z.tuple([mailbox, time, actor]),
  quarantineList: nothing,
  quarantineRetry: z.tuple([z.union([z.literal("all"), z.array(number).max(100_000)])]),
  decide: z.tuple([z.guid(), z.enum(["sent", "again", "failed"])]),
  receive: addresses,
  send: addresses,
  audit: z.tuple([mailboxes, z.boolean()]),
  replay: z.tuple([mailboxes, z.strictObject({ from: time, to: time.nullable() })]),
  replaySender: z.tuple([mailboxes, z.string().min(1).max(320), time.nullable()]),
  check: z.tuple([
    mailboxes,
    z.object({
      profile: z.string().max(100).optional(),
      testMessage: z.boolean().optional(),
      waitSeconds: z.number().min(0).max(MAXIMUM_WAIT_SECONDS).optional(),
    }),
  ]),
  approve: z.tuple([z.string().max(320), z.enum(["approve", "reject"]), z.string().max(200)]),
  track: z.tuple([message, record.nullable(), actor]),
  untrack: z.tuple([message, z.boolean(), actor]),
  regarding: z.tuple([message, record, actor]),
  contact: z.tuple([
    z.string().max(320),
    z.strictObject({ name: z.string().max(300).nullable().default(null), organization: z.string().max(100).nullable().default(null) }),
    actor,
  ]),
  resolve: z.tuple([
    z.string().max(320),
    record,
    z.strictObject({ message: message.nullable().default(null), beside: z.boolean().default(false) }),
    actor,
  ]),
  folderList: z.tuple([mailbox]),
  folderTrack: z.tuple([mailbox, folder, z.strictObject({ regarding: record.nullable(), children: z.boolean() }), actor]),
  folderUntrack: z.tuple([mailbox, folder, actor]),
  crmTokenIssue: z.tuple([
    z.string().max(320),
    z.strictObject({ name: tokenName, days: z.number().int().min(1).max(MAXIMUM_DAYS) }),
    actor,
  ]),
  crmTokenList: nothing,
  crmTokenRevoke: z.tuple([z.string().max(320), tokenName, actor]),
  serverSideSync: z.tuple([z.string().max(100).nullable()]),
  authorizeBegin: z.tuple([z.string().max(320), z.strictObject({ device: z.boolean(), port: z.number().int().min(0).max(65535) })]),
  authorizeFinish: z.tuple([z.guid()]),
} as const satisfies Readonly<Record<keyof Operations, z.ZodType<readonly unknown[]>>>;

const body = z.object({ arguments: z.unknown().default([]) });

/** What a call needs of the request: it is cut short when nobody waits for its answer any more. */
type Run = (operations: Operations, given: unknown, signal: AbortSignal, tell: Tell) => Promise<unknown>;

/** Told what an operation tells while it runs, as its callback has it. */
type Tell = (...progress: readonly unknown[]) => void;

const RUN: Readonly<Record<keyof Operations, Run>> = {
  status: (operations, given) => operations.status(...ARGUMENTS.status.parse(given)),
  explain: (operations, given) => operations.explain(...ARGUMENTS.explain.parse(given)),
  whatIf: (operations, given, signal, tell) => operations.whatIf(...ARGUMENTS.whatIf.parse(given), signal, tell),
  privacy: (operations, given) => operations.privacy(...ARGUMENTS.privacy.parse(given)),
  forget: (operations, given) => operations.forget(...ARGUMENTS.forget.parse(given)),
  showUntracked: (operations, given) => operations.showUntracked(...ARGUMENTS.showUntracked.parse(given)),
  history: (operations, given, signal, tell) => operations.history(...ARGUMENTS.history.parse(given), signal, tell),
  readHistory: (operations, given) => operations.readHistory(...ARGUMENTS.readHistory.parse(given)),
  quarantineList: (operations, given) => operations.quarantineList(...ARGUMENTS.quarantineList.parse(given)),
  quarantineRetry: (operations, given) => operations.quarantineRetry(...ARGUMENTS.quarantineRetry.parse(given)),
  decide: (operations, given) => operations.decide(...ARGUMENTS.decide.parse(given)),
  receive: (operations, given, signal, tell) => operations.receive(...ARGUMENTS.receive.parse(given), signal, tell),
  send: (operations, given, signal, tell) => operations.send(...ARGUMENTS.send.parse(given), signal, tell),
  audit: (operations, given, signal, tell) => operations.audit(...ARGUMENTS.audit.parse(given), signal, tell),
  replay: (operations, given, signal, tell) => operations.replay(...ARGUMENTS.replay.parse(given), signal, tell),
  replaySender: (operations, given) => operations.replaySender(...ARGUMENTS.replaySender.parse(given)),
  check: (operations, given, signal, tell) => operations.check(...ARGUMENTS.check.parse(given), signal, tell),
  approve: (operations, given) => operations.approve(...ARGUMENTS.approve.parse(given)),
  track: (operations, given) => operations.track(...ARGUMENTS.track.parse(given)),
  untrack: (operations, given) => operations.untrack(...ARGUMENTS.untrack.parse(given)),
  regarding: (operations, given) => operations.regarding(...ARGUMENTS.regarding.parse(given)),
  contact: (operations, given) => operations.contact(...ARGUMENTS.contact.parse(given)),
  crmTokenIssue: (operations, given) => operations.crmTokenIssue(...ARGUMENTS.crmTokenIssue.parse(given)),
  crmTokenList: (operations, given) => operations.crmTokenList(...ARGUMENTS.crmTokenList.parse(given)),
  crmTokenRevoke: (operations, given) => operations.crmTokenRevoke(...ARGUMENTS.crmTokenRevoke.parse(given)),
  resolve: (operations, given, signal, tell) => operations.resolve(...ARGUMENTS.resolve.parse(given), signal, tell),
  folderList: (operations, given) => operations.folderList(...ARGUMENTS.folderList.parse(given)),
  folderTrack: (operations, given) => operations.folderTrack(...ARGUMENTS.folderTrack.parse(given)),
  folderUntrack: (operations, given) => operations.folderUntrack(...ARGUMENTS.folderUntrack.parse(given)),
  serverSideSync: (operations, given, signal) => operations.serverSideSync(...ARGUMENTS.serverSideSync.parse(given), signal),
  authorizeBegin: (operations, given) => operations.authorizeBegin(...ARGUMENTS.authorizeBegin.parse(given)),
  authorizeFinish: (operations, given, signal) => operations.authorizeFinish(...ARGUMENTS.authorizeFinish.parse(given), signal),
};

export interface OperationsApi {
  readonly operations: Operations;
  readonly log: Log;
  /** Aborts what runs, at the end of the service. */
  readonly stopping: AbortSignal;
}

/** An error as it goes over HTTP. */
export interface ErrorBody {
  readonly code: string;
  readonly message: string;
  readonly serverSaid?: string | undefined;
  readonly remedy: string;
}

/** Asked for in `accept`, the answer comes as lines: `{ "progress": [...] }` while it runs, then `{ "result": ... }` or `{ "error": ... }`. */
export const LINES = "application/x-ndjson";

/** `POST /api/operations/:name` with `{ "arguments": [...] }`: answers `{ "result": ... }`, or an {@link ErrorBody} with a status of its kind. */
export function addOperationsApi(app: FastifyInstance, { operations, log, stopping }: OperationsApi): void {
  app.post<{ Params: { name: string } }>("/api/operations/:name", async (request, reply) => {
    const { name } = request.params;
    const run = isOperation(name) ? RUN[name] : null;
    if (!run) return reply.code(404).send(noSuchOperation(name));
    const left = new AbortController();
    reply.raw.once("close", () => {
      if (!reply.raw.writableFinished) left.abort();
    });
    const inLines = request.headers.accept === LINES;
    const say = (line: object) => void reply.raw.write(`${JSON.stringify(line)}\n`);
    const tell: Tell = inLines ? (...progress) => say({ progress }) : () => undefined;
    if (inLines) {
      reply.hijack();
      reply.raw.writeHead(200, { "content-type": LINES, "cache-control": "no-store" });
    }
    try {
      const { arguments: given } = body.parse(request.body ?? {});
      const result = await run(operations, given, AbortSignal.any([left.signal, stopping]), tell);
      if (!inLines) return { result };
      say({ result });
    } catch (error) {
      const { status, answer } = answerTo(error, name);
      if (status === 500) log.error({ error, operation: name }, "an operation failed");
      if (!inLines) return reply.code(status).send(answer);
      say({ error: answer });
    }
    reply.raw.end();
    return reply;
  });
}

function isOperation(name: string): name is keyof Operations {
  return Object.hasOwn(RUN, name);
}

function answerTo(error: unknown, operation: string): { status: number; answer: ErrorBody } {
  if (error instanceof Failure) {
    const { code, message, serverSaid, remedy } = error;
    return { status: statusOf(error), answer: { code, message, serverSaid, remedy } };
  }
  if (error instanceof z.ZodError) {
    return {
      status: 400,
      answer: {
        code: "arguments refused",
        message: `The arguments of ${operation} are not what it takes: ${z.prettifyError(error).replaceAll("\n", " ")}`,
        remedy: "Correct them; a service and a command line of the same version agree.",
      },
    };
  }
  return {
    status: 500,
    answer: {
      code: "unexpected error",
      message: `${operation} failed: ${error instanceof Error ? error.message : String(error)}`,
      remedy: "This is a fault of Waypost. The service's log has the details; please report it.",
    },
  };
}

const NOT_THERE: ReadonlySet<string> = new Set([
  "mailbox unknown",
  "message unknown",
  "record unknown",
  "folder unknown",
  "no folder rule",
]);

/** 503 where waiting helps, 404 for what is not there, 409 for what cannot be done as things stand. */
function statusOf(failure: Failure): number {
  if (failure.waitingHelps) return 503;
  return NOT_THERE.has(failure.code) ? 404 : 409;
}

function noSuchOperation(name: string): ErrorBody {
  return {
    code: "operation unknown",
    message: `There is no operation ${name}.`,
    remedy: `There are ${Object.keys(RUN).join(", ")}; a service and a command line of the same version agree.`,
  };
}
