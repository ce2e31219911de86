import { CONTENT_PARAMETERS } from "../incoming/deliver.ts";
import { EXTRA_PARAMETER, HEAD_PARAMETERS } from "../incoming/given-message.ts";
import { promote } from "../incoming/promote.ts";
import type { Operation, OperationParameter } from "../operation.ts";

export const PROMOTE_PARAMETERS: readonly OperationParameter[] = [...HEAD_PARAMETERS, ...CONTENT_PARAMETERS, EXTRA_PARAMETER];

/** Makes an email of a message because a person asked for it, under an id that the caller chose; no filter is asked (product-behaviour 5.2). See promote. */
export const deliverPromoteEmail: Operation = {
  name: "DeliverPromoteEmail",
  kind: "action",
  binding: { table: "email", to: "row" },
  parameters: PROMOTE_PARAMETERS,
  returns: { kind: "entity", type: "mscrm.email" },
  available: ({ deliversIncoming }) => deliversIncoming,
  run: promote,
};
