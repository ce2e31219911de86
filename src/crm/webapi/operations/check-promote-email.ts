import { REASON } from "../../../model/decision.ts";
import { storableText } from "../../../model/text.ts";
import { fault } from "../error-codes.ts";
import { requirePrivilege, tableOf } from "../given-row.ts";
import { messageIdOf } from "../incoming/given-message.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import { numberOf } from "../operation-parameters.ts";

/**
 * May a message become an email because a person asks for it? Whether it is one already, by its Message-ID: as received (DirectionCode 0), as sent (1), or,
 * where nobody says, as either (product-behaviour 5.2).
 */
export const checkPromoteEmail: Operation = {
  name: "CheckPromoteEmail",
  kind: "function",
  binding: null,
  parameters: [
    { name: "MessageId", type: "Edm.String", required: true },
    { name: "Subject", type: "Edm.String", required: false },
    { name: "DirectionCode", type: "Edm.Int32", required: false },
  ],
  returns: {
    kind: "complex",
    name: "CheckPromoteEmailResponse",
    properties: [
      { name: "ShouldPromote", type: "Edm.Boolean" },
      { name: "ReasonCode", type: "Edm.Int32" },
    ],
  },
  available: ({ deliversIncoming }) => deliversIncoming,
  async run(turn, call) {
    requirePrivilege(turn, tableOf(turn, "email"), "Read");
    const direction = numberOf(call, "DirectionCode");
    if (direction !== null && direction !== 0 && direction !== 1) throw fault("InvalidArgument");
    const messageId = messageIdOf(call);
    const { rows } = await turn.sql.query<{ known: boolean }>(
      "select exists (select from crm.email where messageid = $1 and ($2::boolean is null or directioncode = $2)) as known",
      [messageId === null ? null : storableText(messageId), direction === null ? null : direction === 1],
    );
    const known = rows[0]?.known ?? false;
    return complexAnswer(call.request, "CheckPromoteEmailResponse", {
      ShouldPromote: !known,
      ReasonCode: known ? REASON.duplicate : REASON.unknown,
    });
  },
};
