import type { FastifyInstance, FastifyReply, FastifyRequest } from "fastify";
import { type Answering, answerRequest, completed, textInTurns, textOf } from "../crm/webapi/answering.ts";
import type { Authority } from "../crm/webapi/authority.ts";
import { answerBatch } from "../crm/webapi/batch.ts";
import type { Caller } from "../crm/webapi/caller.ts";
import { actingCaller } from "../crm/webapi/callers.ts";
import { type ApiAnswer, ApiFault, type ApiRequest } from "../crm/webapi/exchange.ts";
import { faultAnswer, faultOf } from "../crm/webapi/fault-answer.ts";
import { isJson, unsupportedMedia } from "../crm/webapi/negotiation.ts";
import { BodyReader } from "./body-reader.ts";
import { BodyRoom } from "./body-room.ts";
import { type ProtectionLimits, ServiceProtection } from "./service-protection.ts";
import type { WebApiHook } from "./web-api-hook.ts";
import { WebApiSignIn } from "./web-api-sign-in.ts";

/** The Web API as it is served. */
export interface ServedWebApi {
  readonly answering: Answering;
  /** Null: only the CRM's own tokens open it. */
  readonly authority: Authority | null;
  /** Limits for each user; null: there are none. */
  readonly limits?: ProtectionLimits | null;
  /** Instead of those limits: for tests. */
  readonly hook?: WebApiHook | undefined;
  /** Milliseconds for which one of too many bad tokens waits for its refusal. Default: a second. */
  readonly holdMilliseconds?: number | undefined;
}

export interface WebApiOptions extends ServedWebApi {
  /** Host names of a reverse proxy in front, which speaks HTTPS. */
  readonly names: readonly string[];
}

/** Versions under which it answers: the same service (wire 9 has those of Dynamics). */
const VERSIONS = new Set(["v8.2", "v9.0", "v9.1", "v9.2"]);

/** Bytes of a body: an attachment of 128 MB in base64 with what is around it (product-behaviour 5.5). */
export const LARGEST_BODY = 180 * 1024 * 1024;

const METHODS = ["GET", "POST", "PATCH", "PUT", "DELETE"] as const satisfies ApiRequest["method"][];

declare module "fastify" {
  interface FastifyRequest {
    /** Who asks the Web API, once it is known. */
    webApiCaller: Caller | null;
  }
}

/**
 * Serves the embedded CRM as a Dataverse Web API, in a scope of the web server with the prefix `/api/data`. The caller is known before a byte of the body is read; who is not signed in
 * gets 401 whatever is asked for. Cookies mean nothing here, so that no page of another site can ask in somebody's name.
 */
export function addWebApi(
  app: FastifyInstance,
  { answering, authority, limits, names, hook: given, holdMilliseconds }: WebApiOptions,
): void {
  const hook = given ?? (limits ? new ServiceProtection(limits) : undefined);
  const signIn = new WebApiSignIn(answering.service, authority, holdMilliseconds);
  const reader = new BodyReader();
  const room = new BodyRoom();
  app.addHook("onClose", () => reader.close());
  app.decorateRequest("webApiCaller", null);
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("*", (_request, payload, done) => done(null, payload));
  app.setErrorHandler((error, _request, reply) => send(reply, completed(faultAnswer(faultOf(asFault(error), answering.report)))));
  app.setNotFoundHandler(() => {
    throw noSuchVersion();
  });

  app.addHook("onRequest", async (request) => {
    const root = rootOf(request, names);
    request.webApiCaller = await signIn.callerOf(request.headers.authorization, request.ip, new URL("/", root).href);
  });

  const route = {
    method: [...METHODS],
    exposeHeadRoute: false,
    bodyLimit: LARGEST_BODY,
    handler: async (request: FastifyRequest<{ Params: { version: string } }>, reply: FastifyReply) => {
      if (!VERSIONS.has(request.params.version)) throw noSuchVersion();
      const caller = request.webApiCaller;
      const method = METHODS.find((one) => one === request.method);
      if (!caller || !method) throw new Error("a request came without a caller or by a method that has no route");
      const { path, query } = addressOf(request);
      const headers = headersOf(request);
      const root = rootOf(request, names);
      const serve = async (): Promise<ApiAnswer> => {
        using body = await room.read(request.body, request.headers, LARGEST_BODY);
        const acting = (own: ReadonlyMap<string, string>) => actingCaller(answering.service.store, answering.service.tables, caller, own);
        const outer = await acting(headers);
        const parse = (bytes: Buffer) => parseJson(reader, bytes);
        if (isBatch(path)) {
          if (method !== "POST")
            throw new ApiFault(405, "0x0", `The requested resource does not support http method '${method}'.`, { Allow: "POST" });
          const callerOf = async (own: ReadonlyMap<string, string>) => (isActing(own) ? await acting(own) : outer);
          return await answerBatch(answering, { body: body.bytes, headers, root, callerOf, parse });
        }
        const value = await bodyOf(method, headers, body.bytes, parse);
        return await answerRequest(answering, outer, { method, path, query, headers, body: value, root });
      };
      const guarded = () => serve().catch((error: unknown) => completed(faultAnswer(faultOf(error, answering.report))));
      const answer = await (hook?.around({ userId: caller.userId, method, path, query }, guarded) ?? guarded());
      if (answer !== "cut") return send(reply, answer, await textInTurns(answer));
      reply.hijack();
      request.raw.socket.destroy();
      return reply;
    },
  };
  app.route({ ...route, url: "/:version" });
  app.route({ ...route, url: "/:version/*" });
}

