import type { AccessToken } from "../../crm/webapi/access-tokens.ts";
import type { UntrackedShown } from "../../ledger/privacy.ts";
import type { QuarantineRow } from "../../ledger/quarantine.ts";
import { onBehalfOf } from "../../wire/on-behalf-of.ts";
import type { AuthorizationOffer, AuthorizationResult, AuthorizeOptions } from "../authorizations.ts";
import type { EngineContext } from "../context.ts";
import type { Counts } from "../receive/reading.ts";
import { decideUnknown, type Verdict } from "../send/decide-unknown.ts";
import type { SendCounts } from "../send/send-mailbox.ts";
import { approve } from "./approve.ts";
import { type AuditResult, auditNow } from "./audit.ts";
import { type RegardingResult, regarding, type TrackResult, track, type UntrackResult, untrack } from "./by-hand.ts";
import { type CheckEvent, type CheckRequest, check, type MailboxCheck } from "./check.ts";
import { type IssuedToken, issueCrmToken, listCrmTokens, revokeCrmToken, type TokenRequest } from "./crm-tokens.ts";
import { type Explanation, explain } from "./explain.ts";
import { type FolderRuleRequest, folderList, folderTrack, folderUntrack, type MailboxFolders } from "./folder-rules.ts";
import { type Forgotten, forget } from "./forget.ts";
import { type HistoryRead, history, type MailboxHistory, readHistory } from "./history.ts";
import { type ContactOptions, type ContactResult, makeContact } from "./make-contact.ts";
import { type ReplaySenderResult, type ReplayWindow, replayNow, replaySender } from "./replay.ts";
import { type ResolveOptions, type ResolveResult, resolve } from "./resolve.ts";
import { retryQuarantine } from "./retry-quarantine.ts";
import { type Progress, type RunResult, receiveNow, sendNow } from "./run-now.ts";
import { type OrganizationSync, serverSideSync } from "./server-side-sync.ts";
import { type Status, status } from "./status.ts";
import { privacy, quarantined, showUntracked } from "./untracked.ts";
import { type WhatIfEvent, type WhatIfRequest, type WhatIfResult, whatIf } from "./what-if.ts";

/** What the command line and the API can ask of a Waypost: the same whether it runs in this process or is called over HTTP. */
export interface Operations {
  status(): Promise<Status>;
  /** `actor`: who looks, for the audit; without one nothing is shown that only an administrator may see. */
  explain(key: string, actor?: string): Promise<Explanation>;
  /** Tries other settings on the heads that are kept; writes nothing. `tell` is told the counts, then each message whose outcome changes. */
  whatIf(request: WhatIfRequest, signal: AbortSignal, tell: (event: WhatIfEvent) => void): Promise<WhatIfResult>;
  /** Whether subject and counterpart of mail that is no email are shown to administrators, by organization. */
  privacy(): Promise<readonly UntrackedShown[]>;
  /** Counts what a mailbox holds from that moment on and before its start, and what would become of it; writes nothing. */
  history(mailbox: string, from: Date, signal: AbortSignal, progress: Progress): Promise<MailboxHistory>;
  /** Sets the start of a mailbox back to that moment. `actor`: who says so, for the audit. */
  readHistory(mailbox: string, from: Date, actor: string): Promise<HistoryRead>;
  /** Purges what is known of an address from mail that is no email; see forget.ts. */
  forget(address: string, actor: string): Promise<Forgotten>;
  showUntracked(show: boolean, actor: string): Promise<readonly UntrackedShown[]>;
  quarantineList(): Promise<readonly QuarantineRow[]>;
  quarantineRetry(ids: readonly number[] | "all"): Promise<{ marked: number }>;
  decide(emailId: string, verdict: Verdict): Promise<{ decided: string }>;
  receive(addresses: readonly string[], signal: AbortSignal, progress: Progress): Promise<RunResult<Counts>>;
  send(addresses: readonly string[], signal: AbortSignal, progress: Progress): Promise<RunResult<SendCounts>>;
  /** Compares mailboxes with the CRM from the mail system's own listing; `repair`: what is missing is read again. */
  audit(addresses: readonly string[], repair: boolean, signal: AbortSignal, progress: Progress): Promise<AuditResult>;
  /** What was received in a window of time is decided anew; what is an email stays one. */
  replay(addresses: readonly string[], window: ReplayWindow, signal: AbortSignal, progress: Progress): Promise<AuditResult>;
  /** So is what no filter wanted of one sender. `from` null: the days of the organization's setting. */
  replaySender(addresses: readonly string[], sender: string, from: Date | null): Promise<ReplaySenderResult>;
  /** Tests mailboxes and keeps the results; `tell` is told of each step. */
  check(
    addresses: readonly string[],
    request: CheckRequest,
    signal: AbortSignal,
    tell: (event: CheckEvent) => void,
  ): Promise<readonly MailboxCheck[]>;
  /** `actor`: who says so, for the audit. */
  approve(address: string, verdict: "approve" | "reject", actor: string): Promise<{ mailbox: string; approval: "approved" | "rejected" }>;
  /** `name`: Message-ID, number of a decision, or id of the email. `record`: see find-record.ts; null: nothing is said of it. */
  track(name: string, record: string | null, actor: string): Promise<TrackResult>;
  untrack(name: string, deleteEmail: boolean, actor: string): Promise<UntrackResult>;
  /** `record`: `none` too. */
  regarding(name: string, record: string, actor: string): Promise<RegardingResult>;
  /** Makes a contact of an address; see make-contact.ts. */
  contact(address: string, options: ContactOptions, actor: string): Promise<ContactResult>;
  /** Says which record an unresolved address is. */
  resolve(
    address: string,
    record: string,
    options: ResolveOptions,
    actor: string,
    signal: AbortSignal,
    progress: Progress,
  ): Promise<ResolveResult>;
  /** The rules about folders of a mailbox. */
  folderList(address: string): Promise<MailboxFolders>;
  folderTrack(address: string, folder: string, request: FolderRuleRequest, actor: string): Promise<MailboxFolders>;
  folderUntrack(address: string, folder: string, actor: string): Promise<MailboxFolders>;
  /** An access token for the embedded CRM's Web API, for the user with that address. */
  crmTokenIssue(user: string, request: TokenRequest, actor: string): Promise<IssuedToken>;
  crmTokenList(): Promise<readonly AccessToken[]>;
  crmTokenRevoke(user: string, name: string, actor: string): Promise<{ revoked: string }>;
  /** What an organization of Dynamics says of its server-side synchronization; null: of the only one. */
  serverSideSync(organization: string | null, signal: AbortSignal): Promise<OrganizationSync>;
  authorizeBegin(target: string, options: AuthorizeOptions): Promise<AuthorizationOffer>;
  authorizeFinish(id: string, signal: AbortSignal): Promise<AuthorizationResult>;
}

