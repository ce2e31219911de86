import type { Configuration } from "../../config.ts";
import { addressKey } from "../../model/address.ts";
import {
  type EmailServerProfile,
  type ServerSideSync,
  type SyncMailbox,
  synchronizedDirections,
  type TakenMailbox,
  type Takeover,
  type TakeoverNote,
} from "../../model/server-side-sync.ts";
import type { DraftMailbox, DraftProfile, MailboxSignIn } from "./draft.ts";
import { oneLine, UniqueNames, usableAddress } from "./foreign-text.ts";
import { type Candidate, candidateOf, convertMailbox, type Note } from "./mailbox.ts";
import { Secrets } from "./secrets.ts";
import { convertProfile } from "./server-profile.ts";
import { type Commented, yamlOf } from "./yaml.ts";

/** What is there already, to which the rest is added. */
export interface TakeoverOptions {
  /** Name of the organization in the configuration. */
  readonly organization: string;
  readonly configuration: Pick<Configuration, "serverProfiles" | "mailboxes">;
}

/** A server profile that mailboxes go to. */
interface Destination {
  readonly name: string;
  readonly inDynamics: EmailServerProfile | null;
  readonly has: { readonly incoming: boolean; readonly outgoing: boolean };
  readonly signIn: MailboxSignIn;
  readonly wantsPassword: boolean;
  readonly uncertain: boolean;
}

/**
 * Configuration for what an organization's server-side synchronization does: server profiles and mailboxes as YAML that the configuration takes beside what
 * it holds, and a note for whatever is left out, otherwise, or to be done by a person. What the rows hold is foreign text: it becomes a value in quotes, or
 * is left out, and no row makes it throw. Mailboxes and server profiles that the configuration has already stay as they are.
 */
export function takeOver(sync: ServerSideSync, { organization, configuration }: TakeoverOptions): Takeover {
  const notes: TakeoverNote[] = [];
  const secrets = new Secrets();
  const comments = new Map<object, string[]>();
  const noteFor: NoteFor =
    (about, row, name) =>
    (kind, because, next = "") => {
      notes.push({ kind, about, name: oneLine(name), because, next });
      if (kind === "to do") comments.set(row, [...(comments.get(row) ?? []), `${because} ${next}`]);
    };
  const candidates = candidatesOf(sync, configuration, noteFor);
  const destinations = destinationsOf(sync, candidates, { configuration, secrets, noteFor });
  const inDynamics = byId(sync.profiles);
  const hasForward = configuration.mailboxes.some((one) => one.forward) || candidates.some((one) => isTakenForward(one, destinations.byId));
  const taken = candidates.flatMap((candidate) => {
    const { mailbox } = candidate;
    const note = noteFor("mailbox", mailbox, nameOf(mailbox));
    const destination = mailbox.profileId === null ? undefined : destinations.byId.get(mailbox.profileId);
    if (destination === undefined) {
      const isNone = mailbox.profileId === null || !inDynamics.has(mailbox.profileId);
      note(
        "left out",
        isNone ? "It has no email server profile (8005E222)." : "Its email server profile could not be taken over.",
        "Once there is a server profile for it, import again.",
      );
      return [];
    }
    const draft = convertMailbox({ candidate, organization, sync, profile: destination.name, ...destination, hasForward, secrets, note });
    return draft === null ? [] : [{ draft, candidate, mailbox, destination }];
  });
  noteOwners(
    sync,
    new Set(taken.flatMap(({ candidate }) => (candidate.owner === null ? [] : [addressKey(candidate.owner.address)]))),
    noteFor,
  );
  noteOrganization(
    sync,
    taken.map(({ mailbox }) => mailbox),
    noteFor("organization", sync, sync.organization.name),
  );
  const used = new Set(taken.map(({ draft }) => draft.profile));
  const profiles = destinations.made.filter(({ draft }) => used.has(draft.name));
  const mailboxes = taken.map(({ draft, candidate, destination }) =>
    takenMailbox(draft, candidate, { sync, inDynamics: destination.inDynamics }),
  );
  const commented = (value: object, row: object): Commented => ({ value, comments: comments.get(row) ?? [] });
  const files = new Set([...profiles.map((one) => one.draft), ...taken.map((one) => one.draft)].flatMap(filesOf));
  return {
    yaml: yamlOf({
      serverProfiles: profiles.map(({ draft, profile }) => commented(draft, profile)),
      mailboxes: taken.map(({ draft, mailbox }) => commented(draft, mailbox)),
    }),
    profiles: profiles.map(({ draft, profile }) => ({ name: draft.name, inDynamics: oneLine(profile.name), servers: serversOf(draft) })),
    mailboxes,
    notes,
    secrets: secrets.needed.filter(({ file }) => files.has(file)),
  };
}

/** Notes about one row, which is called so in Dynamics. */
type NoteFor = (about: TakeoverNote["about"], row: object, name: string) => Note;