function send(reply: FastifyReply, answer: ApiAnswer, text: string = textOf(answer)): FastifyReply {
  reply.code(answer.status).headers(answer.headers);
  // Sent as bytes: fastify would put its own type on a text.
  if (text === "" && answer.body === undefined) return reply.removeHeader("content-type").send();
  return reply.send(Buffer.from(text, "utf8"));
}

async function bodyOf(
  method: ApiRequest["method"],
  headers: ReadonlyMap<string, string>,
  bytes: Buffer,
  parse: (bytes: Buffer) => Promise<unknown>,
): Promise<unknown> {
  if (method === "GET" || method === "DELETE" || bytes.length === 0) return undefined;
  if (!isJson(headers.get("content-type"))) throw unsupportedMedia(headers.get("content-type"));
  return await parse(bytes);
}

async function parseJson(reader: BodyReader, bytes: Buffer): Promise<unknown> {
  try {
    return await reader.read(bytes);
  } catch (error) {
    // What the reader says quotes the text.
    if (error instanceof SyntaxError)
      throw new ApiFault(
        400,
        "0x80048d19",
        "Error identified in Payload provided by the user for Entity :'', The body is not valid JSON, is nested too deeply or holds too many values.",
      );
    throw error;
  }
}

/** `$` may come percent-encoded. */
function isBatch(path: string): boolean {
  return /^(\$|%24)batch\/?$/i.test(path);
}

function isActing(headers: ReadonlyMap<string, string>): boolean {
  return headers.has("callerobjectid") || headers.has("mscrmcallerid");
}

/** Path and query behind the service root, as they came: fastify's are decoded. */
function addressOf({ raw }: FastifyRequest): { readonly path: string; readonly query: string } {
  const local = (raw.url ?? "").replace(/^https?:\/\/[^/?#]*/i, "");
  const relative = local.replace(/^[^?]*?\/api\/data\/[^/?]*\/?/i, "");
  const mark = relative.indexOf("?");
  return mark < 0 ? { path: relative, query: "" } : { path: relative.slice(0, mark), query: relative.slice(mark + 1) };
}

function headersOf({ headers }: FastifyRequest): ReadonlyMap<string, string> {
  return new Map(
    Object.entries(headers).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, Array.isArray(value) ? value.join(", ") : value]],
    ),
  );
}

/** The service root as the client sees it. The guard has looked at the host before. */
function rootOf(request: FastifyRequest, names: readonly string[]): string {
  const host = request.headers.host ?? "localhost";
  const [name = ""] = host.toLowerCase().split(":", 1);
  const said = request.headers["x-forwarded-proto"];
  const isSecure = names.some((one) => one.toLowerCase() === name) && said !== "http";
  const [, version = "v9.2"] = /\/api\/data\/(v\d\.\d)\//.exec(request.raw.url ?? "") ?? [];
  return `${isSecure ? "https" : "http"}://${host}/api/data/${version}/`;
}

function noSuchVersion(): ApiFault {
  return new ApiFault(404, "0x8006088a", `The service answers below /api/data/ as ${[...VERSIONS].join(", ")}.`);
}

/** What fastify itself refuses keeps its status. */
function asFault(error: unknown): unknown {
  const status: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "statusCode") : undefined;
  if (error instanceof ApiFault || typeof status !== "number" || status < 400 || status >= 500) return error;
  return new ApiFault(status, "0x0", "The request cannot be read.");
}
