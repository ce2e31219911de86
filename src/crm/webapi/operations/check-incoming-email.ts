import { requirePrivilege, tableOf } from "../given-row.ts";
import { emailColumns } from "../incoming/email-columns.ts";
import { EXTRA_PARAMETER, givenMessage, HEAD_PARAMETERS } from "../incoming/given-message.ts";
import { judge } from "../incoming/judge.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";

/**
 * Would the CRM take this message? (product-behaviour 5.2.) All users and queues among its recipients are asked; nobody says in whose mailbox it lies, so
 * that blind copies and lists find no recipient. ReasonCode: wire 7.1.
 */
export const checkIncomingEmail: Operation = {
  name: "CheckIncomingEmail",
  kind: "function",
  binding: null,
  parameters: [...HEAD_PARAMETERS, EXTRA_PARAMETER],
  returns: {
    kind: "complex",
    name: "CheckIncomingEmailResponse",
    properties: [
      { name: "ShouldDeliver", type: "Edm.Boolean" },
      { name: "ReasonCode", type: "Edm.Int32" },
    ],
  },
  available: ({ deliversIncoming }) => deliversIncoming,
  async run(turn, call) {
    requirePrivilege(turn, tableOf(turn, "email"), "Read");
    const { head } = givenMessage(turn, call, turn.service.now(), emailColumns(turn));
    const { decision } = await judge(turn, head, { mailbox: null });
    return complexAnswer(call.request, "CheckIncomingEmailResponse", {
      ShouldDeliver: decision.outcome === "tracked",
      ReasonCode: decision.reason,
    });
  },
};