function candidatesOf(sync: ServerSideSync, { mailboxes }: TakeoverOptions["configuration"], noteFor: NoteFor): Candidate[] {
  const known = new Set(mailboxes.map(({ address }) => addressKey(address)));
  const owners = { user: byId(sync.users), queue: byId(sync.queues) };
  const noteOf = (mailbox: SyncMailbox) => noteFor("mailbox", mailbox, nameOf(mailbox));
  const candidates = inOrder(sync.mailboxes, nameOf).flatMap((mailbox) => candidateOf(mailbox, owners, noteOf(mailbox)) ?? []);
  const ofAddress = Map.groupBy(candidates, ({ address }) => addressKey(address));
  return candidates.filter((candidate) => {
    const key = addressKey(candidate.address);
    const isBest = ofAddress.get(key)?.toSorted((one, other) => inUse(other) - inUse(one))[0] === candidate;
    const note = noteOf(candidate.mailbox);
    if (known.has(key)) note("left out", "It is in the configuration already, and stays there as it is.");
    else if (!isBest) note("left out", "Another mailbox with the same address was taken over.", "Keep one of the two in Dynamics.");
    return isBest && !known.has(key);
  });
}

/** Of several mailboxes with one address the one is meant that Dynamics works on. */
function inUse({ mailbox }: Candidate): number {
  return mailbox.active ? 1 + Number(mailbox.enabledForIncoming) + Number(mailbox.enabledForOutgoing) : 0;
}

function byId<Row extends { readonly id: string }>(rows: readonly Row[]): ReadonlyMap<string, Row> {
  return new Map(rows.map((one) => [one.id, one]));
}

/** Rows come in any order; what is made of them shall be the same each time. */
function inOrder<Row extends { readonly id: string }>(rows: readonly Row[], nameOf: (row: Row) => string): readonly Row[] {
  const keyed = rows.map((row) => ({ row, key: `${nameOf(row).toLowerCase()}\0${row.id}` }));
  return keyed.toSorted((a, b) => (a.key < b.key ? -1 : Number(a.key > b.key))).map(({ row }) => row);
}

interface Making {
  readonly configuration: TakeoverOptions["configuration"];
  readonly secrets: Secrets;
  readonly noteFor: NoteFor;
}

interface Made {
  readonly draft: DraftProfile;
  readonly profile: EmailServerProfile;
}

function destinationsOf(
  sync: ServerSideSync,
  candidates: readonly Candidate[],
  { configuration, secrets, noteFor }: Making,
): { readonly byId: ReadonlyMap<string, Destination>; readonly made: readonly Made[] } {
  const names = new UniqueNames(configuration.serverProfiles.map(({ name }) => name));
  const byProfile = Map.groupBy(candidates, ({ mailbox }) => mailbox.profileId);
  const destinations = new Map<string, Destination>();
  const made: Made[] = [];
  for (const profile of inOrder(sync.profiles, ({ name }) => name)) {
    const note = noteFor("email server profile", profile, profile.name);
    const users = (byProfile.get(profile.id) ?? []).map(({ mailbox }) => mailbox);
    const wanted = oneLine(profile.name) || "Dynamics 365";
    const existing = configuration.serverProfiles.find((one) => addressKey(one.name) === addressKey(wanted));
    if (users.length === 0) {
      if (existing === undefined) note("left out", "No mailbox that is new here uses it.");
      continue;
    }
    if (existing !== undefined) {
      note("otherwise", "A server profile of that name is in the configuration already, and stays there as it is: mailboxes go there.");
      destinations.set(profile.id, {
        ...{ name: existing.name, inDynamics: profile, uncertain: false, signIn: { kind: "own", alias: false } },
        ...{ has: hasServers(existing), wantsPassword: wantsPassword(existing) },
      });
      continue;
    }
    const name = names.take(wanted);
    const converted = convertProfile({ profile, name, mailboxes: users, secrets, note });
    if (converted === null) continue;
    const { draft, signIn, uncertain } = converted;
    made.push({ draft, profile });
    const has = draft.preset === undefined ? hasServers(draft) : { incoming: true, outgoing: true };
    destinations.set(profile.id, {
      name,
      inDynamics: profile,
      has,
      signIn,
      wantsPassword: wantsPassword({ ...draft, has }),
      uncertain: uncertain !== undefined,
    });
  }
  return { byId: destinations, made };
}

function hasServers({ incoming, outgoing }: { readonly incoming?: unknown; readonly outgoing?: unknown }): Destination["has"] {
  return { incoming: incoming !== undefined, outgoing: outgoing !== undefined };
}

/** What of a server profile tells how its mailboxes sign in. */
interface SigningIn {
  readonly incoming?: { readonly authentication?: string | undefined } | undefined;
  readonly outgoing?: { readonly authentication?: string | undefined } | undefined;
  readonly serviceAccount?: { readonly incoming?: string | undefined; readonly outgoing?: string | undefined } | undefined;
  readonly oauth?: unknown;
  /** Servers that a preset knows. */
  readonly has?: Destination["has"];
}

/** In one direction at least a mailbox signs in with a password of its own. */
function wantsPassword(profile: SigningIn): boolean {
  const has = profile.has ?? hasServers(profile);
  if (profile.oauth !== undefined) return false;
  return (["incoming", "outgoing"] as const).some(
    (direction) => has[direction] && profile[direction]?.authentication !== "none" && profile.serviceAccount?.[direction] === undefined,
  );
}

