import { Failure } from "../model/failure.ts";
import type { RecordRef } from "../model/record.ts";
import type { OrganizationSettings } from "../model/settings.ts";
import type { Crm } from "../ports.ts";
import { deletedEmails, emailsOfAddress, recordsNamed, relateEmails, removeEmail, setRegarding, standingEmails } from "./by-hand.ts";
import { claimEmail, claimUnreadable } from "./claim.ts";
import { getContent } from "./content.ts";
import { createEmails, type DraftEmail } from "./create-email.ts";
import { deliverEmails } from "./deliver.ts";
import { readReturned } from "./delivery-reports.ts";
import { createRecords, putQueues, putUsers, type QueueEntry, type RecordEntry, type UserEntry } from "./directory.ts";
import { readFacts } from "./facts.ts";
import { purgeLeftContent } from "./left-content.ts";
import { newAddresses } from "./new-addresses.ts";
import { makeRecords } from "./new-records.ts";
import { readOutgoing } from "./outgoing.ts";
import { pendingEmails, pendingSenders } from "./pending.ts";
import { addQueueItems } from "./queue-items.ts";
import { type EmailListQuery, type EmailPage, listEmails, readEmail, readRecord, type WholeEmail } from "./read.ts";
import { addAddress, resolveParties } from "./resolve-address.ts";
import { type SendOptions, type SendResult, sendEmail } from "./send-email.ts";
import { readSettings, type StoredSettings, writeSettings } from "./settings.ts";
import { settleEmail } from "./settle.ts";
import { inTransaction, type Store } from "./transaction.ts";
import { openTrial } from "./trial.ts";
import { watchPending } from "./watch.ts";
import { forgetDeletions } from "./webapi/changes.ts";
import { wholeEmails } from "./whole.ts";

const DELETIONS_AT_ONCE = 100_000;

/** What the embedded CRM can do besides serving the engine: what its own users, configuration and pages ask of it. */
export interface EmbeddedCrm extends Pick<Crm, "deleted"> {
  /** See sendEmail in send-email.ts. */
  sendEmail(id: string, by: string | null, options?: SendOptions): Promise<SendResult>;
  /** Ids of the drafts made, in their order. */
  createEmails(drafts: readonly DraftEmail[]): Promise<string[]>;
  /** Ids by key form of the address. */
  putUsers(entries: readonly UserEntry[]): Promise<ReadonlyMap<string, string>>;
  /** Ids by key form of the address. */
  putQueues(entries: readonly QueueEntry[]): Promise<ReadonlyMap<string, string>>;
  createRecords(entries: readonly RecordEntry[]): Promise<readonly RecordRef[]>;
  settings(): Promise<StoredSettings>;
  /** Replaces all settings; see writeSettings. */
  putSettings(settings: Partial<OrganizationSettings>): Promise<StoredSettings>;
  listEmails(query: EmailListQuery): Promise<EmailPage>;
  readEmail(id: string): Promise<WholeEmail | null>;
  readRecord(id: string): ReturnType<typeof readRecord>;
}

/** The embedded CRM over a database whose `crm` schema is in place. Opens nothing and holds nothing. */
export function openEmbeddedCrm(store: Store): Crm & EmbeddedCrm {
  return {
    joinsTransaction: true,
    organizationSettings: async () => (await readSettings(store)).settings,
    facts: (query) => readFacts(store, query),
    trial: (options) => openTrial(store, options),
    deliver: (emails, within) => inTransaction(store, within, "deliver emails", (sql) => deliverEmails(sql, emails)),
    whole: (ids) => wholeEmails(store, ids),
    returned: (ids) => readReturned(store, ids),
    records: (named) => recordsNamed(store, named),
    standing: (ids) => standingEmails(store, ids),
    deleted: (ids) => deletedEmails(store, ids),
    newAddresses: (limit, now, within) => newAddresses(within, limit, now),
    makeRecords: (wanted, within) => inTransaction(store, within, "make records", (sql) => makeRecords(sql, wanted)),
    addAddress: (record, address, where, within) =>
      inTransaction(store, within, "add address", (sql) => addAddress(sql, record, address, where)),
    resolveParties: (resolving, within) => inTransaction(store, within, "resolve parties", (sql) => resolveParties(sql, resolving)),
    addQueueItems: (queueId, emailIds, within) => addQueueItems(within ?? store, queueId, emailIds),
    setRegarding: (id, regarding, within) => inTransaction(store, within, "set regarding", (sql) => setRegarding(sql, id, regarding)),
    relate: (relations, within) => inTransaction(store, within, "relate emails", (sql) => relateEmails(sql, relations)),
    remove: (id, within) => inTransaction(store, within, "delete email", (sql) => removeEmail(sql, id)),
    emailsOf: (address, limit) => emailsOfAddress(store, address, limit),
    purgeLeft: async (limit) => {
      await store.transaction((sql) => forgetDeletions(sql, new Date(), DELETIONS_AT_ONCE), "forget deletions");
      return await store.transaction((sql) => purgeLeftContent(sql, limit), "purge bodies");
    },
    pendingSenders: (now) => pendingSenders(store, now),
    pending: (senderAddress, limit, now) => pendingEmails(store, senderAddress, limit, now),
    claim: async (id, generation, within) => {
      try {
        return await inTransaction(store, within, "claim email", (sql) => claimEmail(sql, id, generation));
      } catch (error) {
        if (!within && error instanceof Failure && error.scope === "item")
          await store.transaction((sql) => claimUnreadable(sql, id, generation), "claim unreadable email");
        throw error;
      }
    },
    outgoing: (id) => readOutgoing(store, id),
    attachment: (hash) => getContent(store, hash),
    settle: (id, generation, settlement, within) => settleEmail(within ?? store, id, generation, settlement),
    watch: (wake, signal) => watchPending(store, wake, signal),

    sendEmail: (id, by, options = { issueSend: true }) =>
      store.transaction((sql) => sendEmail(sql, id, by, options, new Date()), "send email"),
    createEmails: (drafts) => store.transaction((sql) => createEmails(sql, drafts), "create emails"),
    putUsers: (entries) => store.transaction((sql) => putUsers(sql, entries), "put users"),
    putQueues: (entries) => store.transaction((sql) => putQueues(sql, entries), "put queues"),
    createRecords: (entries) => store.transaction((sql) => createRecords(sql, entries), "create records"),
    settings: () => readSettings(store),
    putSettings: (settings) => store.transaction((sql) => writeSettings(sql, settings), "put settings"),
    listEmails: (query) => listEmails(store, query),
    readEmail: (id) => readEmail(store, id),
    readRecord: (id) => readRecord(store, id),
  };
}
