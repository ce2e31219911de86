import { REASON } from "../model/decision.ts";
import type { ReportEvidence } from "../model/delivery-report.ts";
import { type Automaton, automatonOf } from "./automaton.ts";
import { type Gate, pass, skip } from "./gate.ts";
import { no, RULE, yes } from "./rule.ts";

const ARTICLES: Readonly<Record<Automaton["kind"], string>> = {
  "delivery report": "a delivery report",
  complaint: "a complaint",
  receipt: "a receipt",
  "automatic reply": "an automatic reply",
  "mailing list": "mail of a mailing list",
  "bulk mail": "bulk mail",
  notification: "a notification",
};

/**
 * Tells mail that programs wrote. Dynamics tracks it like any other (product-behaviour 4.16 and section 4.3), and so does Waypost, unless
 * SkipAutomaticReplies, a setting of ours, keeps the answers of absent people out.
 */
export const automaticMail: Gate = ({ head, facts, context }) => {
  const automaton = automatonOf(head, context.report?.report ?? null);
  const content = context.report && contentRead(context.report);
  if (automaton === null) return pass(no(RULE.automaticMail, "Nothing tells that a program wrote it.", content ?? { isGeneral: true }));
  const what = `It is ${ARTICLES[automaton.kind]}: ${automaton.evidence}.`;
  if (automaton.kind !== "automatic reply") return pass(yes(RULE.automaticMail, what, content));
  const { SkipAutomaticReplies } = facts.settings;
  const evidence = { settings: { SkipAutomaticReplies }, ...content };
  return SkipAutomaticReplies
    ? skip(yes(RULE.automaticMail, `${what} SkipAutomaticReplies keeps such mail out.`, evidence), REASON.unknown)
    : pass(yes(RULE.automaticMail, what, evidence));
};

/** Of the report only what the rules ask. */
function contentRead({ report, about, unread }: ReportEvidence): { readonly report: ReportEvidence } {
  return { report: { report: report === null ? null : { kind: report.kind }, about, unread } };
}
