import { REASON } from "../model/decision.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";

/** DoNotAutoTrackEmail ends all automatic tracking of an organization (product-behaviour 4.4). */
export const automaticTracking: Gate = ({ facts }) => {
  const off = facts.settings.DoNotAutoTrackEmail;
  const settings = { DoNotAutoTrackEmail: off };
  return off
    ? skip(
        no(RULE.automaticTracking, "DoNotAutoTrackEmail is on: this organization tracks email only by hand.", {
          settings,
          isGeneral: true,
        }),
        REASON.unknown,
      )
    : pass(yes(RULE.automaticTracking, "The organization tracks email automatically.", { settings, isGeneral: true }));
};
