import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { metadataDocument } from "./metadata.ts";
import type { Operation } from "./operation.ts";
import type { Service } from "./service.ts";

/** Answers `$metadata`: what this organization has, with annotations where `?annotations=true` asks for them (product-behaviour 5.6). */
export async function answerMetadata(
  { tables, behaviour }: Pick<Service, "tables" | "behaviour">,
  { query }: Pick<ApiRequest, "query">,
  operations: readonly Operation[],
): Promise<ApiAnswer> {
  const annotations = new URLSearchParams(query).get("annotations")?.toLowerCase() === "true";
  const available = operations.filter((one) => one.available?.(behaviour) !== false);
  const body = metadataDocument({ tables: tables.all, operations: available, annotations });
  return { status: 200, headers: { "Content-Type": "application/xml" }, body };
}
