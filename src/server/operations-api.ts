import type { FastifyInstance } from "fastify";
import { z } from "zod";
import type { Log } from "../engine/log.ts";
import type { Operations } from "../engine/operations/operations.ts";
import { Failure } from "../model/failure.ts";

/** Mailboxes named in one call. */
const MAXIMUM_ADDRESSES = 10_000;

const nothing = z.tuple([]);
const addresses = z.tuple([z.array(z.string().max(320)).max(MAXIMUM_ADDRESSES)]);
const number = z.number().int().nonnegative();

/** Arguments of each operation as they come over HTTP: without the signal and the progress. */
const ARGUMENTS = {
  status: nothing,
  explain: z.tuple([z.string().max(2000)]),
  quarantineList: nothing,
  quarantineRetry: z.tuple([z.union([z.literal("all"), z.array(number).max(100_000)])]),
  decide: z.tuple([z.guid(), z.enum(["sent", "again", "failed"])]),
  receive: addresses,
  send: addresses,
  check: addresses,
} as const satisfies Readonly<Record<keyof Operations, z.ZodType<readonly unknown[]>>>;

const body = z.object({ arguments: z.unknown().default([]) });

/** What a call needs of the request: it is cut short when nobody waits for its answer any more. */
type Run = (operations: Operations, given: unknown, signal: AbortSignal) => Promise<unknown>;

const RUN: Readonly<Record<keyof Operations, Run>> = {
  status: (operations, given) => operations.status(...ARGUMENTS.status.parse(given)),
  explain: (operations, given) => operations.explain(...ARGUMENTS.explain.parse(given)),
  quarantineList: (operations, given) => operations.quarantineList(...ARGUMENTS.quarantineList.parse(given)),
  quarantineRetry: (operations, given) => operations.quarantineRetry(...ARGUMENTS.quarantineRetry.parse(given)),
  decide: (operations, given) => operations.decide(...ARGUMENTS.decide.parse(given)),
  receive: (operations, given, signal) => operations.receive(...ARGUMENTS.receive.parse(given), signal, noProgress),
  send: (operations, given, signal) => operations.send(...ARGUMENTS.send.parse(given), signal, noProgress),
  check: (operations, given) => operations.check(...ARGUMENTS.check.parse(given)),
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
    try {
      const { arguments: given } = body.parse(request.body ?? {});
      return { result: await run(operations, given, AbortSignal.any([left.signal, stopping])) };
    } catch (error) {
      const { status, answer } = answerTo(error, name);
      if (status === 500) log.error({ error, operation: name }, "an operation failed");
      return reply.code(status).send(answer);
    }
  });
}

function isOperation(name: string): name is keyof Operations {
  return Object.hasOwn(RUN, name);
}

function noProgress(): void {}

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

/** 503 where waiting helps, 404 for a mailbox that is not there, 409 for what cannot be done as things stand. */
function statusOf(failure: Failure): number {
  if (failure.waitingHelps) return 503;
  return failure.code === "mailbox unknown" ? 404 : 409;
}

function noSuchOperation(name: string): ErrorBody {
  return {
    code: "operation unknown",
    message: `There is no operation ${name}.`,
    remedy: `There are ${Object.keys(RUN).join(", ")}; a service and a command line of the same version agree.`,
  };
}
