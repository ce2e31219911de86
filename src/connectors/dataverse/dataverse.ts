import { Failure } from "../../model/failure.ts";
import type { Crm } from "../../ports.ts";
import { addAddress } from "./add-address.ts";
import { readAttachment } from "./attachment.ts";
import { emailsOfAddress, recordsNamed, removeEmail } from "./by-hand.ts";
import { check } from "./check.ts";
import { claimEmail } from "./claim.ts";
import { deliverEmails } from "./deliver.ts";
import { synchronizedElsewhere } from "./elsewhere.ts";
import { openTrial } from "./facts.ts";
import { indexedFacts } from "./indexed-facts.ts";
import { keepIndex } from "./keep-index.ts";
import { makeRecords } from "./new-records.ts";
import { Organization, type OrganizationOptions } from "./organization.ts";
import { readOutgoing } from "./outgoing.ts";
import { choosePath, type Path } from "./path.ts";
import { pendingEmails, pendingSenders } from "./pending.ts";
import { addQueueItems } from "./queue-items.ts";
import { relateEmails, setRegarding } from "./regarding.ts";
import { resolveParties } from "./resolve-parties.ts";
import { readReturned } from "./returned.ts";
import { readServerSideSync } from "./server-side-sync.ts";
import { settleEmail } from "./settle.ts";
import { deletedEmails, standingEmails } from "./standing.ts";
import { readVerdicts } from "./verdicts.ts";
import { watchPending } from "./watch.ts";
import { wholeEmails } from "./whole.ts";

export interface DataverseOptions extends OrganizationOptions {
  /** How often it is looked whether something waits to be sent, in milliseconds. Default: ten seconds. */
  readonly watchMilliseconds?: number | undefined;
}

/** What an organization of Dynamics can be asked besides what the engine asks any CRM. */
export interface Dataverse extends AsyncDisposable {
  /** Which of the paths of product-behaviour 5.3 is taken and which ones the organization would allow, with the reasons. */
  path(): Promise<Path>;
  close(): Promise<void>;
}

const WATCH_MILLISECONDS = 10_000;
/** `watch` sees within seconds what somebody presses Send for; this is for emails whose time comes later, and for those that are tried again. */
const PENDING_PULL_SECONDS = 60;

/**
 * A Dynamics organization as the engine's CRM, over the Dataverse Web API (8.2, 9.0 and 9.1 on premises, 9.2). Opening asks nobody. It joins no transaction
 * of the ledger: whatever it does is done when it says so, and can be done again.
 */
export function openDataverse(options: DataverseOptions): Crm & Dataverse {
  const organization = new Organization(options);
  const { watchMilliseconds = WATCH_MILLISECONDS } = options;
  return {
    joinsTransaction: false,
    organizationSettings: () => organization.settings(),
    facts: (query) => indexedFacts(organization, query),
    verdicts: (query) => readVerdicts(organization, query),
    trial: (trial) => openTrial(organization, trial),
    deliver: (emails, within) => alone(within, () => deliverEmails(organization, emails)),
    whole: (ids) => wholeEmails(organization, ids),
    returned: (ids) => readReturned(organization, ids),
    records: (named) => recordsNamed(organization, named),
    standing: (ids) => standingEmails(organization, ids),
    deleted: (ids) => deletedEmails(organization, ids),
    makeRecords: (wanted, within) => alone(within, () => makeRecords(organization, wanted)),
    addAddress: (record, address, where, within) => alone(within, () => addAddress(organization, record, address, where)),
    resolveParties: (resolving, within) => alone(within, () => resolveParties(organization, resolving)),
    addQueueItems: (queueId, emailIds, within) => alone(within, () => addQueueItems(organization, queueId, emailIds)),
    setRegarding: (id, regarding, within) => alone(within, () => setRegarding(organization, id, regarding)),
    relate: (relations, within) => alone(within, () => relateEmails(organization, relations)),
    remove: (id, within) => alone(within, () => removeEmail(organization, id)),
    emailsOf: (address, limit) => emailsOfAddress(organization, address, limit),
    // Dynamics keeps bodies with their emails.
    purgeLeft: () => Promise.resolve(0),
    pendingPullSeconds: PENDING_PULL_SECONDS,
    pendingSenders: (now) => pendingSenders(organization, now),
    pending: (senderAddress, limit, now) => pendingEmails(organization, senderAddress, limit, now),
    claim: (id, generation, within) => alone(within, () => claimEmail(organization, id, generation)),
    outgoing: async (id) => (await readOutgoing(organization, id))?.email ?? null,
    attachment: (key) => readAttachment(organization, key),
    settle: (id, generation, settlement, within) => alone(within, () => settleEmail(organization, id, generation, settlement)),
    check: (signal) => check(organization, signal),
    synchronizedElsewhere: () => synchronizedElsewhere(organization),
    serverSideSync: (signal) => readServerSideSync(options.client, signal),
    keepIndex: (signal) => keepIndex(organization, signal),
    watch: (wake, signal) => watchPending(organization, wake, signal, watchMilliseconds),

    path: () => choosePath(organization),
    close: () => options.client.close(),
    [Symbol.asyncDispose]: () => options.client.close(),
  };
}

/** No foreign I/O inside a transaction (invariant 14): whoever hands one in has not asked `joinsTransaction`. */
function alone<Result>(within: object | undefined, work: () => Promise<Result>): Promise<Result> {
  if (within === undefined) return work();
  throw new Failure({
    scope: "process",
    code: "joins no transaction",
    message: "Dynamics was asked to take part in a transaction of the ledger.",
    remedy: "Please report it: it is a fault of the program.",
    waitingHelps: false,
  });
}
