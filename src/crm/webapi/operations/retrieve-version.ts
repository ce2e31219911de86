import type { Operation } from "../operation.ts";
import { complexAnswer } from "../operation-answer.ts";

/** The version of Dynamics whose Web API this is: clients choose by it what they may ask for. */
export const EMULATED_VERSION = "9.2.24014.00182";

export const retrieveVersion: Operation = {
  name: "RetrieveVersion",
  kind: "function",
  binding: null,
  parameters: [],
  returns: { kind: "complex", name: "RetrieveVersionResponse", properties: [{ name: "Version", type: "Edm.String" }] },
  async run(_turn, { request }) {
    return complexAnswer(request, "RetrieveVersionResponse", { Version: EMULATED_VERSION });
  },
};
