import { setTimeout as sleep } from "node:timers/promises";
import type { MessageEnvelopeObject } from "imapflow";
import type { App } from "../../src/app.ts";
import type { DraftEmail } from "../../src/crm/create-email.ts";
import type { WholeEmail } from "../../src/crm/read.ts";
import type { Database } from "../../src/database/database.ts";
import { dispatchPending, wakeUnfinished } from "../../src/engine/send/dispatch.ts";
import type { RecordRef } from "../../src/model/record.ts";
import type { Dovecot } from "../servers/dovecot.ts";
import { addressOf, type RigApp } from "./rig.ts";

/** A contact for each account, so that emails to it go to somebody whom the CRM knows. */
export function contactsFor(app: App, ...names: readonly string[]): Promise<readonly RecordRef[]> {
  return app.crm.createRecords(names.map((name) => ({ type: "contact", firstname: name, addresses: [addressOf(name)] })));
}

/** What the service does by its clocks before anything is sent. */
export async function dispatch({ context, organizations }: RigApp): Promise<void> {
  await wakeUnfinished(context);
  for (const organization of organizations) await dispatchPending(context, organization);
}

/** An email of one account to others, as a person writes it. */
export function draftFrom(from: string, to: readonly string[], more: Partial<DraftEmail> = {}): DraftEmail {
  const party = (name: string) => ({ address: { name: "", address: name.includes("@") ? name : addressOf(name) } });
  return { subject: "Offer", text: "As we said.", ...more, from: party(from), to: to.map(party) };
}

/** Writes an email and presses Send; `by` is the user who does, null for the sender itself. Resolves to the email's id. */
export async function pressSend(app: App, draft: DraftEmail, by: string | null = null): Promise<string> {
  const [id] = await app.crm.createEmails([draft]);
  if (id === undefined) throw new Error("no email was made");
  await app.crm.sendEmail(id, by);
  return id;
}

export async function emailOf(app: App, id: string): Promise<WholeEmail> {
  const email = await app.crm.readEmail(id);
  if (email === null) throw new Error(`there is no email ${id}`);
  return email;
}

export async function idOfUser(database: Database, name: string): Promise<string> {
  const { rows } = await database.query<{ id: string }>("select systemuserid as id from crm.systemuser where internalemailaddress = $1", [
    addressOf(name),
  ]);
  const id = rows[0]?.id;
  if (id === undefined) throw new Error(`there is no user ${name}`);
  return id;
}

/** Notes each status that an email goes through from now on; the function returns them in order. */
export async function watchStates(database: Database): Promise<(id: string) => Promise<number[]>> {
  await database.script(`
    create table if not exists public.seen_status (number bigint generated always as identity, id uuid, status smallint);
    create or replace function public.see_status() returns trigger language plpgsql as $$
    begin
      insert into public.seen_status (id, status) values (new.activityid, new.statuscode);
      return new;
    end $$;
    create or replace trigger seen after update of statuscode on crm.email for each row when (old.statuscode <> new.statuscode) execute function public.see_status();`);
  return async (id) => {
    const { rows } = await database.query<{ status: number }>("select status from public.seen_status where id = $1 order by number", [id]);
    return rows.map(({ status }) => status);
  };
}

/** A message as it lies on the mail server. */
export interface Lying {
  readonly mime: Buffer;
  /** Without angle brackets. */
  readonly messageId: string;
  readonly envelope: MessageEnvelopeObject;
  readonly seen: boolean;
}

/** Messages of a folder, the oldest first. */
export function mailIn(dovecot: Dovecot, name: string, folder = "INBOX"): Promise<Lying[]> {
  return dovecot.withImap(name, async (client) => {
    const { exists } = await client.mailboxOpen(folder, { readOnly: true });
    if (exists === 0) return [];
    const rows = await client.fetchAll("1:*", { uid: true, source: true, flags: true, envelope: true });
    return rows.map(({ source = Buffer.alloc(0), flags, envelope = {} }) => ({
      mime: source,
      messageId: (envelope.messageId ?? "").replace(/[<>]/g, ""),
      envelope,
      seen: flags?.has("\\Seen") ?? false,
    }));
  });
}

/** Milliseconds: far more than the way through Postfix and LMTP takes on a busy machine. */
const DELIVERY_PATIENCE = 20_000;

/** Waits until the mail server has delivered so many messages; throws when they do not come. */
export async function untilDelivered(dovecot: Dovecot, name: string, count = 1): Promise<Lying[]> {
  const deadline = Date.now() + DELIVERY_PATIENCE;
  for (;;) {
    const found = await mailIn(dovecot, name);
    if (found.length >= count) return found;
    if (Date.now() > deadline) throw new Error(`${name} has ${found.length} messages instead of ${count}`);
    await sleep(50);
  }
}
