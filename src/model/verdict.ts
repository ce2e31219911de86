import type { ReasonCode } from "./decision.ts";

/** What a CRM that decides about messages itself says of one (Dynamics' CheckIncomingEmail). */
export interface CrmVerdict {
  readonly delivers: boolean;
  /** Told, and nothing is built on it but one thing: see heed in tracking/crm-verdict.ts. */
  readonly reason: ReasonCode;
}
