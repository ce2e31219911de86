import { z } from "zod";

const days = (most: number, fallback: number) => z.number().int().min(1).max(most).default(fallback);

/** A hundred years: for ever, in a form that dates can be reckoned with. */
const FOR_EVER = 36_500;

/** How many days the ledger keeps what nobody needs any more (docs/privacy.md). */
export const retention = z
  .strictObject({
    headDays: days(FOR_EVER, 30).describe("What is known of a message that became no email: its head and what the rules said of it."),
    quarantineDays: days(FOR_EVER, 30).describe("Entries of the quarantine, from when the message left it."),
    alertDays: days(FOR_EVER, 90).describe("Alerts, from when they were closed."),
    auditDays: days(FOR_EVER, 730).describe("Who did what: entries of the audit."),
  })
  .prefault({});

export type Retention = z.output<typeof retention>;
