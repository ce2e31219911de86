import type { Specials } from "./special.ts";
import { ATTACHMENT_SPECIALS } from "./write-attachments.ts";
import { EMAIL_SPECIALS } from "./write-email.ts";
import { ORGANIZATION_SPECIALS } from "./write-organization.ts";
import { PARTY_SPECIALS } from "./write-parties.ts";
import { QUEUEITEM_SPECIALS } from "./write-queueitem.ts";
import { SYSTEMUSER_SPECIALS } from "./write-systemuser.ts";

const SPECIALS: ReadonlyMap<string, Specials> = new Map([
  ["email", EMAIL_SPECIALS],
  ["activityparty", PARTY_SPECIALS],
  ["activitymimeattachment", ATTACHMENT_SPECIALS],
  ["organization", ORGANIZATION_SPECIALS],
  ["queueitem", QUEUEITEM_SPECIALS],
  ["systemuser", SYSTEMUSER_SPECIALS],
]);

/** What is special about writing the table of that logical name. */
export function specialsOf(table: string): Specials {
  return SPECIALS.get(table) ?? {};
}
