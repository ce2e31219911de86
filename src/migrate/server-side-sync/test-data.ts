import type { EmailServerProfile, ServerSideSync, SyncMailbox, SyncOwner, SyncServer } from "../../model/server-side-sync.ts";

/** Rows of an organization for tests, with what matters to the test. */

export const SERVER: SyncServer = {
  location: null,
  port: null,
  tls: true,
  credentials: "user or queue",
  authentication: "auto",
  impersonation: false,
  username: null,
};

export function profileRow(given: Partial<EmailServerProfile> = {}): EmailServerProfile {
  return {
    id: "p1",
    name: "Company mail",
    active: true,
    serverType: "imap",
    usesAutodiscover: false,
    defaultLocation: null,
    incoming: { ...SERVER, location: "imap.contoso.com", port: 993 },
    outgoing: { ...SERVER, location: "smtp.contoso.com", port: 587 },
    outgoingAsIncoming: false,
    readFrom: null,
    maximumConnections: 10,
    timeoutMilliseconds: null,
    minimumPollingMinutes: 0,
    movesUndelivered: false,
    sendsAlertMail: false,
    codePage: null,
    tenant: null,
    clientId: null,
    ...given,
  };
}

export function mailboxRow(given: Partial<SyncMailbox> = {}): SyncMailbox {
  return {
    id: "m1",
    name: "Ann Lee",
    address: "ann@contoso.com",
    active: true,
    owner: { type: "user", id: "u1" },
    forward: false,
    profileId: "p1",
    incoming: "server",
    outgoing: "server",
    enabledForIncoming: true,
    enabledForOutgoing: true,
    synchronizesItems: false,
    approval: "approved",
    deletesProcessed: false,
    readFrom: new Date("2026-11-20T08:00:00Z"),
    lastSync: new Date("2026-11-20T08:00:00Z"),
    username: null,
    ewsUrl: null,
    ...given,
  };
}

export const ANN: SyncOwner = { id: "u1", name: "Ann Lee", address: "ann@contoso.com", active: true, filter: "answers to CRM email" };
export const SUPPORT: SyncOwner = { id: "q1", name: "Support", address: "support@contoso.com", active: true, filter: "all email messages" };

export function organizationRows(given: Partial<ServerSideSync> = {}): ServerSideSync {
  return {
    organization: { name: "contoso", channel: "server-side synchronization", approvalForUsers: true, approvalForQueues: true },
    profiles: [profileRow()],
    mailboxes: [mailboxRow()],
    users: [ANN],
    queues: [SUPPORT],
    ...given,
  };
}
