import { promote } from "../incoming/promote.ts";
import type { Operation } from "../operation.ts";
import { PROMOTE_PARAMETERS } from "./deliver-promote-email.ts";

/**
 * As DeliverPromoteEmail, for whoever wants the row at once and has its content later (product-behaviour 5.2): a second call completes it. That it is
 * bound to an email is taken from its sister; no document says so (product-behaviour 12). Attachments come with it, AttachmentIds name none here.
 */
export const deliverImmediatePromoteEmail: Operation = {
  name: "DeliverImmediatePromoteEmail",
  kind: "action",
  binding: { table: "email", to: "row" },
  parameters: [...PROMOTE_PARAMETERS, { name: "AttachmentIds", type: "Edm.String", required: false }],
  returns: { kind: "entity", type: "mscrm.email" },
  available: ({ deliversIncoming }) => deliversIncoming,
  run: promote,
};
