import { laterFault } from "./error-codes.ts";
import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import type { Resource } from "./resource.ts";
import type { Turn } from "./service.ts";

/** Answers POST, PATCH, PUT and DELETE of whatever a path names but operations. Must run in a transaction. Throws ApiFault for each refusal. */
export async function answerWrite(_turn: Turn, _resource: Resource, request: ApiRequest): Promise<ApiAnswer> {
  throw laterFault("NotAllowed", `The requested resource does not support http method '${request.method}'.`);
}
