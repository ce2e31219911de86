import type { KeyIndex } from "../../model/key-index.ts";
import type { SendingNotes } from "../../model/sending-notes.ts";
import type { OrganizationSettings, OwnSettings } from "../../model/settings.ts";
import { answered, type DataverseClient } from "./client/client.ts";
import type { KeptPeople } from "./known-people.ts";
import { PendingReadings } from "./pending.ts";
import { routerId } from "./router.ts";
import { keyOf, rowOf } from "./row.ts";
import { type ReadSettings, readSettings } from "./settings.ts";
import { Tables } from "./tables.ts";

export interface OrganizationOptions {
  readonly client: DataverseClient;
  /** Where it is noted how far emails are that nobody can write on. Left out: for whoever sends nothing. */
  readonly notes?: SendingNotes | undefined;
  readonly now?: (() => Date) | undefined;
  /** Settings that Dynamics does not have, as they are at that moment. Default: theirs. */
  readonly ownSettings?: (() => OwnSettings) | undefined;
  /** Dynamics decides which messages become emails, where it can. Default: it does. */
  readonly decides?: boolean | undefined;
  /** How long the organization's settings are taken for what they were. Default: a minute. */
  readonly settingsMilliseconds?: number | undefined;
  /** Which keys the organization holds, and how old that may be when a page is judged by it. Left out: everything is asked for. */
  readonly index?: IndexOptions | undefined;
}

export interface IndexOptions {
  readonly keys: KeyIndex;
  /** Default: half a minute. */
  readonly milliseconds?: number | undefined;
}

const SETTINGS_MILLISECONDS = 60_000;

/** Whoever keeps no notes claims no email by one. */
const NO_NOTES: SendingNotes = {
  read: () => Promise.resolve(new Map()),
  write: () => Promise.reject(new Error("no notes are kept of emails on their way")),
};

/** One organization, as all verbs of the port see it. Asks for what it tells when it is first wanted. */
export class Organization {
  readonly client: DataverseClient;
  readonly notes: SendingNotes;
  /** False: what is noted here is known to nobody else. */
  readonly keepsNotes: boolean;
  readonly now: () => Date;
  /** Dynamics is to decide, where it can. */
  readonly decides: boolean;
  readonly index: IndexOptions | null;
  /** See readable-tables.ts; null: nobody has asked yet. */
  unreadTables: Promise<ReadonlySet<string>> | null = null;
  /** Users and queues as they were read last; see known-people.ts. */
  keptPeople: KeptPeople | null = null;
  /** The index is being brought up to date by this process. */
  updating: Promise<void> | null = null;
  /** The address index can be read; null: nobody has tried yet. */
  readsAddressIndex: boolean | null = null;
  readonly pending = new PendingReadings();
  /** Dynamics' index has addresses of tables that nobody here knows; see hasOtherTables. */
  otherTables: { readonly until: number; readonly value: Promise<boolean> } | null = null;
  readonly #options: OrganizationOptions;
  #settings: { readonly until: number; readonly value: Promise<ReadSettings> } | null = null;
  #self: Promise<string> | null = null;
  #router: Promise<string> | null = null;

  constructor(options: OrganizationOptions) {
    this.client = options.client;
    this.notes = options.notes ?? NO_NOTES;
    this.keepsNotes = options.notes !== undefined;
    this.now = options.now ?? (() => new Date());
    this.decides = options.decides ?? true;
    this.index = options.index ?? null;
    this.#options = options;
  }

  /** The client keeps the metadata, and reads it anew when the organization's version changes. */
  async tables(): Promise<Tables> {
    return new Tables(await this.client.metadata());
  }

  async settings(): Promise<OrganizationSettings> {
    return (await this.readSettings()).settings;
  }

  /** See readSettings. */
  readSettings(): Promise<ReadSettings> {
    const now = performance.now();
    if (this.#settings !== null && this.#settings.until > now) return this.#settings.value;
    const { ownSettings = () => ({}), settingsMilliseconds = SETTINGS_MILLISECONDS } = this.#options;
    const value = this.tables().then((tables) => readSettings(this.client, tables, ownSettings()));
    const kept = { until: now + settingsMilliseconds, value };
    this.#settings = kept;
    value.catch(() => {
      // What failed is asked again by the next one; whoever waits for this one is told.
      if (this.#settings === kept) this.#settings = null;
    });
    return value;
  }

  /** Tells this Waypost from other routers. */
  router(): Promise<string> {
    this.#router ??= routerId(this.notes).catch((error: unknown) => {
      this.#router = null;
      throw error;
    });
    return this.#router;
  }

  /** Id of the user as whom the connector is signed in. */
  self(): Promise<string> {
    this.#self ??= this.client
      .send({ method: "GET", path: "WhoAmI()" })
      .then((answer) => keyOf(rowOf(answered(answer).body), "UserId"))
      .catch((error: unknown) => {
        this.#self = null;
        throw error;
      });
    return this.#self;
  }
}
