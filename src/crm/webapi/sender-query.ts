import { z } from "zod";
import { fault } from "./error-codes.ts";
import { isGuid } from "./literal.ts";
import { plainType } from "./operation-parameters.ts";

/** Users or queues of one query; filters within filters. */
const MOST_SENDERS = 1_000;
const DEEPEST = 8;

/** The users or queues whose emails are asked for; null: all of that kind. */
export interface Senders {
  readonly type: "systemuser" | "queue";
  readonly ids: ReadonlySet<string> | null;
}

const VALUE = z
  .union([z.string(), z.object({ Value: z.string(), Type: z.string().optional() })])
  .transform((one) => (typeof one === "string" ? one : one.Value));
const CONDITION = z.object({
  AttributeName: z.string(),
  Operator: z.enum(["Equal", "In"]),
  Values: z.array(VALUE).min(1).max(MOST_SENDERS),
});
const FILTER = z.object({
  FilterOperator: z.enum(["And", "Or"]).default("And"),
  Conditions: z.array(CONDITION).max(MOST_SENDERS).nullish(),
  Filters: z.array(z.unknown()).max(MOST_SENDERS).nullish(),
});
const QUERY = z.object({ EntityName: z.enum(["systemuser", "queue"]), Criteria: z.unknown().optional() });

/**
 * Reads the query of BackgroundSendEmail (product-behaviour 5.2): a QueryExpression over users or queues, with conditions on their ids. Throws ApiFault 400
 * for queries of other kinds, which nobody needs to name those whose mail waits.
 */
export function readSenders(query: Readonly<Record<string, unknown>>): Senders {
  const type = query["@odata.type"];
  if (typeof type !== "string" || plainType(type) !== "QueryExpression") throw unusable("only a QueryExpression");
  const read = QUERY.safeParse(query);
  if (!read.success) throw unusable("a query over systemuser or queue");
  const { EntityName, Criteria } = read.data;
  return { type: EntityName, ids: Criteria === undefined || Criteria === null ? null : idsOf(Criteria, `${EntityName}id`, 0) };
}

/** Null: no condition. */
function idsOf(filter: unknown, column: string, depth: number): ReadonlySet<string> | null {
  if (depth > DEEPEST) throw unusable("filters that are not nested more deeply");
  const read = FILTER.safeParse(filter);
  if (!read.success) throw unusable("conditions with the operators Equal and In");
  const { FilterOperator, Conditions, Filters } = read.data;
  const sets = [
    ...(Conditions ?? []).map((condition) => {
      if (condition.AttributeName !== column || !condition.Values.every(isGuid)) throw unusable(`conditions on ${column}`);
      return new Set(condition.Values.map((id) => id.toLowerCase()));
    }),
    ...(Filters ?? []).flatMap((inner) => idsOf(inner, column, depth + 1) ?? []),
  ];
  const [first, ...others] = sets;
  if (!first) return null;
  return FilterOperator === "Or"
    ? new Set(sets.flatMap((one) => [...one]))
    : new Set([...first].filter((id) => others.every((other) => other.has(id))));
}

function unusable(what: string) {
  return fault("InvalidArgument", `The query of BackgroundSendEmail cannot be used: ${what} can.`);
}
