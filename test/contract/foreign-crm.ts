import type { Transaction } from "../../src/model/sql.ts";
import type { Crm } from "../../src/ports.ts";

/** A moment of a call into a CRM: before it does anything, or after it has done all and before its answer is back. */
export interface CrmCall {
  readonly verb: keyof Crm;
  readonly when: "before" | "after";
}

/**
 * A CRM like the given one that stands somewhere else, as Dataverse does: it knows nothing of the ledger's transactions, and each call can fail on its
 * way there or back. `onCall` is asked at both moments and throws to make it fail.
 */
export function foreignCrm(crm: Crm, onCall: (call: CrmCall) => void = () => {}): Crm {
  const call = async <T>(verb: keyof Crm, work: () => Promise<T>): Promise<T> => {
    onCall({ verb, when: "before" });
    const answer = await work();
    onCall({ verb, when: "after" });
    return answer;
  };
  const alone = (within: Transaction | undefined) => {
    if (within !== undefined) throw new Error("a CRM that does not join transactions was given one");
  };
  return {
    joinsTransaction: false,
    organizationSettings: () => call("organizationSettings", () => crm.organizationSettings()),
    facts: (query) => call("facts", () => crm.facts(query)),
    trial: async (options) => {
      const trial = await call("trial", () => crm.trial(options));
      return { facts: (query) => call("trial", () => trial.facts(query)) };
    },
    deliver: async (emails, within) => {
      alone(within);
      return call("deliver", () => crm.deliver(emails));
    },
    whole: (ids) => call("whole", () => crm.whole(ids)),
    returned: (ids) => call("returned", () => crm.returned(ids)),
    records: (named) => call("records", () => crm.records(named)),
    standing: (ids) => call("standing", () => crm.standing(ids)),
    deleted: (ids) => call("deleted", () => crm.deleted(ids)),
    makeRecords: async (wanted, within) => {
      alone(within);
      return call("makeRecords", () => crm.makeRecords(wanted));
    },
    addAddress: async (record, address, where, within) => {
      alone(within);
      return call("addAddress", () => crm.addAddress(record, address, where));
    },
    resolveParties: async (resolving, within) => {
      alone(within);
      return call("resolveParties", () => crm.resolveParties(resolving));
    },
    addQueueItems: async (queueId, emailIds, within) => {
      alone(within);
      return call("addQueueItems", () => crm.addQueueItems(queueId, emailIds));
    },
    setRegarding: async (id, regarding, within) => {
      alone(within);
      return call("setRegarding", () => crm.setRegarding(id, regarding));
    },
    relate: async (relations, within) => {
      alone(within);
      return call("relate", () => crm.relate(relations));
    },
    remove: async (id, within) => {
      alone(within);
      return call("remove", () => crm.remove(id));
    },
    emailsOf: (address, limit) => call("emailsOf", () => crm.emailsOf(address, limit)),
    purgeLeft: (limit) => call("purgeLeft", () => crm.purgeLeft(limit)),
    pendingSenders: (now) => call("pendingSenders", () => crm.pendingSenders(now)),
    pending: (address, limit, now) => call("pending", () => crm.pending(address, limit, now)),
    claim: async (id, generation, within) => {
      alone(within);
      return call("claim", () => crm.claim(id, generation));
    },
    outgoing: (id) => call("outgoing", () => crm.outgoing(id)),
    attachment: (hash) => call("attachment", () => crm.attachment(hash)),
    settle: async (id, generation, settlement, within) => {
      alone(within);
      return call("settle", () => crm.settle(id, generation, settlement));
    },
    ...elsewhere(crm, call),
    watch: (wake, signal) => crm.watch(wake, signal),
  };
}

type Call = <T>(verb: keyof Crm, work: () => Promise<T>) => Promise<T>;

/** Where the CRM has no program of its own for email, neither has this one. */
function elsewhere(crm: Crm, call: Call): Pick<Crm, "synchronizedElsewhere" | "serverSideSync"> {
  const asked = crm.synchronizedElsewhere?.bind(crm);
  const read = crm.serverSideSync?.bind(crm);
  return {
    ...(asked && { synchronizedElsewhere: () => call("synchronizedElsewhere", asked) }),
    ...(read && { serverSideSync: (signal: AbortSignal) => call("serverSideSync", () => read(signal)) }),
  };
}
