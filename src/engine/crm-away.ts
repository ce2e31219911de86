import { closeAlerts } from "../ledger/alerts.ts";
import { postponeReceive } from "../ledger/mailboxes.ts";
import { claimCrmProbe, noteCrmAnswers, readOrganization } from "../ledger/organizations.ts";
import type { Direction } from "../model/mailbox.ts";
import { when } from "../tracking/sentence.ts";
import type { EngineContext, Work } from "./context.ts";
import { askElsewhere } from "./elsewhere.ts";
import { ACTIVITY, noteTrouble } from "./trouble.ts";
import type { Waiting } from "./why-not.ts";

/** How long one mailbox may take to find out whether a CRM that failed answers again, before another one asks. */
const PROBE_MS = 60_000;

/**
 * Null when the CRM of the mailbox is well. One that failed is asked by one mailbox at a time, and before any mail server is connected to; the
 * others wait until that one knows. Mailboxes of other organizations never notice.
 */
export async function waitForCrm(context: EngineContext, direction: Direction, work: Work): Promise<Waiting | null> {
  const { mailbox } = work;
  const organization = await readOrganization(context.database, mailbox.organization);
  if (organization === null || organization.failures === 0) return null;
  const now = context.now();
  const until = new Date(now.getTime() + PROBE_MS);
  const { notBefore } = organization;
  const mayAsk = (notBefore === null || notBefore <= now) && (await claimCrmProbe(context.database, organization.name, now, until));
  if (mayAsk && (await answers(context, direction, work))) return null;
  const again = mayAsk ? await readOrganization(context.database, organization.name) : organization;
  const next = again?.notBefore ?? until;
  const waitsUntil = next > now ? next : until;
  if (direction === "receive") await postponeReceive(context.database, mailbox.id, waitsUntil);
  const why = again?.trouble == null ? "" : ` What happened: ${again.trouble}`;
  const because = `The CRM of the organization "${organization.name}" is in trouble, and is tried again for all its mailboxes at ${when(waitsUntil)}.${why}`;
  return { state: "waits", because, until: waitsUntil };
}

/** Its settings, and which mailboxes it works on itself, are the least that can be asked of a CRM. */
async function answers(context: EngineContext, direction: Direction, work: Work): Promise<boolean> {
  const { organization } = work.mailbox;
  try {
    await context.crm(organization).organizationSettings();
    await askElsewhere(context, organization);
  } catch (error) {
    await noteTrouble(context, direction, work, error);
    return false;
  }
  const now = context.now();
  await context.database.transaction((tx) => noteCrmAnswers(tx, organization, now), "note that the CRM answers");
  for (const activity of Object.values(ACTIVITY)) await closeAlerts(context.database, "organization", organization, activity, now);
  context.log.info({ organization }, "the CRM answers again");
  return true;
}
