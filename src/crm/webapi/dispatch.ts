import { aliasesOf } from "./aliases.ts";
import { type ApiAnswer, ApiFault, type ApiRequest } from "./exchange.ts";
import { negotiate } from "./negotiation.ts";
import type { Operation, OperationCall } from "./operation.ts";
import { readParameters } from "./operation-parameters.ts";
import type { CalledOn } from "./operations.ts";
import { noSuchSegment } from "./query-fault.ts";
import type { Resource } from "./resource.ts";
import { readResource } from "./resource-path.ts";
import type { Service, Turn } from "./service.ts";
import type { Table } from "./table.ts";

/** What the requests are led to, by what their paths name. */
export interface Parts {
  /** `$metadata` as XML. */
  metadata(service: Service, request: ApiRequest): Promise<ApiAnswer>;
  read(turn: Turn, resource: Resource, request: ApiRequest): Promise<ApiAnswer>;
  write(turn: Turn, resource: Resource, request: ApiRequest): Promise<ApiAnswer>;
  /** The operation of that name; where several have it, the one bound to what it is called on. */
  operation(name: string, on: CalledOn): Operation | undefined;
}

/** UTF-16 units of a path that a refusal repeats. */
const LONGEST_SHOWN = 500;

/** Serves one request in its turn. */
export type Dispatch = (turn: Turn, request: ApiRequest) => Promise<ApiAnswer>;

/**
 * Serves requests that read, each as if it were served alone, with fewer statements; null: they have nothing in common. Throws where one of them is to be refused.
 */
export type DispatchAll = (turn: Turn, requests: readonly ApiRequest[]) => Promise<readonly ApiAnswer[] | null>;

/**
 * Makes the way of one request to its answer: what its path names is read, written or run. A write must come with a turn whose statements run in a
 * transaction, which is to be undone when this throws: an ApiFault for a refusal, anything else for a fault of ours.
 */
export function dispatcher(parts: Parts): Dispatch {
  return async (turn, request) => {
    const resource = readResource(request.path, { tables: turn.service.tables, aliases: aliasesOf(request.query) });
    if (resource.kind === "operation") return await runOperation(parts, turn, resource, request);
    const allowed = methodsOf(resource);
    if (!allowed.includes(request.method)) throw notAllowed(request.method, allowed);
    negotiate(request, offeredBy(resource));
    switch (resource.kind) {
      case "service":
        return serviceDocument(turn.service.tables.all, request);
      case "metadata":
        return await parts.metadata(turn.service, request);
      case "batch":
        throw new ApiFault(400, "0x80060888", "A batch request cannot contain other batch requests.");
      default:
        return await (request.method === "GET" ? parts.read : parts.write)(turn, resource, request);
    }
  };
}

/** Calls of one function are run together where it can. */
export function dispatcherOfAll(parts: Pick<Parts, "operation">): DispatchAll {
  return async (turn, requests) => {
    const calls = requests.map((request) => {
      const resource = readResource(request.path, { tables: turn.service.tables, aliases: aliasesOf(request.query) });
      return resource.kind === "operation" && request.method === "GET" ? calledBy(parts, turn, resource, request) : null;
    });
    const operation = calls[0]?.operation;
    const alike = calls.flatMap((one) => (one?.operation === operation ? (one?.call ?? []) : []));
    if (!operation?.runAll || alike.length < requests.length) return null;
    return await operation.runAll(turn, alike);
  };
}

async function runOperation(parts: Parts, turn: Turn, resource: Resource & { kind: "operation" }, request: ApiRequest): Promise<ApiAnswer> {
  const { operation, call } = calledBy(parts, turn, resource, request);
  return await operation.run(turn, call);
}

function calledBy(
  parts: Pick<Parts, "operation">,
  turn: Turn,
  { name, on, parameters }: Resource & { kind: "operation" },
  request: ApiRequest,
): { readonly operation: Operation; readonly call: OperationCall } {
  const operation = parts.operation(name, on && { table: on.table.name, to: on.key === null ? "set" : "row" });
  if (!operation || operation.available?.(turn.service.behaviour) === false || !isBoundTo(operation, on)) throw noSuchSegment(name);
  const allowed = operation.kind === "function" ? "GET" : "POST";
  if (request.method !== allowed) throw noSuchResource(request);
  negotiate(request, "json");
  return { operation, call: { key: on?.key ?? null, parameters: readParameters(operation, parameters, request), request } };
}

function isBoundTo({ binding }: Operation, on: (Resource & { kind: "operation" })["on"]): boolean {
  if (binding === null || on === null) return binding === null && on === null;
  const { name, base } = on.table;
  return (binding.table === name || binding.table === base) && binding.to === (on.key === null ? "set" : "row");
}

/** Methods that a resource can be asked with; whether its table takes them is for whoever writes. */
function methodsOf(resource: Resource): readonly ApiRequest["method"][] {
  switch (resource.kind) {
    case "service":
    case "metadata":
    case "count":
    case "collectionCount":
      return ["GET"];
    case "batch":
      return ["POST"];
    case "set":
    case "operation":
      return ["GET", "POST"];
    case "row":
      return ["GET", "PATCH", "DELETE"];
    case "property":
      return ["GET", "PUT", "DELETE"];
    case "collection":
      return resource.references ? ["GET", "POST", "PUT", "DELETE"] : ["GET", "POST", "PUT"];
    case "member":
      return resource.references ? ["DELETE"] : ["GET", "PATCH", "DELETE"];
    case "reference":
      return resource.references ? ["GET", "POST", "PUT", "DELETE"] : ["GET", "PATCH"];
  }
}

function offeredBy(resource: Resource): "json" | "xml" | "anything" {
  if (resource.kind === "metadata") return "xml";
  const isText = resource.kind === "count" || resource.kind === "collectionCount" || (resource.kind === "property" && resource.raw);
  return isText ? "anything" : "json";
}

function notAllowed(method: string, allowed: readonly string[]): ApiFault {
  return new ApiFault(405, "0x0", `The requested resource does not support http method '${method}'.`, { Allow: allowed.join(", ") });
}

/** A function is called with GET, an action with POST; by another method neither is found, under a code that is empty (Microsoft, Troubleshoot Dataverse Web API client errors). */
function noSuchResource({ root, path }: ApiRequest): ApiFault {
  return new ApiFault(404, "", `No HTTP resource was found that matches the request URI '${root}${path.slice(0, LONGEST_SHOWN)}'.`);
}

/** The names of the entity sets (OData JSON 4.0, 5). */
function serviceDocument(tables: readonly Table[], { root }: ApiRequest): ApiAnswer {
  const value = tables.map(({ set }) => ({ name: set, kind: "EntitySet", url: set }));
  return { status: 200, headers: {}, body: { "@odata.context": `${root}$metadata`, value } };
}
