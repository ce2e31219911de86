import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import type { Log } from "../engine/log.ts";
import { Failure } from "../model/failure.ts";
import { troublePage } from "./pages/notice.ts";
import { sendPage } from "./send-page.ts";

interface Trouble {
  readonly status: number;
  /** For programs. */
  readonly code: string;
  /** For people. */
  readonly title: string;
  readonly message: string;
  readonly remedy: string;
}

const NOT_FOUND: Trouble = {
  status: 404,
  code: "not found",
  title: "Nothing is here",
  message: "There is no such page, or what it showed is gone.",
  remedy: "Go back to the list and look there.",
};

/** Answers for what is not there and what went wrong: a page for people, JSON for programs. What is our fault is logged. */
export function addTrouble(app: FastifyInstance, log: Log): void {
  app.setNotFoundHandler((request, reply) => answer(request, reply, NOT_FOUND));
  app.setErrorHandler<Error & { readonly statusCode?: number }>((error, request, reply) => {
    const trouble = troubleOf(error);
    if (trouble.status === 500) log.error({ error, route: request.routeOptions.url }, "a request failed");
    return answer(request, reply, trouble);
  });
}

function troubleOf(error: Error & { readonly statusCode?: number }): Trouble {
  if (error instanceof Failure) {
    const { code, message, remedy, waitingHelps } = error;
    return { status: code === "no such page" ? 404 : waitingHelps ? 503 : 500, code, title: "This cannot be shown", message, remedy };
  }
  const { statusCode: status = 500, message } = error;
  if (status === 429)
    return { status, code: "too many requests", title: "Too many tries", message, remedy: "Wait a minute and try again." };
  if (status < 500)
    return { status, code: "request refused", title: "This request is not understood", message, remedy: "Go back and try again." };
  return {
    status: 500,
    code: "unexpected error",
    title: "Waypost made a mistake",
    message: "The service's log has the details.",
    remedy: "Try again; if it stays, please report it.",
  };
}

function answer(request: FastifyRequest, reply: FastifyReply, { status, code, title, message, remedy }: Trouble): FastifyReply {
  reply.code(status);
  return request.url.startsWith("/api/") ? reply.send({ code, message, remedy }) : sendPage(reply, troublePage({ title, message, remedy }));
}
