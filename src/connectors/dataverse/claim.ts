import { randomUUID } from "node:crypto";
import { type OutgoingEmail, STATE_OF_STATUS, STATUS } from "../../model/email.ts";
import { Failure } from "../../model/failure.ts";
import { tokensAreOn } from "../../tracking/token.ts";
import { type Answer, answered } from "./client/client.ts";
import { versionOf } from "./generation.ts";
import { type KeptMark, keepMark, replaceMark } from "./kept-mark.ts";
import { type Mark, tellsNothingOf, withoutMark, writeMark } from "./mark.ts";
import type { Organization } from "./organization.ts";
import { type ReadOutgoing, readOutgoing, readOutgoingRow } from "./outgoing.ts";
import { notUnderstood, numberOf, rowOf, textOf } from "./row.ts";
import { readSendingNotes, type SendingNote, writeSendingNote } from "./sending-note.ts";
import { refusesStatuses, rememberedStatuses, rememberStatuses } from "./statuses.ts";
import { written } from "./written-columns.ts";

/** Tries of a claim whose email somebody else changes each time, without taking it. */
const MOST_TRIES = 5;

/**
 * Pending Send → Sending, for exactly one claimer of that generation; null for everybody else. The email gets its tracking token, where SendEmail has not given it
 * one, and it is remembered whose press of Send it was. Its subject gets the token when it is read for sending, and for good when it has left: Dynamics leaves the
 * subject of a completed email alone, if it can.
 *
 * The status is changed on the very version that was looked at, so that of several routers at one organization one has it. Where Dynamics lets nobody change the
 * status of a completed email, the claim is a note in the ledger (SendingNote), and only one router may work for the organization; an email that was claimed so once
 * goes on so. An email that cannot be read or claimed is claimed by a note, too, so that it can be settled as failed.
 * @throws Failure of scope item where this email alone is the trouble
 */
export async function claimEmail(organization: Organization, id: string, generation: number): Promise<OutgoingEmail | null> {
  const claimId = randomUUID();
  try {
    return await claim(organization, { id, generation, claimId });
  } catch (error) {
    if (!(error instanceof Failure) || error.scope !== "item") throw error;
    if (error.code !== UNCLEAR && !(await takeUnreadable(organization, { id, generation, claimId }))) return null;
    throw error;
  }
}

interface Claiming {
  readonly id: string;
  readonly generation: number;
  /** This one attempt. */
  readonly claimId: string;
}

async function claim(organization: Organization, { id, generation, claimId }: Claiming): Promise<OutgoingEmail | null> {
  let wasLost = false;
  for (let tries = 0; tries < MOST_TRIES; tries++) {
    const read = await readOutgoing(organization, id);
    if (read?.stand.status === STATUS.sending) {
      // An answer got lost on its way, and what it would have said stands there.
      if (read.mark.claim === claimId) {
        await keepMark(organization, id, read.mark);
        return read.email;
      }
      if (wasLost && tellsNothingOf(read.mark, generation)) throw unclear(id);
    }
    if (read === null || read.stand.status !== STATUS.pendingSend || read.email.generation !== generation) return null;
    const taken = await take(organization, read, claimId);
    if (taken === "gone") return null;
    if (taken === "taken") {
      const now = await readOutgoing(organization, id);
      return now?.stand.status === STATUS.sending ? now.email : null;
    }
    wasLost = taken === "lost";
  }
  return null;
}

/** `lost`: nobody knows whether it was taken. */
type Taken = "taken" | "again" | "gone" | "lost";

async function take(organization: Organization, read: ReadOutgoing, claimId: string): Promise<Taken> {
  const { noted, kept } = read.stand;
  if (noted === null && kept?.waits && numberOf(read.row, "statuscode") === STATUS.sending)
    return (await takeWaiting(organization, read.email.id, kept, claimId)) ? "taken" : "again";
  const known = await rememberedStatuses(organization);
  if (noted !== null || (known?.refused && known.counts)) return claimByNote(organization, read);
  return claimByStatus(organization, read, claimId, known?.refused ?? false);
}

/** An email that waits in Sending: no other router takes it, and among the processes of this one the ledger decides. */
function takeWaiting(organization: Organization, id: string, kept: KeptMark, claimId: string): Promise<boolean> {
  return replaceMark(organization, id, kept, { mark: { ...kept.mark, ...IN_HAND, claim: claimId }, waits: false });
}

/** What a claim takes away of what the press of Send had waited for. */
const IN_HAND: Partial<Mark> = { ended: undefined, notBefore: undefined, attempts: undefined, note: undefined };

