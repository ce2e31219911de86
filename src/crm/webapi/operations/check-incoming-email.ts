import type { ApiAnswer } from "../exchange.ts";
import { requirePrivilege, tableOf } from "../given-row.ts";
import { emailColumns } from "../incoming/email-columns.ts";
import { EXTRA_PARAMETER, givenMessage, HEAD_PARAMETERS } from "../incoming/given-message.ts";
import { judgeAll } from "../incoming/judge.ts";
import type { Operation, OperationCall } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";
import type { Turn } from "../service.ts";

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
    const [answer] = await runAll(turn, [call]);
    if (!answer) throw new Error("a call has no answer");
    return answer;
  },
  runAll,
};

async function runAll(turn: Turn, calls: readonly OperationCall[]): Promise<readonly ApiAnswer[]> {
  requirePrivilege(turn, tableOf(turn, "email"), "Read");
  const messages = calls.map((call) => ({ call, head: givenMessage(turn, call, turn.service.now(), emailColumns(turn)).head }));
  const decisions = await judgeAll(
    turn,
    messages.map(({ head }) => head),
  );
  return messages.map(({ call }, index) =>
    complexAnswer(call.request, "CheckIncomingEmailResponse", {
      ShouldDeliver: decisions[index]?.outcome === "tracked",
      ReasonCode: decisions[index]?.reason,
    }),
  );
}
