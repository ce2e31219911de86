import type { ApiAnswer, ApiRequest } from "./exchange.ts";
import { ApiFault } from "./exchange.ts";
import type { Operation } from "./operation.ts";
import { readParameters } from "./operation-parameters.ts";
import { checkIncomingEmail } from "./operations/check-incoming-email.ts";
import { checkPromoteEmail } from "./operations/check-promote-email.ts";
import { deliverImmediatePromoteEmail } from "./operations/deliver-immediate-promote-email.ts";
import { deliverIncomingEmail } from "./operations/deliver-incoming-email.ts";
import { deliverPromoteEmail } from "./operations/deliver-promote-email.ts";
import { getTrackingTokenEmail } from "./operations/get-tracking-token-email.ts";
import { retrieveVersion } from "./operations/retrieve-version.ts";
import { sendEmail } from "./operations/send-email.ts";
import { whoAmI } from "./operations/who-am-i.ts";
import { noSuchSegment } from "./query-fault.ts";
import type { Resource } from "./resource.ts";
import type { Turn } from "./service.ts";

/** All functions and actions that the Web API knows. Some names occur once for each table that they are bound to. */
export const OPERATIONS: readonly Operation[] = [
  checkIncomingEmail,
  checkPromoteEmail,
  deliverImmediatePromoteEmail,
  deliverIncomingEmail,
  deliverPromoteEmail,
  getTrackingTokenEmail,
  retrieveVersion,
  sendEmail,
  whoAmI,
];

/** What an operation is called on: nothing, or the rows or a row of a table. */
export type CalledOn = { readonly table: string; readonly to: "row" | "set" } | null;

/** The operation of that name; where several have it, the one bound to that table, else the first. */
export function operationNamed(name: string, on: CalledOn = null): Operation | undefined {
  const named = OPERATIONS.filter((one) => one.name === name);
  return named.find(({ binding }) => binding?.table === on?.table) ?? named[0];
}

/**
 * Runs what a path calls: a function by GET, an action by POST (wire 7.1). Throws ApiFault: 404 where there is no such operation on that, or this
 * organization does not have it; 405 for the other method; 400 for its parameters; and whatever it refuses itself.
 */
export async function answerOperation(
  turn: Turn,
  { name, on, parameters: between }: Extract<Resource, { kind: "operation" }>,
  request: ApiRequest,
): Promise<ApiAnswer> {
  const called: CalledOn = on && { table: on.table.name, to: on.key === null ? "set" : "row" };
  const operation = operationNamed(name, called);
  if (!operation || (operation.available && !operation.available(turn.service.behaviour)) || !isBoundTo(operation, called)) {
    throw noSuchSegment(name);
  }
  const method = operation.kind === "function" ? "GET" : "POST";
  if (request.method !== method) {
    throw new ApiFault(405, "0x80060888", `The requested resource does not support http method '${request.method}'.`, { allow: method });
  }
  const parameters = readParameters(operation, between, request);
  return operation.run(turn, { key: on?.key ?? null, parameters, request });
}

function isBoundTo({ binding }: Operation, on: CalledOn): boolean {
  return binding === null ? on === null : binding.table === on?.table && binding.to === on.to;
}