/** Whether a forward mailbox will be there: its server profile is, and it is read. */
function isTakenForward({ mailbox }: Candidate, byId: ReadonlyMap<string, Destination>): boolean {
  if (!mailbox.forward || mailbox.incoming !== "server" || mailbox.profileId === null) return false;
  return byId.get(mailbox.profileId)?.has.incoming === true;
}

function takenMailbox(
  draft: DraftMailbox,
  { mailbox, owner }: Candidate,
  { sync, inDynamics }: { readonly sync: ServerSideSync; readonly inDynamics: EmailServerProfile | null },
): TakenMailbox {
  return {
    address: draft.address,
    inDynamics: oneLine(mailbox.name),
    profile: draft.profile,
    incoming: draft.incoming ?? true,
    outgoing: draft.forward === undefined && draft.outgoing === undefined,
    active: draft.active === undefined,
    filter: owner?.filter ?? null,
    readFrom: draft.readFrom ?? null,
    stillSynchronized: synchronizedDirections(mailbox, sync.organization, inDynamics?.active ?? true),
  };
}

/**
 * What to know of users and queues themselves, which stay in Dynamics: Waypost finds whose a mailbox is by the address. `taken`: addresses (key form) of those whose
 * mailboxes are taken over.
 */
function noteOwners(sync: ServerSideSync, taken: ReadonlySet<string>, noteFor: NoteFor): void {
  const withMailbox = new Set(sync.mailboxes.map(({ owner }) => `${owner?.type} ${owner?.id}`));
  for (const [type, all] of [
    ["user", sync.users],
    ["queue", sync.queues],
  ] as const) {
    const active = inOrder(
      all.filter(({ active, address }) => active && usableAddress(address) !== null),
      ({ name }) => name,
    );
    const byAddress = Map.groupBy(active, ({ address }) => addressKey(address ?? ""));
    for (const owner of active) {
      const note = noteFor(type, owner, owner.name || (owner.address ?? ""));
      if (!withMailbox.has(`${type} ${owner.id}`)) note("left out", "It has an address, but no mailbox in Dynamics.");
      const key = addressKey(owner.address ?? "");
      if (taken.has(key) && (byAddress.get(key)?.length ?? 0) > 1)
        note(
          "to do",
          `Its address ${oneLine(owner.address ?? "")} is also that of ${type === "user" ? "another user" : "another queue"}: whose the mailbox is cannot be told.`,
          "Give each its own address in Dynamics.",
        );
    }
  }
}

/** The files of secrets that stand in a server profile or a mailbox. */
function filesOf(draft: DraftProfile | DraftMailbox): string[] {
  const secrets = "address" in draft ? [draft.password] : [draft.serviceAccount?.password, draft.oauth?.clientSecret];
  return secrets.flatMap((secret) => (secret === undefined ? [] : [secret.file]));
}

function noteOrganization(sync: ServerSideSync, taken: readonly SyncMailbox[], note: Note): void {
  const profiles = byId(sync.profiles);
  const isActive = ({ profileId }: SyncMailbox) => (profileId === null ? undefined : profiles.get(profileId))?.active ?? true;
  const still = taken.filter((one) => synchronizedDirections(one, sync.organization, isActive(one)).length > 0);
  if (still.length > 0)
    note(
      "to do",
      `Dynamics itself still synchronizes ${still.length} of these mailboxes. Waypost refuses to work on them until it stops.`,
      "Before Waypost starts, set incoming and outgoing email to None in the mailboxes in Dynamics, or deactivate the mailboxes there (docs/crm/import-server-side-synchronization.md).",
    );
  if (sync.organization.channel === "email router" && taken.length > 0)
    note(
      "to do",
      "The organization has its email processed by the Email Router. Whether one is running Waypost cannot see.",
      'Stop the service "Microsoft Dynamics 365 Email Router" before Waypost starts.',
    );
  const items = taken.filter((one) => one.synchronizesItems).length;
  if (items > 0)
    note(
      "otherwise",
      `Dynamics synchronizes appointments, contacts and tasks of ${items} of these mailboxes. Waypost takes over email only; Dynamics goes on with them.`,
    );
}

function serversOf({ preset, incoming, outgoing }: DraftProfile): string[] {
  const told = (
    [
      ["incoming", incoming],
      ["outgoing", outgoing],
    ] as const
  ).flatMap(([direction, server]) => {
    if (server?.host === undefined) return [];
    const { protocol, host, port, security } = server;
    const details = [protocol?.toUpperCase() ?? "", port === undefined ? "" : `port ${port}`, security ?? ""].filter(Boolean).join(", ");
    return [`${direction} ${host}${details === "" ? "" : ` (${details})`}`];
  });
  return preset === undefined ? told : [`preset ${preset}`, ...told];
}

/** Mailboxes have names in Dynamics; one without is told by its address. */
function nameOf({ name, address, id }: SyncMailbox): string {
  return oneLine(name) || oneLine(address ?? "") || id;
}
