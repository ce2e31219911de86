import { readSettings } from "../../settings.ts";
import { allotToken } from "../../tracking-tokens.ts";
import { requirePrivilege, tableOf } from "../given-row.ts";
import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";

/** The next tracking token of the caller, which nobody else gets; empty where the organization uses none (product-behaviour 4.6, 5.2). */
export const getTrackingTokenEmail: Operation = {
  name: "GetTrackingTokenEmail",
  kind: "action",
  binding: null,
  parameters: [{ name: "Subject", type: "Edm.String", required: false }],
  returns: { kind: "complex", name: "GetTrackingTokenEmailResponse", properties: [{ name: "TrackingToken", type: "Edm.String" }] },
  async run(turn, { request }) {
    requirePrivilege(turn, tableOf(turn, "email"), "Read");
    const { settings } = await readSettings(turn.sql);
    const token = await allotToken(turn.sql, settings, turn.caller.userId);
    return complexAnswer(request, "GetTrackingTokenEmailResponse", { TrackingToken: token ?? "" });
  },
};
