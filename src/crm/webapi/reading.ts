import { includesAnnotation } from "./preferences.ts";
import type { Turn } from "./service.ts";

/** How an answer is to look: what the request's `Prefer` and `Accept` ask for. */
export interface Reading {
  readonly turn: Turn;
  /** The service root as the client sees it, with the slash at its end. */
  readonly root: string;
  /** Annotations asked for, as sent; null: none. */
  readonly annotations: string | null;
  /** `odata.metadata` of Accept (OData JSON Format 4.0, 3.1). */
  readonly metadata: "none" | "minimal" | "full";
}

export const FORMATTED = "OData.Community.Display.V1.FormattedValue";
export const LOOKUP_TABLE = "Microsoft.Dynamics.CRM.lookuplogicalname";
export const LOOKUP_NAVIGATION = "Microsoft.Dynamics.CRM.associatednavigationproperty";
export const TOTAL = "Microsoft.Dynamics.CRM.totalrecordcount";
export const TOTAL_EXCEEDED = "Microsoft.Dynamics.CRM.totalrecordcountlimitexceeded";

export function asksFor(reading: Reading, annotation: string): boolean {
  return includesAnnotation(reading.annotations, annotation);
}

/** The metadata level that an Accept header asks for; minimal where it asks for none. */
export function metadataLevel(accept: string | undefined): Reading["metadata"] {
  const level = /;\s{0,9}(?:odata\.)?metadata=(none|minimal|full)\b/.exec((accept ?? "").slice(0, 1_000))?.[1];
  return level === "none" || level === "full" ? level : "minimal";
}
