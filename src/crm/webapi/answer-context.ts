import { propertyName } from "./names.ts";
import type { ExpandPlan, Plan } from "./plan.ts";
import type { Reading } from "./reading.ts";

/** `@odata.context` of a set: `…/$metadata#emails(subject,email_activity_parties(addressused))`. */
export function setContext(reading: Pick<Reading, "root">, plan: Plan): string {
  return `${reading.root}$metadata#${plan.table.set}${chosenText(plan)}`;
}

/** `@odata.context` of one row. */
export function rowContext(reading: Pick<Reading, "root">, plan: Plan): string {
  return `${setContext(reading, plan)}/$entity`;
}

/** `@odata.context` of a row that a write or an operation answers with: the same whatever was selected of it. */
export function writtenContext(reading: Pick<Reading, "root">, { table }: Pick<Plan, "table">): string {
  return `${reading.root}$metadata#${table.set}/$entity`;
}

/** Puts the context first, unless the client wants no metadata. */
export function withContext(reading: Reading, context: string, rest: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return reading.metadata === "none" ? { ...rest } : { "@odata.context": context, ...rest };
}

function chosenText({ named, expands }: Plan): string {
  const parts = [...(named ?? []), ...expands.map(expandText)];
  return parts.length > 0 ? `(${parts.join(",")})` : "";
}

function expandText(item: ExpandPlan): string {
  const name = item.expand.navigation;
  // The address of a single row is told as the lookup itself (the documentation's example of $expand=primarycontactid/$ref).
  if (item.expand.references) return item.kind === "one" ? name : `${name}/$ref`;
  if (item.kind === "many") return `${name}${chosenText(item.plan) || "()"}`;
  const [first, second] = item.targets;
  if (!first) return `${name}()`;
  // Of several tables: what was asked for, whichever of them has it.
  return second ? `${name}(${item.expand.select?.join(",") ?? ""})` : `${name}${chosenText(first.plan) || "()"}`;
}

/** `…/$metadata#emails(…)/subject`. */
export function propertyContext(reading: Pick<Reading, "root">, plan: Plan, id: string): string {
  const [column] = plan.columns.filter((one) => plan.named?.includes(propertyName(one)));
  return `${reading.root}$metadata#${plan.table.set}(${id})/${column ? propertyName(column) : ""}`;
}