/** Only the version that was read is changed. @param wasRefused statuses were refused the last time, long ago */
async function claimByStatus(organization: Organization, read: ReadOutgoing, claimId: string, wasRefused: boolean): Promise<Taken> {
  const { email, mark, row } = read;
  const { trackingToken, submitter, thread } = await foundOut(organization, read);
  const before = mark.generation === email.generation ? mark : { ...mark, partly: undefined };
  const claimed: Mark = {
    ...before,
    ...IN_HAND,
    ...{ generation: email.generation, router: await organization.router(), claim: claimId },
    ...submitter,
    ...thread,
  };
  const parameters = textOf(row, "activityadditionalparams");
  const marked = writeMark(claimed, parameters);
  const answer = await change(organization, read, {
    statecode: STATE_OF_STATUS[STATUS.sending],
    statuscode: STATUS.sending,
    trackingtoken: trackingToken === textOf(row, "trackingtoken") ? undefined : trackingToken,
    deliveryattempts: email.attempts,
    activityadditionalparams: marked ?? withoutMark(parameters),
  });
  if (answer.kind === "unknown") return marked === null ? "lost" : "again";
  if (answer.kind === "refused" && answer.status === 412) return "again";
  if (answer.kind === "refused" && answer.status === 404) return "gone";
  if (answer.kind === "refused" && answer.status !== 403 && (await refusesStatuses(organization))) return "again";
  answered(answer);
  await keepMark(organization, email.id, claimed);
  if (wasRefused) await rememberStatuses(organization, false);
  return "taken";
}

/** The email stays in Pending Send; the note is what makes the claim. */
async function claimByNote(organization: Organization, read: ReadOutgoing): Promise<Taken> {
  const { email, row, stand } = read;
  const { trackingToken, submitter, thread } = await foundOut(organization, read);
  const note: SendingNote = {
    ...{ stage: "sending", generation: email.generation, version: versionOf(row), token: trackingToken, attempts: email.attempts },
    ...submitter,
    ...thread,
    ...(stand.noted?.note.generation === email.generation && stand.noted.note.mayHaveLeft && { mayHaveLeft: true }),
  };
  if (!(await writeSendingNote(organization, email.id, stand.noted, note))) return "again";
  // Whoever answers before it is settled has the token. Where it cannot be written, it is when the email has left.
  if (trackingToken !== textOf(row, "trackingtoken")) await change(organization, read, { trackingtoken: trackingToken });
  return "taken";
}

/** What a claim remembers: the token, who pressed Send, and what the email answers. */
async function foundOut(organization: Organization, { email, submitter }: ReadOutgoing) {
  const settings = await organization.settings();
  return {
    trackingToken: email.trackingToken ?? (tokensAreOn(settings) ? await allotToken(organization, email.subject) : null),
    submitter: { submitter: submitter.id, guessed: submitter.guessed ? (true as const) : undefined },
    thread: email.inReplyTo === null ? {} : { inReplyTo: email.inReplyTo, references: [...email.references, email.inReplyTo] },
  };
}

/** The answer of changing the version that was read. */
async function change(
  organization: Organization,
  { row, email }: ReadOutgoing,
  values: Parameters<typeof written<"email", "update">>[3],
): Promise<Answer> {
  const tables = await organization.tables();
  return organization.client.send({
    method: "PATCH",
    path: `${tables.set("email")}(${email.id})`,
    headers: { "If-Match": versionOf(row) },
    body: written(tables, "email", "update", values),
  });
}

/** Claims an email that cannot be read as a whole, or not be claimed. False when somebody else has it, or it is gone. */
async function takeUnreadable(organization: Organization, { id, generation, claimId }: Claiming): Promise<boolean> {
  const read = await readOutgoingRow(organization, id).catch((error: unknown) => {
    if (error instanceof Failure && error.scope === "item") return "not readable" as const;
    throw error;
  });
  const none = { token: null, attempts: 0 };
  if (read === "not readable") {
    const before = (await readSendingNotes(organization, [id])).get(id) ?? null;
    if (before !== null && before.note.stage !== "waiting") return false;
    return writeSendingNote(organization, id, before, { ...none, ...before?.note, stage: "sending", generation, version: "" });
  }
  if (read === null) return false;
  const { row, mark, stand } = read;
  if (stand.status === STATUS.sending && mark.claim === claimId) return true;
  if (stand.status !== STATUS.pendingSend || stand.generation !== generation) return false;
  const { noted, kept } = stand;
  if (noted === null && kept?.waits && numberOf(row, "statuscode") === STATUS.sending) return takeWaiting(organization, id, kept, claimId);
  const before = noted?.note.generation === generation ? noted.note : {};
  return writeSendingNote(organization, id, noted, { ...none, ...before, stage: "sending", generation, version: versionOf(row) });
}

const UNCLEAR = "claim unclear";

/** The claim stands on the email nowhere, because the column takes no mark, and its answer was lost. */
function unclear(id: string): Failure {
  return new Failure({
    scope: "item",
    code: UNCLEAR,
    message: `Nobody knows who has the email ${id} in hand: the answer of Dynamics to its claim was lost.`,
    remedy: "Send a copy of it, if it has not left.",
    waitingHelps: false,
  });
}

/** The next token, from the organization's own counter. */
async function allotToken(organization: Organization, subject: string): Promise<string | null> {
  const answer = answered(await organization.client.send({ method: "POST", path: "GetTrackingTokenEmail", body: { Subject: subject } }));
  const token = textOf(rowOf(answer.body), "TrackingToken");
  if (token === null) throw notUnderstood("a tracking token");
  return token === "" ? null : token;
}
