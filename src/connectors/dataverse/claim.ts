import { type OutgoingEmail, STATE_OF_STATUS, STATUS } from "../../model/email.ts";
import { tokensAreOn } from "../../tracking/token.ts";
import { answered } from "./client/client.ts";
import { versionOf } from "./generation.ts";
import { writeMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { readOutgoing, submitterOf } from "./outgoing.ts";
import { notUnderstood, numberOf, rowOf, textOf } from "./row.ts";
import { written } from "./written-columns.ts";

/** Tries of a claim whose email somebody else changes each time, without taking it. */
const MOST_TRIES = 5;

/**
 * Pending Send → Sending, for exactly one claimer of that generation: the change is made only to the very version that was looked at; null for everybody else.
 * The email gets its tracking token, where SendEmail has not given it one, and remembers whose press of Send it was. Its subject gets the token when it is
 * read for sending, and for good when it has left: Dynamics leaves the subject of a completed email alone, if it can.
 */
export async function claimEmail(organization: Organization, id: string, generation: number): Promise<OutgoingEmail | null> {
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const read = await readOutgoing(organization, id);
    if (read === null || numberOf(read.row, "statuscode") !== STATUS.pendingSend || read.email.generation !== generation) return null;
    const { email, mark, row } = read;
    const tables = await organization.tables();
    const settings = await organization.settings();
    const trackingToken = email.trackingToken ?? (tokensAreOn(settings) ? await allotToken(organization, email.subject) : null);
    const claimed = {
      ...{ generation, ended: undefined, notBefore: undefined, note: undefined },
      submitter: mark.generation === generation ? (mark.submitter ?? null) : await submitterOf(organization, row),
      ...(email.inReplyTo !== null && { inReplyTo: email.inReplyTo, references: [...email.references, email.inReplyTo] }),
    };
    const answer = await organization.client.send({
      method: "PATCH",
      path: `${tables.set("email")}(${id})`,
      headers: { "If-Match": versionOf(row) },
      body: written(tables, "email", "update", {
        statecode: STATE_OF_STATUS[STATUS.sending],
        statuscode: STATUS.sending,
        trackingtoken: trackingToken === textOf(row, "trackingtoken") ? undefined : trackingToken,
        deliveryattempts: email.attempts,
        activityadditionalparams: writeMark({ ...mark, ...claimed }, textOf(row, "activityadditionalparams")),
      }),
    });
    if (answer.kind === "refused" && answer.status === 412) continue;
    if (answer.kind === "refused" && answer.status === 404) return null;
    answered(answer);
    return (await readOutgoing(organization, id))?.email ?? null;
  }
  return null;
}

/** The next token, from the organization's own counter. */
async function allotToken(organization: Organization, subject: string): Promise<string | null> {
  const answer = answered(await organization.client.send({ method: "POST", path: "GetTrackingTokenEmail", body: { Subject: subject } }));
  const token = textOf(rowOf(answer.body), "TrackingToken");
  if (token === null) throw notUnderstood("a tracking token");
  return token === "" ? null : token;
}