/** What asks the CRM for long has its own turn there: nobody else who looks at something waits for it. */
export function operationsOf(context: EngineContext, organizations: readonly string[]): Operations {
  return {
    status: () => status(context, organizations),
    explain: (key, actor) => explain(context, organizations, key, actor),
    whatIf: (request, signal, tell) => onBehalfOf("what if", () => whatIf(context, request, signal, tell)),
    privacy: () => privacy(context, organizations),
    history: (mailbox, from, signal, progress) => onBehalfOf(`history ${mailbox}`, () => history(context, mailbox, from, signal, progress)),
    readHistory: (mailbox, from, actor) => readHistory(context, mailbox, from, actor),
    forget: (address, actor) => forget(context, organizations, address, actor),
    showUntracked: (show, actor) => showUntracked(context, organizations, show, actor),
    quarantineList: () => quarantined(context),
    quarantineRetry: async (ids) => ({ marked: (await retryQuarantine(context, ids)).marked }),
    decide: async (emailId, verdict) => {
      await decideUnknown(context, emailId, verdict);
      return { decided: verdict };
    },
    receive: (addresses, signal, progress) => receiveNow(context, addresses, signal, progress),
    send: (addresses, signal, progress) => sendNow(context, addresses, signal, progress),
    audit: (addresses, repair, signal, progress) => auditNow(context, addresses, { repair, window: null }, signal, progress),
    replay: (addresses, window, signal, progress) => replayNow(context, addresses, window, signal, progress),
    replaySender: (addresses, sender, from) => replaySender(context, organizations, addresses, sender, from),
    check: (addresses, request, signal, tell) => check(context, addresses, request, signal, tell),
    approve: (address, verdict, actor) => approve(context, address, verdict, actor),
    track: (name, record, actor) => track(context, name, record, actor),
    untrack: (name, deleteEmail, actor) => untrack(context, name, deleteEmail, actor),
    regarding: (name, record, actor) => regarding(context, name, record, actor),
    contact: (address, options, actor) => makeContact(context, organizations, address, options, actor),
    resolve: (address, record, options, actor, signal, progress) =>
      onBehalfOf("resolve", () => resolve(context, { ...options, organizations, address, record, actor }, signal, progress)),
    folderList: (address) => folderList(context, address),
    folderTrack: (address, folder, request, actor) => folderTrack(context, address, folder, request, actor),
    folderUntrack: (address, folder, actor) => folderUntrack(context, address, folder, actor),
    crmTokenIssue: (user, request, actor) => issueCrmToken(context, user, request, actor),
    crmTokenList: () => listCrmTokens(context),
    crmTokenRevoke: (user, name, actor) => revokeCrmToken(context, user, name, actor),
    serverSideSync: (organization, signal) => serverSideSync(context, organizations, organization, signal),
    authorizeBegin: (target, options) => context.authorizations.begin(target, options),
    authorizeFinish: (id, signal) => context.authorizations.finish(id, signal),
  };
}
